"""What is wrong with one label, in a few words; nothing where too little is known to say."""

from __future__ import annotations

from core.evaluation.per_label import LabelScores
from core.evaluation.wording import FEW_POSITIVES

HIGH, LOW = 0.7, 0.5
MUCH_BETTER = 0.15  # of F1: what another threshold must gain to be worth mentioning
TIMES_TOO_OFTEN = 3  # predictions per positive, from which a label says nothing any more


def is_collapsed(scores: LabelScores) -> bool:
    """Predicted nearly everywhere, and far more often than people say it."""
    return (
        scores.n_predicted >= 0.9 * scores.n_judged
        and scores.n_predicted >= TIMES_TOO_OFTEN * scores.support
    )


def is_measurable(scores: LabelScores) -> bool:
    """Whether there are positives enough for its scores to mean anything."""
    return scores.support >= FEW_POSITIVES


def is_failing(scores: LabelScores) -> bool:
    """Whether its scores mean something, and that is bad: F1 below 0.5."""
    return is_measurable(scores) and (scores.f1 or 0.0) < LOW


def what_stands_out(
    scores: LabelScores, *, better: tuple[float, float] | None = None, exclusive: bool = False
) -> str:
    """Why a label fails, in a few words; nothing where it does not.

    `better` is a threshold at which F1 would be higher, and that F1, on these
    same documents; it is left out where labels exclude each other.
    """
    if scores.n_judged == 0:
        return "not judged"
    if not is_measurable(scores):
        if scores.support == 0:
            return "no positives judged"
        return f"too few positives to tell: {scores.support}"
    another = ""
    if better is not None and not exclusive and better[1] - (scores.f1 or 0.0) > MUCH_BETTER:
        another = f"F1 would be {better[1]:.2f} at threshold {better[0]:.2f}"
    trouble = _trouble(scores, exclusive=exclusive, cut_badly=bool(another))
    return "; ".join(filter(None, (trouble, another)))


def _trouble(scores: LabelScores, *, exclusive: bool, cut_badly: bool) -> str:
    if scores.n_predicted == 0:
        return "never predicted"
    if is_collapsed(scores):
        return "predicted nearly everywhere"
    precision, recall = scores.precision or 0.0, scores.recall or 0.0
    if precision == 0:
        right = "the only prediction is wrong" if scores.n_predicted == 1 else ""
        return right or f"none of {scores.n_predicted} predictions is right"
    if is_by_chance(scores):
        return "ranked hardly better than by chance"
    if recall <= LOW < precision:
        why = ": threshold too high?" if cut_badly or not exclusive else ": many are missed"
        return f"recall {recall:.2f}{why}"
    if precision <= LOW < recall:
        return f"precision {precision:.2f}: many false alarms"
    if (scores.f1 or 0.0) < LOW:
        return f"precision {precision:.2f}, recall {recall:.2f}: both low"
    return ""


def is_ranked_well(scores: LabelScores) -> bool:
    """Whether most of its documents stand above the others."""
    return (scores.average_precision or 0.0) >= HIGH


def is_by_chance(scores: LabelScores) -> bool:
    """Whether documents with the label are hardly ranked above those without."""
    area = scores.average_precision
    if area is None or area >= HIGH:
        return False
    return area < 1.5 * scores.support / scores.n_judged
