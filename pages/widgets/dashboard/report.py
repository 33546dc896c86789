"""The whole evaluation to take away: asked for, written by the worker, read here or downloaded."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.domain import JobStatus
from core.services.jobs import JobInfo
from core.services.reports import latest_report, page_beside, report_of, request_report
from core.services.rounds import cancel_job
from pages.widgets.context import Context
from pages.widgets.dashboard.view import NO_OUTPUTS, View
from pages.widgets.errors import shown_errors
from pages.widgets.kept_weights import size
from pages.widgets.text import escaped

HEIGHT = 900  # pixels, of the report when it is read here
WHAT_IT_HOLDS = """
A zip that needs neither this app nor a network to be read:

- `report.html`, one page with every figure, table and sentence, in light and dark, fit to print;
- `figures/`, each as a page of its own, as PNG and as JSON for plotly;
- `tables/`, as CSV: scores by label and by fold, confusion matrices, thresholds, calibration,
  pairs of labels, every wrong prediction, and the words that are frequent in them;
- `wordclouds/`, the same words as pictures.
"""


def draw(view: View) -> None:
    """Build it, watch, read and take it; it looks again each second while the worker writes."""
    st.markdown(WHAT_IT_HOLDS)
    if view.outputs() is None:
        st.info(NO_OUTPUTS)
        return
    with view.here.store.read() as session:
        job = latest_report(session, view.round_.id)
    is_busy = job is not None and job.is_active
    st.fragment(run_every=1.0 if is_busy else None)(_draw)(view, is_busy)


def _draw(view: View, was_busy: bool) -> None:
    with shown_errors():
        here, round_id = view.here, view.round_.id
        with here.store.read() as session:
            job = latest_report(session, round_id)
        is_busy = job is not None and job.is_active
        if was_busy and not is_busy:
            st.rerun()  # without the timer
        if job is not None and job.is_active:
            _draw_under_way(here, job)
            return
        archive = report_of(here.store, here.settings, round_id)
        if job is not None and job.error:
            show = st.info if job.status is JobStatus.CANCELLED else st.error
            show(escaped(job.error))
        if archive is not None:
            _draw_report(archive, job)
        _draw_request(view, is_there=archive is not None)


def _draw_under_way(here: Context, job: JobInfo) -> None:
    doing = str(job.detail.get("doing") or "Waiting for the worker")
    st.progress(job.fraction, text=f"{doing[:1].upper()}{doing[1:]}")
    if job.cancel_requested:
        st.caption("Stopping.")
    else:
        st.button("Cancel", key="cancel_report", on_click=_cancel, args=(here, job.id))


def _cancel(here: Context, job_id: int) -> None:
    with shown_errors():
        cancel_job(here.store, here.settings, job_id)


def _draw_request(view: View, *, is_there: bool) -> None:
    with_texts = st.checkbox(
        "With texts",
        value=True,
        key="report_texts",
        help="Without them, wrong predictions are listed by document alone and no words are shown: "
        "for reports that leave the house.",
    )
    if st.button(
        "Write it again" if is_there else "Write the report",
        key="write_report",
        icon=":material/summarize:",
        type="secondary" if is_there else "primary",
    ):
        with shown_errors():
            request_report(
                view.here.store,
                view.here.settings,
                view.project.id,
                view.round_.id,
                with_texts=with_texts,
            )
            st.rerun()


def _draw_report(archive: Path, job: JobInfo | None) -> None:
    detail = {} if job is None else job.detail
    if detail.get("n_figures"):
        st.markdown(
            f"There is a report with {detail['n_figures']} figures and {detail['n_tables']} tables."
        )
    for note in detail.get("notes", ()):
        st.caption(escaped(str(note)))
    page = page_beside(archive)
    with st.container(horizontal=True):
        st.download_button(
            f"Download all of it, {size(archive.stat().st_size)}",
            archive.read_bytes,
            file_name=archive.name,
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
            type="primary",
            key="download_report",
        )
        if page.is_file():
            st.download_button(
                f"The page alone, {size(page.stat().st_size)}",
                page.read_bytes,
                file_name=page.name,
                mime="text/html",
                icon=":material/description:",
                on_click="ignore",
                key="download_report_page",
            )
    if page.is_file() and st.toggle("Read it here", key="read_report"):
        st.iframe(page, height=HEIGHT)
