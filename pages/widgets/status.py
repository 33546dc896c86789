"""Where a project stands, counted once per change and not once per run of a page."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.services.projects import list_projects
from core.services.queue import pool_size
from core.services.rounds import active_round, round_freshness
from core.store.store import Store
from core.store.tables import Document, Project, Submission
from pages.widgets.context import Context
from pages.widgets.text import counted


@dataclass(frozen=True)
class Status:
    """Some counts of one project."""

    n_documents: int
    n_judged: int
    n_pool: int
    round_number: int | None  # of the round in force
    n_known: int  # judged documents that it learnt from
    n_to_know: int  # judged documents outside the audit set

    def counts(self) -> str:
        """How far the reading is."""
        return (
            f"{counted(self.n_documents, 'document')}, {self.n_judged:,} judged, "
            f"{self.n_pool:,} left in the pool"
        )

    def freshness(self) -> str:
        """Which round is in force, and how much of what was judged it knows."""
        if self.round_number is None:
            return "No round yet."
        share = "all your" if self.n_known == self.n_to_know else f"{self.n_known:,} of your"
        judged = counted(self.n_to_know, "judged document")
        return f"Round {self.round_number} knows {share} {judged} (audit set aside)."


def project_status(here: Context, project: Project) -> Status:
    """The counts as they are now."""
    with here.store.read() as session:
        revision = _revision(session, project.id)
    born = project.created_at.isoformat()  # ids come again after a project is deleted
    return _counted(here.store, (here.store.url, born), project.id, revision)


def _revision(session: Session, project_id: int) -> tuple[int | None, ...]:
    """Numbers that change whenever a count may; each is one step into an index."""
    of_project = Document.project_id == project_id
    return (
        session.scalar(select(func.max(Submission.id)).where(Submission.project_id == project_id)),
        *(
            session.scalar(
                select(func.max(Document.id)).where(of_project, Document.is_audited.is_(kind))
            )
            for kind in (False, True)
        ),
        session.scalar(select(Project.active_round_id).where(Project.id == project_id)),
    )


@st.cache_data(max_entries=256, show_spinner=False)
def _counted(
    _store: Store, where: tuple[str, str], project_id: int, revision: tuple[int | None, ...]
) -> Status:
    with _store.read() as session:
        info = next(p for p in list_projects(session) if p.id == project_id)
        round_ = active_round(session, project_id)
        n_known, n_to_know = round_freshness(session, project_id)
        return Status(
            n_documents=info.n_documents,
            n_judged=info.n_judged,
            n_pool=pool_size(session, project_id),
            round_number=None if round_ is None else round_.number,
            n_known=n_known,
            n_to_know=n_to_know,
        )
