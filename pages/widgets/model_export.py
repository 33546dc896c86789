"""Taking a round's model away: asked for, written by the worker, downloaded as a zip."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.domain import JobStatus
from core.services.jobs import JobInfo
from core.services.model_exports import (
    latest_model_export,
    model_export_of,
    request_model_export,
)
from core.services.rounds import RoundInfo, cancel_job
from core.store.tables import Project
from pages.widgets.context import Context
from pages.widgets.errors import shown_errors
from pages.widgets.kept_weights import size
from pages.widgets.text import escaped

LARGEST_DOWNLOAD = 500_000_000  # bytes; a download passes through the server's memory
WHAT_IT_HOLDS = (
    "A zip for other programs: the encoder as plain `transformers` and `sentence-transformers` "
    "load it, the whole model as ONNX, its thresholds, a card that tells what it was taught and "
    "how well it did, and an example that runs."
)


def draw_model_export(here: Context, project: Project, rounds: list[RoundInfo]) -> None:
    """A fold for one round's model; it looks again each second while the worker writes."""
    with st.expander("Export the model", key="model_export"):
        st.markdown(WHAT_IT_HOLDS)
        round_ = st.selectbox(
            "Round",
            rounds,
            index=next((i for i, r in enumerate(rounds) if r.is_active), 0),
            format_func=lambda r: f"Round {r.number}{', in force' if r.is_active else ''}",
            key="exported_round",
        )
        with here.store.read() as session:
            job = latest_model_export(session, round_.id)
        is_busy = job is not None and job.is_active
        st.fragment(run_every=1.0 if is_busy else None)(_draw)(here, project, round_, is_busy)


def _draw(here: Context, project: Project, round_: RoundInfo, was_busy: bool) -> None:
    with shown_errors():
        with here.store.read() as session:
            job = latest_model_export(session, round_.id)
        is_busy = job is not None and job.is_active
        if was_busy and not is_busy:
            st.rerun()  # without the timer
        archive = model_export_of(here.store, here.settings, round_.id)
        if job is not None and job.is_active:
            _draw_under_way(here, job)
        elif archive is not None:
            _draw_download(archive)
        else:
            _draw_request(here, project, round_, job)


def _draw_under_way(here: Context, job: JobInfo) -> None:
    doing = str(job.detail.get("doing") or "Waiting for the worker")
    st.progress(job.fraction, text=f"{doing[:1].upper()}{doing[1:]}")
    if job.cancel_requested:
        st.caption("Stopping.")
    else:
        st.button("Cancel", key="cancel_export", on_click=_cancel, args=(here, job.id))


def _cancel(here: Context, job_id: int) -> None:
    with shown_errors():
        cancel_job(here.store, here.settings, job_id)


def _draw_request(here: Context, project: Project, round_: RoundInfo, job: JobInfo | None) -> None:
    if job is not None and job.error:
        show = st.info if job.status is JobStatus.CANCELLED else st.error
        show(escaped(job.error))
    if st.button("Prepare the download", key="export_model", icon=":material/archive:"):
        with shown_errors():
            request_model_export(here.store, here.settings, project.id, round_.id)
            st.rerun()


def _draw_download(archive: Path) -> None:
    n_bytes = archive.stat().st_size
    if n_bytes > LARGEST_DOWNLOAD:
        st.markdown(f"The model takes {size(n_bytes)}; it lies where the app runs:")
        st.code(str(archive), language=None)
        return
    st.download_button(
        f"Download the model, {size(n_bytes)}",
        archive.read_bytes,
        file_name=archive.name,
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        key="download_model",
    )
