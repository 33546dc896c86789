"""Scores a whole pool by a strategy, chunk by chunk, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np

from core.domain import Proba, Samples
from core.errors import Cancelled
from core.strategies import scores
from core.strategies.catalogue import strategy_info
from core.strategies.scores import Contributions, Scores

BLOCK = 8192  # documents; a fixed size, so that the number of cores does not show in the result


class StreamsSamples(Protocol):
    """What scoring asks of a learner."""

    n_labels: int

    def score_stream(
        self, x: Any, *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, plain probabilities, samples)."""
        ...


@dataclass(frozen=True)
class PoolScores:
    """What a strategy makes of a pool.

    `proba` are the learner's plain probabilities, those that thresholds and
    calibration are fitted on; the Monte Carlo samples feed the score alone.
    """

    proba: Proba  # (documents, labels)
    score: Scores  # (documents,), higher is more worth asking
    contributions: Contributions  # (documents, labels), what each label adds to the score


def score_pool(
    learner: StreamsSamples,
    x: Any,
    *,
    strategy: str,
    n_passes: int = 20,
    seed: int = 0,
    n_threads: int = 1,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], None] | None = None,
) -> PoolScores:
    """Score documents by the strategy of that name.

    Parameters
    ----------
    learner
        Trained; gives probabilities and dropout samples in chunks.
    x
        What the learner reads: vectors (documents, width), or texts.
    n_passes
        Monte Carlo passes, for the strategies that need samples.
    seed
        Draws the random strategy's scores.
    n_threads
        Blocks of documents scored at a time; the result is the same with any
        number. Above 1 the learner's `score_stream` must bear that.
    should_stop, on_progress
        Asked before each chunk; told how many documents are scored.

    Raises InputError for an unknown strategy and Cancelled when stopped.
    """
    info = strategy_info(strategy)
    shape = (len(x), learner.n_labels)
    result = PoolScores(
        proba=np.zeros(shape, dtype=np.float32),
        score=np.random.default_rng(seed).random(len(x), dtype=np.float32),
        contributions=np.zeros(shape, dtype=np.float32),
    )
    n_passes = n_passes if info.needs_samples else 0
    counting, n_scored = Lock(), 0

    def score_block(start: int) -> None:
        nonlocal n_scored
        block = x[start : start + BLOCK]
        for rows, proba, samples in learner.score_stream(block, n_passes=n_passes):
            if should_stop():
                raise Cancelled(f"Scoring stopped after {n_scored} of {len(x)} documents.")
            here = slice(start + rows.start, start + rows.stop)
            result.proba[here] = proba
            if strategy != "random":
                contributions = contributions_of(proba, samples, strategy=strategy)
                result.contributions[here] = contributions
                result.score[here] = scores.score_of(contributions, strategy=strategy)
            with counting:
                n_scored += len(proba)
                if on_progress is not None:
                    on_progress(n_scored)

    with ThreadPoolExecutor(n_threads) as threads:
        list(threads.map(score_block, range(0, len(x), BLOCK)))
    return result


def contributions_of(proba: Proba, samples: Samples, *, strategy: str) -> Contributions:
    """Give what each label adds to the score, (documents, labels).

    A label without a probability (NaN) adds nothing: no doubt was measured.
    """
    if strategy == "entropy":
        contributions = scores.entropy_contributions(proba)
    else:
        contributions = scores.FROM_SAMPLES[strategy](samples)
    return np.nan_to_num(contributions, copy=False)
