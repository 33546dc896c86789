"""What is known already, as strategies may look at it. Needs numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import ABSENT, PRESENT, Embeddings, Proba, Truth


@dataclass(frozen=True)
class Judged:
    """The judged documents.

    `proba` comes from learners that did not see the document, where there are
    any; rows without a prediction are NaN.
    """

    x: Embeddings  # (documents, width), unit vectors
    truth: Truth  # (documents, labels)
    proba: Proba  # (documents, labels)
    is_open: NDArray[np.bool_] | None = None  # (documents,), judged in part: may be asked again

    @property
    def n_present(self) -> NDArray[np.int64]:
        """How many documents each label was judged present in, shape (labels,)."""
        return np.asarray((self.truth == PRESENT).sum(axis=0), dtype=np.int64)

    @property
    def n_absent(self) -> NDArray[np.int64]:
        """How many documents each label was judged absent in, shape (labels,)."""
        return np.asarray((self.truth == ABSENT).sum(axis=0), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.truth)


def nothing_judged(width: int, n_labels: int) -> Judged:
    """What is known before the first judgement."""
    return Judged(
        x=np.empty((0, width), dtype=np.float32),
        truth=np.empty((0, n_labels), dtype=np.int8),
        proba=np.empty((0, n_labels), dtype=np.float32),
    )
