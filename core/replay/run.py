"""Plays a plan: every arm with every seed, each round kept as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.domain import Embeddings
from core.replay.data import ReplayData
from core.replay.results import Run
from core.strategies.plan import ReplayPlan


@dataclass(frozen=True)
class Progress:
    """How far a plan is played, and what was found last."""

    n_done: int  # rounds of all arms and seeds, those of before a restart among them
    n_total: int
    sentence: str  # "seed 1, bald: micro-F1 0.6412 at 350 judged"

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.n_done / max(1, self.n_total)


def run_plan(
    plan: ReplayPlan,
    data: ReplayData,
    x: Embeddings,
    test_x: Embeddings,
    *,
    folder: Path,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[Run]:
    """Play what is not played yet and give all runs, arm by arm within each seed."""
    raise NotImplementedError
