"""Several blocks of vectors side by side, as one array whose rows are read when they are wanted.

A learner reads a document's meaning and its words at once; a pool of a million
is never laid side by side as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings
from core.encoders.cache import EmbeddingCache

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Vectors (stored, width), perhaps memory-mapped, and which of them are meant."""

    vectors: Embeddings
    rows: Rows | None = None  # (documents,); None is all of them, as they lie

    def __len__(self) -> int:
        return len(self.vectors if self.rows is None else self.rows)

    def __getitem__(self, item: Any) -> Embeddings:
        found: Embeddings = self.vectors[item if self.rows is None else self.rows[item]]
        return found


class Features:
    """Blocks as one array (documents, sum of the widths): sliced or indexed, it gives plain arrays.

    Raises ValueError for blocks that differ in their number of documents.
    """

    ndim = 2

    def __init__(self, blocks: Sequence[Block]) -> None:
        if len({len(block) for block in blocks}) != 1:
            raise ValueError(f"blocks of {[len(block) for block in blocks]} documents")
        self._blocks = tuple(blocks)
        self.widths = tuple(int(block.vectors.shape[1]) for block in blocks)
        self.dtype = np.result_type(*(block.vectors.dtype for block in blocks))

    @property
    def shape(self) -> tuple[int, int]:
        """Documents, and values of each."""
        return len(self), sum(self.widths)

    def __len__(self) -> int:
        return len(self._blocks[0])

    def __getitem__(self, item: Any) -> Embeddings:
        parts: list[Any] = [block[item] for block in self._blocks]
        beside: Embeddings = np.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
        return beside

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Embeddings:
        return np.asarray(self[:], dtype=dtype)

    def block(self, number: int) -> Block:
        """One of them alone."""
        return self._blocks[number]


@dataclass(frozen=True)
class FeatureCaches:
    """Where the blocks of a project's documents are kept; the first holds the embeddings."""

    caches: tuple[EmbeddingCache, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """Values of each block."""
        return tuple(cache.width for cache in self.caches)

    def rows(self, document_ids: Rows) -> NDArray[np.float32]:
        """Read these documents' features (documents, sum of the widths) in their order.

        Raises NotFound when one is not there.
        """
        return np.asarray(self.of(document_ids)[:], dtype=np.float32)

    def of(self, document_ids: Rows) -> Features:
        """The same, read when it is wanted."""
        return Features([_block(cache, document_ids) for cache in self.caches])


def _block(cache: EmbeddingCache, document_ids: Rows) -> Block:
    ids, vectors = cache.view()
    if np.array_equal(ids, document_ids):
        return Block(vectors)
    return Block(vectors, cache.places(document_ids))
