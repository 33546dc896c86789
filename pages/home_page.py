"""Projects: open one, make one, look around in the demo, or let one go."""

from __future__ import annotations

import streamlit as st

from core.services.projects import ProjectInfo, create_project, delete_project, list_projects
from pages.widgets.context import Context, context, go_to
from pages.widgets.text import escaped


def main() -> None:
    """Draw the page."""
    here = context()
    with here.store.read() as session:
        projects = list_projects(session)
    if projects:
        st.title("Projects")
        for project in projects:
            draw_project(here, project)
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
        draw_own_choice(here, is_first=not projects)


def draw_project(here: Context, project: ProjectInfo) -> None:
    """One project: how far along it is, and what can be done with it."""
    with st.container(border=True, key=f"project_{project.id}"):
        about, actions = st.columns([3, 1], vertical_alignment="center")
        about.markdown(f"**{escaped(project.name)}**")
        if project.description:
            about.caption(escaped(project.description))
        if project.n_documents:
            about.progress(
                project.n_judged / project.n_documents,
                text=f"{project.n_judged:,} of {project.n_documents:,} documents judged",
            )
        else:
            about.caption("No documents yet.")
        with actions.container(horizontal=True, horizontal_alignment="right"):
            target = "annotate" if project.n_documents else "upload"
            if st.button("Open", key=f"open_{project.id}", type="primary"):
                go_to(target, project_id=project.id)
            if st.button("Delete", key=f"delete_{project.id}", type="tertiary"):
                confirm_delete(here, project)


@st.dialog("Delete this project?")
def confirm_delete(here: Context, project: ProjectInfo) -> None:
    """Ask once more, saying what would be lost."""
    st.markdown(
        f"**{escaped(project.name)}** has {project.n_documents:,} documents, {project.n_judged:,} "
        "of them judged. Deleting it removes them, its labels and its rounds for good. "
        "Export the labels first if you want to keep them."
    )
    if st.button("Delete for good", type="primary", key="delete_for_good"):
        with here.store.write() as session:
            delete_project(session, project.id)
        st.query_params.clear()
        st.rerun()


def draw_demo_choice(here: Context, projects: list[ProjectInfo]) -> None:
    """Look around first."""
    st.subheader("Look around first")
    st.markdown(
        "The demo project is a help desk's inbox: messages that may be about billing, an outage, "
        "a complaint, several of them, or nothing in particular."
    )
    if any(project.is_demo for project in projects):
        st.caption("It is in the list above.")


def draw_own_choice(here: Context, *, is_first: bool) -> None:
    """Bring texts of your own."""
    st.subheader("Bring your own texts")
    st.markdown("A CSV, TSV, JSONL or plain text file, with or without labels.")
    with st.form("new_project", border=False):
        name = st.text_input("Name of the project", placeholder="Customer letters 2026")
        if st.form_submit_button("Create and upload", type="secondary"):
            with here.store.write() as session:
                project_id = create_project(session, name).id
            go_to("upload", project_id=project_id)


main()
