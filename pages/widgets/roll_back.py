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
    told = [f"Suggestions and questions come from round {chosen.number} again."]
    if now is not None:
        told += [f"Instead of round {now.number}: {line}" for line in _differences(now, chosen)]
    return [*told, "No judgement and no round is lost; you can return the same way."]


def _differences(now: RoundInfo, chosen: RoundInfo) -> list[str]:
    name = name_of_score([chosen])
    told = [
        f"{name} **{score(chosen.metrics, 'micro_f1')}** on {measured_on(chosen.metrics)}, where "
        f"it is {score(now.metrics, 'micro_f1')} on {measured_on(now.metrics)}."
    ]
    if not chosen.is_exclusive and chosen.threshold is not None and now.threshold is not None:
        told.append(f"a threshold of **{chosen.threshold:.2f}**, where it is {now.threshold:.2f}.")
    fewer = n_judged(now) - n_judged(chosen)
    if fewer > 0:
        told.append(
            f"it knows **{counted(n_judged(chosen), 'judged document')}**, {fewer:,} fewer."
        )
    return told
