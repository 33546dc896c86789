"""Making 0.7 mean seven in ten: one temperature for all judged cells of all labels.

It keeps every order as it was. How far probabilities can be believed is measured
in `reliability`, whose scores are found here too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.domain import PRESENT, Proba, Truth
from core.evaluation.counts import Floats, check_folds, check_shapes, usable_cells
from core.evaluation.reliability import (
    SMALLEST_PROBA,
    BinKind,
    Reliability,
    brier,
    expected_calibration_error,
    judged_cells,
    log_loss,
    reliability,
)

__all__ = [
    "SMALLEST_PROBA",
    "BinKind",
    "Reliability",
    "Temperature",
    "brier",
    "cross_fitted_calibration",
    "expected_calibration_error",
    "fit_temperature",
    "log_loss",
    "reliability",
]

MIN_DOCUMENTS = 20
MIN_PER_STATE = 10
TEMPERATURE_RANGE = (0.05, 20.0)


@dataclass(frozen=True)
class Temperature:
    """Divides every logit by `value`; `reason` says why it is 1 where fitting was refused.

    With `exclusive` exactly one label applies to each document, and the logits
    are those of the softmax over its labels.
    """

    value: float
    reason: str | None = None
    exclusive: bool = False

    def apply(self, proba: Proba) -> Proba:
        """Calibrated probabilities of the same shape; order and the side of 0.5 stay.

        Of exclusive labels, (documents, labels), each document's order stays and its sum is 1.
        """
        if self.value == 1.0:
            return proba
        if self.exclusive:
            return np.exp(_log_shares(proba) / self.value - _log_total(proba, self.value)).astype(
                proba.dtype
            )
        return expit(logit(proba.astype(np.float64)) / self.value).astype(proba.dtype)


def fit_temperature(proba: Proba, truth: Truth, *, exclusive: bool = False) -> Temperature:
    """The one temperature that makes the judged cells most likely (Guo et al. 2017).

    Fit it on probabilities of documents the model did not train on. Targets are
    smoothed as in Platt (1999), so that faultless data do not drive it to 0.
    With fewer than 20 documents, or 10 present and 10 absent cells, it stays 1.

    Parameters
    ----------
    proba, truth : (documents, labels); cells unjudged or without a probability are left out.
    exclusive : exactly one label applies to each document; those that are judged to have one count.
    """
    check_shapes(proba, truth)
    if exclusive:
        return _fit_exclusive(proba, truth)
    n_documents = int(usable_cells(proba, truth).any(axis=1).sum())
    judged = judged_cells(proba, truth)
    cells, present = judged.proba, judged.present
    n_present = int(present.sum())
    n_absent = len(present) - n_present
    if reason := _too_thin(n_documents, n_present, n_absent):
        return Temperature(1.0, reason)

    logits = logit(np.clip(cells, SMALLEST_PROBA, 1 - SMALLEST_PROBA))
    targets = np.where(present, (n_present + 1) / (n_present + 2), 1 / (n_absent + 2))
    return Temperature(_most_likely_temperature(logits, targets))


def _fit_exclusive(proba: Proba, truth: Truth) -> Temperature:
    """The temperature that makes the present labels most likely, targets smoothed as above."""
    present = (truth == PRESENT) & np.isfinite(proba)
    told = present.sum(axis=1) == 1
    n_documents, n_labels = int(told.sum()), proba.shape[1]
    if n_documents < MIN_DOCUMENTS:
        return Temperature(1.0, _too_few_documents(n_documents), exclusive=True)
    sure = (n_documents + 1) / (n_documents + 2)
    others = (1 - sure) / max(1, n_labels - 1)
    targets = np.where(present[told], sure, others)
    log_shares = _log_shares(proba[told])

    def mean_loss(temperature: float) -> float:
        scaled = log_shares / temperature - _log_total(proba[told], temperature)
        return -float(np.nansum(targets * scaled) / n_documents)

    return Temperature(_least(mean_loss), exclusive=True)


def _log_shares(proba: Proba) -> Floats:
    shares: Floats = np.log(np.clip(proba.astype(np.float64), SMALLEST_PROBA, 1.0))
    return shares


def _log_total(proba: Proba, temperature: float) -> Floats:
    """Of a document's labels that have a probability: (documents, 1)."""
    scaled = _log_shares(proba) / temperature
    highest = np.max(scaled, axis=1, keepdims=True, initial=-np.inf, where=~np.isnan(scaled))
    highest = np.where(np.isfinite(highest), highest, 0.0)
    total = np.nansum(np.exp(scaled - highest), axis=1, keepdims=True)
    logs: Floats = highest + np.log(np.where(total > 0, total, 1.0))
    return logs


def cross_fitted_calibration(
    proba: Proba, truth: Truth, folds: NDArray[np.integer], *, exclusive: bool = False
) -> Proba:
    """Calibrate each fold with the temperature that the other folds ask for.

    A temperature flatters the documents it was fitted on; these probabilities are
    for reporting on them, the fit on all of them is for everything else.

    Parameters
    ----------
    proba, truth : (documents, labels); cells unjudged or without a probability are left out.
    folds : (documents,) the fold of each document, any integers
    """
    check_shapes(proba, truth)
    check_folds(folds, len(proba))
    calibrated = proba.copy()
    for number in np.unique(folds):
        inside = folds == number
        temperature = fit_temperature(proba[~inside], truth[~inside], exclusive=exclusive)
        calibrated[inside] = temperature.apply(proba[inside])
    return calibrated


def _most_likely_temperature(logits: Floats, targets: Floats) -> float:
    def mean_loss(temperature: float) -> float:
        scaled = logits / temperature
        return float(np.mean(np.logaddexp(0, scaled) - targets * scaled))

    return _least(mean_loss)


def _least(loss: Callable[[float], float]) -> float:
    """The temperature with the least loss, within the range."""
    from scipy.optimize import minimize_scalar  # slow to import, wanted by the worker only

    low, high = np.log(TEMPERATURE_RANGE)
    found = minimize_scalar(
        lambda log: loss(float(np.exp(log))), bounds=(low, high), method="bounded"
    )
    return float(np.exp(found.x))


def _too_thin(n_documents: int, n_present: int, n_absent: int) -> str | None:
    if n_documents < MIN_DOCUMENTS:
        return _too_few_documents(n_documents)
    if min(n_present, n_absent) < MIN_PER_STATE:
        return (
            f"{n_present} present and {n_absent} absent judgements are too few to calibrate on; "
            f"{MIN_PER_STATE} of each do."
        )
    return None


def _too_few_documents(n_documents: int) -> str:
    return f"{n_documents} judged documents are too few to calibrate on; {MIN_DOCUMENTS} do."
