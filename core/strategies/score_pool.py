"""Scores a whole pool by a strategy, chunk by chunk, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from core.domain import Proba, Samples
from core.errors import Cancelled
from core.strategies import scores
from core.strategies.catalogue import strategy_info
from core.strategies.scores import Contributions, Scores


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
    for rows, proba, samples in learner.score_stream(x, n_passes=n_passes):
        if should_stop():
            raise Cancelled(f"Scoring stopped after {rows.start} of {len(x)} documents.")
        result.proba[rows] = proba
        if strategy != "random":
            result.contributions[rows] = contributions_of(proba, samples, strategy=strategy)
            result.score[rows] = scores.score_of(result.contributions[rows], strategy=strategy)
        if on_progress is not None:
            on_progress(rows.stop)
    return result


def contributions_of(proba: Proba, samples: Samples, *, strategy: str) -> Contributions:
    """Give what each label adds to the score, (documents, labels)."""
    if strategy == "entropy":
        return scores.entropy_contributions(proba)
    return scores.FROM_SAMPLES[strategy](samples)
