"""Which labels fail and why, and whether labels meet as they should."""

from __future__ import annotations

import numpy as np

from core.evaluation.advice_labels import best_on_curve
from core.evaluation.answers import Answer, Known, Question, Severity, too_early
from core.evaluation.counts import Counts, Mask
from core.evaluation.per_label import LabelScores
from core.evaluation.troubles import (
    HIGH,
    LOW,
    MUCH_BETTER,
    is_by_chance,
    is_collapsed,
    is_failing,
    is_measurable,
)
from core.evaluation.wording import FEW_POSITIVES, counted, listed, number

MANY_TOGETHER = 5  # documents in which a pair meets; of fewer, chance is all
NAMED = 2  # labels that a sentence names for one reason
REASONS = (
    ("never predicted", "is never predicted", "are never predicted"),
    ("everywhere", "is predicted nearly everywhere", "are predicted nearly everywhere"),
    ("by chance", "is ranked hardly better than by chance", "are ranked hardly better than chance"),
    ("badly cut", "is ranked well but cut badly", "are ranked well but cut badly"),
    ("alarms", "raises many false alarms", "raise many false alarms"),
    ("misses", "is missed more often than found", "are missed more often than found"),
    ("both", "is both missed and given wrongly", "are both missed and given wrongly"),
)
REMEDIES = {
    "never predicted": "lower the threshold or judge more examples",
    "everywhere": "raise the threshold or judge documents without the label",
    "by chance": "check that people agree on the meaning",
    "badly cut": "try thresholds per label",
    "alarms": "judge look-alikes as absent",
    "misses": "judge more varied examples",
    "both": "look at the errors",
}

THRESHOLD = dict.fromkeys(REMEDIES, "") | {  # of which there is none where labels exclude others
    "never predicted": "lower the threshold or ",
    "everywhere": "raise the threshold or ",
}


def which_labels_fail(known: Known) -> Answer:
    """Labels with F1 below one half among those that can be measured, by reason."""
    question = Question.LABELS
    if early := too_early(question, known):
        return early
    labels = [s for s in known.evaluation.labels if is_measurable(s)]
    n_rare = len(known.evaluation.labels) - len(labels)
    if not labels:
        return Answer(
            question,
            Severity.UNKNOWN,
            f"Too early to say: no label has {FEW_POSITIVES} positives among the "
            f"{known.n_documents:,} measured documents; search for examples.",
            f"0 of {n_rare:,}",
            f"labels with {FEW_POSITIVES} positives",
        )
    failing = [s for s in labels if is_failing(s)]
    figure = f"{len(failing):,} of {len(labels):,}"
    if failing:
        told = f"{_failing(failing, len(labels))}: {_why(known, failing)}."
        severity = Severity.ACT
    else:
        told = _none_fails(labels)
        severity = Severity.LOOK if n_rare > len(labels) else Severity.FINE
    return Answer(
        question, severity, told + _too_rare(n_rare), figure, f"labels with F1 below {LOW:.2f}"
    )


def _failing(failing: list[LabelScores], n: int) -> str:
    if n == 1:
        return f"The one label that can be measured fails, with F1 {number(failing[0].f1 or 0.0)}"
    verb = "has" if len(failing) == 1 else "have"
    return f"{len(failing):,} of {counted(n, 'label')} {verb} F1 below {LOW:.2f}"


def _none_fails(labels: list[LabelScores]) -> str:
    worst = min(labels, key=lambda scores: scores.f1 or 0.0)
    if len(labels) == 1:
        return f"“{worst.name}”, the one label that can be measured, does not: {_f1(worst)}."
    return (
        f"None of the {len(labels):,} labels that can be measured falls below F1 {LOW:.2f}; "
        f"“{worst.name}” is weakest with {number(worst.f1)}."
    )


def _f1(scores: LabelScores) -> str:
    return f"F1 {number(scores.f1)}"


def _too_rare(n_rare: int) -> str:
    if not n_rare:
        return ""
    verb, pronoun = ("has", "it") if n_rare == 1 else ("have", "them")
    more = counted(n_rare, "label")
    return f" {more} {verb} fewer than {FEW_POSITIVES} positives: nothing can be said of {pronoun}."


def _why(known: Known, failing: list[LabelScores]) -> str:
    """The commonest reasons, each with labels it holds for, and what helps with the first."""
    by_reason: dict[str, list[str]] = {}
    for scores in sorted(failing, key=lambda s: s.f1 or 0.0):
        by_reason.setdefault(reason_of(known, scores), []).append(scores.name)
    parts = [
        _said_of(by_reason[key], one, many)
        for key, one, many in sorted(
            (reason for reason in REASONS if reason[0] in by_reason),
            key=lambda reason: -len(by_reason[reason[0]]),
        )
    ]
    first = max(by_reason, key=lambda key: len(by_reason[key]))
    shown = "; ".join(parts[:2]) + ("; others for other reasons" if len(parts) > 2 else "")
    remedy = REMEDIES[first].removeprefix(THRESHOLD[first]) if known.exclusive else REMEDIES[first]
    return f"{shown}. First {remedy}"


def _said_of(names: list[str], one: str, many: str) -> str:
    """All names where they are few, else how many and the worst of them."""
    if len(names) <= NAMED:
        return f"{listed(names)} {one if len(names) == 1 else many}"
    return f"{len(names):,} {many}, worst “{names[0]}”"


def reason_of(known: Known, scores: LabelScores) -> str:
    """The first of `REASONS` that holds for a label."""
    evaluation = known.evaluation
    if scores.n_predicted == 0:
        return "never predicted"
    if is_collapsed(scores):
        return "everywhere"
    if is_by_chance(scores):
        return "by chance"
    if not known.exclusive:
        curve = evaluation.curves[evaluation.position_of(scores.name)]
        best = best_on_curve(curve)[1] if curve.recall.size else 0.0
        if best - (scores.f1 or 0.0) > MUCH_BETTER:
            return "badly cut"
    precision, recall = scores.precision or 0.0, scores.recall or 0.0
    if recall >= HIGH and precision <= LOW:
        return "alarms"
    if precision >= HIGH and recall <= LOW:
        return "misses"
    return "both"


def do_labels_meet(known: Known) -> Answer:
    """Whether pairs of labels are predicted together about as often as people judged them so."""
    question = Question.TOGETHER
    if known.exclusive:
        return Answer(
            question, Severity.FINE, "Exactly one label applies to each document, so none meet."
        )
    names = known.evaluation.names
    if len(names) < 2:
        return Answer(question, Severity.FINE, "The project has one label, so there are no pairs.")
    if early := too_early(question, known):
        return early
    judged = np.triu(known.evaluation.judged_pairs.counts, k=1)
    predicted = np.triu(known.evaluation.predicted_pairs.counts, k=1)
    common = np.maximum(judged, predicted) >= MANY_TOGETHER
    n_common = int(common.sum())
    if not n_common:
        return Answer(
            question,
            Severity.UNKNOWN,
            f"Too early to say: no two labels meet in {MANY_TOGETHER} of the "
            f"{known.n_documents:,} measured documents.",
            "0",
            "pairs met often enough",
        )
    off = common & _differ(judged, predicted)
    figure, of_what = (
        f"{int(off.sum()):,} of {n_common:,}",
        "pairs predicted far too seldom or often",
    )
    if not off.any():
        top = np.unravel_index(int(judged.argmax()), judged.shape)
        a, b = (names[int(i)] for i in top)
        told = (
            f"Yes: of {counted(n_common, 'pair')} that meet in {MANY_TOGETHER} documents or more, "
            f"none is predicted far too seldom or too often; “{a}” and “{b}” meet most, judged in "
            f"{judged[top]:,} and predicted in {predicted[top]:,}."
        )
        return Answer(question, Severity.FINE, told, figure, of_what)
    gaps = np.where(off, np.abs(judged - predicted), -1)
    worst = np.unravel_index(int(gaps.argmax()), gaps.shape)
    a, b = (names[int(i)] for i in worst)
    kind = "seldom" if predicted[worst] < judged[worst] else "often"
    told = (
        f"Not all: {off.sum():,} of {counted(n_common, 'pair')} are predicted far too seldom or "
        f"too often. “{a}” and “{b}” too {kind}: judged together in {judged[worst]:,} documents, "
        f"predicted in {predicted[worst]:,}."
    )
    severity = Severity.ACT if off.sum() > n_common / 4 else Severity.LOOK
    return Answer(question, severity, told, figure, of_what)


def _differ(judged: Counts, predicted: Counts) -> Mask:
    """Counts of which one is less than half the other, by more than twice what chance makes."""
    low, high = np.minimum(judged, predicted), np.maximum(judged, predicted)
    differ: Mask = (2 * low < high) & (high - low > 2 * np.sqrt(high + low))
    return differ
