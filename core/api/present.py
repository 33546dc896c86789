"""Documents as the card shows them: why they were chosen and what the model makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.api.schemas import Chosen
from core.domain import QueryKind
from core.services.predictions import suggestions
from core.services.queue import ServedQuery
from core.services.said import last_said
from core.settings import Settings
from core.store.tables import Annotator, Document


def chosen(session: Session, settings: Settings, document: Document, *, annotator: str) -> Chosen:
    """A document that is opened again. One of the audit set is judged blind, also then."""
    probabilities = (
        {}
        if document.is_audited
        else suggestions(session, settings, document.project_id, [document.id])
    )
    annotator_id = session.scalar(select(Annotator.id).where(Annotator.name == annotator))
    said = (
        None
        if annotator_id is None
        else last_said(session, document_id=document.id, annotator_id=annotator_id)
    )
    return Chosen(
        document_id=document.id,
        external_id=document.external_id,
        text=document.text,
        kind=QueryKind.AUDIT if document.is_audited else None,
        suggestions=probabilities.get(document.id, {}),
        said_kind=None if said is None else said.kind,
        said={} if said is None else said.states,
    )


def served(
    session: Session, settings: Settings, project_id: int, queries: Sequence[ServedQuery]
) -> list[Chosen]:
    """Leased documents with suggestions; those of the audit set, whoever chose them, go blind."""
    ids = [query.document_id for query in queries]
    seen = session.scalars(
        select(Document.id).where(Document.id.in_(ids), Document.is_audited.is_(False))
    ).all()
    probabilities = suggestions(session, settings, project_id, seen)
    return [
        Chosen(
            document_id=query.document_id,
            external_id=query.external_id,
            text=query.text,
            query_id=query.query_id,
            kind=query.kind,
            strategy=query.strategy,
            reason=query.reason,
            score=query.score,
            selection_probability=query.selection_probability,
            round_number=query.round_number,
            suggestions=probabilities.get(query.document_id, {}),
        )
        for query in queries
    ]
