"""How well predictions of judged documents did, counted by fold, so that folds can be left out.

Counts of binned probabilities add up; that makes leaving out a fold a subtraction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import ABSENT, PRESENT, Proba, Truth
from core.evaluation.counts import f1_from_counts, masked_truth, mean_of_defined

N_BINS = 100
MACRO_SHARE = 1 / 3  # against micro-F1: rare labels have a say, frequent ones the last word

Counts = NDArray[np.int64]  # (folds, states, labels, bins)


def fold_counts(proba: Proba, truth: Truth, folds: NDArray[np.int64]) -> Counts:
    """Count judged cells (documents, labels) by fold, state, label and binned probability."""
    n_labels, n_folds = truth.shape[1], int(folds.max(initial=-1)) + 1
    truth = masked_truth(proba, truth)
    bins = np.minimum((np.nan_to_num(proba) * N_BINS).astype(np.int64), N_BINS - 1)
    rows, labels = np.nonzero((truth == PRESENT) | (truth == ABSENT))
    shape = (n_folds, 2, n_labels, N_BINS)
    where = (folds[rows], truth[rows, labels], labels, bins[rows, labels])
    flat = np.ravel_multi_index(where, shape) if n_folds else np.empty(0, dtype=np.int64)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


def out_of_fold_score(counts: Counts) -> float:
    """Two thirds micro-F1 and one third macro-F1, at the threshold best for micro-F1.

    NaN without a positive.
    """
    above = np.cumsum(counts.sum(axis=0)[..., ::-1], axis=-1)[..., ::-1]  # at or above each bin
    tp, fp = above[PRESENT], above[ABSENT]  # (labels, thresholds)
    fn = tp[:, :1] - tp
    micro = f1_from_counts(tp.sum(axis=0), fp.sum(axis=0), fn.sum(axis=0))
    if np.isnan(micro).all():
        return float("nan")
    best = int(np.nanargmax(micro))
    macro = mean_of_defined(f1_from_counts(tp[:, best], fp[:, best], fn[:, best]))
    return float((1 - MACRO_SHARE) * micro[best] + MACRO_SHARE * macro)


def best_of(counts: list[Counts], *, without: int | None = None) -> int:
    """The place of the best variant, by all folds or all but one; the first where none is better.

    Where nothing can be measured that is the first as well.
    """
    kept = [each if without is None else np.delete(each, without, axis=0) for each in counts]
    return int(np.argmax(np.nan_to_num([out_of_fold_score(each) for each in kept], nan=-1.0)))
