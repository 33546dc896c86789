"""Where to cut when mistakes cost differently: goals, floors and costs, for all or per label.

`core.evaluation.thresholds` sweeps a grid to be drawn; here every cut that the
probabilities allow is tried. A cut flatters the documents it was chosen on, so
`cross_fitted_cuts` gives the predictions to report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.domain import PRESENT, Proba, Truth
from core.errors import InputError
from core.evaluation.counts import (
    Counts,
    Floats,
    Mask,
    check_folds,
    check_shapes,
    predict,
    ratio,
    usable_cells,
)
from core.evaluation.thresholds import DEFAULT_THRESHOLD

ENOUGH_PER_STATE = 10  # judged present, and as many absent: fewer make a cut of their own a guess


class Goal(StrEnum):
    """What a cut is good for."""

    F1 = "f1"
    F_BETA = "f-beta"
    PRECISION = "precision"  # the most recall at no less precision than the floor
    RECALL = "recall"  # the most precision at no less recall than the floor
    COST = "cost"  # the least cost of false positives and false negatives


class Scope(StrEnum):
    """For whom a cut holds."""

    SHARED = "shared"
    PER_LABEL = "per-label"


@dataclass(frozen=True)
class Aim:
    """What the cuts are chosen for; raises InputError for values that mean nothing."""

    goal: Goal = Goal.F1
    scope: Scope = Scope.SHARED
    beta: float = 1.0  # recall counts so many times as much as precision
    floor: float = 0.8
    cost_false_positive: float = 1.0
    cost_false_negative: float = 1.0

    def __post_init__(self) -> None:
        for name, low, high in (("beta", 0.01, 100.0), ("floor", 0.0, 1.0)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} is {value:g}; give a number from {low:g} to {high:g}.")
        costs = (self.cost_false_positive, self.cost_false_negative)
        if min(costs) < 0 or max(costs) == 0:
            raise InputError(
                f"Costs of {costs[0]:g} and {costs[1]:g} tell no cut from another; "
                "give costs of 0 or more, not both 0."
            )

    def to_json(self) -> dict[str, Any]:
        """Plain data for storing."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read back what `to_json` wrote; what is left out is as usual.

        Raises InputError for goals, scopes or names that do not exist.
        """
        try:
            said = dict(stored)
            goal, scope = said.pop("goal", Goal.F1), said.pop("scope", Scope.SHARED)
            return cls(Goal(goal), Scope(scope), **{k: float(v) for k, v in said.items()})
        except (TypeError, ValueError) as error:
            raise InputError(
                f"'{dict(stored)}' says no aim ({error}); goals are {', '.join(Goal)}, "
                f"scopes {', '.join(Scope)}, beside beta, floor, cost_false_positive and "
                "cost_false_negative."
            ) from error


@dataclass(frozen=True, eq=False)
class Cuts:
    """One threshold per label, (labels,), and why some have the shared one.

    `is_own` says which labels have a cut of their own; `falls_short` which
    could not reach the floor anywhere and have the cut that comes nearest.
    """

    thresholds: Floats
    shared: float
    is_own: Mask
    falls_short: Mask

    def predict(self, proba: Proba) -> Mask:
        """(documents, labels): probability at or above the label's cut; NaN never is."""
        return predict(proba, self.thresholds)


@dataclass(frozen=True, eq=False)
class _Column:
    """Every cut that some cells allow, ascending; the last predicts nothing. Each (cuts,)."""

    cuts: Floats
    tp: Counts
    fp: Counts
    fn: Counts


def choose_cuts(proba: Proba, truth: Truth, aim: Aim | None = None) -> Cuts:
    """Choose the cuts that serve the aim best on the judged cells.

    Parameters
    ----------
    proba, truth : (documents, labels); cells unjudged or without a probability are left out.
    aim : F1 with one cut for all, unless given

    A label judged present or absent fewer than ten times has the shared cut.
    Where cuts do equally well, the middle of the widest gap between
    probabilities is taken. Without one positive, the shared cut is 0.5.
    """
    check_shapes(proba, truth)
    aim = aim or Aim()
    usable, present = usable_cells(proba, truth), truth == PRESENT
    n_labels = proba.shape[1]
    shared, short = _best(_column(proba[usable], present[usable]), aim)
    thresholds = np.full(n_labels, shared)
    is_own, falls_short = np.zeros(n_labels, dtype=np.bool_), np.full(n_labels, short)
    if aim.scope is Scope.PER_LABEL:
        for label in range(n_labels):
            judged = usable[:, label]
            states = present[judged, label]
            if min(states.sum(), (~states).sum()) < ENOUGH_PER_STATE:
                continue
            column = _column(proba[judged, label], states)
            thresholds[label], falls_short[label] = _best(column, aim)
            is_own[label] = True
    return Cuts(thresholds, shared, is_own, falls_short)


def cross_fitted_cuts(
    proba: Proba, truth: Truth, folds: NDArray[np.integer], aim: Aim | None = None
) -> Mask:
    """Predict each fold with the cuts chosen on the other folds.

    Parameters
    ----------
    proba, truth : (documents, labels)
    folds : (documents,) the fold of each document, any integers

    Returns
    -------
    predicted : (documents, labels) bool
    """
    check_shapes(proba, truth)
    check_folds(folds, len(proba))
    predicted = np.zeros(proba.shape, dtype=np.bool_)
    for number in np.unique(folds):
        inside = folds == number
        predicted[inside] = choose_cuts(proba[~inside], truth[~inside], aim).predict(proba[inside])
    return predicted


def _column(cells: Proba, present: Mask) -> _Column:
    """Count what each cut between two neighbouring probabilities gives."""
    values = cells.astype(np.float64)
    order = np.argsort(values, kind="stable")
    values, present = values[order], present[order]
    first = np.flatnonzero(np.diff(values, prepend=-1.0) > 0)  # of each distinct probability
    distinct = values[first]
    below = np.concatenate([[0.0], distinct])
    above = np.concatenate([distinct, [1.0]])
    n_below = np.append(first, len(values))
    positives_below = np.concatenate([[0], np.cumsum(present)])[n_below]
    n_positives = int(present.sum())
    tp = n_positives - positives_below
    fp = (len(values) - n_below) - tp
    return _Column((below + above) / 2, tp, fp, n_positives - tp)


def _best(column: _Column, aim: Aim) -> tuple[float, bool]:
    """The cut that serves best, and whether it falls short of the floor."""
    if len(column.cuts) < 2 or column.tp[0] == 0:
        return DEFAULT_THRESHOLD, False
    worth, short = _worth(column, aim)
    on_top = np.flatnonzero(worth >= worth.max() - 1e-12)
    edges = np.concatenate([[0.0], (column.cuts[1:] + column.cuts[:-1]) / 2, [1.0]])
    widths = edges[on_top + 1] - edges[on_top]
    return float(column.cuts[on_top[int(np.argmax(widths))]]), short


def _worth(column: _Column, aim: Aim) -> tuple[Floats, bool]:
    """How well each cut serves, (cuts,), and whether none reaches the floor."""
    tp, fp, fn = column.tp, column.fp, column.fn
    if aim.goal is Goal.COST:
        return -(aim.cost_false_positive * fp + aim.cost_false_negative * fn), False
    if aim.goal in (Goal.PRECISION, Goal.RECALL):
        precision, recall = np.nan_to_num(ratio(tp, tp + fp)), ratio(tp, tp + fn)
        kept, wanted = (precision, recall) if aim.goal is Goal.PRECISION else (recall, precision)
        reaches = kept >= aim.floor - 1e-12
        if aim.goal is Goal.PRECISION:
            reaches &= tp > 0  # predicting nothing keeps any floor and finds nothing
        return np.where(reaches, 1.0 + wanted, kept), not reaches.any()
    weight = 1.0 if aim.goal is Goal.F1 else aim.beta**2
    return ratio((1 + weight) * tp, (1 + weight) * tp + weight * fn + fp), False
