"""The ways of mending one label's probabilities, and how each is fitted.

Several overlapping parts of a label's cells are fitted at once, which is what
trying ways on documents left out takes. Which way is chosen is said in
`core.evaluation.recalibration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import expit, logit

from core.errors import InputError
from core.evaluation.calibration import SMALLEST_PROBA
from core.evaluation.counts import Floats, Mask

LARGEST_SLOPE = 20.0
MOST_STEPS = 50
LONGEST_STEP = 4.0  # where all is flat the bottom looks infinitely far
FLAT_ENOUGH = 1e-6  # the slope of the mean loss at its bottom


class Method(StrEnum):
    """How one label's probabilities are mended. All but isotonic keep the order of documents."""

    TEMPERATURE = "temperature"  # the shared one
    PLATT = "platt"
    BETA = "beta"
    ISOTONIC = "isotonic"  # may tie documents, never swap them


@dataclass(frozen=True)
class Map:
    """One label's way; the numbers are the method's own.

    Platt: slope, shift. Beta: slope of ln p, slope of -ln(1-p), shift. Isotonic:
    as many probabilities, ascending, as what they become.
    """

    method: Method
    values: tuple[float, ...] = ()

    def apply(self, proba: Floats) -> Floats:
        """Mended probabilities, (documents,) to (documents,); NaN stays NaN."""
        if self.method in (Method.PLATT, Method.BETA):
            return _sigmoid_of(_terms(self.method, proba), self.values)
        if self.method is Method.ISOTONIC:
            given, become = np.split(np.asarray(self.values), 2)
            mended: Floats = np.where(np.isnan(proba), np.nan, np.interp(proba, given, become))
            return mended
        return proba


def fit_map(method: Method, cells: Floats, present: Mask) -> Map:
    """Fit one way to one label's probabilities (cells,) and whether each is present.

    Platt (1999) with his smoothed targets; beta after Kull, Silva Filho and
    Flach (2017), slopes not below 0; isotonic by pooling adjacent violators.
    Raises InputError for the temperature, which belongs to all labels.
    """
    return fit_maps(method, cells, present, np.ones((1, len(cells)), dtype=np.bool_))[0]


def fit_maps(method: Method, cells: Floats, present: Mask, parts: Mask) -> list[Map]:
    """The same on several parts of the cells; `parts` is (parts, cells)."""
    if method is Method.ISOTONIC:
        return _isotonic(cells, present, parts)
    if method is Method.TEMPERATURE:
        raise InputError("A temperature is shared by all labels; use fit_temperature.")
    values = _fit_sigmoids(_terms(method, cells), present, parts)
    return [Map(method, tuple(row.tolist())) for row in values]


def _terms(method: Method, proba: Floats) -> Floats:
    """What the sigmoid is of, all rising with p: the logit, or ln p and -ln(1 - p)."""
    p = np.clip(proba, SMALLEST_PROBA, 1 - SMALLEST_PROBA)
    if method is Method.PLATT:
        return np.asarray(logit(p))[:, None]
    return np.column_stack([np.log(p), -np.log1p(-p)])


def _sigmoid_of(terms: Floats, values: tuple[float, ...]) -> Floats:
    mended: Floats = expit(terms @ np.asarray(values[:-1]) + values[-1])
    return mended


def _fit_sigmoids(terms: Floats, present: Mask, parts: Mask) -> Floats:
    """The most likely slopes and shift of each part, (parts, slopes + 1), on smoothed targets.

    A slope below 0 is dropped and the others are fitted again, as Kull does.
    """
    n_present, n_absent = (parts & present).sum(axis=1), (parts & ~present).sum(axis=1)
    high, low = (n_present + 1) / (n_present + 2), 1 / (n_absent + 2)
    targets = np.where(present, high[:, None], low[:, None])
    design = np.column_stack([terms, np.ones(len(terms))])
    values = np.zeros((len(parts), design.shape[1]))
    values[:, :-1] = 1.0  # as they are
    free: Mask = np.ones(values.shape, dtype=np.bool_)
    if len(parts) > 1:  # all cells together are near every part
        values[:] = _fit_sigmoids(terms, present, np.asarray(parts.any(axis=0))[None])
    todo = np.arange(len(parts))
    for _ in range(design.shape[1]):
        weights = parts[todo] / np.maximum(parts[todo].sum(axis=1, keepdims=True), 1)
        values[todo] = _newton(design, targets[todo], weights, values[todo], free[todo])
        is_falling: Mask = values[todo, :-1] < 0
        free[todo, :-1] = free[todo, :-1] & ~is_falling
        todo = todo[is_falling.any(axis=1)]
        values[todo] = free[todo]  # anew: slopes of 1 and 0
        values[todo, -1] = 0.0
        if not len(todo):
            break
    values[:, :-1] = np.minimum(values[:, :-1], LARGEST_SLOPE)
    return values


def _newton(design: Floats, targets: Floats, weights: Floats, start: Floats, free: Mask) -> Floats:
    """Newton's steps on a convex loss, damped where one would steepen it; fixed values stay.

    targets, weights : (parts, cells); start, free : (parts, values)
    """
    values, width = start.copy(), start.shape[1]
    pairs = np.einsum("ci,cj->cij", design, design).reshape(len(design), -1)
    damping, running = np.full(len(values), 1e-9), np.arange(len(values))
    slope, bend = _bowl(design, pairs, targets, weights, values)
    for _ in range(MOST_STEPS):
        steepness = (slope**2 * free).sum(axis=1)
        is_done = (steepness[running] < FLAT_ENOUGH**2) | (damping[running] > 1e6)
        running = running[~is_done]
        if not len(running):
            break
        fixed = ~free[running]
        system = bend[running] + damping[running, None, None] * np.eye(width)
        system[fixed[:, :, None] | fixed[:, None, :]] = 0.0
        system += fixed[:, :, None] * np.eye(width)
        wanted = np.where(fixed, 0.0, slope[running])
        step = np.linalg.solve(system, wanted[:, :, None])[:, :, 0]
        longest = np.maximum(np.abs(step).max(axis=1, keepdims=True), LONGEST_STEP)
        tried = values[running] - step * (LONGEST_STEP / longest)
        slope_there, bend_there = _bowl(design, pairs, targets[running], weights[running], tried)
        is_better = (slope_there**2 * free[running]).sum(axis=1) < steepness[running]
        better = running[is_better]
        values[better], slope[better] = tried[is_better], slope_there[is_better]
        bend[better] = bend_there[is_better]
        damping[running] = np.where(is_better, damping[running] / 10, damping[running] * 100)
    return values


def _bowl(
    design: Floats, pairs: Floats, targets: Floats, weights: Floats, values: Floats
) -> tuple[Floats, Floats]:
    """Of each part's mean loss the slope and the second derivative."""
    p = expit(values @ design.T)
    slope = (weights * (p - targets)) @ design
    bend = (weights * p * (1 - p)) @ pairs
    return slope, bend.reshape(len(values), design.shape[1], -1)


def _isotonic(cells: Floats, present: Mask, parts: Mask) -> list[Map]:
    """Steps that never fall; the knots are the ends of each step."""
    from scipy.optimize import isotonic_regression  # slow to import, wanted by the worker only

    order = np.lexsort((~present, cells))  # of ties the present first: they are pooled
    sorted_cells, states = cells[order], present[order].astype(np.float64)
    maps = []
    for part in parts[:, order]:
        given = sorted_cells[part]
        if not len(given):
            maps.append(Map(Method.ISOTONIC, (0.0, 1.0, 0.0, 1.0)))
            continue
        become = np.clip(isotonic_regression(states[part]).x, SMALLEST_PROBA, 1 - SMALLEST_PROBA)
        changes = np.diff(become) > 0
        is_knot = np.concatenate([[True], changes]) | np.concatenate([changes, [True]])
        maps.append(Map(Method.ISOTONIC, (*given[is_knot].tolist(), *become[is_knot].tolist())))
    return maps
