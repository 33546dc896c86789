"""Every label on its own: scores of the positive class, its curve, and its probabilities.

Precision without a prediction, recall and F1 without a positive, and average
precision without both states are undefined: None, never 0 or 1 by default.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.domain import ABSENT, PRESENT, UNJUDGED, Proba, Truth
from core.errors import InputError
from core.evaluation.counts import (
    Counts,
    Floats,
    Mask,
    check_shapes,
    defined,
    f1_from_counts,
    masked_truth,
    outcome_cells,
    predict,
    ratio,
    usable_cells,
)
from core.evaluation.intervals import f1_interval, wilson_interval

Interval = tuple[float, float]
N_HISTOGRAM_BINS = 20
MAX_CURVE_POINTS = 200


@dataclass(frozen=True)
class LabelScores:
    """What is known of one label; None is undefined. Intervals are 95 %."""

    name: str
    support: int  # judged present
    n_judged: int  # judged present or absent, and scored by the model
    n_predicted: int  # of those, predicted present
    precision: float | None
    recall: float | None
    f1: float | None
    average_precision: float | None
    precision_interval: Interval | None
    recall_interval: Interval | None
    f1_interval: Interval | None


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall by falling threshold, each array (points,); empty where undefined."""

    thresholds: Floats
    precision: Floats
    recall: Floats


@dataclass(frozen=True, eq=False)
class ProbabilityHistogram:
    """Cells by probability, each array (bins,), bins of equal width from 0 to 1."""

    present: Counts
    absent: Counts
    unjudged: Counts


def per_label(
    proba: Proba,
    truth: Truth,
    threshold: ArrayLike,
    names: Sequence[str],
    *,
    predicted: Mask | None = None,
) -> list[LabelScores]:
    """Score each label on its judged cells.

    Parameters
    ----------
    proba, truth : (documents, labels); cells unjudged or without a probability are left out.
    threshold : one number, or one per label
    names : one per label
    predicted : (documents, labels) bool, instead of cutting at the threshold

    Intervals are binomial (see `intervals`), so no seed is needed.
    """
    check_shapes(proba, truth)
    if len(names) != proba.shape[1]:
        raise InputError(
            f"{len(names)} names were given for {proba.shape[1]} labels; give each one."
        )
    judged = masked_truth(proba, truth)
    guesses = predict(proba, threshold) if predicted is None else predicted
    tp, fp, fn = (cells.sum(axis=0) for cells in outcome_cells(guesses, judged))
    precision, recall, f1 = ratio(tp, tp + fp), ratio(tp, tp + fn), f1_from_counts(tp, fp, fn)
    of_precision = wilson_interval(tp, tp + fp)
    of_recall = wilson_interval(tp, tp + fn)
    of_f1 = f1_interval(tp, fp, fn)
    return [
        LabelScores(
            name=name,
            support=int(tp[i] + fn[i]),
            n_judged=int((judged[:, i] != UNJUDGED).sum()),
            n_predicted=int(tp[i] + fp[i]),
            precision=defined(precision[i]),
            recall=defined(recall[i]),
            f1=defined(f1[i]),
            average_precision=defined(average_precision(proba, truth, i)),
            precision_interval=_interval(precision[i], of_precision, i),
            recall_interval=_interval(recall[i], of_recall, i),
            f1_interval=_interval(f1[i], of_f1, i),
        )
        for i, name in enumerate(names)
    ]


def _interval(point: float, ends: tuple[Floats, Floats], label: int) -> Interval | None:
    if np.isnan(point):
        return None
    return float(ends[0][label]), float(ends[1][label])


def average_precision(proba: Proba, truth: Truth, label: int) -> float:
    """Area under the steps of the precision-recall curve; NaN unless both states were judged."""
    curve = _full_curve(proba, truth, label)
    if curve.recall.size == 0:
        return float("nan")
    return float((np.diff(curve.recall, prepend=0.0) * curve.precision).sum())


def precision_recall_curve_points(
    proba: Proba, truth: Truth, label: int, *, max_points: int = MAX_CURVE_POINTS
) -> PrecisionRecallCurve:
    """One label's curve, from the highest threshold down, thinned to at most `max_points`.

    Thinning keeps both ends and points spread evenly over recall. Empty unless
    both states were judged.
    """
    curve = _full_curve(proba, truth, label)
    n = curve.recall.size
    if n <= max_points:
        return curve
    wanted = np.linspace(curve.recall[0], curve.recall[-1], max_points - 1)
    kept = np.unique(np.append(np.searchsorted(curve.recall, wanted), n - 1))
    return PrecisionRecallCurve(curve.thresholds[kept], curve.precision[kept], curve.recall[kept])


def _full_curve(proba: Proba, truth: Truth, label: int) -> PrecisionRecallCurve:
    """One point per distinct probability."""
    usable = usable_cells(proba, truth)[:, label]
    cells, present = proba[usable, label], truth[usable, label] == PRESENT
    if not present.any() or present.all():
        return PrecisionRecallCurve(np.empty(0), np.empty(0), np.empty(0))
    order = np.argsort(-cells, kind="stable")
    cells, found = cells[order], np.cumsum(present[order])
    last_of_ties = np.append(np.flatnonzero(np.diff(cells)), cells.size - 1)
    return PrecisionRecallCurve(
        thresholds=cells[last_of_ties].astype(np.float64),
        precision=found[last_of_ties] / (last_of_ties + 1.0),
        recall=found[last_of_ties] / float(present.sum()),
    )


def probability_histogram(
    proba: Proba, truth: Truth, label: int | None = None, *, n_bins: int = N_HISTOGRAM_BINS
) -> ProbabilityHistogram:
    """Count one label's cells (or all cells) by probability and judgement."""
    columns = slice(None) if label is None else slice(label, label + 1)
    bins, states = histogram_bins(proba[:, columns], n_bins=n_bins), truth[:, columns]
    counts = [
        np.bincount(bins[(states == state) & (bins >= 0)], minlength=n_bins)
        for state in (PRESENT, ABSENT, UNJUDGED)
    ]
    return ProbabilityHistogram(present=counts[0], absent=counts[1], unjudged=counts[2])


def histogram_bins(proba: Proba, *, n_bins: int = N_HISTOGRAM_BINS) -> NDArray[np.int64]:
    """The bin of every cell, in the shape of `proba`; -1 without a probability, 1 in the last."""
    finite = np.isfinite(proba)
    scaled = np.where(finite, proba, 0) * n_bins
    bins: NDArray[np.int64] = np.clip(scaled.astype(np.int64), 0, n_bins - 1)
    return np.where(finite, bins, -1)
