"""How sure a score is: Wilson intervals for one label, bootstrap over documents for averages.

A label has one cell per document, so its counts are binomial and need no
resampling; an average over labels does, because a document's cells go together.
Intervals are 95 % unless another level is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from core.evaluation.counts import Floats, Mask, outcome_cells, ratio

LEVEL = 0.95
N_RESAMPLES = 500
CHUNK_CELLS = 4_000_000  # weights held at once: 16 MB


def normal_quantile(level: float) -> float:
    """How many standard deviations a two-sided interval of this level reaches: 1.96 for 95 %."""
    return float(ndtri(0.5 + level / 2))


def wilson_interval(
    successes: ArrayLike, trials: ArrayLike, *, level: float = LEVEL
) -> tuple[Floats, Floats]:
    """Score interval of a proportion (Wilson 1927); NaN where there are no trials.

    Unlike the bootstrap it does not collapse to a point when all trials agree.
    Trials need not be whole: see `effective_trials`.
    """
    z = normal_quantile(level)
    n = np.asarray(trials, dtype=np.float64)
    p = ratio(successes, n)
    z2n = ratio(z**2, n)
    centre = (p + z2n / 2) / (1 + z2n)
    half = z * np.sqrt(ratio(p * (1 - p), n) + z2n * ratio(1, n) / 4) / (1 + z2n)
    # rounding may put an end a hair inside p = 0 or p = 1
    low = np.clip(np.minimum(centre - half, p), 0, 1)
    high = np.clip(np.maximum(centre + half, p), 0, 1)
    return low, high


def effective_trials(successes: ArrayLike, trials: ArrayLike) -> Floats:
    """How many independent trials tell as much about the share as these, which go together.

    Parameters
    ----------
    successes, trials : (documents, groups) counted of each document, such as
        the cells of a document that fall into each bin

    Returns (groups,): the number of trials divided by Kish's design effect, the
    ratio of the share's variance between documents to the binomial one; never
    more than the trials themselves. With one trial per document nothing changes.
    """
    y, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    total = n.sum(axis=0)
    share = ratio(y.sum(axis=0), total)
    between = ((y - np.nan_to_num(share) * n) ** 2).sum(axis=0)
    design_effect = np.nan_to_num(ratio(between, total * share * (1 - share)), nan=1.0)
    effective: Floats = total / np.maximum(design_effect, 1.0)
    return effective


def f1_interval(
    true_positives: ArrayLike,
    false_positives: ArrayLike,
    false_negatives: ArrayLike,
    *,
    level: float = LEVEL,
) -> tuple[Floats, Floats]:
    """Interval of F1, through the Jaccard index it is a function of.

    Among the cells that are predicted or true, the share that is both is a
    proportion J, and F1 = 2J / (1 + J) rises with it; so J's Wilson ends carry
    over. NaN where nothing is predicted or true.
    """
    tp = np.asarray(true_positives, dtype=np.float64)
    union = tp + np.asarray(false_positives) + np.asarray(false_negatives)
    low, high = wilson_interval(tp, union, level=level)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def resampled_weights(
    n_documents: int, *, seed: int, n_resamples: int = N_RESAMPLES
) -> Iterator[NDArray[np.float32]]:
    """Yield (resamples, documents): how often each document was drawn, in chunks."""
    rng = np.random.default_rng(seed)
    per_chunk = max(1, min(n_resamples, CHUNK_CELLS // max(n_documents, 1)))
    for start in range(0, n_resamples, per_chunk):
        rows = min(per_chunk, n_resamples - start)
        drawn = rng.integers(0, n_documents, size=(rows, n_documents))
        drawn += np.arange(rows)[:, None] * n_documents
        counts = np.bincount(drawn.ravel(), minlength=rows * n_documents)
        yield counts.reshape(rows, n_documents).astype(np.float32)


def resampled_counts(
    predicted: Mask, truth: NDArray[np.int8], *, seed: int, n_resamples: int = N_RESAMPLES
) -> tuple[Floats, Floats, Floats]:
    """True positives, false positives and false negatives of bootstrap samples of documents.

    Each is (resamples, labels). Documents without a judged cell are left out
    before drawing. With no document at all the arrays have no rows.
    """
    judged = (truth >= 0).any(axis=1)
    cells = np.concatenate(outcome_cells(predicted[judged], truth[judged]), axis=1)
    n_documents, width = cells.shape
    if n_documents == 0:
        empty = np.empty((0, width // 3))
        return empty, empty, empty
    columns = cells.astype(np.float32)
    chunks = resampled_weights(n_documents, seed=seed, n_resamples=n_resamples)
    sums = np.concatenate([weights @ columns for weights in chunks]).astype(np.float64)
    tp, fp, fn = np.split(sums, 3, axis=1)
    return tp, fp, fn


def resampled_interval(
    point: float,
    resamples: Floats,
    n_documents: int,
    *,
    unseen_variance: float = 0.0,
    level: float = LEVEL,
) -> tuple[float, float] | None:
    """Interval of a score between 0 and 1 from its bootstrap; None where it is undefined.

    Wilson's interval for as many independent documents as would vary as much as
    the resamples vary about the point. Percentiles of resamples are too narrow
    on few documents, most of all near 1, where nothing is left to draw from.
    When nothing varies, it is Wilson's interval on the number of documents.

    How often 90 % intervals held the true macro-F1 of six labels, 3 to 40 % frequent,
    in 500 simulations of 30, 50 and 100 documents, percentiles first: a middling
    model 0.83, 0.90, 0.92 and 0.91, 0.91, 0.90; a nearly faultless one 0.91, 0.83,
    0.76 and 0.96, 0.94, 0.93.

    Parameters
    ----------
    resamples : (resamples,), NaN where undefined
    unseen_variance : what the resamples cannot show and is known otherwise
    """
    if np.isnan(point):
        return None
    values = resamples[~np.isnan(resamples)]
    variance = float(((values - point) ** 2).mean()) if values.size else 0.0
    binomial = point * (1 - point)
    total = variance + unseen_variance
    effective = binomial / total if total > 1e-12 and binomial > 1e-9 else float(n_documents)
    low, high = wilson_interval(point * effective, effective, level=level)
    return min(float(low), point), max(float(high), point)


def mean_f1_variance_unseen(tp: Floats, fp: Floats, fn: Floats, resampled_f1: Floats) -> float:
    """Variance of macro-F1 that resampling misses: of labels whose every resample agrees.

    A label with three positives, all found, never misses one in a resample; its
    Wilson interval still reaches far down.

    Parameters
    ----------
    tp, fp, fn : (labels,) counted once
    resampled_f1 : (resamples, labels), NaN where undefined
    """
    has_f1 = tp + fn > 0
    if not has_f1.any():
        return 0.0
    is_drawn = ~np.isnan(resampled_f1)
    most = resampled_f1.max(axis=0, initial=0.0, where=is_drawn)
    least = resampled_f1.min(axis=0, initial=1.0, where=is_drawn)
    is_flat = has_f1 & (most - least < 1e-12)
    low, high = f1_interval(tp, fp, fn)
    spread = (high - low)[is_flat] / (2 * normal_quantile(LEVEL))
    return float((spread**2).sum()) / int(has_f1.sum()) ** 2
