"""Beside the curves of one label: how to read them, and what they suggest doing."""

from __future__ import annotations

from core.evaluation.advice_labels import best_on_curve
from core.evaluation.per_label import LabelScores, PrecisionRecallCurve
from core.evaluation.troubles import (
    HIGH,
    MUCH_BETTER,
    is_by_chance,
    is_collapsed,
    is_measurable,
)
from core.evaluation.wording import FEW_POSITIVES, counted, number


def how_to_read_precision_recall_curve() -> str:
    """How to read `precision_recall_curve`."""
    return (
        "The line shows what precision the label would have at each recall, over all thresholds; "
        "the dot is where it is cut now, and the dotted line what guessing would reach."
    )


def what_it_suggests_precision_recall_curve(
    scores: LabelScores, curve: PrecisionRecallCurve, *, exclusive: bool = False
) -> str:
    """Whether to move the threshold, to judge on, or to talk about the label."""
    if not is_measurable(scores) or not curve.recall.size:
        return _too_few(scores)
    at, best = best_on_curve(curve)
    if is_by_chance(scores):
        return (
            "Documents with the label are hardly ranked above those without: check that people "
            "agree on what it means before judging more."
        )
    if not exclusive and best - (scores.f1 or 0.0) > MUCH_BETTER:
        return (
            f"The ranking is better than the cut: F1 is {number(scores.f1)} now and {number(best)} "
            f"at a threshold of {at:.2f}. That threshold was found on these same documents, so "
            "expect a little less."
        )
    if is_collapsed(scores):
        return (
            "The label is predicted for nearly every document, so a prediction says nothing: judge "
            "documents without it."
        )
    if (scores.average_precision or 0.0) >= HIGH:
        return "The label is ranked well and cut about where it does best: nothing to do here."
    return (
        f"The cut is about as good as this ranking allows (F1 {number(scores.f1)}, at best "
        f"{number(best)}): judging documents that the model is unsure about helps most."
    )


def how_to_read_roc_curve() -> str:
    """How to read `roc_curve`."""
    return (
        "How many of the label's documents are found, against how many of the others are taken "
        "for it, over all thresholds; the dotted line is guessing. For rare labels it looks better "
        "than the label is: precision against recall is stricter."
    )


def what_it_suggests_roc_curve(scores: LabelScores, auc: float | None) -> str:
    """What the area says, and what it hides."""
    if auc is None or not is_measurable(scores):
        return _too_few(scores)
    pairs = (
        f"In {auc:.0%} of all pairs the document with the label is ranked above the one without."
    )
    rare = scores.support < 0.1 * scores.n_judged
    if auc >= 0.9 and rare and (scores.average_precision or 0.0) < HIGH:
        return (
            f"{pairs} Yet average precision is only {number(scores.average_precision)}: the label "
            "is rare, so a few false alarms in a hundred outnumber what is found."
        )
    if auc < 0.6:
        return f"{pairs} That is hardly better than guessing: check what the label means to people."
    return f"{pairs} Use precision against recall to choose where to cut."


def _too_few(scores: LabelScores) -> str:
    if scores.support >= FEW_POSITIVES:
        return "Every judged document has this label, so there is nothing to tell apart."
    return (
        f"Only {counted(scores.support, 'positive')} judged, and under {FEW_POSITIVES} one "
        "document moves every score by a lot: search for more examples before trusting any."
    )
