"""Choosing what thresholds are for: the goal, its numbers, and for whom they hold."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.evaluation.operating_points import Aim, Goal, Scope
from pages.widgets.dashboard.threshold_desk import forget
from pages.widgets.dashboard.threshold_words import GOALS, SCOPES

BY_HAND = "by-hand"


def choose_aim_to_try(round_id: int) -> Aim | None:
    """The aim that is asked for, or None to begin from what is in force."""
    again = {"on_change": forget, "args": (round_id,)}
    with st.container(horizontal=True, vertical_alignment="bottom", key="threshold_aim"):
        goal = st.selectbox(
            "Choose by",
            [BY_HAND, *Goal],
            format_func=lambda g: "What is in force, or by hand" if g == BY_HAND else GOALS[g],
            key=f"aim_{round_id}",
            width=330,
            **again,
        )
        if goal == BY_HAND:
            return None
        options = _options(Goal(goal), round_id, again)
        scope = st.segmented_control(
            "Thresholds",
            list(Scope),
            format_func=SCOPES.__getitem__,
            default=Scope.SHARED,
            required=True,
            key=f"scope_{round_id}",
            **again,
        )
    return replace(Aim(), goal=Goal(goal), scope=Scope(scope or Scope.SHARED), **options)


def _options(goal: Goal, round_id: int, again: dict[str, object]) -> dict[str, float]:
    """The numbers that belong to a goal."""
    if goal is Goal.F_BETA:
        return {
            "beta": st.number_input(
                "Beta",
                0.1,
                10.0,
                2.0,
                0.1,
                help="Recall counts so many times as much as precision; below 1 it counts less.",
                key=f"beta_{round_id}",
                width=140,
                **again,
            )
        }
    if goal in (Goal.PRECISION, Goal.RECALL):
        return {
            "floor": st.number_input(
                f"{str(goal).capitalize()} at least",
                0.05,
                1.0,
                0.8,
                0.05,
                key=f"floor_{goal}_{round_id}",
                width=140,
                **again,
            )
        }
    if goal is Goal.COST:
        about = (
            ("cost_false_positive", "Cost of a label too many"),
            ("cost_false_negative", "Cost of a label missed"),
        )
        return {
            name: st.number_input(
                words, 0.0, 1e6, 1.0, 1.0, key=f"{name}_{round_id}", width=190, **again
            )
            for name, words in about
        }
    return {}
