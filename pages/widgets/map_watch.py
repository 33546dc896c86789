"""The map's job: asking for it, and watching it. Its timer runs only while it is drawn."""

from __future__ import annotations

import streamlit as st

from core.domain import JobStatus, RoundStep
from core.rounds.heartbeat import worker_is_alive
from core.services.jobs import JobInfo
from core.services.maps import MOST_DRAWN, MapState, map_state, request_map
from core.services.rounds import cancel_job
from pages.widgets.context import Context
from pages.widgets.errors import shown_errors
from pages.widgets.job_watch import NO_WORKER, in_words
from pages.widgets.text import counted, escaped

SECONDS_TO_START, SECONDS_PER_10_000 = 8, 10  # measured on two cores; see docs/decisions/026
DOING = {RoundStep.ENCODE: "Reading the documents", RoundStep.PROJECT: "Drawing the map"}


def watch_map(here: Context, project_id: int) -> MapState:
    """Show the job under way, if any, and look again every second until it ends."""
    with here.store.read() as session:
        state = map_state(session, here.settings, project_id)
    st.fragment(run_every=1.0 if state.is_being_drawn else None)(_look)(here, project_id, state)
    return state


def _look(here: Context, project_id: int, before: MapState) -> None:
    with shown_errors():
        with here.store.read() as session:
            state = map_state(session, here.settings, project_id)
        if state.is_being_drawn != before.is_being_drawn:
            st.rerun()
        if state.job is not None and state.is_being_drawn:
            _draw_job(here, state.job)
        else:
            _draw_state(here, project_id, state)


def _draw_job(here: Context, job: JobInfo) -> None:
    with st.container(border=True, key="map_job"):
        if not worker_is_alive(here.settings):
            st.warning(NO_WORKER, icon=":material/power_off:")
        st.progress(job.fraction, text=_doing(job))
        if job.cancel_requested:
            st.caption("Stopping; the map there is stays.")
        else:
            st.button("Cancel", key=f"cancel_{job.id}", on_click=_cancel, args=(here, job.id))


def _doing(job: JobInfo) -> str:
    if not job.step:
        return "waiting for the worker"
    words = [DOING[RoundStep(job.step)] if job.step in list(DOING) else job.step]
    if "n_total" in job.detail:
        words.append(f"{job.detail['n_done']:,} of {counted(job.detail['n_total'], 'document')}")
    if job.detail.get("seconds_left") is not None:
        words.append(f"about {in_words(job.detail['seconds_left'])} left")
    return ", ".join(words)


def _draw_state(here: Context, project_id: int, state: MapState) -> None:
    """What is there, how old it is, and the button."""
    if state.job is not None and state.job.status is JobStatus.FAILED:
        st.error(f"The last map failed. {escaped(state.job.error or '')}", icon=":material/error:")
    if state.about is None:
        st.markdown(
            "A map lays all documents out in the plane, those that read alike near each other. "
            "It shows what kinds of text there are, which of them nobody has judged, and where "
            "the model is unsure; drawing around points opens them, or judges them together."
        )
    elif told := why_draw_again(state):
        st.info(told, icon=":material/update:")
    else:
        return
    label = "Draw the map" if state.about is None else "Draw it again"
    st.button(
        label,
        key="draw_map",
        type="primary" if state.about is None else "secondary",
        icon=":material/scatter_plot:",
        on_click=_request,
        args=(here, project_id),
    )
    st.caption(what_it_costs(state.n_documents))


def why_draw_again(state: MapState) -> str:
    """What has changed since the map was drawn; empty where nothing has."""
    told = []
    if state.n_newer:
        are = "is" if state.n_newer == 1 else "are"
        told.append(f"{counted(state.n_newer, 'document')} {are} newer than the map")
    if state.is_of_another_encoder:
        told.append("the round in force reads the documents with another encoder than the map's")
    words = ", and ".join(told)
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def what_it_costs(n_documents: int) -> str:
    """Roughly how long drawing takes."""
    n_drawn = min(n_documents, MOST_DRAWN)
    seconds = SECONDS_TO_START + SECONDS_PER_10_000 * n_drawn / 10_000
    part = (
        f"{MOST_DRAWN:,} of {counted(n_documents, 'document')} are drawn, all judged ones among "
        "them. "
        if n_documents > MOST_DRAWN
        else ""
    )
    return (
        f"{part}It takes about {in_words(seconds)} in the background, and longer where documents "
        "have not been read by the encoder yet. It is kept until documents or the encoder change."
    )


def _request(here: Context, project_id: int) -> None:
    with shown_errors():
        request_map(here.store, here.settings, project_id)


def _cancel(here: Context, job_id: int) -> None:
    with shown_errors():
        cancel_job(here.store, here.settings, job_id)
