"""What every page begins with: the store, the project that is open, and who is sitting here.

The open project lives in the address (`?project=3`), so a reload or a shared link opens the
same one; session_state holds only ids and choices. A page run without the shell gets the
same context, so nothing depends on the shell having run first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.settings import Settings, get_settings
from core.store.store import Store
from core.store.tables import Project
from pages.widgets.text import escaped

# Page files by url_path, relative to the shell. A stem never equals its url_path: a cold server
# would otherwise take the address for the file and run the page without the shell.
PAGE_FILES: Mapping[str, str] = {
    "projects": "home_page.py",
    "upload": "upload_page.py",
    "labels": "labels_page.py",
    "annotate": "annotate_page.py",
    "review": "review_page.py",
    "train": "train_page.py",
    "dashboards": "dashboards_page.py",
    "compare": "compare_page.py",
    "export": "export_page.py",
}


@dataclass(frozen=True)
class Context:
    """Where a page stands."""

    store: Store
    settings: Settings
    project: Project | None  # detached: read its columns, write through the services
    annotator: str  # a name; its row is made at the first judgement
    missing: str | None = None  # the project that the address asks for, where there is none


@st.cache_resource(max_entries=4)
def _store(settings: Settings) -> Store:
    return Store.open(settings)


def open_store() -> tuple[Store, Settings]:
    """The store of this process, opened once."""
    settings = get_settings()
    return _store(settings), settings


def context() -> Context:
    """The guard at the top of every page."""
    store, settings = open_store()
    with store.read() as session:
        names = project_names(session)
        project_id = chosen_project_id(names)
        project = None if project_id is None else session.get(Project, project_id)
        session.expunge_all()  # else its columns are forgotten with the session
    annotator = str(st.session_state.get("annotator") or "").strip()
    missing = asked_project() if names and project_id is None else None
    return Context(store, settings, project, annotator or settings.annotator, missing)


def require_project(here: Context) -> Project:
    """The open project; without one the page says where to get it and ends."""
    if here.project is None:
        if not warn_of_missing(here):
            st.info("There is no project yet. Make one, or open the demo project.")
        st.page_link(PAGE_FILES["projects"], label="Go to Projects", icon=":material/home:")
        st.stop()
    return here.project


def warn_of_missing(here: Context) -> bool:
    """Say so where the address asks for a project that is not there."""
    if here.missing is None:
        return False
    st.warning(f"There is no project {escaped(here.missing[:40])}.")
    return True


def project_names(session: Session) -> dict[int, str]:
    """Every project's name by id, the newest first."""
    newest_first = select(Project.id, Project.name).order_by(Project.id.desc())
    return {row.id: row.name for row in session.execute(newest_first)}


def chosen_project_id(known: Mapping[int, str]) -> int | None:
    """The project of the address, or none where that is unknown.

    An address that names none stands for the project opened before, else the newest.
    """
    if asked := asked_project():
        wanted = int(asked) if asked.isdecimal() else None
        return wanted if wanted in known else None
    before = st.session_state.get("project")
    return before if before in known else next(iter(known), None)


def asked_project() -> str:
    """What the address says of the project, as it stands there."""
    return str(st.query_params.get("project", "")).strip()


def go_to(page: str, *, project_id: int | None) -> NoReturn:
    """Switch to a page with this project open."""
    st.switch_page(PAGE_FILES[page], query_params=query_of(project_id))


def query_of(project_id: int | None) -> dict[str, str]:
    """The part of the address that says which project is open."""
    return {} if project_id is None else {"project": str(project_id)}
