"""Judge documents: the card, and what the model behind it knows."""

from __future__ import annotations

from typing import Any

import streamlit as st
from sqlalchemy import select

from core.api.tokens import issue_token
from core.services.exclusive import is_exclusive
from core.services.labels import active_labels
from core.services.projects import ProjectSettings
from core.services.rounds import active_round, round_freshness
from core.store.tables import Document, Project
from pages.widgets.annotation_card import annotation_card
from pages.widgets.context import PAGE_FILES, Context, context, query_of, require_project
from pages.widgets.search_box import draw_search
from pages.widgets.stopping import in_one_sentence
from pages.widgets.text import counted

API_BASE = "/api/v1"


def draw(here: Context, project: Project) -> None:
    """The card, or what has to come before it."""
    with here.store.read() as session:
        labels = [
            {
                "id": label.id,
                "name": label.name,
                "description": label.description,
                "colour": label.colour,
                "key": label.key,
            }
            for label in active_labels(session, project.id)
        ]
        has_documents = (
            session.scalar(select(Document.id).where(Document.project_id == project.id).limit(1))
            is not None
        )
    if not has_documents:
        _send_to("upload", project, "There are no documents yet.", "Upload some")
    elif not labels:
        _send_to("labels", project, "There are no labels yet.", "Add labels")
    else:
        st.caption(_status(here, project))
        draw_search(here, project)
        _draw_card(here, project, labels)


def _send_to(page: str, project: Project, sentence: str, link: str) -> None:
    st.info(sentence)
    st.page_link(PAGE_FILES[page], label=link, query_params=query_of(project.id))


def _draw_card(here: Context, project: Project, labels: list[dict[str, Any]]) -> None:
    annotation_card(
        api_base=API_BASE,
        token=issue_token(here.settings, annotator=here.annotator, project_id=project.id),
        project={
            "id": project.id,
            # Another database may have a project of this number; its drafts are not ours.
            "storage": f"{project.id}-{project.created_at.timestamp():.0f}",
            "schema_version": project.schema_version,
            "exclusive": is_exclusive(project),
        },
        labels=labels,
        annotator=here.annotator,
        options={
            "show_suggestions": ProjectSettings.of(project).show_suggestions,
            "document": _asked_document(),
        },
        key="annotation_card",
    )
    if project.guidelines:
        with st.expander("Guidelines"):
            st.markdown(project.guidelines)


def _asked_document() -> int | None:
    """The document that the address asks for (`?document=57`); the card says if there is none."""
    asked = str(st.query_params.get("document", ""))
    return int(asked) if asked.isdecimal() else None


def _status(here: Context, project: Project) -> str:
    with here.store.read() as session:
        round_ = active_round(session, project.id)
        n_known, _ = round_freshness(session, project.id)
    if round_ is None:
        return "No round has run yet: a first order comes from the label names, or by chance."
    told = f"Round {round_.number} knows {counted(n_known, 'judged document')}."
    return f"{told} {in_one_sentence(round_)}".rstrip()


page = context()
draw(page, require_project(page))
