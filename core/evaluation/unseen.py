"""From probabilities of documents nobody trained on: calibration, thresholds, honest figures.

Rounds and trainings without the app choose and measure by these functions alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.domain import UNJUDGED, EvaluationSource, Proba, Truth
from core.evaluation.calibration import cross_fitted_calibration, fit_temperature
from core.evaluation.counts import ENOUGH_TO_MEASURE, Mask
from core.evaluation.operating_points import Aim, Cuts, choose_cuts
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.recalibration import Nested, Recalibration, nested_recalibration
from core.evaluation.thresholds import DEFAULT_THRESHOLD, predict_exclusive


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

    calibration: Recalibration
    cuts: Cuts
    aim: Aim = field(default_factory=Aim)
    is_said: bool = False  # the threshold was given, not chosen

    @property
    def is_exclusive(self) -> bool:
        """Exactly one label applies to each text, and no threshold is asked."""
        return self.calibration.temperature.exclusive

    @property
    def threshold(self) -> float:
        """That of labels without one of their own."""
        return self.cuts.shared

    def predict(self, calibrated: Proba) -> Mask:
        """(documents, labels): which labels are named."""
        if self.is_exclusive:
            return predict_exclusive(calibrated)
        return self.cuts.predict(calibrated)


def nested_on(unseen: Unseen, *, exclusive: bool, seed: int) -> Nested:
    """Fit the calibration, and what each fold may be told by the others."""
    usable = unseen.usable
    if not exclusive:
        return nested_recalibration(usable.proba, usable.truth, usable.folds, seed=seed)
    temperature = fit_temperature(usable.proba, usable.truth, exclusive=True)
    honest = usable.proba
    if len(usable):
        honest = cross_fitted_calibration(usable.proba, usable.truth, usable.folds, exclusive=True)
    within = np.empty((0, *usable.proba.shape), dtype=np.float32)
    return Nested(Recalibration(temperature), honest, within, usable.folds.astype(np.int64))


def chosen_on(
    unseen: Unseen, nested: Nested, *, threshold: float | None = None, aim: Aim | None = None
) -> Chosen:
    """Choose the thresholds, unless one was said for all labels.

    They are chosen on probabilities that each fold has by what the others fitted, as
    new documents' will be; with fewer than ten documents they are one half.
    """
    usable, calibration, aim = unseen.usable, nested.chosen, aim or Aim()
    n_labels = usable.proba.shape[1]
    if threshold is not None:
        return Chosen(calibration, one_cut(threshold, n_labels), aim, is_said=True)
    if calibration.temperature.exclusive or len(usable) < ENOUGH_TO_MEASURE:
        return Chosen(calibration, one_cut(DEFAULT_THRESHOLD, n_labels), aim)
    return Chosen(calibration, choose_cuts(nested.mended, usable.truth, aim), aim)


def measured_on_unseen(
    unseen: Unseen, nested: Nested, chosen: Chosen, *, names: tuple[str, ...], seed: int
) -> EvaluationOutputs:
    """What to measure of documents that chose, each by what the other folds would have chosen.

    Calibration and cuts of a fold come from the other folds alone, so that chance
    shows no gain. The rows are those of `unseen.usable`. A threshold that was said was
    chosen on none of them. With fewer than ten documents there are no rows.
    """
    usable, source, honest = unseen.usable, unseen.source, nested.mended
    is_enough, predicted = len(usable) >= ENOUGH_TO_MEASURE, None
    if not is_enough:
        usable, source, honest = usable.take(np.arange(0)), EvaluationSource.NONE, honest[:0]
    elif chosen.is_exclusive:
        predicted = predict_exclusive(usable.proba)
    elif not chosen.is_said:
        predicted = _cross_cut(nested, usable.truth, chosen.aim)
    return EvaluationOutputs(
        proba=honest,
        truth=usable.truth,
        names=names,
        thresholds=chosen.cuts.thresholds,
        shared=chosen.threshold,
        source=source,
        predicted=predicted,
        raw=usable.proba if is_enough else None,
        folds=usable.folds,
        exclusive=chosen.is_exclusive,
        seed=seed,
    )


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
    calibrated = chosen.calibration.apply(proba)
    return EvaluationOutputs(
        proba=calibrated,
        truth=truth,
        names=names,
        thresholds=chosen.cuts.thresholds,
        shared=chosen.threshold,
        source=source,
        predicted=predict_exclusive(calibrated) if chosen.is_exclusive else None,
        raw=proba,
        exclusive=chosen.is_exclusive,
        seed=seed,
    )


def one_cut(threshold: float, n_labels: int) -> Cuts:
    """The same threshold for all."""
    none = np.zeros(n_labels, dtype=np.bool_)
    return Cuts(np.full(n_labels, threshold), threshold, none, none)


def _cross_cut(nested: Nested, truth: Truth, aim: Aim) -> Mask:
    """Predict each fold by cuts chosen on the others, calibrated among themselves."""
    predicted = np.zeros(truth.shape, dtype=np.bool_)
    for fold, proba in enumerate(nested.within):
        inside = nested.folds == fold
        if inside.any():
            cuts = choose_cuts(proba[~inside], truth[~inside], aim)
            predicted[inside] = cuts.predict(nested.mended[inside])
    return predicted
