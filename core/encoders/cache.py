"""Keeps one vector per document on disk, so that each text is encoded once.

Two append-only files per encoder: `vectors.f16` and, written after it,
`ids.i64`. A row counts only when both files hold it, so a crash at any moment
loses at most the rows being written. Needs numpy alone.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, CorruptArtefact, NotFound

log = logging.getLogger(__name__)

ID_BYTES = 8
VALUE_BYTES = 2
FLOAT32 = "float32"
WINDOW = 4096  # documents sorted by length together: short texts then need no padding


class EncodesTexts(Protocol):
    """What `encode_missing` asks of an encoder."""

    def encode(
        self, texts: Sequence[str], *, on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Give one row per text."""
        ...


@runtime_checkable
class EncodesInBatches(Protocol):
    """An encoder that gives what is done at once, in whatever order suits it."""

    def encode_batches(
        self, texts: Sequence[str]
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Yield (positions in `texts`, their rows)."""
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
        self._note_path = self.folder / "arithmetic.json"
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

    @property
    def arithmetic(self) -> str | None:
        """How the first of its vectors was computed; None when there is none yet."""
        noted = self._arithmetics()
        if noted:
            return noted[0]
        return FLOAT32 if len(self) else None  # caches older than the note

    def note(self, arithmetic: str) -> None:
        """Note how the vectors to come are computed, and say so where others were not."""
        first, noted = self.arithmetic, self._arithmetics()
        if arithmetic in noted:
            return
        noted = [*(noted or ([first] if first else [])), arithmetic]
        if first not in (None, arithmetic):
            log.warning(
                "Vectors in '%s' are %s; those to come are %s and differ by rounding. To have all "
                "alike, delete that folder while no round runs.",
                self.folder,
                first,
                arithmetic,
            )
        written = self._note_path.with_suffix(f".{os.getpid()}.tmp")
        written.write_text(json.dumps(list(dict.fromkeys(noted))), encoding="utf-8")
        written.replace(self._note_path)

    def _arithmetics(self) -> list[str]:
        try:
            return [str(name) for name in json.loads(self._note_path.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            return []

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
    """Encode the documents that the cache lacks, `chunk` of them at a time on their way to disk.

    What is done stays done: stopped or killed, the next call goes on from
    there. An encoder that works in batches is given a window of many chunks to
    sort by length, and is asked to stop between batches; any other is given
    chunks. `on_progress` is told how many of the missing ones are encoded.
    Returns how many were. Raises Cancelled when `should_stop` says so.
    """
    missing = cache.missing(document_ids)
    window = max(chunk, WINDOW) if isinstance(encoder, EncodesInBatches) else chunk
    if len(missing):
        cache.note(getattr(encoder, "arithmetic", FLOAT32))
    on_the_way = _OnTheWay(cache, len(missing), on_progress)
    on_the_way.stop_if(should_stop)
    for start in range(0, len(missing), window):
        ids = missing[start : start + window]
        for rows, vectors in _batches(encoder, read_texts(ids)):
            on_the_way.add(ids[rows], vectors)
            if on_the_way.n_waiting >= chunk:
                on_the_way.keep()
            on_the_way.stop_if(should_stop)
        on_the_way.keep()
    return len(missing)


class _OnTheWay:
    """Vectors between the encoder and the disk."""

    def __init__(
        self, cache: EmbeddingCache, n_missing: int, on_progress: Callable[[int], None] | None
    ) -> None:
        self.cache = cache
        self.n_missing = n_missing
        self.on_progress = on_progress
        self.n_kept = 0
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []

    @property
    def n_waiting(self) -> int:
        """How many vectors are not on the disk yet."""
        return sum(len(ids) for ids, _ in self._waiting)

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Take the vectors of some documents."""
        self._waiting.append((ids, vectors))

    def keep(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        ids, vectors = zip(*self._waiting, strict=True)
        self._waiting = []
        self.cache.append(np.concatenate(ids), np.concatenate(vectors))
        self.n_kept += sum(map(len, ids))
        if self.on_progress is not None:
            self.on_progress(self.n_kept)

    def stop_if(self, should_stop: Callable[[], bool]) -> None:
        """Write what waits and raise Cancelled, where asked to and not all is done."""
        if self.n_kept + self.n_waiting < self.n_missing and should_stop():
            self.keep()
            raise Cancelled(f"Encoding stopped after {self.n_kept} of {self.n_missing} documents.")


def _batches(
    encoder: EncodesTexts, texts: Sequence[str]
) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
    if isinstance(encoder, EncodesInBatches):
        yield from encoder.encode_batches(texts)
    else:
        yield list(range(len(texts))), encoder.encode(texts)


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
