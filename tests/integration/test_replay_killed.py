"""A replay whose process is killed goes on where it was, and finds what it would have found."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from core.replay.results import Run
from core.replay.run import run_plan
from tests.unit.replay.gold import gold, plan_of

PLAYING = """
import sys
from pathlib import Path
from core.replay.run import run_plan
from tests.unit.replay.gold import gold
from tests.integration.test_replay_killed import PLAN

run_plan(PLAN, *gold(), folder=Path(sys.argv[1]))
"""
PLAN = plan_of("random", "bald", seeds=2, n_rounds=4, batch_size=10)
N_ROUNDS = 2 * 2 * 5
ENOUGH_S = 180


def figures(runs: list[Run]) -> list[Any]:
    """All but what depends on the clock."""
    now = {"seconds": 0, "query_seconds": 0}
    return [(r.arm.name, r.seed, [x.to_json() | now for x in r.rounds]) for r in runs]


def n_kept(folder: Path) -> int:
    """Rounds on the disk, beside the first line of each file."""
    return sum(path.read_bytes().count(b"\n") - 1 for path in folder.glob("rounds/*.jsonl"))


def kill_after(n_rounds: int, folder: Path) -> None:
    """Play in a process of its own, and kill it once so many rounds are kept."""
    playing = subprocess.Popen(
        [sys.executable, "-c", PLAYING, str(folder)], cwd=Path(__file__).parents[2]
    )
    try:
        deadline = time.monotonic() + ENOUGH_S
        while n_kept(folder) < n_rounds and playing.poll() is None:
            assert time.monotonic() < deadline, f"{n_kept(folder)} rounds in {ENOUGH_S} s"
            time.sleep(0.01)
    finally:
        playing.send_signal(signal.SIGKILL)
        playing.wait()


def test_killed_twice_it_ends_with_what_an_undisturbed_replay_finds(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    kill_after(3, folder)
    n_first = n_kept(folder)
    kill_after(n_first + 4, folder)
    assert 3 <= n_first < n_kept(folder) < N_ROUNDS
    n_told = []
    killed = run_plan(PLAN, *gold(), folder=folder, on_progress=lambda p: n_told.append(p.n_done))
    undisturbed = run_plan(PLAN, *gold(), folder=tmp_path / "undisturbed")
    assert figures(killed) == figures(undisturbed)
    assert n_told[0] > n_first  # what was kept was not played again
    assert n_kept(folder) == N_ROUNDS
