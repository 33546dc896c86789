"""Documents: page through them, or get one with what the caller said of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select

from core.api.backend import OpenBackend, ProjectCaller
from core.api.present import chosen
from core.api.schemas import Chosen, DocumentLine, DocumentPage, Id
from core.errors import NotFound
from core.services.projects import get_project
from core.store.tables import Document

router = APIRouter(prefix="/projects/{project_id}/documents", tags=["documents"])


@router.get("")
def list_(
    project_id: Id,
    backend: OpenBackend,
    caller: ProjectCaller,
    after: Annotated[Id, Query(description="`next_cursor` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DocumentPage:
    """Documents in the order they came, a page at a time."""
    with backend.store.read() as session:
        get_project(session, project_id)
        found = session.scalars(
            select(Document)
            .where(Document.project_id == project_id, Document.id > after)
            .order_by(Document.id)
            .limit(limit + 1)
        ).all()
        page = [DocumentLine.model_validate(document) for document in found[:limit]]
    return DocumentPage(documents=page, next_cursor=page[-1].id if len(found) > limit else None)


@router.get("/{document_id}")
def get(project_id: Id, document_id: Id, backend: OpenBackend, caller: ProjectCaller) -> Chosen:
    """One document as the card shows it, with the caller's own last word on it."""
    with backend.store.read() as session:
        document = session.get(Document, document_id)
        if document is None or document.project_id != project_id:
            raise NotFound(f"Document {document_id} is not in this project; reload the page.")
        return chosen(session, backend.settings, document, annotator=caller.annotator)
