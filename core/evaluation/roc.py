"""The receiver operating characteristic of one label, for those who ask for it.

With few positives among many documents it flatters: a false positive rate of
0.05 is small, and yet may mean more false alarms than finds. Precision against
recall shows that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import PRESENT, Proba, Truth
from core.evaluation.counts import Floats, check_shapes, usable_cells
from core.evaluation.per_label import MAX_CURVE_POINTS


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Rates by falling threshold, each array (points,), from (0, 0) on; empty where undefined."""

    thresholds: Floats
    false_positive_rate: Floats
    true_positive_rate: Floats


UNDEFINED = RocCurve(np.empty(0), np.empty(0), np.empty(0))


def roc_curve_points(
    proba: Proba, truth: Truth, label: int, *, max_points: int = MAX_CURVE_POINTS
) -> RocCurve:
    """One label's curve, thinned to at most `max_points`, its ends kept.

    Parameters
    ----------
    proba, truth : (documents, labels); cells unjudged or without a probability are left out.

    Empty unless both states were judged.
    """
    check_shapes(proba, truth)
    usable = usable_cells(proba, truth)[:, label]
    cells, present = proba[usable, label], truth[usable, label] == PRESENT
    n_present = int(present.sum())
    if n_present in (0, present.size):
        return UNDEFINED
    order = np.argsort(-cells, kind="stable")
    cells, found = cells[order], np.cumsum(present[order])
    last_of_ties = np.append(np.flatnonzero(np.diff(cells)), cells.size - 1)
    alarms = last_of_ties + 1 - found[last_of_ties]
    kept = _kept(found[last_of_ties] + alarms, max_points - 1)
    return RocCurve(
        thresholds=np.append(np.inf, cells[last_of_ties][kept].astype(np.float64)),
        false_positive_rate=np.append(0.0, alarms[kept] / (present.size - n_present)),
        true_positive_rate=np.append(0.0, found[last_of_ties][kept] / n_present),
    )


def _kept(n_predicted: NDArray[np.int64], max_points: int) -> NDArray[np.int64]:
    """Positions spread evenly over the number of predictions, with both ends."""
    if n_predicted.size <= max_points:
        return np.arange(n_predicted.size)
    wanted = np.linspace(n_predicted[0], n_predicted[-1], max_points)
    return np.unique(np.searchsorted(n_predicted, wanted))


def roc_auc(proba: Proba, truth: Truth, label: int) -> float | None:
    """How often a document with the label is ranked above one without, ties counting half.

    Mann-Whitney's U over its maximum (Hanley and McNeil 1982). None unless both
    states were judged.
    """
    check_shapes(proba, truth)
    usable = usable_cells(proba, truth)[:, label]
    cells, present = proba[usable, label], truth[usable, label] == PRESENT
    n_present = int(present.sum())
    n_absent = int(present.size) - n_present
    if not n_present or not n_absent:
        return None
    _, place, size = np.unique(cells, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(size) - (size - 1) / 2.0
    above = mean_rank[place][present].sum() - n_present * (n_present + 1) / 2
    return float(above / (n_present * n_absent))


def roc_aucs(proba: Proba, truth: Truth) -> list[float | None]:
    """Of every label."""
    return [roc_auc(proba, truth, label) for label in range(proba.shape[1])]
