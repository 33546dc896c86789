"""A training in the middle, on disk: what it takes to go on as if nothing had happened.

Weights and the optimiser's numbers are safetensors, the rest JSON that names
those files with their SHA-256; it is replaced last, so that whatever is killed
when, the state before or the state after is whole. What goes into it is
`core.learners.finetuning`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.disk import UNFINISHED, flush_file, room_for, sha256_of, write_whole
from core.errors import CorruptArtefact

log = logging.getLogger(__name__)

FORMAT = "marginalia-training-1"
ABOUT = "state.json"
OURS = ("epoch-*.safetensors*", "best-*.safetensors*", f"{ABOUT}*")

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class TrainingState:
    """One moment between two epochs.

    `tensors` are the last weights and the optimiser's, `best` the weights of
    the best epoch so far; `about` is plain data.
    """

    epoch: int
    tensors: Tensors
    best: Tensors
    best_epoch: int | None
    about: dict[str, Any] = field(default_factory=dict)


def write_state(folder: Path, state: TrainingState) -> None:
    """Put a state in the place of the one before."""
    hashes = {}
    last = f"epoch-{state.epoch}.safetensors"
    _write_tensors(folder / last, state.tensors)
    hashes[last] = sha256_of(folder / last)
    if state.best:
        best = f"best-{state.best_epoch}.safetensors"
        known = _files_of(folder).get(best)  # written once, when it became the best
        if known is None:
            _write_tensors(folder / best, state.best)
        hashes[best] = known or sha256_of(folder / best)
    about = {
        "format": FORMAT,
        "epoch": state.epoch,
        "best_epoch": state.best_epoch,
        "files": hashes,
        "about": state.about,
    }
    text = json.dumps(about, indent=1)
    write_whole(folder / ABOUT, lambda file: file.write(text.encode()))
    _clear(folder, without={*hashes, ABOUT})


def read_state(folder: Path) -> TrainingState:
    """Read what `write_state` wrote; raises CorruptArtefact where it is not that, whole."""
    try:
        kept = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if kept["format"] != FORMAT:
            raise ValueError(f"it is '{kept['format']}', not '{FORMAT}'")
        found = {name: _checked(folder / name, sha256) for name, sha256 in kept["files"].items()}
        epoch, best_epoch = kept["epoch"], kept["best_epoch"]
        return TrainingState(
            epoch=epoch,
            tensors=found[f"epoch-{epoch}.safetensors"],
            best=found.get(f"best-{best_epoch}.safetensors", {}),
            best_epoch=best_epoch,
            about=kept["about"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise CorruptArtefact(
            f"The training kept in '{folder}' cannot be gone on with ({error}); "
            "remove that folder to begin anew."
        ) from error


def find_state(folder: Path, identity: str) -> TrainingState | None:
    """Read the state of this very training; what is damaged or another's is removed."""
    if not (folder / ABOUT).exists():
        _clear(folder)  # killed before the first was whole
        return None
    try:
        state = read_state(folder)
    except CorruptArtefact as error:
        log.warning("%s It is removed, and training begins anew.", error)
    else:
        if state.about.get("identity") == identity:
            return state
        log.warning("'%s' keeps a training of other data or options; begun anew.", folder)
    _clear(folder)
    return None


def _write_tensors(path: Path, tensors: Tensors) -> None:
    unfinished = path.with_name(f"{path.name}{UNFINISHED}")
    with room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, unfinished)
        flush_file(unfinished)
        unfinished.replace(path)


def _clear(folder: Path, *, without: Collection[str] = ()) -> None:
    """Remove what was written here, and nothing else that somebody may keep in the folder."""
    for pattern in OURS:
        for file in folder.glob(pattern):
            if file.name not in without:
                file.unlink(missing_ok=True)


def _checked(file: Path, sha256: str) -> Tensors:
    if sha256_of(file) != sha256:
        raise ValueError(f"{file.name} is not what was written")
    return load_file(file)


def _files_of(folder: Path) -> dict[str, str]:
    try:
        files = json.loads((folder / ABOUT).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(files)
