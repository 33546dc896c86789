"""Documents as lists show them: who they are and how they begin, read page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.tables import Document

IDS_PER_READ = 500


@dataclass(frozen=True)
class DocumentInBrief:
    """One document, its text cut to what was asked for."""

    id: int
    external_id: str
    text: str
    n_characters: int


def documents_in_brief(
    session: Session, document_ids: Sequence[int], *, length: int
) -> dict[int, DocumentInBrief]:
    """By id; documents that are gone are missing."""
    found: dict[int, DocumentInBrief] = {}
    for start in range(0, len(document_ids), IDS_PER_READ):
        rows = session.execute(
            select(
                Document.id,
                Document.external_id,
                func.substr(Document.text, 1, length).label("text"),
                func.length(Document.text).label("n_characters"),
            ).where(Document.id.in_(document_ids[start : start + IDS_PER_READ]))
        )
        found |= {row.id: DocumentInBrief(*row) for row in rows}
    return found
