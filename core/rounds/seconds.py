"""How long judging each candidate is expected to take, learned from how long it took so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from core.domain import Proba
from core.services.reading_times import reading_times
from core.store.store import Store
from core.store.tables import Document
from core.strategies.cost import expected_labels, fit_cost


def expected_seconds(
    store: Store, project_id: int, document_ids: NDArray[np.int64], proba: Proba
) -> NDArray[np.float32]:
    """Give seconds (documents,) from each text's length and its expected number of labels.

    Parameters
    ----------
    proba
        Calibrated, (documents, labels); labels without a probability count as absent.
    """
    with store.read() as session:
        times = reading_times(session, project_id)
        lengths = select(Document.id, func.length(Document.text)).where(
            Document.project_id == project_id
        )
        n_chars = {row.id: row[1] for row in session.execute(lengths)}
    model = fit_cost(times.n_chars, times.n_present, times.seconds)
    return model.expected_seconds(
        np.array([n_chars[id_] for id_ in document_ids.tolist()], dtype=np.int64),
        expected_labels(proba),
    )
