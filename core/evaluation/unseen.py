"""From probabilities of documents nobody trained on: calibration, threshold, honest figures.

Rounds and trainings without the app choose and measure by these functions alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import UNJUDGED, EvaluationSource, Proba, Truth
from core.evaluation.calibration import Temperature, cross_fitted_calibration, fit_temperature
from core.evaluation.counts import ENOUGH_TO_MEASURE
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.thresholds import (
    DEFAULT_THRESHOLD,
    best_threshold,
    cross_fitted_predictions,
    predict_exclusive,
    sweep,
)


@dataclass(frozen=True)
class Unseen:
    """Documents that have both a judgement and an honest, uncalibrated prediction."""

    proba: Proba  # (documents, labels)
    truth: Truth
    folds: NDArray[np.int64]
    source: EvaluationSource

    @property
    def usable(self) -> Unseen:
        """Without documents that tell nothing."""
        return self.take(np.flatnonzero(self.is_usable))

    @property
    def is_usable(self) -> NDArray[np.bool_]:
        """(documents,) which tell something."""
        told: NDArray[np.bool_] = (np.isfinite(self.proba) & (self.truth != UNJUDGED)).any(axis=1)
        return told

    def take(self, rows: NDArray[np.int64]) -> Unseen:
        """These documents alone."""
        return Unseen(self.proba[rows], self.truth[rows], self.folds[rows], self.source)

    def __len__(self) -> int:
        return len(self.proba)


@dataclass(frozen=True)
class Chosen:
    """What turns raw probabilities into named labels."""

    temperature: Temperature
    threshold: float
    is_said: bool = False  # the threshold was given, not chosen

    @property
    def is_exclusive(self) -> bool:
        """Exactly one label applies to each text, and no threshold is asked."""
        return self.temperature.exclusive


def choose(unseen: Unseen, threshold: float | None, *, exclusive: bool) -> Chosen:
    """Fit the temperature, and choose the threshold unless one was said."""
    temperature = calibrated_on(unseen, exclusive=exclusive)
    if threshold is not None:
        return Chosen(temperature, threshold, is_said=True)
    return chosen_on(unseen, temperature)


def calibrated_on(unseen: Unseen, *, exclusive: bool) -> Temperature:
    """The temperature these documents ask for."""
    usable = unseen.usable
    return fit_temperature(usable.proba, usable.truth, exclusive=exclusive)


def chosen_on(unseen: Unseen, temperature: Temperature) -> Chosen:
    """The threshold best on these documents, or one half where they are fewer than ten."""
    usable, best = unseen.usable, DEFAULT_THRESHOLD
    if len(usable) >= ENOUGH_TO_MEASURE:
        best = best_threshold(sweep(temperature.apply(usable.proba), usable.truth))
    return Chosen(temperature, best, is_said=False)


def measured_on_test(
    proba: Proba,
    truth: Truth,
    chosen: Chosen,
    *,
    names: tuple[str, ...],
    seed: int,
    source: EvaluationSource = EvaluationSource.HELD_OUT,
) -> EvaluationOutputs:
    """What to measure of raw probabilities of documents that neither trained nor chose anything."""
    calibrated = chosen.temperature.apply(proba)
    return EvaluationOutputs(
        proba=calibrated,
        truth=truth,
        names=names,
        thresholds=np.full(len(names), chosen.threshold),
        shared=chosen.threshold,
        source=source,
        predicted=predict_exclusive(calibrated) if chosen.is_exclusive else None,
        raw=proba,
        exclusive=chosen.is_exclusive,
        seed=seed,
    )


def measured_on_unseen(
    unseen: Unseen, chosen: Chosen, *, names: tuple[str, ...], seed: int
) -> EvaluationOutputs:
    """What to measure of documents that chose, each by what the other folds would have chosen.

    The rows are those of `unseen.usable`. A threshold that was said was chosen on
    none of them. With fewer than ten documents there are no rows.
    """
    usable = unseen.usable
    source = usable.source
    if len(usable) < ENOUGH_TO_MEASURE:
        usable, source = usable.take(np.arange(0)), EvaluationSource.NONE
    predicted, calibrated = None, usable.proba
    if len(usable):
        calibrated = cross_fitted_calibration(
            usable.proba, usable.truth, usable.folds, exclusive=chosen.is_exclusive
        )
        if chosen.is_exclusive:
            predicted = predict_exclusive(usable.proba)
        elif not chosen.is_said:
            predicted, _ = cross_fitted_predictions(usable.proba, usable.truth, usable.folds)
    return EvaluationOutputs(
        proba=calibrated,
        truth=usable.truth,
        names=names,
        thresholds=np.full(len(names), chosen.threshold),
        shared=chosen.threshold,
        source=source,
        predicted=predicted,
        raw=usable.proba if len(usable) else None,
        folds=usable.folds,
        exclusive=chosen.is_exclusive,
        seed=seed,
    )
