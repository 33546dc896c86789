"""A learner on disk: safetensors beside JSON, written whole or not at all.

The JSON names every file beside it with its SHA-256, so that an altered one is refused.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.disk import SET_ASIDE, UNFINISHED, flush_file, flush_folder, room_for, sha256_of
from core.errors import CorruptArtefact

WEIGHTS, ABOUT = "model.safetensors", "learner.json"
HASHES = "sha256"


def write_artefact(path: Path, *, tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
    """Write the folder `path`."""
    with whole_folder(path) as partial:
        write_into(partial, tensors=tensors, about=about)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder that becomes `path` once all is written; else it is removed.

    Raises NotReady where the disk is full.
    """
    partial = partial_folder(path)
    try:
        with room_for(path):
            yield partial
        put_in_place(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # it has its name by now, or failed


def partial_folder(path: Path) -> Path:
    """Make an empty folder beside `path` for what is not finished yet."""
    partial = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    shutil.rmtree(partial, ignore_errors=True)
    with room_for(path):
        partial.mkdir(parents=True)
    return partial


def write_into(folder: Path, *, tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
    """Write weights and description into an existing folder, after all else that it holds."""
    with room_for(folder):
        save_file({name: t.contiguous() for name, t in tensors.items()}, folder / WEIGHTS)
        hashes = {
            file.relative_to(folder).as_posix(): sha256_of(file)
            for file in sorted(folder.rglob("*"))
            if file.is_file() and file != folder / ABOUT
        }
        text = json.dumps({**about, HASHES: hashes}, indent=2)
        (folder / ABOUT).write_text(text, encoding="utf-8")


def put_in_place(finished: Path, path: Path) -> None:
    """Flush every file of a finished folder to the disk, then give it its name.

    A folder that has the name already is moved aside first and removed last;
    where the new one cannot take the name, it gets it back.
    """
    with room_for(path):
        for inside in [finished, *finished.rglob("*")]:
            (flush_file if inside.is_file() else flush_folder)(inside)
    aside = path.with_name(f"{path.name}.{os.getpid()}{SET_ASIDE}")
    if path.exists():
        shutil.rmtree(aside, ignore_errors=True)  # left by one killed that had our number
        path.rename(aside)
    try:
        finished.rename(path)
    except OSError:
        if aside.exists():
            aside.rename(path)
        raise
    flush_folder(path.parent)
    shutil.rmtree(aside, ignore_errors=True)


def read_artefact(
    path: Path, *, expected_format: str
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what `write_artefact` wrote; raises CorruptArtefact when it is not that."""
    try:
        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
        for name, expected in about.pop(HASHES, {}).items():  # older ones have none
            if sha256_of(path / name) != expected:
                raise ValueError(f"'{name}' is not what was written: its SHA-256 differs")
        tensors = load_file(path / WEIGHTS)
    except (OSError, ValueError, AttributeError, SafetensorError) as error:
        raise CorruptArtefact(
            f"The learner in '{path}' cannot be read ({error}); run the round again."
        ) from error
    if about.get("format") != expected_format:
        raise CorruptArtefact(
            f"'{path}' holds '{about.get('format')}', not '{expected_format}'; "
            "run the round again with this version."
        )
    return tensors, about
