"""Nearest neighbours in pools too large to compare one by one. Needs numpy and usearch.

An index of an encoder's vectors, kept on disk beside them; who builds it when is
decided elsewhere. Why usearch, and what was measured, is in
docs/decisions/012-nearest-neighbours-by-usearch.md.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index, Matches

from core.domain import Embeddings
from core.errors import Cancelled
from core.strategies.likeness import Positions

EXACT_UP_TO = 10_000  # vectors that are all compared rather than looked up
CONNECTIVITY = 16
EXPANSION_ADD = 64
EXPANSION_SEARCH = 64
ADD_CHUNK = 10_000  # vectors between two questions whether to stop
NOT_THERE = -1

MAGIC = b"MARGNN01"
TAIL_BYTES = 8 + len(MAGIC)

Similarities = NDArray[np.float32]  # (queries, k), cosine

log = logging.getLogger(__name__)


class NeighbourIndex:
    """Approximate nearest neighbours by cosine, over document ids.

    A navigable graph (HNSW; Malkov & Yashunin 2018) on half-precision vectors.
    Vectors are added by one thread, for the order of adding shapes the graph:
    the same documents added in the same order, with saving and opening at the
    same places, give the same index and the same answers on the same machine.
    Another order gives other answers where they are not exact; up to 10,000
    vectors they are exact always. Many may read a file while one writes it.
    """

    def __init__(self, path: Path, *, fingerprint: str, width: int) -> None:
        self.path = path
        self._identity = {"fingerprint": fingerprint, "width": width}
        self._width = width
        self._index = _empty(width)

    @classmethod
    def open(cls, folder: Path, *, fingerprint: str, width: int) -> Self:
        """Read the index of one encoder from a folder, or begin an empty one.

        A file that is torn, of another encoder or of another width is passed
        over with a warning in the log: what it held is missing, is added
        again, and the next `save` replaces it.
        """
        index = cls(
            folder / f"neighbours-{fingerprint[:16]}.usearch", fingerprint=fingerprint, width=width
        )
        if index.path.exists():
            try:
                index._read()
            except (OSError, ValueError, RuntimeError) as error:
                log.warning("The index '%s' is built anew: %s", index.path, error)
                index._index = _empty(width)
        return index

    def __len__(self) -> int:
        return len(self._index)

    def missing(self, ids: NDArray[np.int64]) -> Positions:
        """Give the positions of the documents that are not there yet, each document once."""
        _, first = np.unique(ids, return_index=True)
        first.sort()
        is_there = self._index.contains(ids[first].astype(np.uint64))
        return np.asarray(first[~np.asarray(is_there, dtype=bool)], dtype=np.int64)

    def add(
        self,
        ids: NDArray[np.int64],
        vectors: Embeddings,
        *,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Add the documents that are missing; returns how many were.

        Parameters
        ----------
        ids
            Document ids, not negative.
        vectors
            Unit vectors (documents, width); may be mapped from disk.
        should_stop
            Asked every 10,000 vectors; raises Cancelled when it says so, and
            what was added stays added.
        """
        if vectors.shape != (len(ids), self._width):
            raise ValueError(f"expected {(len(ids), self._width)}, got {vectors.shape}")
        missing = self.missing(ids)
        for start in range(0, len(missing), ADD_CHUNK):
            if should_stop():
                raise Cancelled(f"Indexing stopped after {start} of {len(missing)} documents.")
            new = missing[start : start + ADD_CHUNK]
            half = np.ascontiguousarray(vectors[new], dtype=np.float16)
            self._index.add(ids[new].astype(np.uint64), half, threads=1)
        return len(missing)

    def save(self) -> None:
        """Write the index; it is on the disk, whole, when this returns."""
        payload = memoryview(self._index.save() or b"")
        header = json.dumps({**self._identity, "crc32": zlib.crc32(payload)}).encode()
        aside = self.path.with_suffix(f".{os.getpid()}.tmp")
        aside.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as file:
                file.write(payload)
                file.write(header)
                file.write(len(header).to_bytes(8, "little") + MAGIC)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.path)
        finally:
            aside.unlink(missing_ok=True)

    def search(self, vectors: Embeddings, k: int) -> tuple[NDArray[np.int64], Similarities]:
        """Find the `k` nearest documents of each query, the nearest first.

        Parameters
        ----------
        vectors
            Unit vectors (queries, width).

        Returns
        -------
        ids, similarity
            Both (queries, at most k). Where the graph gave fewer, the id is -1
            and the similarity -1.
        """
        k = min(k, len(self))
        ids = np.full((len(vectors), k), NOT_THERE, dtype=np.int64)
        similarity = np.full((len(vectors), k), -1.0, dtype=np.float32)
        if not ids.size:
            return ids, similarity
        half = np.ascontiguousarray(vectors, dtype=np.float16)
        found = self._index.search(half, k, exact=len(self) <= EXACT_UP_TO, threads=1)
        of_each: Iterable[Matches] = [found] if isinstance(found, Matches) else found
        for query, matches in enumerate(of_each):
            ids[query, : len(matches)] = matches.keys
            similarity[query, : len(matches)] = 1.0 - matches.distances
        return ids, similarity

    def _read(self) -> None:
        data = self.path.read_bytes()
        if len(data) < TAIL_BYTES or data[-len(MAGIC) :] != MAGIC:
            raise ValueError("it is torn, or no index")
        header_bytes = int.from_bytes(data[-TAIL_BYTES : -len(MAGIC)], "little")
        end = len(data) - TAIL_BYTES - header_bytes
        if end < 0:
            raise ValueError("it is torn")
        header = json.loads(data[end:-TAIL_BYTES])
        payload = memoryview(data)[:end]
        if header != {**self._identity, "crc32": zlib.crc32(payload)}:
            raise ValueError("it is damaged, or belongs to another encoder")
        self._index.load(payload)


def _empty(width: int) -> Index:
    return Index(
        ndim=width,
        metric="ip",
        dtype="f16",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        expansion_search=EXPANSION_SEARCH,
    )
