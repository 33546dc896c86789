"""How sure a score is: Wilson intervals for one label, bootstrap over documents for averages.

A label has one cell per document, so its counts are binomial and need no
resampling; an average over labels does, because a document's cells go together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.counts import Floats, Mask, outcome_cells, ratio

Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution
N_RESAMPLES = 500
CHUNK_CELLS = 4_000_000  # weights held at once: 16 MB


def wilson_interval(successes: ArrayLike, trials: ArrayLike) -> tuple[Floats, Floats]:
    """95 % score interval of a proportion (Wilson 1927); NaN where there are no trials.

    Unlike the bootstrap it does not collapse to a point when all trials agree.
    """
    n = np.asarray(trials, dtype=np.float64)
    p = ratio(successes, n)
    z2n = ratio(Z_95**2, n)
    centre = (p + z2n / 2) / (1 + z2n)
    half = Z_95 * np.sqrt(ratio(p * (1 - p), n) + z2n * ratio(1, n) / 4) / (1 + z2n)
    # rounding may put an end a hair inside p = 0 or p = 1
    low = np.clip(np.minimum(centre - half, p), 0, 1)
    high = np.clip(np.maximum(centre + half, p), 0, 1)
    return low, high


def f1_interval(
    true_positives: ArrayLike, false_positives: ArrayLike, false_negatives: ArrayLike
) -> tuple[Floats, Floats]:
    """95 % interval of F1, through the Jaccard index it is a function of.

    Among the cells that are predicted or true, the share that is both is a
    proportion J, and F1 = 2J / (1 + J) rises with it; so J's Wilson ends carry
    over. NaN where nothing is predicted or true.
    """
    tp = np.asarray(true_positives, dtype=np.float64)
    union = tp + np.asarray(false_positives) + np.asarray(false_negatives)
    low, high = wilson_interval(tp, union)
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


def percentile_interval(
    point: float, resamples: Floats, n_documents: int
) -> tuple[float, float] | None:
    """95 % percentile interval that contains the point; None where the point is undefined.

    When all resamples agree (ten documents, all right), the bootstrap knows
    nothing; Wilson's interval on the number of documents stands in.
    """
    if np.isnan(point):
        return None
    values = resamples[~np.isnan(resamples)]
    if values.size == 0 or np.ptp(values) < 1e-12:
        low, high = wilson_interval(point * n_documents, n_documents)
    else:
        low, high = np.percentile(values, [2.5, 97.5])
    return min(float(low), point), max(float(high), point)
