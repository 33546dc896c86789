"""Documents with three-state truth, in the shape small-text's loops expect.

small-text knows two states per label; `truth` keeps the third, unjudged, and
is what our learners train on. Reading documents belongs to the store.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from small_text import Dataset

from core.domain import ABSENT, PRESENT, UNJUDGED, Embeddings, Truth

Features = TypeVar("Features")


class _Judged(Dataset, Generic[Features]):  # type: ignore[misc]
    """What both kinds share: truth, and small-text's view of it."""

    def __init__(self, x: Features, truth: Truth) -> None:
        if len(x) != len(truth):  # type: ignore[arg-type]
            raise ValueError(f"{len(x)} documents, but truth for {len(truth)}")  # type: ignore[arg-type]
        self._x = x
        self.truth: Truth = np.asarray(truth, dtype=np.int8)

    @property
    def x(self) -> Features:
        return self._x

    @x.setter
    def x(self, x_new: Features) -> None:
        self._x = x_new

    @property
    def y(self) -> csr_matrix:
        """Labels known to be present, shape (documents, labels)."""
        return csr_matrix((self.truth == PRESENT).astype(np.int64))

    @y.setter
    def y(self, y_new: Any) -> None:
        """Take small-text's two-state labels as a complete judgement of every row.

        A row judged in part whose present labels do not change keeps its
        unjudged cells: small-text hands back what it read from `y`.
        """
        present = csr_matrix(y_new).toarray() > 0
        complete = np.where(present, PRESENT, ABSENT).astype(np.int8)
        judged = (self.truth != UNJUDGED).any(axis=1)
        same = ((self.truth == PRESENT) == present).all(axis=1)
        self.truth = np.where((judged & same)[:, None], self.truth, complete)

    @property
    def is_multi_label(self) -> bool:
        return True

    @property
    def target_labels(self) -> NDArray[np.int64]:
        return np.arange(self.truth.shape[1])

    @property
    def n_labels(self) -> int:
        return int(self.truth.shape[1])

    def __len__(self) -> int:
        return len(self.truth)

    def clone(self) -> Self:
        return self[np.arange(len(self))]

    def __getitem__(self, item: Any) -> Self:
        rows = np.atleast_1d(np.arange(len(self))[item])
        return type(self)(self._take(rows), self.truth[rows])

    @abstractmethod
    def _take(self, rows: NDArray[np.int64]) -> Features:
        """Give the features of some rows."""


class JudgedVectors(_Judged[Embeddings]):
    """Cached embeddings (documents, width) with truth (documents, labels)."""

    def _take(self, rows: NDArray[np.int64]) -> Embeddings:
        return self._x[rows]


class JudgedTexts(_Judged[list[str]]):
    """Texts with truth (documents, labels)."""

    def __init__(self, texts: Sequence[str], truth: Truth) -> None:
        super().__init__(list(texts), truth)

    @property
    def texts(self) -> list[str]:
        """The same as `x`."""
        return self._x

    def _take(self, rows: NDArray[np.int64]) -> list[str]:
        return [self._x[row] for row in rows]


def unjudged(n_documents: int, n_labels: int) -> Truth:
    """Truth for documents nobody has looked at, as for a pool to score."""
    return np.full((n_documents, n_labels), UNJUDGED, dtype=np.int8)
