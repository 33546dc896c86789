"""Keeps one vector per document on disk, so that each text is encoded once.

Two append-only files per encoder: `vectors.f16` and, written after it,
`ids.i64`. A row counts only when both files hold it, so a crash at any moment
loses at most the rows being written. Needs numpy alone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, CorruptArtefact, NotFound

ID_BYTES = 8
VALUE_BYTES = 2


class EncodesTexts(Protocol):
    """What `encode_missing` asks of an encoder."""

    def encode(
        self, texts: Sequence[str], *, on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Give one row per text."""
        ...


class EmbeddingCache:
    """The vectors of one encoder, by document id.

    Many may read while one writes; a second writer waits. Documents never
    change, so a document that is already there is not written again.

    Parameters
    ----------
    folder
        Where all encoders' caches lie; this one takes a folder inside.
    fingerprint
        The encoder's; vectors of different encoders never mix.
    width
        Values per vector.
    """

    def __init__(self, folder: Path, *, fingerprint: str, width: int) -> None:
        self.folder = folder / fingerprint[:16]
        self.width = width
        self.folder.mkdir(parents=True, exist_ok=True)
        self._check_identity(fingerprint)
        self._vectors_path = self.folder / "vectors.f16"
        self._ids_path = self.folder / "ids.i64"
        self._ids = np.empty(0, dtype=np.int64)
        self._order = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return min(
            _size(self._vectors_path) // (self.width * VALUE_BYTES),
            _size(self._ids_path) // ID_BYTES,
        )

    def ids(self) -> NDArray[np.int64]:
        """Return the documents that are there, in the order of their rows."""
        n_rows = len(self)
        if n_rows != len(self._ids):
            self._ids = np.fromfile(self._ids_path, dtype=np.int64, count=n_rows)
            self._order = np.argsort(self._ids, kind="stable")
        return self._ids

    def missing(self, document_ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which of these documents are not there yet, each once, in the order given."""
        wanted = np.asarray(document_ids, dtype=np.int64)
        _, first = np.unique(wanted, return_index=True)
        once = wanted[np.sort(first)]
        return once[~np.isin(once, self.ids())]

    def append(
        self, document_ids: Sequence[int] | NDArray[np.int64], vectors: NDArray[np.floating]
    ) -> None:
        """Write rows (documents, width); they are on the disk when this returns."""
        wanted = np.asarray(document_ids, dtype=np.int64)
        if vectors.shape != (len(wanted), self.width):
            raise ValueError(f"expected {(len(wanted), self.width)}, got {vectors.shape}")
        with _one_writer(self.folder / "writer.lock"):
            new = self.missing(wanted)
            rows = vectors[_positions(wanted, new)]
            n_rows = len(self)
            half = np.ascontiguousarray(rows, dtype=np.float16)
            _write_at(self._vectors_path, n_rows * self.width * VALUE_BYTES, half.tobytes())
            _write_at(self._ids_path, n_rows * ID_BYTES, new.tobytes())

    def rows(
        self,
        document_ids: Sequence[int] | NDArray[np.int64],
        *,
        dtype: type[np.floating] = np.float32,
    ) -> NDArray[np.floating]:
        """Return the vectors of these documents, shape (documents, width), in their order.

        Raises NotFound when one is not there.
        """
        places = self.places(document_ids)
        _, vectors = self.view()
        return np.asarray(vectors[places], dtype=dtype)

    def places(self, document_ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of these documents in what `view` gives; raises NotFound as `rows`."""
        wanted = np.asarray(document_ids, dtype=np.int64)
        ids = self.ids()
        order = self._order
        at = np.searchsorted(ids, wanted, sorter=order)
        found = at < len(ids)
        found[found] = ids[order[at[found]]] == wanted[found]
        if not found.all():
            first = int(wanted[~found][0])
            raise NotFound(
                f"{int((~found).sum())} of {len(wanted)} documents have no embedding yet "
                f"(first: {first}); encode them first."
            )
        return np.asarray(order[at], dtype=np.int64)

    def view(self) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Return (ids, vectors) of all rows; the vectors are mapped, not read."""
        ids = self.ids()
        if not len(ids):
            return ids, np.empty((0, self.width), dtype=np.float16)
        shape = (len(ids), self.width)
        return ids, np.memmap(self._vectors_path, dtype=np.float16, mode="r", shape=shape)

    def _check_identity(self, fingerprint: str) -> None:
        path = self.folder / "encoder.json"
        identity = {"fingerprint": fingerprint, "width": self.width}
        if not path.exists():
            written = path.with_suffix(f".{os.getpid()}.tmp")
            written.write_text(json.dumps(identity), encoding="utf-8")
            written.replace(path)
        elif json.loads(path.read_text(encoding="utf-8")) != identity:
            raise CorruptArtefact(
                f"The embeddings in '{self.folder}' belong to another encoder than "
                f"{fingerprint} of width {self.width}; move that folder away."
            )


def encode_missing(
    encoder: EncodesTexts,
    cache: EmbeddingCache,
    document_ids: Sequence[int] | NDArray[np.int64],
    read_texts: Callable[[NDArray[np.int64]], Sequence[str]],
    *,
    chunk: int = 512,
    on_progress: Callable[[int], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Encode the documents that the cache lacks, chunk by chunk.

    What is done stays done: stopped or killed, the next call goes on from
    there. `on_progress` is told how many of the missing ones are encoded.
    Returns how many were. Raises Cancelled when `should_stop` says so.
    """
    missing = cache.missing(document_ids)
    for start in range(0, len(missing), chunk):
        if should_stop():
            raise Cancelled(f"Encoding stopped after {start} of {len(missing)} documents.")
        ids = missing[start : start + chunk]
        cache.append(ids, encoder.encode(read_texts(ids)))
        if on_progress is not None:
            on_progress(start + len(ids))
    return len(missing)


def _positions(wanted: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.int64]:
    first_at = {int(document): at for at, document in reversed(list(enumerate(wanted.tolist())))}
    return np.array([first_at[document] for document in new.tolist()], dtype=np.int64)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _write_at(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(offset)  # what a crash left half written
        file.seek(offset)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _one_writer(path: Path) -> Iterator[None]:
    with path.open("a+b") as file:
        _lock(file)
        try:
            yield
        finally:
            _unlock(file)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
