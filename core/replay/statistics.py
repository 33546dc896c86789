"""What replays tell: areas, paired differences, judgements needed, each with its uncertainty.

Seeds are what varies: every interval is a bootstrap over them (Efron 1979), the
same resampled seeds for all arms, since the arms of a seed begin alike and are
compared in pairs. With n seeds it cannot see beyond those n, and runs narrow
for fewer than about ten; counts of seeds ahead and behind, with the exact sign
test, are given beside it. Pure numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_RESAMPLES = 10_000
RESAMPLING_SEED = 20241
LEVELS = (0.025, 0.975)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """An arm's figure less the baseline's, paired by seed; None where undefined."""

    mean: float | None
    low: float | None  # 95 % interval
    high: float | None
    n_ahead: int  # seeds
    n_behind: int
    sign_p: float  # two-sided exact sign test; ties left out
    by_seed: tuple[float | None, ...]


@dataclass(frozen=True)
class Needed:
    """Judged documents until a target is reached; None: not within the budget."""

    target: float | None  # the mean over seeds
    by_mean: float | None  # of the mean curve
    by_seed: tuple[float | None, ...]


@dataclass(frozen=True)
class Saving:
    """The share of the baseline's judgements that an arm does without.

    Where the baseline did not reach the target (`is_at_least`), it is taken to
    reach it at the end of the budget, so that more may be saved. None: the arm
    did not reach it; a `low` of None: not in more than 2.5 % of the resamples.
    """

    value: float | None
    low: float | None
    high: float | None
    is_at_least: bool


def area_under_curve(n_judged: NDArray[np.int64], curves: Floats) -> Floats:
    """Average height of each curve over the judged documents: its area over its width.

    Parameters
    ----------
    n_judged
        Shape (rounds,), ascending.
    curves
        Shape (..., rounds); trapezoids between rounds.

    Returns
    -------
    areas
        Shape (...,); a single round's value where there is but one.
    """
    if len(n_judged) == 1:
        return np.asarray(curves[..., 0], dtype=np.float64)
    width = float(n_judged[-1] - n_judged[0])
    return np.asarray(np.trapezoid(curves, n_judged, axis=-1) / width, dtype=np.float64)


def resampled_seeds(n_seeds: int, n_resamples: int = N_RESAMPLES) -> Floats:
    """Weights (resamples, seeds) that make means of seeds drawn with replacement."""
    rng = np.random.default_rng(RESAMPLING_SEED)
    drawn = rng.integers(0, n_seeds, size=(n_resamples, n_seeds))
    weights = (drawn[:, :, None] == np.arange(n_seeds)).sum(axis=1)
    return np.asarray(weights / n_seeds, dtype=np.float64)


def paired_difference(figures: Floats, baseline: Floats, *, weights: Floats) -> Difference:
    """Compare two arms' figures (seeds,), seed by seed.

    Parameters
    ----------
    weights
        From `resampled_seeds`.
    """
    each = np.asarray(figures - baseline, dtype=np.float64)
    ahead, behind = int((each > 0).sum()), int((each < 0).sum())
    low, high = np.quantile(weights @ each, LEVELS) if len(each) > 1 else (math.nan, math.nan)
    return Difference(
        mean=_known(float(each.mean())),
        low=_known(float(low)),
        high=_known(float(high)),
        n_ahead=ahead,
        n_behind=behind,
        sign_p=sign_test(ahead, behind),
        by_seed=tuple(map(_known, each.tolist())),
    )


def sign_test(n_ahead: int, n_behind: int) -> float:
    """How likely so uneven a split is when ahead and behind are equally likely; two-sided, exact.

    With n seeds it cannot fall below 2 / 2ⁿ: 0.06 with five, 0.002 with ten.
    """
    n = n_ahead + n_behind
    tail = sum(math.comb(n, k) for k in range(min(n_ahead, n_behind) + 1))
    return min(1.0, 2 * tail / float(2**n))


def judgements_needed(n_judged: NDArray[np.int64], curves: Floats, targets: Floats) -> Floats:
    """Where each curve has reached its target for good enough.

    The first round that is at or above the target and whose next round is too
    (the last round needs none after it), so that one lucky round does not
    count; between it and the round before, by a straight line.

    Parameters
    ----------
    n_judged
        Shape (rounds,), ascending.
    curves, targets
        Shapes (curves, rounds) and (curves,).

    Returns
    -------
    needed
        Shape (curves,), in documents; inf where not reached.
    """
    at_or_above = curves >= targets[:, None]
    stays = at_or_above & np.concatenate([at_or_above[:, 1:], at_or_above[:, -1:]], axis=1)
    first, rows = stays.argmax(axis=1), np.arange(len(curves))
    before = np.maximum(first - 1, 0)  # below the target, or it would have been the first
    here, there = curves[rows, first], curves[rows, before]
    share = np.divide(targets - there, here - there, out=np.zeros(len(curves)), where=first > 0)
    at = n_judged[before] + share * (n_judged[first] - n_judged[before])
    return np.where(stays.any(axis=1), at, np.inf)


def needed_by(n_judged: NDArray[np.int64], curves: Floats, full: Floats, share: float) -> Needed:
    """Judgements until `share` of the full data's score is reached.

    Parameters
    ----------
    curves, full
        Shapes (seeds, rounds) and (seeds,): each seed has its own target, and
        the mean curve the mean target.
    """
    target = share * float(full.mean())
    by_mean = judgements_needed(n_judged, curves.mean(axis=0)[None], np.array([target]))
    by_seed = judgements_needed(n_judged, curves, share * full)
    return Needed(_known(target), _known(float(by_mean[0])), tuple(map(_known, by_seed.tolist())))


def saving(
    n_judged: NDArray[np.int64],
    curves: Floats,
    baseline: Floats,
    full: Floats,
    *,
    share: float,
    weights: Floats,
) -> Saving:
    """How much less than the baseline an arm needs for `share` of the full data's score.

    1 - needed / needed by the baseline, of mean curves; the interval from the
    mean curves of resampled seeds.

    Parameters
    ----------
    curves, baseline, full
        Shapes (seeds, rounds), (seeds, rounds) and (seeds,).
    """
    together = np.concatenate([np.full((1, len(full)), 1 / len(full)), weights])
    targets = share * (together @ full)
    needed = judgements_needed(n_judged, together @ curves, targets)
    of_baseline = judgements_needed(n_judged, together @ baseline, targets)
    saved = 1 - needed / np.minimum(of_baseline, float(n_judged[-1]))  # -inf: not reached
    low = high = math.nan
    if len(full) > 1:
        low, high = np.quantile(saved[1:], LEVELS, method="inverted_cdf")
    return Saving(
        value=_known(float(saved[0])),
        low=_known(float(low)),
        high=_known(float(high)),
        is_at_least=bool(np.isinf(of_baseline[0]) and np.isfinite(needed[0])),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
