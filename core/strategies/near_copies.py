"""Which documents say again what is known or chosen already. Needs numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings
from core.strategies.diversity import Positions, ReadVectors, Vectors

BLOCK = 1024  # candidates compared at a time
KNOWN_BLOCK = 8192  # with as many known vectors at a time


class NearCopies:
    """Remembers vectors, and passes over what is too like one of them.

    Two unit vectors are copies when their cosine is `cosine` or more. At 1
    nothing counts as a copy and no vector is read.
    """

    def __init__(self, read_vectors: ReadVectors, known: Embeddings, cosine: float) -> None:
        self.is_idle = cosine >= 1.0
        self._read, self._cosine = read_vectors, cosine
        self._known: list[Embeddings] = [known]

    def add(self, positions: Positions) -> None:
        """Remember these documents."""
        if not self.is_idle and len(positions):
            self._known.append(self._read(positions))

    def passed(self, positions: Positions, n: int) -> Positions:
        """Keep the first `n` unlike everything known and unlike those kept before them."""
        if self.is_idle:
            return positions[:n]
        kept: list[Vectors] = []
        found: list[Positions] = []
        for start in range(0, len(positions), BLOCK):
            block = positions[start : start + BLOCK]
            x = np.asarray(self._read(block), dtype=np.float32)
            is_new = ~self._is_copy(x, [*self._known, *kept])
            is_new[is_new] = self._first_of_each(x[is_new])
            kept.append(x[is_new])
            found.append(block[is_new])
            if sum(map(len, found)) >= n:
                break
        return np.concatenate(found)[:n] if found else positions[:0]

    def _is_copy(self, x: Vectors, known: list[Embeddings]) -> NDArray[np.bool_]:
        found = np.zeros(len(x), dtype=bool)
        for vectors in known:
            for start in range(0, len(vectors), KNOWN_BLOCK):
                some = np.asarray(vectors[start : start + KNOWN_BLOCK], dtype=np.float32)
                found |= (x @ some.T >= self._cosine).any(axis=1)
        return found

    def _first_of_each(self, x: Vectors) -> NDArray[np.bool_]:
        """Which rows are unlike every row kept before them."""
        is_like = x @ x.T >= self._cosine
        is_kept = np.zeros(len(x), dtype=bool)
        for row in range(len(x)):
            is_kept[row] = not (is_like[row] & is_kept).any()
        return is_kept
