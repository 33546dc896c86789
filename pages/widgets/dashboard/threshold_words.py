"""Aims and thresholds in words."""

from __future__ import annotations

from core.evaluation.operating_points import Aim, Goal, Scope
from core.services.operating_points import OperatingPoint
from pages.widgets.text import escaped

GOALS = {
    Goal.F1: "F1: precision and recall alike",
    Goal.F_BETA: "F-beta: one counts more than the other",
    Goal.PRECISION: "Precision of at least …",
    Goal.RECALL: "Recall of at least …",
    Goal.COST: "Least cost of mistakes",
}
SCOPES = {Scope.SHARED: "One for all", Scope.PER_LABEL: "One per label"}


def aim_in_words(aim: Aim) -> str:
    """`F1`, `precision of at least 0.80` … as the end of "chosen for"."""
    for_whom = ", label by label" if aim.scope is Scope.PER_LABEL else ""
    if aim.goal is Goal.F_BETA:
        return f"F-beta with beta {aim.beta:g}{for_whom}"
    if aim.goal in (Goal.PRECISION, Goal.RECALL):
        return f"{aim.goal} of at least {aim.floor:.2f}{for_whom}"
    if aim.goal is Goal.COST:
        return (
            f"the least cost, {aim.cost_false_positive:g} for a label too many and "
            f"{aim.cost_false_negative:g} for one missed{for_whom}"
        )
    return f"F1{for_whom}"


def served_in_words(aim: Aim) -> str:
    """What the aim's own figure is called."""
    if aim.goal is Goal.COST:
        return "Cost"
    if aim.goal is Goal.F_BETA:
        return "F‑beta"
    return {Goal.PRECISION: "Recall", Goal.RECALL: "Precision"}.get(aim.goal, "Micro-F1")


def thresholds_in_words(shared: float, own: dict[int, float], n_labels: int) -> str:
    """`0.31 for all 12 labels`, `0.31, and 5 of 12 labels have their own, 0.18 to 0.62`."""
    if not own:
        return f"**{shared:.2f}** for {'the label' if n_labels == 1 else f'all {n_labels} labels'}"
    low, high = min(own.values()), max(own.values())
    span = f"{low:.2f}" if len(own) == 1 else f"{low:.2f} to {high:.2f}"
    have = "has its own" if len(own) == 1 else "have their own"
    if len(own) == n_labels:
        return f"one for each of {n_labels} labels, **{span}**"
    return f"**{shared:.2f}**, and {len(own)} of {n_labels} labels {have}, **{span}**"


def point_in_words(point: OperatingPoint, n_labels: int) -> str:
    """What is in force, by whom it was set, when, and for what."""
    told = thresholds_in_words(point.shared, dict(point.own), n_labels)
    when = "" if point.set_at is None else f" on {point.set_at:%-d %B %Y, %H:%M} UTC"
    if point.is_own_of_round:
        chosen = "" if point.aim is None else f", chosen for {aim_in_words(point.aim)}"
        back = f"; {escaped(point.set_by)} went back to it{when}" if point.set_by else ""
        return f"In force: {told}. The round's own{chosen}{back}."
    how = "by hand" if point.aim is None else f"for {aim_in_words(point.aim)}"
    return f"In force: {told}. Set by {escaped(point.set_by or 'somebody')}{when}, {how}."
