"""How many judgements of a round are probably wrong, label by label, as far as it looked."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from core.errors import CorruptArtefact
from core.evaluation.answers import SuspectCounts
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.suspects import find_suspects

SUSPECTS = "suspects.npz"  # document_ids, label_ids, suspicion, is_present, each (cells,)
PROBABLY = 0.5  # suspicion from which a judgement is rather wrong than right


def count_suspects(folder: Path | None, outputs: EvaluationOutputs | None) -> SuspectCounts | None:
    """Count those the round wrote down, else those among its measured documents.

    None where it did neither. Raises CorruptArtefact where its file is not whole.
    """
    if outputs is None:
        return None
    if folder is not None and (path := folder / SUSPECTS).is_file():
        label_ids, suspicion = _read(path)
        names = dict(zip(outputs.label_ids, outputs.names, strict=False))
        return SuspectCounts(_by_name(label_ids[suspicion > PROBABLY], names))
    if not len(outputs):
        return None
    found = find_suspects(outputs.proba, outputs.truth)
    probable = found.labels[found.suspicion > PROBABLY]
    return SuspectCounts(_by_name(probable, dict(enumerate(outputs.names))), len(found))


def _read(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["label_ids"], arrays["suspicion"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise CorruptArtefact(
            f"'{path}' is no list of suspect judgements, or not whole ({error}); run another round."
        ) from error


def _by_name(labels: NDArray[np.int64], names: dict[int, str]) -> dict[str, int]:
    """Cells per label, those without any left out."""
    known, n = np.unique(labels, return_counts=True)
    return {
        names.get(int(label), f"label {label}"): int(count)
        for label, count in zip(known, n, strict=True)
    }
