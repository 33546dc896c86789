"""How far the model can be trusted: what was measured of a round, drawn and put in words."""

from __future__ import annotations

import streamlit as st

from core.domain import JobStatus
from core.services.operating_points import operating_point
from core.services.rounds import RoundInfo, list_rounds
from pages.widgets.context import Context, context, go_to, require_project
from pages.widgets.dashboard.tabs import TABS
from pages.widgets.dashboard.view import View, evaluation_of
from pages.widgets.job_watch import watch_job
from pages.widgets.round_words import interval, is_accuracy, score
from pages.widgets.status import project_status
from pages.widgets.text import escaped

HEADLINES = {
    "micro_f1": ("Micro-F1", "Every judged (document, label) counts the same."),
    "macro_f1": ("Macro-F1", "Every label counts the same, however rare."),
    "precision": ("Precision", "Of the labels the model gives, the share that is right."),
    "recall": ("Recall", "Of the labels people gave, the share that the model finds."),
}
OF_ONE_LABEL = {
    "micro_f1": ("Accuracy", "The share of documents whose one label is predicted."),
    "macro_f1": ("Macro-F1", "Every label counts the same, however rare."),
}


def main() -> None:
    """Draw the page."""
    here = context()
    project = require_project(here)
    with here.store.read() as session:
        rounds = list_rounds(session, project.id)
    done = [round_ for round_ in rounds if round_.status is JobStatus.DONE]
    st.title("Dashboards")
    watch_job(here, project.id, in_full=False)
    if not done:
        st.info("There is nothing to show before the first round is done.")
        if st.button("Go to Train", icon=":material/model_training:"):
            go_to("train", project_id=project.id)
        return
    round_ = choose_round(done, project_status(here, project).freshness())
    evaluation = evaluation_of(here, round_)
    if evaluation is None:
        st.info(f"Round {round_.number} was not measured.")
        return
    draw_headline(round_)
    draw_other_thresholds(here, round_)
    view = View(here, project, round_, evaluation, done)
    if problem := view.problem():
        st.error(problem)
    draw_tabs(view)


def choose_round(done: list[RoundInfo], told: str) -> RoundInfo:
    """The round in force, unless another is picked."""
    in_force = next((i for i, round_ in enumerate(done) if round_.is_active), 0)
    about, pick = st.columns([3, 1], vertical_alignment="center")
    about.markdown(told)
    return pick.selectbox(
        "Round",
        done,
        index=in_force,
        format_func=lambda r: f"Round {r.number}{', in force' if r.is_active else ''}",
        key=f"round_{done[in_force].id}",
        label_visibility="collapsed",
    )


def draw_headline(round_: RoundInfo) -> None:
    """The few figures first, and what they were measured on."""
    with st.container(horizontal=True, gap="medium"):
        headlines = OF_ONE_LABEL if is_accuracy(round_) else HEADLINES
        for name, (title, meaning) in headlines.items():
            with st.container(width=150, gap=None):
                st.metric(title, score(round_.metrics, name), help=meaning)
                if ends := interval(round_.metrics, name):
                    st.caption(f"95 %: {ends}")
    st.markdown(f":material/straighten: {round_.metrics.get('note', '')}")


def draw_other_thresholds(here: Context, round_: RoundInfo) -> None:
    """Whether people set other thresholds than those the figures are made at."""
    with here.store.read() as session:
        point = operating_point(session, round_.project_id, round_.id)
    if not point.is_own_of_round:
        by = f" by {escaped(point.set_by)}" if point.set_by else ""
        st.markdown(
            f":material/tune: Other thresholds were set{by} and are what suggestions and exports "
            "go by. The figures here are those of the round's own; **Thresholds** has both."
        )


def draw_tabs(view: View) -> None:
    """Only the open tab is computed and sent."""
    tabs = [tab for tab in TABS if tab.fits(view)]
    places = st.tabs([tab.title for tab in tabs], key="view", bind="query-params")
    for tab, place in zip(tabs, places, strict=True):
        if place.open:
            with place:
                tab.draw(view)


main()
