"""What the per-label scores and their curves suggest."""

from __future__ import annotations

import numpy as np

from core.evaluation.per_label import LabelScores, PrecisionRecallCurve
from core.evaluation.report import Evaluation
from core.evaluation.troubles import (
    HIGH,
    LOW,
    is_by_chance,
    is_collapsed,
    is_measurable,
    is_ranked_well,
)
from core.evaluation.wording import (
    FEW_POSITIVES,
    caution,
    listed,
    nothing_to_say,
    number,
)

MOST = 0.6  # share of all positives at which one label makes the averages


def what_it_suggests_per_label_bars(evaluation: Evaluation, *, exclusive: bool = False) -> str:
    """The one or two most useful things the per-label scores say.

    With `exclusive` labels there is no threshold, and nothing is said of one.
    """
    if silent := nothing_to_say(evaluation):
        return silent
    said = [
        *_never_found(evaluation, exclusive),
        *_found_everywhere(evaluation, exclusive),
        *_too_rare(evaluation),
        *_lopsided(evaluation, exclusive),
        *_imbalanced(evaluation),
    ]
    return caution(evaluation) + " ".join(said[:2] or [_weakest(evaluation)])


def _measurable(evaluation: Evaluation) -> list[LabelScores]:
    return [scores for scores in evaluation.labels if is_measurable(scores)]


def _never_found(evaluation: Evaluation, exclusive: bool) -> list[str]:
    measurable = _measurable(evaluation)
    names = [scores.name for scores in measurable if scores.n_predicted == 0]
    if not names:
        return []
    if len(names) == len(measurable) > 1 and not exclusive:
        return [
            "No label is predicted at all: probabilities may be low rather than wrong; look for a "
            "better threshold before judging more."
        ]
    lower = "" if exclusive else "lower the threshold or "
    return [f"{listed(names)}: never predicted; {lower}judge more examples."]


def _found_everywhere(evaluation: Evaluation, exclusive: bool) -> list[str]:
    names = [scores.name for scores in _measurable(evaluation) if is_collapsed(scores)]
    if not names:
        return []
    return [
        f"{listed(names)}: predicted for nearly every document, so a prediction says nothing; "
        f"{'' if exclusive else 'raise the threshold, or '}judge documents without the label."
    ]


def _too_rare(evaluation: Evaluation) -> list[str]:
    names = [scores.name for scores in evaluation.labels if scores.support < FEW_POSITIVES]
    if not names:
        return []
    return [
        f"{listed(names)}: fewer than {FEW_POSITIVES} positives, so the scores say little; search "
        "for examples, or merge the label into a broader one."
    ]


def _lopsided(evaluation: Evaluation, exclusive: bool) -> list[str]:
    alarms, misses = [], []
    for scores in _measurable(evaluation):
        if scores.precision is None or scores.recall is None:
            continue
        if scores.recall >= HIGH and scores.precision <= LOW:
            alarms.append(scores.name)
        if scores.precision >= HIGH and scores.recall <= LOW:
            misses.append(scores.name)
    said = []
    if alarms:
        said.append(
            f"{listed(alarms)}: high recall but low precision, so many false alarms; judge "
            "look-alikes as absent, or say in the guideline where the label ends."
        )
    if misses:
        said.append(
            f"{listed(misses)}: high precision but low recall, so many are missed; judge more "
            f"varied examples{'' if exclusive else ', or lower the threshold'}."
        )
    return said


def _imbalanced(evaluation: Evaluation) -> list[str]:
    """One label that the averages are mostly about."""
    total = sum(evaluation.positives)
    top = int(np.argmax(evaluation.positives))
    share = evaluation.positives[top] / total
    if len(evaluation.names) < 3 or share < MOST:
        return []
    return [
        f"“{evaluation.names[top]}” has {share:.0%} of all positives, so micro-F1 is mostly about "
        "it: look at macro-F1 too, and judge more examples of the others."
    ]


def _weakest(evaluation: Evaluation) -> str:
    worst = min(_measurable(evaluation), key=lambda scores: scores.f1 or 0.0)
    if worst.f1 == 1.0:
        return "Every label that can be measured is right in all these documents: keep on so."
    return (
        f"“{worst.name}” is weakest with F1 {number(worst.f1)}: judging documents the model is "
        "unsure about for it helps most."
    )


def what_it_suggests_precision_recall_curves(evaluation: Evaluation) -> str:
    """Which labels are ranked no better than chance, and which need only another threshold."""
    if silent := nothing_to_say(evaluation):
        return silent
    ranked = [
        (i, scores)
        for i, scores in enumerate(evaluation.labels)
        if scores.average_precision is not None and scores.support >= FEW_POSITIVES
    ]
    if not ranked and any(one.support >= FEW_POSITIVES for one in evaluation.labels):
        return (
            f"No label of {FEW_POSITIVES} positives was judged absent anywhere, so there is "
            "nothing to rank it against; judge documents without it."
        )
    if not ranked:
        return f"No label has {FEW_POSITIVES} positives yet, so no curve can be trusted; judge on."
    return caution(evaluation) + _on_ranking(evaluation, ranked)


def _on_ranking(evaluation: Evaluation, ranked: list[tuple[int, LabelScores]]) -> str:
    by_chance = [scores.name for _, scores in ranked if is_by_chance(scores)]
    if by_chance:
        return (
            f"{listed(by_chance)}: ranked hardly better than by chance; check that people agree "
            "on what it means before judging more."
        )
    for i, scores in ranked:
        at, best = best_on_curve(evaluation.curves[i])
        if best - (scores.f1 or 0) > 0.2:
            how = "ranked well but cut badly" if is_ranked_well(scores) else "cut badly"
            return (
                f"“{scores.name}” is {how}: F1 is {number(scores.f1)} now and "
                f"{number(best)} at a threshold of {at:.2f}, chosen on these same documents."
            )
    worst = min((scores for _, scores in ranked), key=lambda s: s.average_precision or 0)
    return (
        f"“{worst.name}” has the lowest average precision, {number(worst.average_precision)}; "
        "more judgements of it gain most."
    )


def best_on_curve(curve: PrecisionRecallCurve) -> tuple[float, float]:
    """The threshold of the highest F1 on a label's curve, and that F1."""
    f1 = 2 * curve.precision * curve.recall / np.maximum(curve.precision + curve.recall, 1e-12)
    top = int(np.argmax(f1))
    return float(curve.thresholds[top]), float(f1[top])
