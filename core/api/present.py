"""Documents as the card shows them: why they were chosen and what the model makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.api.schemas import BecauseBody, Chosen, NeighbourBody
from core.domain import QueryKind
from core.services.exclusive import is_exclusive
from core.services.neighbours import judged_texts
from core.services.operating_points import thresholds_in_force
from core.services.predictions import predicted_labels, suggestions
from core.services.projects import get_project
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
    thresholds = thresholds_in_force(session, document.project_id)
    exclusive = is_exclusive(get_project(session, document.project_id))
    given = probabilities.get(document.id, {})
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
        suggestions=given,
        predicted=predicted_labels(given, thresholds, exclusive=exclusive),
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
    thresholds = thresholds_in_force(session, project_id)
    exclusive = is_exclusive(get_project(session, project_id))
    because = _because(session, project_id, [q for q in queries if q.document_id in set(seen)])
    return [
        Chosen(
            document_id=query.document_id,
            external_id=query.external_id,
            text=query.text,
            query_id=query.query_id,
            kind=query.kind,
            strategy=query.strategy,
            reason=query.reason,
            because=because.get(query.query_id),
            score=query.score,
            selection_probability=query.selection_probability,
            round_number=query.round_number,
            suggestions=probabilities.get(query.document_id, {}),
            predicted=predicted_labels(
                probabilities.get(query.document_id, {}), thresholds, exclusive=exclusive
            ),
        )
        for query in queries
    ]


def _because(
    session: Session, project_id: int, queries: Sequence[ServedQuery]
) -> dict[int, BecauseBody]:
    """What each choice rests on, by query id; neighbours as they are judged now."""
    stored = {query.query_id: query.because for query in queries if query.because}
    near = {n["document_id"] for because in stored.values() for n in because["neighbours"]}
    texts = judged_texts(session, project_id, near)
    return {
        query_id: BecauseBody(
            **{
                **because,
                "neighbours": [
                    NeighbourBody(
                        **neighbour,
                        excerpt=texts[neighbour["document_id"]].excerpt,
                        present=list(texts[neighbour["document_id"]].present),
                    )
                    for neighbour in because["neighbours"]
                    if neighbour["document_id"] in texts
                ],
            }
        )
        for query_id, because in stored.items()
    }
