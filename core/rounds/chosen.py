"""What the calibrate and the threshold step chose, as a folder keeps it, and as it is read again.

Trainings without the app keep the same files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import CorruptArtefact
from core.evaluation.operating_points import Aim, Cuts
from core.evaluation.recalibration import Recalibration
from core.evaluation.unseen import Chosen, one_cut
from core.rounds import files

CUTS = "cuts.json"


def write_calibration(folder: Path, calibration: Recalibration) -> None:
    """Write calibration.json."""
    files.write_json(folder / files.CALIBRATION, calibration.to_json())


def read_calibration(folder: Path) -> Recalibration:
    """Read it, or the one temperature that earlier versions kept."""
    stored = files.read_json(folder / files.CALIBRATION)
    try:
        return Recalibration.from_json(stored)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptArtefact(
            f"'{folder / files.CALIBRATION}' is no calibration this version can read ({error!r}); "
            "run the round again."
        ) from error


def write_cuts(folder: Path, chosen: Chosen, names: tuple[str, ...]) -> None:
    """Write cuts.json, by label name: a folder knows no ids outside its project."""
    cuts = chosen.cuts
    files.write_json(
        folder / CUTS,
        {
            "shared": cuts.shared,
            "own": {name: float(cuts.thresholds[at]) for at, name in _where(cuts.is_own, names)},
            "falls_short": [name for _, name in _where(cuts.falls_short, names)],
            "aim": None if chosen.is_said else chosen.aim.to_json(),
        },
    )


def read_cuts(folder: Path, names: tuple[str, ...]) -> Cuts:
    """Read them, or the one threshold that earlier versions kept."""
    if not (folder / CUTS).exists():
        return one_cut(float(files.read_json(folder / files.THRESHOLD)["threshold"]), len(names))
    stored = files.read_json(folder / CUTS)
    try:
        own: Mapping[str, float] = stored["own"]
        shared, short = float(stored["shared"]), set(stored.get("falls_short", []))
        return Cuts(
            thresholds=np.array([float(own.get(name, shared)) for name in names]),
            shared=shared,
            is_own=np.array([name in own for name in names], dtype=np.bool_),
            falls_short=np.array([name in short for name in names], dtype=np.bool_),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CorruptArtefact(
            f"'{folder / CUTS}' says no thresholds this version can read ({error!r}); "
            "run the round again."
        ) from error


def cuts_by_id(cuts: Cuts, label_ids: list[int], aim: Aim) -> dict[str, Any]:
    """The cuts as a round's figures keep them, by label id."""
    return {
        "shared": cuts.shared,
        "own": {
            str(label_ids[at]): float(cuts.thresholds[at]) for at in np.flatnonzero(cuts.is_own)
        },
        "falls_short": [label_ids[at] for at in np.flatnonzero(cuts.falls_short)],
        "aim": aim.to_json(),
    }


def _where(mask: Any, names: tuple[str, ...]) -> list[tuple[int, str]]:
    return [(int(at), names[at]) for at in np.flatnonzero(mask)]
