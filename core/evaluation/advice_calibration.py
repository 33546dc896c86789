"""What a stored evaluation says of its probabilities; `advice_belief` knows more, from outputs."""

from __future__ import annotations

import numpy as np

from core.evaluation.calibration import MIN_DOCUMENTS, Reliability
from core.evaluation.report import Evaluation
from core.evaluation.wording import NOTHING_MEASURED, number

HALF = 0.5
BELIEVABLE_ECE = 0.03
LARGE_GAIN = 0.1
MIN_SURE_CELLS = 20


def what_it_suggests_reliability_diagram(evaluation: Evaluation) -> str:
    """What the diagram says about believing the probabilities."""
    if evaluation.n_documents == 0:
        return NOTHING_MEASURED
    if evaluation.n_documents < MIN_DOCUMENTS:
        return (
            f"{evaluation.n_documents} measured documents are too few to tell; from "
            f"{MIN_DOCUMENTS} on, probabilities can be checked and calibrated."
        )
    return _on_belief(evaluation) + _on_calibrating(evaluation)


def _on_belief(evaluation: Evaluation) -> str:
    ece, binned = evaluation.calibration.ece, evaluation.calibration.reliability
    if ece <= BELIEVABLE_ECE:
        return f"Probabilities are off by only {number(ece)} on average{_unless_sure(binned)}."
    bias, overconfidence = _tendencies(binned)
    if abs(bias) >= 0.7 * ece:
        direction, remedy = ("high", "raising") if bias > 0 else ("low", "lowering")
        return (
            f"Probabilities are too {direction} nearly everywhere, by {number(abs(bias))} on "
            f"average; read them as an order, and prefer {remedy} the threshold to trusting 0.50."
        )
    if overconfidence > 0.5 * ece:
        return (
            f"The model is overconfident (off by {number(ece)} on average): its sure answers are "
            "wrong more often than they claim, so do not accept suggestions unread."
        )
    if overconfidence < -0.5 * ece:
        return (
            f"The model is underconfident (off by {number(ece)} on average): its probabilities "
            "lie too close together; trust its order beyond its numbers."
        )
    return (
        f"Probabilities are off by {number(ece)} on average, in no one direction; judge more "
        "audit documents before acting on single values."
    )


def _unless_sure(binned: Reliability) -> str:
    """What an average over mostly absent cells can hide."""
    sure = (binned.bin_lower >= HALF - 1e-9) & (binned.count > 0)
    n_sure = int(binned.count[sure].sum())
    if n_sure < MIN_SURE_CELLS:
        return ", and can be taken at their word"
    predicted = float((binned.mean_predicted * binned.count)[sure].sum() / n_sure)
    observed = float((binned.observed * binned.count)[sure].sum() / n_sure)
    if abs(predicted - observed) < LARGE_GAIN:
        return ", and can be taken at their word"
    return (
        f", because most cells are clearly absent; but where the model says yes it claims "
        f"{predicted:.0%} and is right in {observed:.0%}, so read those with care"
    )


def _tendencies(binned: Reliability) -> tuple[float, float]:
    """Mean of predicted - observed, and the same counted away from 0.5 on both sides."""
    filled = binned.count > 0
    weights = binned.count[filled] / binned.count.sum()
    gaps = (binned.mean_predicted - binned.observed)[filled]
    side = np.where(binned.mean_predicted[filled] >= HALF, 1.0, -1.0)
    return float((weights * gaps).sum()), float((weights * gaps * side).sum())


def _on_calibrating(evaluation: Evaluation) -> str:
    if evaluation.uncalibrated is None:
        return ""
    before, after = evaluation.uncalibrated.ece, evaluation.calibration.ece
    if before - after > 0.01:
        return f" Calibration helped: it was {number(before)} before and is {number(after)} now."
    if after - before > 0.01:
        return (
            f" Calibration did not carry over to these documents ({number(before)} before, "
            f"{number(after)} now); it will settle with more judgements."
        )
    return ""
