"""Projects: open one, make one, look around in the demo, or let one go."""

from __future__ import annotations

import streamlit as st

from core.services.demo import open_demo, play_annotator
from core.services.jobs import PREPARE, latest_job
from core.services.projects import ProjectInfo, create_project, list_projects
from core.services.rounds import request_preparation
from pages.widgets.context import Context, context, go_to, warn_of_missing
from pages.widgets.errors import shown_errors
from pages.widgets.project_card import draw_project
from pages.widgets.text import counted

N_PLAYED = 50


def main() -> None:
    """Draw the page."""
    here = context()
    with here.store.read() as session:
        projects = list_projects(session)
    if projects:
        st.title("Projects")
        warn_of_missing(here)
        for project in projects:
            is_open = here.project is not None and project.id == here.project.id
            draw_project(here, project, is_open=is_open)
        st.subheader("Start another")
    else:
        st.title("Welcome to Marginalia")
        st.markdown(
            "Put several labels on each text, a few hundred times at most. A model learns along, "
            "asks about the texts it is least sure of, and tells you how far it can be trusted."
        )
    look, bring = st.columns(2)
    with look.container(border=True, height="stretch"):
        draw_demo_choice(here, projects)
    with bring.container(border=True, height="stretch"):
        draw_own_choice(here)


def draw_demo_choice(here: Context, projects: list[ProjectInfo]) -> None:
    """Look around first."""
    st.subheader("Look around first")
    st.markdown(
        "The demo project is a help desk's inbox: made-up messages about bills, outages, late "
        "parcels, often several at once, sometimes nothing of the kind."
    )
    demo = next((project for project in projects if project.is_demo), None)
    if st.button(
        "Open the demo project", type="secondary" if projects else "primary", key="open_demo"
    ):
        with st.spinner("Unpacking the demo project"):
            project_id = open_demo(here.store, here.settings)
        with here.store.read() as session:
            is_prepared = latest_job(session, project_id, kind=PREPARE) is not None
        if not is_prepared:
            request_preparation(here.store, here.settings, project_id)
        go_to("annotate", project_id=project_id)
    if demo is not None:
        draw_player(here, demo)


def draw_player(here: Context, demo: ProjectInfo) -> None:
    """An annotator who knows the right answers, for those in a hurry."""
    st.caption("In a hurry? Somebody who knows the right labels can judge for you.")
    if st.button(f"Let the demo annotator judge {N_PLAYED}", key="play"):
        with st.spinner("Judging"):
            n = play_annotator(here.store, demo.id, n=N_PLAYED, settings=here.settings)
        st.toast(f"{counted(n, 'document')} judged." if n else "Everything is judged already.")
        st.rerun()


def draw_own_choice(here: Context) -> None:
    """Bring texts of your own."""
    st.subheader("Bring your own texts")
    st.markdown(
        "A CSV, TSV, JSON Lines or plain text file, with or without labels. You see how it is "
        "read before anything is stored."
    )
    if st.button("Upload a file", key="to_upload"):
        go_to("upload", project_id=here.project.id if here.project else None)
    with st.expander("Or begin with an empty project"), st.form("new_project", border=False):
        name = st.text_input("Name of the project", placeholder="Customer letters 2026")
        if st.form_submit_button("Create"):
            with shown_errors():
                with here.store.write() as session:
                    project_id = create_project(session, name).id
                go_to("labels", project_id=project_id)


main()
