"""Run a round, watch it, see what it changed, go back to an earlier one."""

from __future__ import annotations

import streamlit as st

from core.domain import JobStatus
from core.rounds.heartbeat import worker_is_alive
from core.services.jobs import ACTIVE, ROUND, JobInfo, latest_job
from core.services.rounds import (
    RoundInfo,
    list_rounds,
    request_round,
)
from core.store.tables import Project
from pages.widgets.context import Context, context, go_to, require_project
from pages.widgets.errors import shown_errors
from pages.widgets.job_watch import NO_WORKER, watch_job
from pages.widgets.kept_weights import draw_kept_weights
from pages.widgets.model_export import draw_model_export
from pages.widgets.roll_back import draw_roll_back
from pages.widgets.round_request import choose_request, hindrance, remember
from pages.widgets.round_story import draw_story
from pages.widgets.round_words import rounds_table, what_changed
from pages.widgets.status import project_status
from pages.widgets.stopping import draw_outlook, outlook_of
from pages.widgets.text import escaped


def main() -> None:
    """Draw the page."""
    here = context()
    project = require_project(here)
    with here.store.read() as session:
        rounds = list_rounds(session, project.id)
        last = latest_job(session, project.id, kind=ROUND)
    st.title("Train")
    told = project_status(here, project).freshness()
    st.markdown(f"A round learns from all judgements so far and chooses what to ask next. {told}")
    draw_request(here, project, last)
    job = watch_job(here, project.id, in_full=True)
    if job is None and not worker_is_alive(here.settings):
        st.warning(NO_WORKER, icon=":material/power_off:")
    if last is not None and not last.is_active:
        draw_outcome(here, project, last=last, rounds=rounds)
    draw_way_ahead(rounds)
    ended = [round_ for round_ in rounds if round_.status not in ACTIVE]  # the job tells the rest
    if ended:
        draw_rounds(here, project, ended)
        draw_kept_weights(here, project)
    with_weights = [r for r in ended if r.status is JobStatus.DONE and r.pruned_because is None]
    if with_weights:
        draw_model_export(here, project, with_weights)


def draw_request(here: Context, project: Project, last: JobInfo | None) -> None:
    """What to run, with the usual choices made and the rest behind a fold."""
    with st.container(border=True, key="request"):
        request = choose_request(here, project.id)
        why_not = hindrance(here, project.id, last, request)
        if st.button("Run a round", type="primary", disabled=bool(why_not), key="run_round"):
            with shown_errors():
                request_round(here.store, here.settings, project.id, request)
                remember(here, project.id, request)
                st.rerun()
        if why_not:
            st.caption(escaped(why_not))


def draw_outcome(
    here: Context, project: Project, *, last: JobInfo, rounds: list[RoundInfo]
) -> None:
    """What became of the round asked for last, and where to go from here."""
    round_ = next((r for r in rounds if r.id == last.round_id), None)
    if round_ is None:
        return
    if last.status is JobStatus.FAILED:
        st.error(f"Round {round_.number} failed: {escaped(last.error or 'no reason was given')}")
    elif last.status is JobStatus.CANCELLED:
        st.info(f"Round {round_.number} was cancelled; the round in force is as before.")
    elif last.status is JobStatus.DONE:
        with st.container(border=True, key="outcome"):
            st.markdown(f"**Round {round_.number} is done.** {what_changed(rounds, round_)}")
            draw_story(round_)
            with st.container(horizontal=True):
                if st.button("Judge what it asks about", key="to_annotate", type="primary"):
                    go_to("annotate", project_id=project.id)
                if st.button("See the dashboards", key="to_dashboards"):
                    go_to("dashboards", project_id=project.id)


def draw_way_ahead(rounds: list[RoundInfo]) -> None:
    """What the round in force knows of the way done and the way ahead."""
    in_force = next((round_ for round_ in rounds if round_.is_active), None)
    outlook = outlook_of(in_force)
    if in_force is not None and outlook is not None:
        draw_outlook(in_force, outlook)


def draw_rounds(here: Context, project: Project, rounds: list[RoundInfo]) -> None:
    """Every round that has ended, and the way back to an earlier one."""
    st.subheader("Rounds")
    st.dataframe(
        rounds_table(rounds),
        hide_index=True,
        column_config={"Finished": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
    )
    draw_roll_back(here, project, rounds)


main()
