"""Find texts about something: a field that is folded away, and how the search went."""

from __future__ import annotations

import streamlit as st

from core.domain import JobStatus, RoundStep
from core.rounds.heartbeat import worker_is_alive
from core.services.rounds import cancel_job
from core.services.seeding import Search, latest_search, request_search
from core.store.tables import Project
from pages.widgets.context import Context
from pages.widgets.errors import shown_errors
from pages.widgets.job_watch import NO_WORKER
from pages.widgets.text import counted, escaped

NUMBERS = (5, 10, 25)
HELP = (
    "A typical sentence works best; a name or a number is found by its letters. What is found "
    "comes next on the card, before what the model would ask."
)


def draw_search(here: Context, project: Project) -> None:
    """The field, and the search that was asked for here, if any."""
    with (
        st.expander("Find texts about …", icon=":material/search:"),
        st.form("search", border=False),
    ):
        words, number, button = st.columns([6, 2, 2], vertical_alignment="bottom")
        text = words.text_input(
            "Find texts about",
            key="search_text",
            placeholder="the parcel came broken",
            help=HELP,
        )
        n = number.selectbox("How many", NUMBERS, key="search_n")
        if button.form_submit_button("Find", width="stretch"):
            _ask(here, project.id, text, n)
    search = _own_search(here, project.id)
    if search is not None:
        run_every = 1.0 if search.is_active else None
        st.fragment(run_every=run_every)(_look)(here, project.id, was_active=search.is_active)


def _ask(here: Context, project_id: int, text: str, n: int) -> None:
    with shown_errors():
        search = request_search(here.store, here.settings, project_id, text=text, n=n)
        st.session_state["search_job"] = search.job_id


def _own_search(here: Context, project_id: int) -> Search | None:
    """The last search of the project, where it was asked for in this tab."""
    with here.store.read() as session:
        search = latest_search(session, project_id)
    is_own = search is not None and search.job_id == st.session_state.get("search_job")
    return search if is_own else None


def _look(here: Context, project_id: int, *, was_active: bool) -> None:
    with shown_errors():
        search = _own_search(here, project_id)
        if search is None:
            return
        if was_active and not search.is_active:
            st.rerun()  # the card asks for what was found
        if search.is_active:
            _draw_progress(here, search)
        else:
            _draw_outcome(search)


def _draw_progress(here: Context, search: Search) -> None:
    if not worker_is_alive(here.settings):
        st.warning(NO_WORKER, icon=":material/power_off:")
    doing = f"Looking for texts like “{escaped(search.text)}”"
    if search.step == RoundStep.ENCODE and search.fraction > 0:
        doing += f": the documents are read first, {search.fraction:.0%} done"
    told, stop = st.columns([8, 2], vertical_alignment="center")
    told.caption(f"{doing} …")
    stop.button(
        "Stop",
        key=f"stop_{search.job_id}",
        on_click=_stop,
        args=(here, search.job_id),
        width="stretch",
    )


def _stop(here: Context, job_id: int) -> None:
    with shown_errors():
        cancel_job(here.store, here.settings, job_id)


def _draw_outcome(search: Search) -> None:
    sentence = " ".join(filter(None, [outcome(search), _unread(search), escaped(search.note)]))
    if search.status is JobStatus.DONE and search.n_found and not search.note:
        st.caption(f":material/check: {sentence}")
    else:
        st.info(sentence, icon=":material/search_off:")


def outcome(search: Search) -> str:
    """How a finished search went, in a sentence."""
    sought = f"“{escaped(search.text)}”"
    if search.status is JobStatus.FAILED:
        return f"The search for {sought} failed. {escaped(search.error or '')}"
    if search.status is JobStatus.CANCELLED:
        return f"The search for {sought} was stopped."
    if search.n_found:
        come = "comes" if search.n_found == 1 else "come"
        having = f", {search.n_with_words:,} with words of it" if search.n_with_words else ""
        return f"{counted(search.n_found, 'text')} like {sought} {come} next{having}."
    if search.n_unread:
        return f"No text that may be found has any word of {sought}."
    return (
        f"Nothing is left to find for {sought}: every document is judged, in somebody's hands, "
        "or in the audit set."
    )


def _unread(search: Search) -> str:
    if not search.n_unread or search.note:
        return ""
    are = "1 document has" if search.n_unread == 1 else f"{search.n_unread:,} documents have"
    return f"{are} not been read by the encoder yet and could be found by words alone."
