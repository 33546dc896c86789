"""Which way probabilities are off: too high or too low, too sure or not sure enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.evaluation.counts import Floats
from core.evaluation.reliability import JudgedCells

SMALLEST = 1e-6  # logits of less would outweigh all others
PRIOR_SPREAD = 2.0  # of the slope about 1: keeps it finite where present and absent never mix
MAX_STEPS = 30
WELL_FOUND = 1e-8


@dataclass(frozen=True)
class Tendency:
    """Which way probabilities are off, with standard errors; NaN where nothing was judged.

    bias : mean of predicted less observed
    slope : of Cox's (1958) recalibration, how much the logits should be stretched:
        below 1 the model is too sure, above 1 not sure enough
    """

    bias: float
    bias_error: float
    slope: float
    slope_error: float


def tendency_of(cells: JudgedCells) -> Tendency:
    """Hold the cells' probabilities against what came true.

    The errors take documents as independent, not cells. That of the bias is never
    less than a faultless model's: where all of few cells are absent, what is
    observed does not vary, and would be sure of anything.
    """
    if not len(cells):
        return Tendency(*[float("nan")] * 4)
    gaps = cells.proba - cells.present
    faultless = cells.proba * (1 - cells.proba)
    bias = float(gaps.mean())
    between = float((np.bincount(cells.document, weights=gaps - bias) ** 2).sum())
    slope, slope_error = _slope(cells)
    return Tendency(
        bias=bias,
        bias_error=float(np.sqrt(max(between, faultless.sum())) / len(cells)),
        slope=slope,
        slope_error=slope_error,
    )


def _slope(cells: JudgedCells) -> tuple[float, float]:
    """Newton's steps for logit(observed) = shift + slope * logit(predicted)."""
    scores = logit(np.clip(cells.proba, SMALLEST, 1 - SMALLEST))
    design = np.column_stack([np.ones_like(scores), scores])
    prior = np.diag([1e-6, PRIOR_SPREAD**-2])
    values = np.array([0.0, 1.0])
    for _ in range(MAX_STEPS):
        chances = expit(design @ values)
        slope_of_loss = design.T @ (chances - cells.present) + prior @ (values - [0.0, 1.0])
        step = np.linalg.solve(_information(design, chances) + prior, slope_of_loss)
        values = values - step * min(1.0, 2.0 / float(np.abs(step).max() + 1e-12))
        if np.abs(step).max() < WELL_FOUND:
            break
    return float(values[1]), _slope_error(cells, design, values, prior)


def _slope_error(
    cells: JudgedCells, design: Floats, values: NDArray[np.float64], prior: Floats
) -> float:
    """The larger of two: with cells independent, and with documents independent alone."""
    chances = expit(design @ values)
    spread = np.linalg.inv(_information(design, chances) + prior)
    scores = np.column_stack(
        [
            np.bincount(cells.document, weights=column * (chances - cells.present))
            for column in design.T
        ]
    )
    between = (spread @ (scores.T @ scores) @ spread)[1, 1]
    return float(np.sqrt(max(spread[1, 1], between)))


def _information(design: Floats, chances: Floats) -> Floats:
    weighted: Floats = (design * (chances * (1 - chances))[:, None]).T @ design
    return weighted
