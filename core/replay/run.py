"""Plays a plan: every arm with every seed, each round kept as soon as it is done.

What a folder holds already is not played again. Loops of quick learners are
played side by side on the machine's cores; that changes no result.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

import numpy as np
from threadpoolctl import threadpool_limits

from core.domain import Embeddings
from core.errors import Cancelled
from core.learners.threads import N_CORES
from core.replay.data import ReplayData
from core.replay.folder import ReplayFolder
from core.replay.learners import Trainer
from core.replay.loop import FOR_TRAINING, Ground, measure, n_questions, number_from, play
from core.replay.options import DEEP, check_learners, learner_of
from core.replay.results import RoundResult, Run
from core.replay.words import Words
from core.strategies.plan import Arm, ReplayPlan

WHOLE_POOL = 2**32 - 1  # stands for the round's number when everything is judged


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
    label_x: Embeddings | None = None,
    words: Words | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Progress], None] = lambda _: None,
    n_threads: int = N_CORES,
) -> list[Run]:
    """Play what is not played yet and give all runs, seed by seed.

    Parameters
    ----------
    x, test_x
        Unit vectors (documents, width) of the data's pool and test texts.
    folder
        Where rounds are kept, and found again after a kill.
    label_x
        Unit vectors (labels, width) of the label names, for arms with a cold start.
    words
        For quick learners that read words beside the vectors.
    should_stop, on_progress
        Asked before each training step, told after each round; never two at a time.
    n_threads
        Loops played at a time; a deep learner plays one.

    Raises Cancelled when stopped, Conflict for a folder of another plan or other data.
    """
    check_learners(plan)
    kept = ReplayFolder(folder)
    ground = Ground.of(data, x, test_x, label_x, words)
    vectors = (x, test_x) if words is None else (x, test_x, words.pool, words.test)
    with kept.open_for(plan, data, *vectors), threadpool_limits(1, user_api="blas"):
        table = _Table(plan, ground, kept, should_stop, on_progress)
        is_deep = any(learner_of(plan, arm)[0] == DEEP for arm in (None, *plan.arms))
        table.play_all(1 if is_deep else n_threads)
        return [
            Run(arm, seed, tuple(kept.rounds_of(arm, seed)))
            for seed in plan.seeds
            for arm in plan.arms
        ]


def full_data_scores(folder: Path, seeds: Sequence[int]) -> dict[int, RoundResult]:
    """The scores with the whole pool judged, by seed; only those that are measured."""
    kept = ReplayFolder(folder)
    found = {seed: kept.full_scores(seed) for seed in seeds}
    return {seed: result for seed, result in found.items() if result is not None}


class _Table:
    """The loops of a plan being played, and the one place that counts them."""

    def __init__(
        self,
        plan: ReplayPlan,
        ground: Ground,
        kept: ReplayFolder,
        should_stop: Callable[[], bool],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._plan, self._ground, self._kept = plan, ground, kept
        self._should_stop, self._on_progress = should_stop, on_progress
        self._before = {
            (arm.name, seed): kept.rounds_of(arm, seed) for arm in plan.arms for seed in plan.seeds
        }
        per_loop = n_questions(plan, len(ground.pool)) + 1
        self._n_total = len(plan.seeds) * (len(plan.arms) * per_loop + 1)
        self._n_done = sum(map(len, self._before.values()))
        self._failed, self._asking, self._telling = Event(), Lock(), Lock()

    def play_all(self, n_threads: int) -> None:
        """Play whatever is missing; the first failure ends the others as well."""
        with ThreadPoolExecutor(n_threads) as threads:
            jobs = []
            for seed in self._plan.seeds:
                jobs.append(threads.submit(self._guarded, self._measure_whole_pool, seed))
                for arm in self._plan.arms:
                    jobs.append(threads.submit(self._guarded, self._play, seed, arm))
            try:
                errors = [error for job in jobs if (error := job.exception()) is not None]
            except BaseException:
                self._failed.set()
                raise
        # A loop that ended because another failed only says that it was stopped.
        for error in sorted(errors, key=lambda error: isinstance(error, Cancelled)):
            raise error

    def _guarded(self, play_some: Callable[..., None], *what: object) -> None:
        try:
            play_some(*what)
        except BaseException:
            self._failed.set()
            raise

    def _play(self, seed: int, arm: Arm) -> None:
        def on_round(result: RoundResult) -> None:
            self._kept.keep(arm, seed, result)
            self._tell(f"seed {seed}, {arm.name}: {_told(result)}")

        play(
            self._plan,
            arm,
            seed,
            self._ground,
            before=self._before[arm.name, seed],
            on_round=on_round,
            should_stop=self._stops,
        )

    def _measure_whole_pool(self, seed: int) -> None:
        if (result := self._kept.full_scores(seed)) is None:
            result = whole_pool(self._plan, seed, self._ground, should_stop=self._stops)
            self._kept.keep_full(seed, result)
        self._tell(f"seed {seed}, everything judged: {_told(result)}")

    def _stops(self) -> bool:
        if self._failed.is_set():
            return True
        with self._asking:
            return self._should_stop()

    def _tell(self, sentence: str) -> None:
        with self._telling:
            self._n_done += 1
            self._on_progress(Progress(self._n_done, self._n_total, sentence))


def whole_pool(
    plan: ReplayPlan, seed: int, ground: Ground, *, should_stop: Callable[[], bool]
) -> RoundResult:
    """What the plan's learner reaches with every document of the pool judged."""
    started = time.perf_counter()
    trained = Trainer(plan, None, ground.n_labels).train(
        ground.pool[np.arange(len(ground.pool))],
        ground.truth,
        seed=number_from(seed, FOR_TRAINING, WHOLE_POOL),
        should_stop=should_stop,
    )
    scores = measure(trained, ground)
    seconds = time.perf_counter() - started
    return RoundResult(len(ground.pool), trained.threshold, *scores, seconds=seconds)


def _told(result: RoundResult) -> str:
    return f"micro-F1 {result.micro_f1:.4f} at {result.n_judged} judged"
