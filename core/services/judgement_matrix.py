"""From the history of submissions to one state per (document, label).

Undone submissions are left out; of the others the newest word on a cell counts,
whoever said it. A complete submission says "absent" of every label that was
active at its schema version and that it does not name. Unsure and withdrawn
cells are unjudged. Where exactly one label applies to each document, one whose
labels are all absent (its own was retired, say) counts as not judged at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from core.domain import ABSENT, PRESENT, UNJUDGED, JudgementState, SubmissionKind, Truth
from core.store.tables import Document, Judgement, Label, Project, Submission

STATE_VALUE = {
    JudgementState.PRESENT: PRESENT,
    JudgementState.ABSENT: ABSENT,
    JudgementState.UNSURE: UNJUDGED,
    JudgementState.WITHDRAWN: UNJUDGED,
}


@dataclass(frozen=True)
class JudgementMatrix:
    """Everything judged in a project, documents by ascending id."""

    document_ids: NDArray[np.int64]  # (documents,)
    label_ids: tuple[int, ...]
    truth: Truth  # (documents, labels)
    is_complete: NDArray[np.bool_]  # (documents,) has a complete submission in force
    is_audited: NDArray[np.bool_]  # (documents,)


@dataclass(frozen=True)
class Event:
    """One submission in force, oldest first."""

    document_id: int
    kind: SubmissionKind
    schema_version: int
    states: dict[int, int]  # label id → 1, 0 or −1


@dataclass(frozen=True)
class LabelSpan:
    """When a label counted."""

    id: int
    added_in: int
    retired_in: int | None

    def is_active_at(self, version: int) -> bool:
        """Whether a complete submission at this schema version judged it."""
        return self.added_in <= version and (self.retired_in is None or version < self.retired_in)


def resolve(events: Sequence[Event], labels: Sequence[LabelSpan]) -> tuple[list[int], Truth]:
    """Apply events in order; returns ascending document ids and their states."""
    document_ids = sorted({event.document_id for event in events})
    row_of = {document_id: row for row, document_id in enumerate(document_ids)}
    column_of = {label.id: column for column, label in enumerate(labels)}
    covered: dict[int, NDArray[np.bool_]] = {}  # by schema version
    truth: Truth = np.full((len(document_ids), len(labels)), UNJUDGED, dtype=np.int8)
    for event in events:
        row = truth[row_of[event.document_id]]
        if event.kind is SubmissionKind.COMPLETE:
            version = event.schema_version
            if version not in covered:
                covered[version] = np.array([label.is_active_at(version) for label in labels])
            row[covered[version]] = ABSENT
        for label_id, value in event.states.items():
            if label_id in column_of:
                row[column_of[label_id]] = value
    return document_ids, truth


def judgement_matrix(
    session: Session, project_id: int, *, up_to_submission: int | None = None
) -> JudgementMatrix:
    """The state of every document that anybody said anything about, over the active labels."""
    labels = active_spans(session, project_id)
    events = load_events(session, project_id, up_to_submission=up_to_submission)
    document_ids, truth = resolve(events, labels)
    complete = {e.document_id for e in events if e.kind is SubmissionKind.COMPLETE}
    project = session.get(Project, project_id)
    if project is not None and project.settings.get("exclusive") and labels:
        possible = is_possible(truth)
        truth[~possible] = UNJUDGED
        complete -= {d for d, is_so in zip(document_ids, possible, strict=True) if not is_so}
    audited = set(
        session.scalars(
            select(Document.id).where(Document.project_id == project_id, Document.is_audited)
        )
    )
    return JudgementMatrix(
        document_ids=np.array(document_ids, dtype=np.int64),
        label_ids=tuple(label.id for label in labels),
        truth=truth,
        is_complete=np.array([d in complete for d in document_ids], dtype=bool),
        is_audited=np.array([d in audited for d in document_ids], dtype=bool),
    )


def active_spans(session: Session, project_id: int) -> list[LabelSpan]:
    """The labels that count now, in schema order, with when they did."""
    spans = session.execute(
        select(Label.id, Label.added_in, Label.retired_in)
        .where(Label.project_id == project_id, Label.retired_in.is_(None))
        .order_by(Label.position, Label.id)
    )
    return [LabelSpan(row.id, row.added_in, row.retired_in) for row in spans]


def is_possible(truth: Truth) -> NDArray[np.bool_]:
    """Whether exactly one label may apply, shape (documents,): one does, or some are left."""
    n_present = (truth == PRESENT).sum(axis=1)
    possible: NDArray[np.bool_] = (n_present <= 1) & (truth != ABSENT).any(axis=1)
    return possible


def load_events(
    session: Session,
    project_id: int,
    *,
    up_to_submission: int | None = None,
    document_id: int | None = None,
    document_ids: Sequence[int] | None = None,
) -> list[Event]:
    """Submissions in force, of some documents or all, oldest first; no skips, no undone ones.

    `document_ids` are at most some thousands: as many as a statement takes.
    """
    if document_id is not None:
        document_ids = [document_id]
    undo = aliased(Submission)
    last = up_to_submission if up_to_submission is not None else 2**62
    in_force = (
        select(Submission.id, Submission.document_id, Submission.kind, Submission.schema_version)
        .outerjoin(undo, (undo.undoes_id == Submission.id) & (undo.id <= last))
        .where(
            Submission.project_id == project_id,
            Submission.kind.in_([SubmissionKind.COMPLETE, SubmissionKind.PARTIAL]),
            Submission.id <= last,
            undo.id.is_(None),
        )
        .order_by(Submission.id)
    )
    if document_ids is not None:
        in_force = in_force.where(Submission.document_id.in_(document_ids))
    events = {
        row.id: Event(row.document_id, row.kind, row.schema_version, {})
        for row in session.execute(in_force)
    }
    cells = (
        select(Judgement.submission_id, Judgement.label_id, Judgement.state)
        .join(Submission, Submission.id == Judgement.submission_id)
        .where(Submission.project_id == project_id, Submission.id <= last)
    )
    if document_ids is not None:
        cells = cells.where(Submission.document_id.in_(document_ids))
    for submission_id, label_id, state in session.execute(cells):
        if submission_id in events:
            events[submission_id].states[label_id] = STATE_VALUE[state]
    return list(events.values())
