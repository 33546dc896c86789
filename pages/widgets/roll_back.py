"""The way back to an earlier round, with what would change told before it is taken."""

from __future__ import annotations

import streamlit as st

from core.domain import JobStatus
from core.services.rounds import RoundInfo, roll_back
from core.store.tables import Project
from pages.widgets.context import Context
from pages.widgets.errors import shown_errors
from pages.widgets.round_words import measured_on, n_judged, name_of_score, score
from pages.widgets.text import counted


def can_go_back_to(rounds: list[RoundInfo]) -> list[RoundInfo]:
    """Finished rounds that are not in force and still have their weights, the newest first."""
    return [
        round_
        for round_ in rounds
        if round_.status is JobStatus.DONE
        and not round_.is_active
        and round_.pruned_because is None
    ]


def draw_roll_back(
    here: Context, project: Project, rounds: list[RoundInfo], *, clicked: int | None = None
) -> None:
    """Choose an earlier round and put it in force; `clicked` is a round's number to begin with."""
    others = can_go_back_to(rounds)
    if not others:
        return
    numbers = [round_.number for round_ in others]
    with st.expander("Go back to an earlier round", expanded=clicked in numbers):
        chosen = st.selectbox(
            "Round",
            others,
            index=numbers.index(clicked) if clicked in numbers else 0,
            format_func=lambda r: f"Round {r.number}",
            key=f"earlier_{clicked}" if clicked in numbers else "earlier",
        )
        in_force = next((round_ for round_ in rounds if round_.is_active), None)
        st.markdown("\n".join(f"- {line}" for line in what_would_change(in_force, chosen)))
        if st.button(f"Put round {chosen.number} in force", key="roll_back"):
            with shown_errors():
                with here.store.write() as session:
                    roll_back(session, project.id, chosen.id, settings=here.settings)
                st.toast(f"Round {chosen.number} is in force.")
                st.rerun()


def what_would_change(now: RoundInfo | None, chosen: RoundInfo) -> list[str]:
    """Line by line, in Markdown."""
    instead = "" if now is None else f", instead of round {now.number}"
    return [
        f"Suggestions and questions come from round {chosen.number} again{instead}.",
        *([] if now is None else _differences(now, chosen)),
        "No judgement and no round is lost; you can return the same way.",
    ]


def _differences(now: RoundInfo, chosen: RoundInfo) -> list[str]:
    name = name_of_score([chosen])
    told = [
        f"{name} **{score(chosen.metrics, 'micro_f1')}** on {measured_on(chosen.metrics)}, "
        f"instead of {score(now.metrics, 'micro_f1')} on {measured_on(now.metrics)}."
    ]
    before, after = _threshold(now), _threshold(chosen)
    if before != after:
        told.append(f"The threshold is **{after}** instead of {before}.")
    fewer = n_judged(now) - n_judged(chosen)
    if fewer > 0:
        told.append(
            f"It knows **{counted(n_judged(chosen), 'judged document')}**, {fewer:,} fewer."
        )
    return told


def _threshold(round_: RoundInfo) -> str:
    """As it is shown; the same for all rounds that have none."""
    if round_.is_exclusive or round_.threshold is None:
        return "none"
    return f"{round_.threshold:.2f}"
