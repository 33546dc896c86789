"""Where to cut probabilities: the sweep, its best point, and an honest score for it.

One threshold serves all labels. A threshold chosen on documents flatters the
score of those documents; `cross_fitted_predictions` chooses each fold's on the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.domain import PRESENT, Proba, Truth
from core.evaluation.counts import (
    Counts,
    Floats,
    Mask,
    check_folds,
    check_shapes,
    f1_from_counts,
    mean_of_defined,
    predict,
    ratio,
    usable_cells,
)

DEFAULT_GRID: Floats = np.round(np.arange(1, 100) / 100, 2)
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Sweep:
    """Scores at each threshold, each array (thresholds,); NaN where undefined.

    Macro-F1 averages over the labels with at least one judged positive, the
    same ones at every threshold. Precision and recall are micro-averaged.
    """

    thresholds: Floats
    micro_f1: Floats
    macro_f1: Floats
    precision: Floats
    recall: Floats

    def at(self, threshold: float) -> int:
        """The position of the grid point nearest to a threshold."""
        return int(np.argmin(np.abs(self.thresholds - threshold)))


def sweep(proba: Proba, truth: Truth, *, grid: ArrayLike | None = None) -> Sweep:
    """Score every threshold of the grid on the judged cells.

    Parameters
    ----------
    proba, truth : (documents, labels)
        Cells that are unjudged or without a probability are left out.
    grid : ascending thresholds; 0.01, 0.02 … 0.99 unless given.
    """
    check_shapes(proba, truth)
    thresholds: Floats = DEFAULT_GRID if grid is None else np.asarray(grid, dtype=np.float64)
    tp, fp, fn = _counts_by_threshold(proba, truth, thresholds)
    all_tp, all_fp, all_fn = tp.sum(axis=1), fp.sum(axis=1), fn.sum(axis=1)
    return Sweep(
        thresholds=thresholds,
        micro_f1=f1_from_counts(all_tp, all_fp, all_fn),
        macro_f1=mean_of_defined(f1_from_counts(tp, fp, fn), axis=1),
        precision=ratio(all_tp, all_tp + all_fp),
        recall=ratio(all_tp, all_tp + all_fn),
    )


def _counts_by_threshold(
    proba: Proba, truth: Truth, thresholds: Floats
) -> tuple[Counts, Counts, Counts]:
    """True positives, false positives, false negatives: each (thresholds, labels)."""
    usable = usable_cells(proba, truth)
    present = truth == PRESENT
    cuts = thresholds.astype(proba.dtype)
    shape = (len(thresholds), proba.shape[1])
    tp, fp, fn = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    for label in range(proba.shape[1]):
        positives = np.sort(proba[usable[:, label] & present[:, label], label])
        negatives = np.sort(proba[usable[:, label] & ~present[:, label], label])
        fn[:, label] = np.searchsorted(positives, cuts, side="left")
        tp[:, label] = len(positives) - fn[:, label]
        fp[:, label] = len(negatives) - np.searchsorted(negatives, cuts, side="left")
    return tp, fp, fn


def best_threshold(swept: Sweep) -> float:
    """The threshold with the highest micro-F1.

    Neighbouring thresholds often score alike, because no probability lies
    between them; the middle of that plateau is the point furthest from harm.
    Of several plateaus the longest is taken, then the one nearest to 0.5.
    Where micro-F1 is undefined everywhere, 0.5.
    """
    scores = swept.micro_f1
    if scores.size == 0 or np.isnan(scores).all():
        return DEFAULT_THRESHOLD
    on_top = np.flatnonzero(scores >= np.nanmax(scores) - 1e-12)
    runs = np.split(on_top, np.flatnonzero(np.diff(on_top) > 1) + 1)
    middles = [float(np.median(swept.thresholds[run])) for run in runs]
    order = [(-len(run), abs(mid - 0.5)) for run, mid in zip(runs, middles, strict=True)]
    return round(middles[order.index(min(order))], 4)


def predict_exclusive(proba: Proba) -> Mask:
    """Predict each document's most probable label, where exactly one applies.

    Shape (documents, labels); of equals the first, and none where a document
    has no probability at all.
    """
    known = np.isfinite(proba)
    predicted = np.zeros(proba.shape, dtype=np.bool_)
    rows = np.flatnonzero(known.any(axis=1))
    predicted[rows, np.where(known, proba, -np.inf)[rows].argmax(axis=1)] = True
    return predicted


def cross_fitted_predictions(
    proba: Proba, truth: Truth, folds: NDArray[np.integer]
) -> tuple[Mask, Floats]:
    """Predict each fold with the threshold that was best on the other folds.

    Parameters
    ----------
    proba, truth : (documents, labels)
    folds : (documents,) the fold of each document, any integers

    Returns
    -------
    predicted : (documents, labels) bool
    thresholds : (folds,) in ascending order of the fold's number; 0.5 where
        the other folds hold no positive
    """
    check_shapes(proba, truth)
    check_folds(folds, len(proba))
    predicted = np.zeros(proba.shape, dtype=np.bool_)
    numbers = np.unique(folds)
    thresholds = np.full(len(numbers), DEFAULT_THRESHOLD)
    for position, number in enumerate(numbers):
        inside = folds == number
        thresholds[position] = best_threshold(sweep(proba[~inside], truth[~inside]))
        predicted[inside] = predict(proba[inside], thresholds[position])
    return predicted, thresholds
