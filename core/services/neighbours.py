"""Judged documents as evidence beside another: how each begins, and its labels now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core.domain import PRESENT, SubmissionKind
from core.services.judgement_matrix import STATE_VALUE, Event, active_spans, resolve
from core.store.tables import Document, Judgement, Submission

EXCERPT = 160  # characters: a line


@dataclass(frozen=True)
class JudgedText:
    """The beginning of a judged document, on one line, and the labels present in it."""

    excerpt: str
    present: tuple[int, ...]  # label ids, in schema order


def judged_texts(
    session: Session, project_id: int, document_ids: Collection[int]
) -> dict[int, JudgedText]:
    """Those of these documents of whose labels something is known now, by id.

    Two statements, however many there are: this is on the way to the card.
    """
    if not document_ids:
        return {}
    excerpts: dict[int, str] = {}
    events: dict[int, Event] = {}
    undo = aliased(Submission)
    said = (
        select(
            Submission.id,
            Submission.kind,
            Submission.schema_version,
            Submission.document_id,
            func.substr(Document.text, 1, EXCERPT + 1).label("beginning"),
            Judgement.label_id,
            Judgement.state,
        )
        .join(Document, Document.id == Submission.document_id)
        .outerjoin(Judgement, Judgement.submission_id == Submission.id)
        .outerjoin(undo, undo.undoes_id == Submission.id)
        .where(
            Submission.document_id.in_(document_ids),
            Submission.kind.in_([SubmissionKind.COMPLETE, SubmissionKind.PARTIAL]),
            undo.id.is_(None),
        )
        .order_by(Submission.id)
    )
    for row in session.execute(said):
        excerpts[row.document_id] = _excerpt(row.beginning)
        event = events.setdefault(row.id, Event(row.document_id, row.kind, row.schema_version, {}))
        if row.label_id is not None:
            event.states[row.label_id] = STATE_VALUE[row.state]
    labels = active_spans(session, project_id)
    ids, truth = resolve(list(events.values()), labels)
    return {
        id_: JudgedText(
            excerpt=excerpts[id_],
            present=tuple(
                label.id for label, value in zip(labels, row, strict=True) if value == PRESENT
            ),
        )
        for id_, row in zip(ids, truth.tolist(), strict=True)
    }


def _excerpt(beginning: str) -> str:
    cut = beginning if len(beginning) <= EXCERPT else f"{beginning[: EXCERPT - 1].rstrip()}…"
    return " ".join(cut.split())
