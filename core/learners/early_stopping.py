"""When a training has learnt what it will learn: a judgement on its validation scores.

Plain arithmetic on the scores so far, so that a resumed training judges as an
uninterrupted one does. Taking scores and keeping weights is `core.learners.finetuning`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

STEADY = 0.001  # of the best score, per epoch: a smaller slope is neither rise nor fall


class Trend(StrEnum):
    """Where the smoothed score is going."""

    RISING = "rising"
    FLAT = "flat"
    FALLING = "falling"


@dataclass(frozen=True)
class EarlyStopping:
    """How long to wait for a better score.

    `patience` epochs without a new best are borne. While the smoothed score
    still rises, twice as many: a slow learner is about to have a new best, and
    single epochs are noisy. While it falls, half as many: waiting costs epochs
    and brings nothing.
    """

    patience: int = 2
    min_epochs: int = 2
    fall: float = 0.2  # stop at once when so far below the best, as a share of it
    window: int = 3  # epochs of the moving average, and of the trend


@dataclass(frozen=True)
class Verdict:
    """Whether to stop, and why, in words for people."""

    stop: bool
    because: str
    best_epoch: int | None  # from 1; the first of equals
    trend: Trend = Trend.FLAT


def judge(scores: Sequence[float | None], options: EarlyStopping) -> Verdict:
    """Judge the scores so far, one per epoch; larger is better, None was not to be had."""
    epochs = [number for number, score in enumerate(scores, start=1) if score is not None]
    known = np.array([score for score in scores if score is not None], dtype=np.float64)
    if not len(known):
        return Verdict(False, "there is no validation score", None)
    best_at = int(np.argmax(known))
    best, best_epoch = float(known[best_at]), epochs[best_at]
    trend = _trend(known, best, options.window)
    waited = len(scores) - best_epoch
    because = ""
    if len(scores) >= options.min_epochs:
        because = _fallen(float(known[-1]), best, best_epoch, options)
        because = because or _waited_enough(waited, best, best_epoch, trend, options)
    return Verdict(bool(because), because, best_epoch, trend)


def allowed_epochs(trend: Trend, options: EarlyStopping) -> int:
    """Epochs without a new best that are borne at this trend."""
    if trend is Trend.RISING:
        return options.patience * 2
    if trend is Trend.FALLING:
        return max(1, options.patience // 2)
    return options.patience


def smoothed(scores: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The mean of each score and those before it, at most `window` of them."""
    return np.array(
        [scores[max(0, at + 1 - window) : at + 1].mean() for at in range(len(scores))],
        dtype=np.float64,
    )


def _trend(scores: NDArray[np.float64], best: float, window: int) -> Trend:
    """Look at the least-squares slope of the last smoothed scores."""
    last = smoothed(scores, window)[-window:]
    if len(last) < 2:
        return Trend.FLAT
    at = np.arange(len(last)) - (len(last) - 1) / 2
    slope = float(at @ last / (at @ at))
    if abs(slope) < STEADY * abs(best):
        return Trend.FLAT
    return Trend.RISING if slope > 0 else Trend.FALLING


def _fallen(score: float, best: float, best_epoch: int, options: EarlyStopping) -> str:
    if best <= 0 or score >= (1 - options.fall) * best:
        return ""
    return (
        f"the validation score fell to {score:.3f}, {1 - score / best:.0%} below its best, "
        f"{best:.3f} after epoch {best_epoch}"
    )


def _waited_enough(
    waited: int, best: float, best_epoch: int, trend: Trend, options: EarlyStopping
) -> str:
    if waited < allowed_epochs(trend, options):
        return ""
    epochs = "1 epoch" if waited == 1 else f"{waited} epochs"
    return (
        f"for {epochs} the validation score was no better than its best, {best:.3f} after epoch "
        f"{best_epoch}, and it is {trend}"
    )
