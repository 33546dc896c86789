"""Live progress of a project's background job. Its timer runs only while a job does."""

from __future__ import annotations

from typing import Any

import streamlit as st
from sqlalchemy.orm import Session

from core.domain import RoundStep
from core.rounds.heartbeat import worker_is_alive
from core.services.jobs import PREPARE, ROUND, JobInfo, active_job, latest_job
from core.services.rounds import cancel_job
from core.store.tables import Round
from pages.widgets.context import Context
from pages.widgets.errors import shown_errors
from pages.widgets.text import counted

STEPS = {
    RoundStep.SNAPSHOT: "Freeze the judgements",
    RoundStep.ENCODE: "Read the documents",
    RoundStep.TRAIN: "Learn from the judgements",
    RoundStep.CALIBRATE: "Calibrate the probabilities",
    RoundStep.THRESHOLDS: "Choose the threshold and measure",
    RoundStep.SCORE: "Score every document",
    RoundStep.QUERY: "Choose what to ask next",
    RoundStep.FORECAST: "Look ahead",
    RoundStep.DIAGNOSE: "Look for doubtful judgements",
    RoundStep.PUBLISH: "Put the round in force",
}
NO_WORKER = (
    "No worker is running, so background jobs wait. `python tasks.py run` keeps one alive; "
    "`python -m core worker` starts one alone."
)


def watch_job(here: Context, project_id: int, *, in_full: bool) -> JobInfo | None:
    """Show the running job, if any, and look again every second until it ends.

    When it ends the whole page is run once more, without a timer.
    """
    with here.store.read() as session:
        job = active_job(session, project_id)
    st.fragment(run_every=1.0 if job else None)(_look)(here, project_id, job, in_full=in_full)
    return job


def _look(here: Context, project_id: int, before: JobInfo | None, *, in_full: bool) -> None:
    with shown_errors():
        with here.store.read() as session:
            job = active_job(session, project_id)
            asked = latest_job(session, project_id, kind=ROUND)
            title = _title(session, job)
        if (job and job.id) != (before and before.id):
            st.rerun()
        if job is not None and in_full:
            _draw_in_full(here, job, title, is_round_next=asked is not None and asked.is_active)
        elif job is not None:
            st.progress(_overall(job), text=f"{title}: {_doing(job)}")


def _title(session: Session, job: JobInfo | None) -> str:
    round_ = None if job is None or job.round_id is None else session.get(Round, job.round_id)
    return "Getting the documents ready" if round_ is None else f"Round {round_.number}"


def _draw_in_full(here: Context, job: JobInfo, title: str, *, is_round_next: bool) -> None:
    with st.container(border=True, key="job"):
        st.markdown(f"**{title}**")
        if not worker_is_alive(here.settings):
            st.warning(NO_WORKER, icon=":material/power_off:")
        st.progress(_overall(job), text=_doing(job))
        if job.kind == ROUND:
            st.markdown(_steps(job))
        elif is_round_next:
            st.caption("The round that was asked for starts as soon as this is done.")
        if job.cancel_requested:
            st.caption("Stopping; the round in force stays as it is.")
        else:
            st.button("Cancel", key=f"cancel_{job.id}", on_click=_cancel, args=(here, job.id))


def _cancel(here: Context, job_id: int) -> None:
    with shown_errors():
        cancel_job(here.store, here.settings, job_id)


def _overall(job: JobInfo) -> float:
    if job.kind == PREPARE:
        return job.fraction
    names = [str(step) for step in STEPS]
    position = names.index(job.step) if job.step in names else 0
    return min((position + job.fraction) / len(names), 1.0)


def _doing(job: JobInfo) -> str:
    """The step under way, with the figures it tells."""
    if not job.step:
        return "waiting for the worker"
    words = STEPS[RoundStep(job.step)] if job.step in list(STEPS) else job.step
    return ", ".join([words, *_figures(job.detail)])


def _figures(detail: dict[str, Any]) -> list[str]:
    told = []
    if "n_total" in detail:
        told.append(f"{detail.get('n_done', 0):,} of {counted(detail['n_total'], 'document')}")
    if "epoch" in detail:
        told.append(f"epoch {detail['epoch']} of {detail.get('n_epochs', '?')}")
    if detail.get("loss") is not None:
        told.append(f"loss {detail['loss']:.3f}")
    if "fold" in detail:
        told.append(f"check {detail['fold']} of {detail.get('n_folds', '?')}")
    if detail.get("seconds_left") is not None:
        told.append(f"about {in_words(detail['seconds_left'])} left")
    return told


def in_words(seconds: float) -> str:
    """A rough duration."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _steps(job: JobInfo) -> str:
    """The steps as a list: done, under way, to come."""
    names = list(STEPS)
    position = names.index(RoundStep(job.step)) if job.step in names else -1
    lines = []
    for i, step in enumerate(names):
        if i < position:
            lines.append(f":green[:material/check_circle:] {STEPS[step]}")
        elif i == position:
            lines.append(f":blue[:material/pending:] **{STEPS[step]}**")
        else:
            lines.append(f":gray[:material/radio_button_unchecked: {STEPS[step]}]")
    return "  \n".join(lines)
