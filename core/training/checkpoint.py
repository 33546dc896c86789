"""The folders of trainings: `<name>/<strategy>_seed<seed>_round<n>`, one for each, never shared.

While it runs, a training owns `….training` beside the folder to be, with what a
killed one goes on from. The finished folder appears whole, under its name.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from core.disk import UNFINISHED
from core.errors import InputError, NotFound
from core.manifest import MANIFEST
from core.rounds import files
from core.training.config import LIKE_A_PROJECT, TrainConfig

TRAINING = ".training"
REQUEST, LOCK = "request.json", "lock"
NUMBERED = re.compile(r"(?P<stem>.+_seed\d+)_round(?P<n>\d+)")

# Beside the names of `core.rounds.files`: a round of a project keeps it elsewhere.
CONFIG = "train.json"


@dataclass(frozen=True)
class Slot:
    """A training's place: the folder to be, and the one it works in."""

    final: Path
    work: Path
    is_resumed: bool  # a killed training left something to go on from

    @property
    def state(self) -> Path:
        """Where learners keep what they go on from."""
        return self.work / "state"

    @property
    def log(self) -> Path:
        """The log file, beside the checkpoint."""
        return self.final.with_name(f"{self.final.name}.log")


def stem_of(config: TrainConfig) -> str:
    """What checkpoints of one strategy and seed are called, but for the number."""
    return f"{config.strategy}_seed{config.seed}"


def finished(folder: Path, stem: str) -> list[Path]:
    """Checkpoints of this stem, the latest last."""
    return [path for _, path in sorted(_numbered(folder, stem)) if path.suffix != TRAINING]


def latest(folder: Path, stem: str) -> Path:
    """The checkpoint that `resume` and `warm_start` begin with."""
    there = finished(folder, stem)
    if not there:
        raise NotFound(
            f"There is no checkpoint {stem}_round… in '{folder}' to go on from; "
            "train one first, or leave out resume and warm_start."
        )
    return there[-1]


def resolve_checkpoint(given: str, checkpoints: Path) -> Path:
    """The folder of a checkpoint: a path, a path below `checkpoints`, or a name (its latest)."""
    places = (Path(given).expanduser(), checkpoints / given)
    for folder in places:
        if (folder / MANIFEST).is_file():
            return folder
        if folder.is_dir() and (there := _every_finished(folder)):
            return there[-1]
    for folder in places:
        if folder.is_dir() and any(folder.iterdir()):
            return folder  # loading it says what is wrong with it
    raise NotFound(
        f"There is no checkpoint '{given}', neither here nor in '{checkpoints}'; "
        "give a checkpoint's folder, or the name it was trained under."
    )


@contextmanager
def claimed(folder: Path, config: TrainConfig, *, data_hash: str, base: str) -> Iterator[Slot]:
    """Take a place that nobody else works in: an interrupted training's of just this, or a new one.

    Two trainings of one name never share a place, whenever they start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fingerprint = fingerprint_of(config, data_hash=data_hash, base=base)
    with FileLock(folder / ".training.lock"):
        slot, lock = _take(folder, stem_of(config), fingerprint)
    try:
        yield slot
    finally:
        lock.release()
        if slot.work.is_dir() and not _has_something(slot.work):
            release(slot)


def release(slot: Slot) -> None:
    """Remove the working folder of a training that has come to its end."""
    shutil.rmtree(slot.work, ignore_errors=True)


def fingerprint_of(config: TrainConfig, *, data_hash: str, base: str) -> str:
    """Identify what is trained: on the same data, by the same settings, from the same weights."""
    told = {"config": config.model_dump(mode="json"), "data": data_hash, "base": base}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _take(folder: Path, stem: str, fingerprint: str) -> tuple[Slot, FileLock]:
    numbered = sorted(_numbered(folder, stem))
    for _, work in numbered:
        if work.suffix != TRAINING or _request_of(work) != fingerprint:
            continue
        if (lock := _locked(work)) is None:
            continue  # somebody is at work there
        final = work.with_suffix("")
        if not final.exists():
            for left in folder.glob(f"{final.name}.*{UNFINISHED}"):  # killed while it was written
                shutil.rmtree(left, ignore_errors=True)
            return Slot(final, work, is_resumed=True), lock
        lock.release()
        shutil.rmtree(work, ignore_errors=True)  # killed between its last two steps
    number = 1 + max((n for n, _ in numbered), default=0)
    final = folder / f"{stem}_round{number}"
    work = folder / f"{final.name}{TRAINING}"
    work.mkdir()
    lock = FileLock(work / LOCK)
    lock.acquire(timeout=0)
    files.write_json(work / REQUEST, {"fingerprint": fingerprint})
    return Slot(final, work, is_resumed=False), lock


def _has_something(work: Path) -> bool:
    """Whether there is anything to go on from."""
    return any(path.name not in {REQUEST, LOCK} for path in work.iterdir())


def _locked(work: Path) -> FileLock | None:
    lock = FileLock(work / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def _request_of(work: Path) -> str:
    try:
        return str(json.loads((work / REQUEST).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _numbered(folder: Path, stem: str) -> Iterator[tuple[int, Path]]:
    for path in folder.glob(f"{stem}_round*"):
        match = NUMBERED.fullmatch(path.name.removesuffix(TRAINING))
        if match and match["stem"] == stem and path.is_dir():
            yield int(match["n"]), path


def _every_finished(folder: Path) -> list[Path]:
    """Finished checkpoints of every stem, in the order in which they were finished."""
    there = [
        path
        for path in folder.iterdir()
        if NUMBERED.fullmatch(path.name) and (path / MANIFEST).is_file()
    ]
    return sorted(there, key=lambda path: (path / MANIFEST).stat().st_mtime_ns)


def refuse_bad_name(name: str) -> None:
    """Raise InputError for a name like a project's folder, with which it would be deleted."""
    if LIKE_A_PROJECT.match(name):
        raise InputError(
            f"Checkpoints cannot be called '{name}': folders that begin with a number and a dash "
            f"are projects'; say --name data-{name}, for instance."
        )
