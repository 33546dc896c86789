"""A round's files: written under a temporary name, flushed to the disk, then renamed.

A file that has its name is whole. Steps that are run again write it again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from core.disk import write_whole
from core.errors import CorruptArtefact
from core.services.checkpoints import embeddings_folder as embeddings_folder
from core.settings import Settings
from core.store.tables import Project

SNAPSHOT, SNAPSHOT_ABOUT, STATISTICS = "snapshot.npz", "snapshot.json", "statistics.json"
ENCODER, TRAINED_ON = "encoder.json", "trained_on.npy"
LEARNER, TUNED, TUNED_ENCODER = "learner", "tuned", "tuned/encoder"
UNSEEN, HISTORY = "unseen.npz", "history.json"
CHOICE = "learner.json"  # which variant was chosen, and how each did
NESTED = "nested.npz"  # between two steps: what calibration may say of documents that chose it
CALIBRATION, THRESHOLD, EVALUATION = "calibration.json", "threshold.json", "evaluation.json"
POOL_SCORE, POOL_CONTRIBUTIONS = "pool_score.npy", "pool_contributions.npy"
POOL_GAINS = "pool_gains.npy"  # BESRA's alone
QUERIES, OUTLOOK = "queries.json", "outlook.json"


def lexical_folder(settings: Settings, project: Project) -> Path:
    """Where the models of a project's words lie, each with its vectors beside it."""
    return embeddings_folder(settings, project) / "lexical"


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write one array as .npy."""
    write_whole(path, lambda file: np.save(file, array, allow_pickle=False))


def write_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write several arrays as .npz."""
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def write_json(path: Path, value: Any) -> None:
    """Write plain data."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    write_whole(path, lambda file: file.write(text.encode()))


def read_json(path: Path) -> Any:
    """Read plain data; raises CorruptArtefact when the file is not there or not whole."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptArtefact(_unreadable(path, error)) from error


def read_array(path: Path, *, mapped: bool = False) -> NDArray[Any]:
    """Read one array, or map it."""
    try:
        if mapped:
            return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
        with path.open("rb") as file:
            array: NDArray[Any] = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise CorruptArtefact(_unreadable(path, error)) from error
    return array


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an .npz."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise CorruptArtefact(_unreadable(path, error)) from error


def _unreadable(path: Path, error: Exception) -> str:
    return f"The round's file '{path}' cannot be read ({error}); run the round again."
