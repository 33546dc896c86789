"""The learning loop without a person: train, measure, ask, learn the answer, again.

The real strategies and the real learners run; the annotator is the gold truth.
All randomness of a round follows from the seed, the arm and the round's number,
so that a loop can go on from any round it has finished.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings, Proba, Truth
from core.errors import InputError
from core.evaluation.counts import f1_from_counts, mean_of_defined, outcome_cells, predict
from core.replay.data import ReplayData
from core.replay.learners import Documents, Trained, Trainer
from core.replay.results import RoundResult
from core.replay.words import Words
from core.strategies.cold_start import cold_start_order
from core.strategies.judged import Judged
from core.strategies.plan import Arm, ReplayPlan
from core.strategies.score_pool import score_pool
from core.strategies.selection import choose_batch

Rows = NDArray[np.int64]
FOR_START, FOR_TRAINING, FOR_SCORES, FOR_CHOICE = range(4)  # what random numbers are drawn for


@dataclass(frozen=True)
class Ground:
    """What all loops of a plan are played on: documents to ask about, and some to measure on."""

    pool: Documents
    truth: Truth  # (pool, labels)
    test: Documents
    test_truth: Truth
    label_x: Embeddings | None  # (labels, width), for a start by label names

    @classmethod
    def of(
        cls,
        data: ReplayData,
        x: Embeddings,
        test_x: Embeddings,
        label_x: Embeddings | None,
        words: Words | None = None,
    ) -> Ground:
        """Put data and their vectors together."""
        pool, test = Documents(data.texts, x), Documents(data.test_texts, test_x)
        if words is not None:
            pool, test = replace(pool, words=words.pool), replace(test, words=words.test)
        return cls(pool, data.truth, test, data.test_truth, label_x)

    @property
    def n_labels(self) -> int:
        """Columns of truth."""
        return int(self.truth.shape[1])


def n_questions(plan: ReplayPlan, n_pool: int) -> int:
    """How many batches are asked before the plan ends or the pool is used up."""
    return min(plan.n_rounds, -(-(n_pool - plan.n_initial) // plan.batch_size))


def play(
    plan: ReplayPlan,
    arm: Arm,
    seed: int,
    ground: Ground,
    *,
    before: Sequence[RoundResult] = (),
    on_round: Callable[[RoundResult], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[RoundResult]:
    """Play one loop, measuring after every training.

    Parameters
    ----------
    before
        Rounds that are played already; the loop goes on after them.
    on_round
        Told of each round that is played now.

    Returns
    -------
    rounds
        All of them, the initial documents' first, also those of `before`.

    Raises Cancelled when stopped.
    """
    trainer = Trainer(plan, arm, ground.n_labels)
    rounds = list(before)
    judged = first_documents(plan, arm, seed, ground)
    judged = np.concatenate([judged, *(np.array(r.asked, dtype=np.int64) for r in rounds)])
    n_last = n_questions(plan, len(ground.pool))
    for number in range(len(rounds), n_last + 1):
        started = time.perf_counter()
        trained = trainer.train(
            ground.pool[judged],
            ground.truth[judged],
            seed=number_from(seed, FOR_TRAINING, number),
            should_stop=should_stop,
        )
        scores = measure(trained, ground)
        trained_at, asked = time.perf_counter(), np.empty(0, dtype=np.int64)
        if number < n_last:
            asked = ask(plan, arm, seed, number, ground, judged=judged, trained=trained)
        result = RoundResult(
            len(judged),
            trained.threshold,
            *scores,
            seconds=trained_at - started,
            query_seconds=time.perf_counter() - trained_at if number < n_last else 0.0,
            asked=tuple(asked.tolist()),
        )
        rounds.append(result)
        on_round(result)
        judged = np.concatenate([judged, asked])
    return rounds


def first_documents(plan: ReplayPlan, arm: Arm, seed: int, ground: Ground) -> Rows:
    """What is judged before the first question: drawn by lot alike for all arms, or by names."""
    n_pool = len(ground.pool)
    if n_pool < plan.n_initial:
        raise InputError(
            f"The pool has {n_pool} documents, fewer than the {plan.n_initial} to begin with; "
            "begin with fewer."
        )
    rng = np.random.default_rng([seed, FOR_START])
    if not arm.cold_start:
        return np.asarray(rng.permutation(n_pool)[: plan.n_initial], dtype=np.int64)
    if ground.label_x is None:
        raise InputError(f"Arm '{arm.name}' starts by label names, but their vectors are missing.")
    return cold_start_order(ground.pool.x, ground.label_x, n=plan.n_initial, rng=rng)[0]


def ask(
    plan: ReplayPlan,
    arm: Arm,
    seed: int,
    number: int,
    ground: Ground,
    *,
    judged: Rows,
    trained: Trained,
) -> Rows:
    """Choose the next batch: rows of the pool, none of them judged."""
    rows = np.setdiff1d(np.arange(len(ground.pool)), judged)
    candidates = ground.pool[rows]
    known = Judged(
        x=np.asarray(ground.pool.x[judged], dtype=np.float32),
        truth=ground.truth[judged],
        proba=trained.unseen,
    )
    scores = score_pool(
        trained.opinions,
        candidates,
        recipe=arm.recipe,
        judged=known,
        threshold=trained.threshold,
        seed=number_from(seed, FOR_SCORES, number, arm.name),
    )
    batch = choose_batch(
        scores,
        plan.batch_size,
        np.random.default_rng(number_from(seed, FOR_CHOICE, number, arm.name)),
        recipe=arm.recipe,
        judged=known,
        read_vectors=lambda positions: candidates.x[positions],
    )
    return np.asarray(rows[batch.positions], dtype=np.int64)


def measure(trained: Trained, ground: Ground) -> tuple[float, float, float, float]:
    """Micro-F1 and macro-F1 on the test documents, at the threshold and at one half."""
    proba = trained.opinions.proba(ground.test)
    return (
        *micro_macro_f1(proba, ground.test_truth, trained.threshold),
        *micro_macro_f1(proba, ground.test_truth, 0.5),
    )


def micro_macro_f1(proba: Proba, truth: Truth, threshold: float) -> tuple[float, float]:
    """Give micro-F1 and macro-F1 of the positive class over judged cells.

    Macro-F1 averages the labels that are present somewhere in `truth`; with
    nothing present both are NaN, as in `core.evaluation`.
    """
    cells = outcome_cells(predict(proba, threshold), truth)
    tp, fp, fn = (outcome.sum(axis=0) for outcome in cells)
    macro = mean_of_defined(f1_from_counts(tp, fp, fn))
    return float(f1_from_counts(tp.sum(), fp.sum(), fn.sum())), float(macro)


def number_from(seed: int, *parts: int | str) -> int:
    """A seed that follows from another and from what it is for."""
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in parts]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0] >> 1)
