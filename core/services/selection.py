"""How judged documents came to be judged: by lot, by a choice that was certain, or otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from core.domain import QueryKind, SubmissionKind
from core.evaluation.counts import ENOUGH_TO_MEASURE
from core.store.tables import Query, Submission

IDS_PER_READ = 500
FEWEST_BY_LOT = ENOUGH_TO_MEASURE  # fewer stand for a pool by their own accidents
BY_MODEL = (QueryKind.MODEL, QueryKind.RARE, QueryKind.COVERAGE)


@dataclass(frozen=True, eq=False)
class Selection:
    """Of some documents: how many of the pool each stands for, and who chose them.

    `weights` is (documents,): 1/π of those drawn by lot, 1 of the others, which stand
    for themselves alone; None, for `reason`, where too few were drawn by lot.
    """

    weights: NDArray[np.float64] | None
    reason: str
    n_by_lot: int
    n_by_model: int
    n_documents: int


def selection_of(
    session: Session, document_ids: Sequence[int], *, up_to_submission: int
) -> Selection:
    """How these documents were chosen, by the question that the first answer in force is to."""
    weights, n_by_lot, n_by_model = np.ones(len(document_ids)), 0, 0
    asked = _asked(session, document_ids, up_to_submission)
    for at, document_id in enumerate(document_ids):
        kind, probability = asked.get(document_id, (None, None))
        if probability is not None:
            weights[at], n_by_lot = 1.0 / probability, n_by_lot + 1
        elif kind in BY_MODEL:
            n_by_model += 1
    reason = ""
    if n_by_lot < FEWEST_BY_LOT:
        reason = (
            f"{n_by_lot} of the {len(document_ids)} measured documents were drawn by lot; from "
            f"{FEWEST_BY_LOT} on they can stand for the pool. Give a share of each batch to chance."
        )
    return Selection(
        weights=None if reason else weights,
        reason=reason,
        n_by_lot=n_by_lot,
        n_by_model=n_by_model,
        n_documents=len(document_ids),
    )


def _asked(
    session: Session, document_ids: Sequence[int], last: int
) -> dict[int, tuple[QueryKind | None, float | None]]:
    """By document: the kind and the selection probability of what it was first judged for."""
    undo = aliased(Submission)
    asked: dict[int, tuple[QueryKind | None, float | None]] = {}
    for start in range(0, len(document_ids), IDS_PER_READ):
        rows = session.execute(
            select(Submission.document_id, Query.kind, Query.selection_probability)
            .outerjoin(Query, Query.id == Submission.query_id)
            .where(
                Submission.document_id.in_(document_ids[start : start + IDS_PER_READ]),
                Submission.id <= last,
                Submission.kind.in_([SubmissionKind.COMPLETE, SubmissionKind.PARTIAL]),
                ~exists().where(undo.undoes_id == Submission.id, undo.id <= last),
            )
            .order_by(Submission.id)
        )
        for document_id, kind, probability in rows:
            asked.setdefault(document_id, (kind, probability))
    return asked
