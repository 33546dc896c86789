"""Where to cut probabilities: the sweep of all labels or one, its best point, an honest score.

A threshold chosen on documents flatters the score of those documents;
`cross_fitted_predictions` chooses each fold's on the others. Aims other than
micro-F1 are in `core.evaluation.operating_points`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.domain import PRESENT, UNJUDGED, Proba, Truth
from core.evaluation.counts import (
    Counts,
    Floats,
    Mask,
    check_folds,
    check_shapes,
    f1_from_counts,
    masked_truth,
    mean_of_defined,
    outcome_cells,
    predict,
    ratio,
    usable_cells,
)
from core.evaluation.intervals import (
    N_RESAMPLES,
    f1_interval,
    resampled_interval,
    resampled_weights,
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


def sweep_label(proba: Proba, truth: Truth, label: int, *, grid: ArrayLike | None = None) -> Sweep:
    """Score every threshold for one label: its F1 stands as micro- and macro-F1 alike."""
    check_shapes(proba, truth)
    return sweep(proba[:, [label]], truth[:, [label]], grid=grid)


def sweep_interval(
    proba: Proba, truth: Truth, *, seed: int, grid: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """95 % interval of micro-F1 at each threshold, (thresholds,) low and high; NaN where undefined.

    Of several labels by a bootstrap over documents, whose cells go together; of
    one label by Wilson's interval, as its other scores are.
    """
    check_shapes(proba, truth)
    thresholds: Floats = DEFAULT_GRID if grid is None else np.asarray(grid, dtype=np.float64)
    tp, fp, fn = (counts.sum(axis=1) for counts in _counts_by_threshold(proba, truth, thresholds))
    if proba.shape[1] == 1:
        low, high = f1_interval(tp, fp, fn)
        unknown = tp + fn == 0
        return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
    point = f1_from_counts(tp, fp, fn)
    n_documents = int(usable_cells(proba, truth).any(axis=1).sum())
    resamples = _resampled_micro_f1(proba, truth, thresholds, seed=seed)
    ends = [
        resampled_interval(at, drawn, n_documents) or (np.nan, np.nan)
        for at, drawn in zip(point.tolist(), resamples.T, strict=True)
    ]
    low, high = np.array(ends).reshape(-1, 2).T
    return low, high


def _resampled_micro_f1(proba: Proba, truth: Truth, thresholds: Floats, *, seed: int) -> Floats:
    """Micro-F1 of bootstrap samples of documents, (resamples, thresholds)."""
    known = usable_cells(proba, truth).any(axis=1)
    cells, judged = proba[known], masked_truth(proba, truth)[known]
    by_document = [
        np.stack([cell.sum(axis=1) for cell in outcome_cells(predict(cells, cut), judged)])
        for cut in thresholds
    ]  # per threshold (3, documents)
    if not known.any() or not by_document:
        return np.full((1, len(thresholds)), np.nan)
    columns = np.concatenate(by_document).T.astype(np.float32)  # (documents, thresholds * 3)
    chunks = resampled_weights(len(cells), seed=seed, n_resamples=N_RESAMPLES)
    sums = np.concatenate([weights @ columns for weights in chunks]).astype(np.float64)
    tp, fp, fn = (sums[:, start::3] for start in range(3))
    return f1_from_counts(tp, fp, fn)


@dataclass(frozen=True, eq=False)
class CutScores:
    """Each label at its own cut, arrays (labels,); NaN where undefined."""

    thresholds: Floats
    support: Counts  # judged present
    judged: Counts  # judged present or absent
    precision: Floats
    recall: Floats
    f1: Floats


def scores_at(proba: Proba, truth: Truth, thresholds: ArrayLike) -> CutScores:
    """Score each label cut at its own threshold, on the judged cells.

    `thresholds` is one number for all labels, or one per label.
    """
    check_shapes(proba, truth)
    cuts = np.broadcast_to(np.asarray(thresholds, dtype=np.float64), (proba.shape[1],))
    return label_scores(predict(proba, cuts), masked_truth(proba, truth), cuts)


def label_scores(predicted: Mask, truth: Truth, thresholds: Floats) -> CutScores:
    """Score each label by predictions, (documents, labels), whatever they were made by."""
    tp, fp, fn = (cells.sum(axis=0) for cells in outcome_cells(predicted, truth))
    return CutScores(
        thresholds=thresholds,
        support=tp + fn,
        judged=(truth != UNJUDGED).sum(axis=0),
        precision=ratio(tp, tp + fp),
        recall=ratio(tp, tp + fn),
        f1=f1_from_counts(tp, fp, fn),
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
