"""What the diagnose step of a round has found, as it lies in the round's folder.

Suspected judgements, copies judged differently, and how the judged documents
differ from the pool. Written by the worker, read by pages and the API.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from core.errors import CorruptArtefact

SUSPECTS, COPIES, DRIFT = "suspects.npz", "copies.npz", "drift.json"
PAIRS, COMPANIONS = "pairs.npz", "companions.npz"


@dataclass(frozen=True, eq=False)
class Cells:
    """Judgements worth looking at again, the most suspect first; each array (cells,).

    others : the document that a copy contradicts, 0 for none
    alternatives : of exclusive labels, the most probable other one, 0 for none
    with_ids : the label of the same document that makes it doubtful, 0 for none
    proba : what a model that did not see the document gives the label; NaN unknown
    """

    document_ids: NDArray[np.int64]
    label_ids: NDArray[np.int64]
    suspicion: NDArray[np.float64]
    is_present: NDArray[np.bool_]
    proba: NDArray[np.float32]
    others: NDArray[np.int64]
    alternatives: NDArray[np.int64]
    with_ids: NDArray[np.int64]
    cosine: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.document_ids)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, as they are stored."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def read_cells(path: Path) -> Cells | None:
    """What a round found to look at again; None where it was made before such were looked for."""
    if not path.is_file():
        return None
    stat = path.stat()
    return _read(str(path), stat.st_mtime_ns, stat.st_size)


def read_drift(folder: Path) -> dict[str, Any] | None:
    """How the judged documents differ from the pool; None for rounds of earlier versions."""
    path = folder / DRIFT
    if not path.is_file():
        return None
    with _in_words(path):
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


@lru_cache(maxsize=8)
def _read(path: str, changed: int, size: int) -> Cells:
    """Kept in memory: a queue is asked for page by page. Nobody writes into it."""
    with (
        _in_words(Path(path)),
        Path(path).open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        cells = Cells(**{name: stored[name] for name in stored.files})
    for array in cells.arrays().values():
        array.flags.writeable = False
    return cells


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
        raise CorruptArtefact(
            f"The round's file '{path}' cannot be read ({error}); run a round again."
        ) from error
