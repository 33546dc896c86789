"""A learner on disk: safetensors beside JSON, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.errors import CorruptArtefact

WEIGHTS, ABOUT = "model.safetensors", "learner.json"


def write_artefact(path: Path, *, tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
    """Write the folder `path`."""
    partial = partial_folder(path)
    write_into(partial, tensors=tensors, about=about)
    put_in_place(partial, path)


def partial_folder(path: Path) -> Path:
    """Make an empty folder beside `path` for what is not finished yet."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


def write_into(folder: Path, *, tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
    """Write weights and description into an existing folder."""
    save_file({name: t.contiguous() for name, t in tensors.items()}, folder / WEIGHTS)
    (folder / ABOUT).write_text(json.dumps(about, indent=2), encoding="utf-8")


def put_in_place(finished: Path, path: Path) -> None:
    """Flush every file of a finished folder to the disk, then give it its name.

    A folder that has the name already is moved aside first and removed last.
    """
    for file in finished.rglob("*"):
        if file.is_file():
            _flush(file)
    aside = path.with_name(f"{path.name}.{os.getpid()}.old")
    if path.exists():
        path.rename(aside)
    finished.rename(path)
    shutil.rmtree(aside, ignore_errors=True)


def read_artefact(
    path: Path, *, expected_format: str
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what `write_artefact` wrote; raises CorruptArtefact when it is not that."""
    try:
        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
        tensors = load_file(path / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise CorruptArtefact(
            f"The learner in '{path}' cannot be read ({error}); run the round again."
        ) from error
    if about.get("format") != expected_format:
        raise CorruptArtefact(
            f"'{path}' holds '{about.get('format')}', not '{expected_format}'; "
            "run the round again with this version."
        )
    return tensors, about


def _flush(file: Path) -> None:
    with file.open("rb+") as handle:
        os.fsync(handle.fileno())
