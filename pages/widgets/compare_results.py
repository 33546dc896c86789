"""One comparison's results: the verdict first, then curves, figures, files, and what to do now."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.charts.replay_curves import replay_curves
from core.services.projects import ProjectSettings, change_settings
from core.services.replays import ROUNDS, STATISTICS, Replay, read_results, result_file
from core.store.tables import Project
from pages.widgets.chart import draw_chart
from pages.widgets.compare_words import (
    MACRO,
    MICRO,
    arm_title,
    best_arm,
    caveats,
    leader,
    results_table,
    setting_words,
    settings_of,
    verdict,
)
from pages.widgets.context import Context
from pages.widgets.errors import shown_errors
from pages.widgets.text import escaped

MEASURES = {MICRO: "Micro-F1", MACRO: "Macro-F1"}
HOW = (
    "Higher and further left is better: the same score with fewer judgements. A line is the mean "
    "over seeds, its band one standard deviation up and down; where bands overlap widely, the "
    "strategies cannot be told apart there. The dotted line is reached with everything judged."
)


def draw_results(here: Context, project: Project, replay: Replay) -> None:
    """Everything a finished comparison has to tell."""
    record = read_results(here.settings, replay)
    statistics: dict[str, Any] = record["statistics"]
    with st.container(border=True, key="verdict"):
        st.markdown(verdict(statistics))
        if told := caveats(statistics):
            st.caption(told)
        if statistics["seeds"]:
            draw_use(here, project, replay, statistics)
    if not statistics["seeds"]:
        return
    measure = st.segmented_control(
        "Score",
        list(MEASURES),
        default=MICRO,
        required=True,
        format_func=MEASURES.__getitem__,
        key="compare_measure",
        label_visibility="collapsed",
    )
    draw_chart(
        "Score by judged documents",
        replay_curves(statistics, measure=str(measure)),
        how=HOW,
        suggests=_suggestion(statistics),
        key=f"replay_{replay.id}_{measure}",
    )
    st.dataframe(results_table(statistics), hide_index=True)
    st.caption(
        "Means are over the whole curve. “For 90 %” counts the judgements until 90 % of the "
        "micro-F1 with everything judged; “not within” says that it was never reached in so many. "
        "In brackets 95 % intervals: a bootstrap over seeds, paired by seed."
    )
    st.caption(f"{escaped(setting_words(replay.plan, record))}")
    draw_files(here, replay)


def draw_use(here: Context, project: Project, replay: Replay, statistics: dict[str, Any]) -> None:
    """Take a strategy over for this project's rounds."""
    arms = {arm.name: arm for arm in replay.plan.arms}
    usual = ProjectSettings.of(project)
    first = leader(statistics) or usual.strategy  # without a winner nothing is suggested
    pick, act = st.columns([2, 1], vertical_alignment="bottom")
    chosen = pick.selectbox(
        "Strategy for this project's rounds",
        list(arms),
        index=list(arms).index(first) if first in arms else 0,
        format_func=arm_title,
        key=f"use_{replay.id}",
    )
    wanted = settings_of(arms[chosen])
    is_used = all(getattr(usual, name) == value for name, value in wanted.items())
    if act.button("Use this strategy", key="use_strategy", disabled=is_used, width="stretch"):
        with shown_errors():
            with here.store.write() as session:
                change_settings(session, project.id, **wanted)
            st.toast(f"The next round asks by {arm_title(chosen)}.")
            st.rerun()
    if is_used:
        st.caption(f"This project's rounds ask by {escaped(arm_title(chosen))} already.")


def draw_files(here: Context, replay: Replay) -> None:
    """The record, for those who count for themselves."""
    with st.container(horizontal=True):
        for label, name, kind in (
            ("Download statistics.json", STATISTICS, "application/json"),
            ("Download rounds.csv", ROUNDS, "text/csv"),
        ):
            st.download_button(
                label,
                result_file(here.settings, replay, name).read_bytes(),
                file_name=f"comparison-{replay.id}-{name}",
                mime=kind,
                key=f"download_{name}",
                on_click="ignore",
            )


def _suggestion(statistics: dict[str, Any]) -> str:
    best = best_arm(statistics)
    if best is None:
        return "Undefined: the test documents have no label present."
    if best == statistics["baseline"]:
        return "Random has the highest line on average."
    return f"{arm_title(best)} has the highest line on average."
