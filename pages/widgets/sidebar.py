"""The sidebar: which project, who judges, how far along, and where to go."""

from __future__ import annotations

import streamlit as st

from core.rounds.heartbeat import worker_is_alive
from pages.widgets.context import (
    PAGE_FILES,
    Context,
    chosen_project_id,
    open_store,
    project_names,
    query_of,
)
from pages.widgets.remembered_name import remember_name
from pages.widgets.status import project_status

TITLES = {
    "projects": ("Projects", ":material/home:"),
    "upload": ("Upload", ":material/upload_file:"),
    "labels": ("Labels", ":material/sell:"),
    "annotate": ("Annotate", ":material/edit_note:"),
    "review": ("Review", ":material/fact_check:"),
    "train": ("Train", ":material/model_training:"),
    "dashboards": ("Dashboards", ":material/insights:"),
    "compare": ("Compare strategies", ":material/compare_arrows:"),
    "export": ("Export", ":material/download:"),
}


def choose_project() -> int | None:
    """Keep the address, the session and the chooser on the same project."""
    store, _ = open_store()
    with store.read() as session:
        names = project_names(session)
    project_id = chosen_project_id(names)
    if project_id is None:
        st.session_state.pop("project", None)
        return None
    if st.query_params.get("project") != str(project_id):
        st.query_params["project"] = str(project_id)
    st.session_state["project"] = project_id
    st.selectbox(
        "Project", list(names), format_func=names.__getitem__, key="project", on_change=_reopen
    )
    return project_id


def _reopen() -> None:
    st.query_params["project"] = str(st.session_state["project"])


def choose_annotator(default: str) -> None:
    """The name that judgements carry. A box forgets when pages are switched; the session does not.

    So the name is kept apart and put into the box at every run.
    """
    name = str(st.session_state.setdefault("annotator", default))
    st.session_state["annotator_box"] = name
    st.text_input(
        "Your name",
        key="annotator_box",
        max_chars=200,
        on_change=_rename,
        help="Judgements carry this name. This browser remembers it.",
    )


def keep_annotator() -> None:
    """Let the browser remember the name; drawn last, because even nothing takes up room."""
    remember_name(
        str(st.session_state["annotator"]), is_typed="annotator_typed" in st.session_state
    )


def _rename() -> None:
    typed = str(st.session_state["annotator_box"]).strip()
    if typed:
        st.session_state["annotator"], st.session_state["annotator_typed"] = typed, True


def draw_links(project_id: int | None) -> None:
    """Navigation whose links carry the open project."""
    for name, (title, icon) in TITLES.items():
        st.page_link(
            PAGE_FILES[name],
            label=title,
            icon=icon,
            width="stretch",
            query_params=query_of(project_id),
        )


def draw_status(here: Context, *, page: str) -> None:
    """Where the open project stands, in a few short lines.

    Judging causes no page run, so on the card's page counts would soon be false.
    """
    if here.project is None:
        return
    lines = ["Worker running." if worker_is_alive(here.settings) else "No worker running."]
    if page != "annotate":
        status = project_status(here, here.project)
        lines = [status.counts(), status.freshness(), *lines]
    st.caption("  \n".join(lines))
