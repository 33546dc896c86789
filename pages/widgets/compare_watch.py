"""Live progress of a comparison. Its timer runs only while one is under way."""

from __future__ import annotations

import streamlit as st

from core.domain import RoundStep
from core.rounds.heartbeat import worker_is_alive
from core.services.replays import Replay, active_replay
from core.services.rounds import cancel_job
from pages.widgets.context import Context
from pages.widgets.errors import shown_errors
from pages.widgets.job_watch import NO_WORKER, in_words
from pages.widgets.text import counted, escaped

DOING = {
    RoundStep.SNAPSHOT: "Copying what is judged",
    RoundStep.ENCODE: "Reading the documents",
    RoundStep.TRAIN: "Playing",
    RoundStep.PUBLISH: "Comparing",
}
HOLDS_STILL = (
    "Holding still while a round or another job is done; it goes on by itself, and nothing is lost."
)


def watch_replay(here: Context, project_id: int) -> Replay | None:
    """Show the comparison under way, if any, and look again every second until it ends."""
    with here.store.read() as session:
        replay = active_replay(session, project_id)
    st.fragment(run_every=1.0 if replay else None)(_look)(here, project_id, replay)
    return replay


def _look(here: Context, project_id: int, before: Replay | None) -> None:
    with shown_errors():
        with here.store.read() as session:
            replay = active_replay(session, project_id)
        if (replay and replay.id) != (before and before.id):
            st.rerun()
        if replay is not None:
            _draw(here, replay)


def _draw(here: Context, replay: Replay) -> None:
    job = replay.job
    with st.container(border=True, key="comparison_job"):
        st.markdown(f"**Comparing {counted(len(replay.plan.arms), 'strategy', 'strategies')}**")
        if not worker_is_alive(here.settings):
            st.warning(NO_WORKER, icon=":material/power_off:")
        st.progress(_overall(replay), text=doing(replay))
        if job.detail.get("waits"):
            st.caption(HOLDS_STILL)
        elif job.detail.get("told"):
            st.caption(f"Played last: {escaped(job.detail['told'])}")
        if job.cancel_requested:
            st.caption("Stopping; what is played already is kept.")
        else:
            st.button("Cancel", key=f"cancel_{job.id}", on_click=_cancel, args=(here, job.id))


def doing(replay: Replay) -> str:
    """The step under way, with its figures."""
    job, detail = replay.job, replay.job.detail
    if not job.step:
        return "waiting for the worker"
    words = [DOING[RoundStep(job.step)] if job.step in list(DOING) else job.step]
    if "n_rounds" in detail:
        words.append(f"round {detail['n_rounds_done']:,} of {detail['n_rounds']:,}")
    elif "n_total" in detail:
        words.append(f"{detail['n_done']:,} of {counted(detail['n_total'], 'text')}")
    if detail.get("seconds_left") is not None:
        words.append(f"about {in_words(detail['seconds_left'])} left")
    return ", ".join(words)


def _overall(replay: Replay) -> float:
    """Playing is nearly all of it."""
    if replay.job.step == RoundStep.TRAIN:
        return replay.job.fraction
    return 1.0 if replay.job.step == RoundStep.PUBLISH else 0.0


def _cancel(here: Context, job_id: int) -> None:
    with shown_errors():
        cancel_job(here.store, here.settings, job_id)
