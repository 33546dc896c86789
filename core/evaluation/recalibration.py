"""Recalibration per label: which way of mending probabilities helps, tried on documents left out.

Four ways are compared with none: one temperature for all labels, and per label
Platt's sigmoid, Kull's beta map or an isotonic one. A label with few judgements
keeps the shared temperature. What is chosen is applied by `Recalibration.apply`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.domain import PRESENT, Proba, Truth
from core.errors import InputError
from core.evaluation.calibration import (
    SMALLEST_PROBA,
    Temperature,
    fit_temperature,
)
from core.evaluation.counts import Floats, Mask, check_folds, check_shapes, usable_cells

ENOUGH_PER_STATE = 25  # present, and as many absent: two parameters fitted on fewer are noise
ENOUGH_FOR_ISOTONIC = 200  # judged cells: a step function follows chance in fewer
N_FOLDS = 5
LARGEST_SLOPE = 20.0


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
        if self.method is Method.PLATT:
            return _sigmoid_of(_platt_terms(proba), self.values)
        if self.method is Method.BETA:
            return _sigmoid_of(_beta_terms(proba), self.values)
        if self.method is Method.ISOTONIC:
            given, become = np.split(np.asarray(self.values), 2)
            mended: Floats = np.where(np.isnan(proba), np.nan, np.interp(proba, given, become))
            return mended
        return proba


@dataclass(frozen=True)
class LabelChoice:
    """What was tried for one label: log loss by method on documents left out; and why."""

    map: Map
    losses: dict[str, float]
    reason: str


@dataclass(frozen=True)
class Recalibration:
    """A temperature for all labels, and for some a map of their own instead."""

    temperature: Temperature
    labels: tuple[LabelChoice, ...]

    def apply(self, proba: Proba) -> Proba:
        """Mended probabilities (documents, labels); cells without one stay so."""
        shared = self.temperature.apply(proba)
        mended = shared.copy()
        for label, choice in enumerate(self.labels):
            if choice.map.method is not Method.TEMPERATURE:
                mended[:, label] = choice.map.apply(proba[:, label].astype(np.float64))
        return mended

    def to_json(self) -> dict[str, Any]:
        """Plain data for storing."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read back what `to_json` wrote."""
        return cls(
            Temperature(**stored["temperature"]),
            tuple(
                LabelChoice(
                    Map(Method(one["map"]["method"]), tuple(one["map"]["values"])),
                    one["losses"],
                    one["reason"],
                )
                for one in stored["labels"]
            ),
        )


def recalibrate(
    proba: Proba, truth: Truth, *, methods: Sequence[Method] = tuple(Method), seed: int = 0
) -> Recalibration:
    """Choose for each label the way with the least log loss on documents left out.

    A label's own way must beat the shared temperature by one standard error of
    the difference, or the temperature stays: a tie goes to the simpler.

    Parameters
    ----------
    proba, truth : (documents, labels), of documents the model did not train on;
        cells unjudged or without a probability are left out.
    methods : which ways may be chosen; the shared temperature always may.
    seed : of the folds
    """
    check_shapes(proba, truth)
    temperature = fit_temperature(proba, truth)
    usable, present = usable_cells(proba, truth), truth == PRESENT
    folds = np.random.default_rng(seed).permutation(len(proba)) % N_FOLDS
    shared = _cross_fitted_temperature(proba, truth, folds)
    own = [method for method in Method if method in methods and method is not Method.TEMPERATURE]
    choices = []
    for label in range(proba.shape[1]):
        rows = usable[:, label]
        cells, states = proba[rows, label].astype(np.float64), present[rows, label]
        choices.append(_choice(cells, states, shared[rows, label], folds[rows], own))
    return Recalibration(temperature, tuple(choices))


def cross_fitted_recalibration(
    proba: Proba, truth: Truth, folds: NDArray[np.integer], *, seed: int = 0
) -> Proba:
    """Mend each fold as the other folds ask for, for reporting on these documents."""
    check_shapes(proba, truth)
    check_folds(folds, len(proba))
    mended = proba.copy()
    for number in np.unique(folds):
        inside = folds == number
        mended[inside] = recalibrate(proba[~inside], truth[~inside], seed=seed).apply(proba[inside])
    return mended


def fit_map(method: Method, cells: Floats, present: Mask) -> Map:
    """Fit one way to one label's probabilities (cells,) and whether each is present.

    Platt (1999) with his smoothed targets; beta after Kull, Silva Filho and
    Flach (2017), slopes not below 0; isotonic by pooling adjacent violators.
    Raises InputError for the temperature, which belongs to all labels.
    """
    if method is Method.ISOTONIC:
        return _isotonic(cells, present)
    if method is Method.PLATT:
        return Map(method, _fit_sigmoid(_platt_terms(cells), present))
    if method is Method.BETA:
        return Map(method, _fit_sigmoid(_beta_terms(cells), present))
    raise InputError("A temperature is shared by all labels; use fit_temperature.")


def _choice(
    cells: Floats, present: Mask, shared: Floats, folds: NDArray[np.int64], own: Sequence[Method]
) -> LabelChoice:
    n_present, n_absent = int(present.sum()), int((~present).sum())
    temperature = Map(Method.TEMPERATURE)
    if min(n_present, n_absent) < ENOUGH_PER_STATE:
        reason = (
            f"{n_present} present and {n_absent} absent judgements are too few for a way of its "
            f"own; {ENOUGH_PER_STATE} of each do."
        )
        return LabelChoice(temperature, {}, reason)
    losses = {Method.TEMPERATURE: _losses(shared, present)}
    for method in own:
        if method is Method.ISOTONIC and len(cells) < ENOUGH_FOR_ISOTONIC:
            continue
        losses[method] = _losses(_cross_fitted(method, cells, present, folds), present)
    best = min(losses, key=lambda method: float(losses[method].mean()))
    gain = losses[Method.TEMPERATURE] - losses[best]
    told = {str(method): round(float(loss.mean()), 6) for method, loss in losses.items()}
    if best is Method.TEMPERATURE or gain.mean() <= gain.std(ddof=1) / np.sqrt(len(gain)):
        return LabelChoice(temperature, told, "No way of its own is clearly better.")
    return LabelChoice(
        fit_map(best, cells, present), told, f"Clearly less surprise left than before ({best})."
    )


def _cross_fitted_temperature(
    proba: Proba, truth: Truth, folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    mended = proba.astype(np.float64)
    for number in np.unique(folds):
        inside = folds == number
        mended[inside] = fit_temperature(proba[~inside], truth[~inside]).apply(mended[inside])
    return mended


def _cross_fitted(method: Method, cells: Floats, present: Mask, folds: NDArray[np.int64]) -> Floats:
    mended = cells.copy()
    for number in np.unique(folds):
        inside = folds == number
        if present[~inside].any() and not present[~inside].all():
            mended[inside] = fit_map(method, cells[~inside], present[~inside]).apply(cells[inside])
    return mended


def _losses(cells: Floats, present: Mask) -> Floats:
    p = np.clip(cells, SMALLEST_PROBA, 1 - SMALLEST_PROBA)
    losses: Floats = -np.log(np.where(present, p, 1 - p))
    return losses


def _platt_terms(proba: Floats) -> Floats:
    """(cells, 1): the logit."""
    return logit(np.clip(proba, SMALLEST_PROBA, 1 - SMALLEST_PROBA))[:, None]


def _beta_terms(proba: Floats) -> Floats:
    """(cells, 2): ln p and -ln(1 - p), which both rise with p."""
    p = np.clip(proba, SMALLEST_PROBA, 1 - SMALLEST_PROBA)
    return np.column_stack([np.log(p), -np.log1p(-p)])


def _sigmoid_of(terms: Floats, values: tuple[float, ...]) -> Floats:
    mended: Floats = expit(terms @ np.asarray(values[:-1]) + values[-1])
    return mended


def _fit_sigmoid(terms: Floats, present: Mask) -> tuple[float, ...]:
    """The most likely slopes, not below 0, and shift, on smoothed targets."""
    from scipy.optimize import minimize  # slow to import, wanted by the worker only

    n_present, n_absent = int(present.sum()), int((~present).sum())
    targets = np.where(present, (n_present + 1) / (n_present + 2), 1 / (n_absent + 2))
    design = np.column_stack([terms, np.ones(len(terms))])

    def loss_and_slope(values: Floats) -> tuple[float, Floats]:
        scores = design @ values
        loss = float(np.mean(np.logaddexp(0, scores) - targets * scores))
        return loss, design.T @ (expit(scores) - targets) / len(targets)

    n_terms = terms.shape[1]
    start = np.append(np.full(n_terms, 1.0 / n_terms), 0.0)
    bounds = [(0.0, LARGEST_SLOPE)] * n_terms + [(None, None)]
    found = minimize(loss_and_slope, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return tuple(float(value) for value in found.x)


def _isotonic(cells: Floats, present: Mask) -> Map:
    from sklearn.isotonic import IsotonicRegression  # as above

    fitted = IsotonicRegression(y_min=SMALLEST_PROBA, y_max=1 - SMALLEST_PROBA)
    fitted.fit(cells, present.astype(np.float64))
    knots = (*fitted.X_thresholds_.tolist(), *fitted.y_thresholds_.tolist())
    return Map(Method.ISOTONIC, tuple(float(value) for value in knots))
