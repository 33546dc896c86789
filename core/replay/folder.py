"""Keeps a replay on disk while it is played, so that nothing finished is played twice.

One file per arm and seed holds a line about the arm and then a line per round,
each on the disk before the next round begins; a line that a crash left half
written is dropped. The folder knows the rules and the data it was begun with
and refuses others: arms and seeds may be added, anything else is another replay.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from core.domain import Embeddings
from core.errors import Conflict, CorruptArtefact
from core.replay.data import ReplayData
from core.replay.results import RoundResult
from core.strategies.plan import OPEN_ENDED, Arm, ReplayPlan
from core.versions import code_version

IDENTITY = "replay.json"
ROUNDS = "rounds"
FULL = "full"  # what the learner reaches with the whole pool judged


@dataclass(frozen=True)
class ReplayFolder:
    """A folder of results that belongs to one plan's rules and data."""

    path: Path

    @contextmanager
    def open_for(self, plan: ReplayPlan, data: ReplayData, *vectors: Embeddings) -> Iterator[None]:
        """Hold the folder alone; `vectors` are all that learners read.

        Raises Conflict for another plan or other data, or when in use.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise Conflict(
                f"Another process is playing a replay into '{self.path}'; "
                "wait for it, or give another name."
            ) from None
        try:
            self._check(_identity(plan, data, vectors))
            yield
        finally:
            lock.release()

    def rounds_of(self, arm: Arm, seed: int) -> list[RoundResult]:
        """What is played already; raises Conflict where an arm of that name was another."""
        lines = _whole_lines(self._file_of(arm, seed))
        if not lines:
            return []
        if json.loads(lines[0]) != _about(arm, seed):
            raise Conflict(
                f"The replay in '{self.path}' has another arm called '{arm.name}'; "
                "give this one another name, or the replay."
            )
        return [RoundResult.of(json.loads(line)) for line in lines[1:]]

    def keep(self, arm: Arm, seed: int, result: RoundResult) -> None:
        """Add a round; it is on the disk when this returns."""
        path = self._file_of(arm, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = _whole_lines(path)
        n_whole = sum(len(line) + 1 for line in lines)
        new = [result.to_json()] if lines else [_about(arm, seed), result.to_json()]
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(n_whole)  # what a crash left half written
            file.seek(n_whole)
            file.write(b"".join(json.dumps(entry).encode() + b"\n" for entry in new))
            _reach_disk(file)

    def full_scores(self, seed: int) -> RoundResult | None:
        """The scores with the whole pool judged, where they are measured."""
        path = self._full(seed)
        return RoundResult.of(json.loads(path.read_text("utf-8"))) if path.exists() else None

    def keep_full(self, seed: int, result: RoundResult) -> None:
        """Write the scores with the whole pool judged."""
        write_whole(self._full(seed), json.dumps(result.to_json()))

    def _full(self, seed: int) -> Path:
        return self.path / FULL / f"seed-{seed}.json"

    def _file_of(self, arm: Arm, seed: int) -> Path:
        # Names that differ in case or in spaces alone must not share a file.
        told = re.sub(r"[^\w.=+-]+", "-", arm.name)[:60]
        mark = hashlib.sha256(arm.name.encode()).hexdigest()[:6]
        return self.path / ROUNDS / f"{told}-{mark}-seed-{seed}.jsonl"

    def _check(self, identity: dict[str, Any]) -> None:
        path = self.path / IDENTITY
        if not path.exists():
            write_whole(path, json.dumps(identity | {"code_version": code_version()}, indent=2))
            return
        kept = json.loads(path.read_text("utf-8"))
        for key, what in (("data", "other data"), ("vectors", "vectors of another encoder")):
            if kept[key] != identity[key]:
                raise Conflict(
                    f"'{self.path}' holds a replay on {what} ({kept['plan']['data']}, "
                    f"{str(kept[key])[:12]}); give another name, or move that folder away."
                )
        if kept["rules"] != identity["rules"]:
            differing = _differences(kept["plan"], identity["plan"])
            raise Conflict(
                f"'{self.path}' holds a replay by other rules ({differing}); "
                "give another name, or move that folder away."
            )


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all; it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.tmp")
    with unfinished.open("wb") as file:
        file.write(text.encode() + b"\n")
        _reach_disk(file)
    unfinished.replace(path)


def _identity(
    plan: ReplayPlan, data: ReplayData, vectors: tuple[Embeddings, ...]
) -> dict[str, Any]:
    digest = hashlib.sha256()
    for part in vectors:
        digest.update(np.ascontiguousarray(part).data)
    return {
        "rules": plan.rules_fingerprint,
        "data": data.sha256,
        "vectors": digest.hexdigest(),
        "plan": plan.to_json(),
    }


def _differences(kept: dict[str, Any], given: dict[str, Any]) -> str:
    told = [
        f"{key} {kept.get(key)!r}, not {value!r}"
        for key, value in given.items()
        if kept.get(key) != value and key not in OPEN_ENDED
    ]
    return "; ".join(told)


def _about(arm: Arm, seed: int) -> dict[str, Any]:
    return {"seed": seed, "arm": json.loads(json.dumps(arm.to_json()))}


def _whole_lines(path: Path) -> list[bytes]:
    """The lines that were written to their end."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(lines, start=1):
        try:
            json.loads(line)
        except ValueError:
            raise CorruptArtefact(
                f"Line {number} of '{path}' is not what was written there; "
                "delete that file to play this part again."
            ) from None
    return lines


def _reach_disk(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
