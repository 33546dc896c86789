"""What one annotator has said of a document so far, for showing it to them again."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from core.domain import JudgementState, SubmissionKind
from core.store.tables import Judgement, Submission


@dataclass(frozen=True)
class Said:
    """The newest submission in force of one annotator on one document."""

    kind: SubmissionKind
    states: dict[int, JudgementState]  # by label id; a complete one leaves absent labels out


def last_said(session: Session, *, document_id: int, annotator_id: int) -> Said | None:
    """What this annotator last said of this document, or None when that is nothing."""
    undo = aliased(Submission)
    newest = session.execute(
        select(Submission.id, Submission.kind)
        .outerjoin(undo, undo.undoes_id == Submission.id)
        .where(
            Submission.document_id == document_id,
            Submission.annotator_id == annotator_id,
            Submission.kind != SubmissionKind.UNDO,
            undo.id.is_(None),
        )
        .order_by(Submission.id.desc())
        .limit(1)
    ).first()
    if newest is None:
        return None
    cells = session.execute(
        select(Judgement.label_id, Judgement.state).where(Judgement.submission_id == newest.id)
    )
    return Said(newest.kind, {cell.label_id: cell.state for cell in cells})
