"""What the per-label scores and their curves suggest."""

from __future__ import annotations

import numpy as np

from core.evaluation.per_label import LabelScores
from core.evaluation.report import Evaluation
from core.evaluation.wording import (
    FEW_POSITIVES,
    caution,
    listed,
    nothing_to_say,
    number,
)

HIGH, LOW = 0.7, 0.5


def what_it_suggests_per_label_bars(evaluation: Evaluation) -> str:
    """The one or two most useful things the per-label scores say."""
    if silent := nothing_to_say(evaluation):
        return silent
    said = [*_never_found(evaluation), *_too_rare(evaluation), *_lopsided(evaluation)]
    return caution(evaluation) + " ".join(said[:2] or [_weakest(evaluation)])


def _measurable(evaluation: Evaluation) -> list[LabelScores]:
    return [scores for scores in evaluation.labels if scores.support >= FEW_POSITIVES]


def _never_found(evaluation: Evaluation) -> list[str]:
    names = [scores.name for scores in _measurable(evaluation) if scores.n_predicted == 0]
    if not names:
        return []
    return [f"{listed(names)}: never predicted; lower the threshold or judge more examples."]


def _too_rare(evaluation: Evaluation) -> list[str]:
    names = [scores.name for scores in evaluation.labels if scores.support < FEW_POSITIVES]
    if not names:
        return []
    return [
        f"{listed(names)}: fewer than {FEW_POSITIVES} positives, so the scores say little; search "
        "for examples, or merge the label into a broader one."
    ]


def _lopsided(evaluation: Evaluation) -> list[str]:
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
            "varied examples, or lower the threshold."
        )
    return said


def _weakest(evaluation: Evaluation) -> str:
    worst = min(_measurable(evaluation), key=lambda scores: scores.f1 or 0.0)
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
    if not ranked:
        return f"No label has {FEW_POSITIVES} positives yet, so no curve can be trusted; judge on."
    return caution(evaluation) + _on_ranking(evaluation, ranked)


def _on_ranking(evaluation: Evaluation, ranked: list[tuple[int, LabelScores]]) -> str:
    by_chance = [
        scores.name
        for _, scores in ranked
        if (scores.average_precision or 0) < 1.5 * scores.support / scores.n_judged
        and (scores.average_precision or 0) < HIGH
    ]
    if by_chance:
        return (
            f"{listed(by_chance)}: ranked hardly better than by chance; check that people agree "
            "on what it means before judging more."
        )
    for i, scores in ranked:
        at, best = _best_on_curve(evaluation, i)
        if best - (scores.f1 or 0) > 0.2:
            return (
                f"“{scores.name}” is ranked well but cut badly: F1 is {number(scores.f1)} now and "
                f"{number(best)} at a threshold of {at:.2f}, chosen on these same documents."
            )
    worst = min((scores for _, scores in ranked), key=lambda s: s.average_precision or 0)
    return (
        f"“{worst.name}” has the lowest average precision, {number(worst.average_precision)}; "
        "more judgements of it gain most."
    )


def _best_on_curve(evaluation: Evaluation, label: int) -> tuple[float, float]:
    """The threshold of the highest F1 on a label's curve, and that F1."""
    curve = evaluation.curves[label]
    f1 = 2 * curve.precision * curve.recall / np.maximum(curve.precision + curve.recall, 1e-12)
    top = int(np.argmax(f1))
    return float(curve.thresholds[top]), float(f1[top])
