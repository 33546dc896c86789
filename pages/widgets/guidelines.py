"""What everyone who judges should know, written once per project."""

from __future__ import annotations

import streamlit as st

from core.services.projects import get_project
from core.store.tables import Project
from pages.widgets.context import Context


def draw_guidelines(here: Context, project: Project) -> None:
    """What everyone who judges should know."""
    with st.expander("Guidelines for annotators", expanded=bool(project.guidelines)):
        text = st.text_area(
            "Shown beside every text while annotating",
            value=project.guidelines,
            height=160,
            key=f"guidelines_{project.id}",
        )
        if st.button("Save guidelines", disabled=text == project.guidelines):
            with here.store.write() as session:
                get_project(session, project.id).guidelines = text
            st.toast("Guidelines saved.")
            st.rerun()
