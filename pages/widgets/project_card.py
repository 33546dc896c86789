"""One project in the list: how far along it is, opening it, and letting it go."""

from __future__ import annotations

import shutil

import streamlit as st

from core.rounds.files import embeddings_folder
from core.services.checkpoints import project_folders
from core.services.projects import ProjectInfo, delete_project, get_project
from core.services.replays import replays_folder
from core.services.reports import reports_folder
from pages.widgets.context import Context, asked_project, go_to
from pages.widgets.errors import shown_errors
from pages.widgets.text import escaped


def draw_project(here: Context, project: ProjectInfo, *, is_open: bool) -> None:
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
            if st.button(
                "Open", key=f"open_{project.id}", type="primary" if is_open else "secondary"
            ):
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
    if st.button(
        "Delete for good",
        type="primary",
        key="delete_for_good",
        on_click=delete_for_good,
        args=(here, project.id),
    ):
        st.rerun()


def delete_for_good(here: Context, project_id: int) -> None:
    """First the truth, then the files that nothing points to any more."""
    with shown_errors():
        with here.store.write() as session:
            project = get_project(session, project_id)
            folders = [
                *project_folders(here.settings, project_id),
                embeddings_folder(here.settings, project),
                replays_folder(here.settings, project_id),
                reports_folder(session, here.settings, project),
            ]
            delete_project(session, project_id)
        if asked_project() == str(project_id):
            st.query_params.pop("project", None)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
