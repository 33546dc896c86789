"""Everything people said, one row per document and annotator, streamed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased

from core.domain import JudgementState, SubmissionKind, SubmissionSource
from core.exchange.write import (
    LABEL,
    PREDICTED,
    PROBABILITIES,
    THRESHOLDS,
    csv_chunks,
    jsonl_chunks,
    write_csv,
    write_jsonl,
)
from core.services.exclusive import is_exclusive
from core.services.judgement_matrix import LabelSpan
from core.services.labels import active_labels
from core.services.operating_points import thresholds_in_force
from core.services.predictions import predicted_labels, suggestions
from core.services.projects import get_project
from core.settings import Settings, get_settings
from core.store.tables import Annotator, Document, Judgement, Label, Round, Submission

__all__ = ["csv_chunks", "export_rows", "jsonl_chunks", "write_csv", "write_jsonl"]

DOCUMENTS_PER_READ = 500


def export_rows(
    session: Session,
    project_id: int,
    *,
    include_unjudged: bool = False,
    settings: Settings | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows by document, then annotator: the newest word of each on every active label.

    Labels in none of the lists are unjudged. Probabilities come from the round in force, and
    beside them what is predicted by the thresholds that are in force for it; before the first
    round there are none. `threshold` is that of labels without one of their own, which
    `thresholds` names. Where exactly one label applies to each document, it stands in a column
    of its own too, and no threshold is in force.
    """
    settings = settings or get_settings()
    project = get_project(session, project_id)
    labels = active_labels(session, project_id)
    has_round = project.active_round_id is not None
    exclusive = is_exclusive(project)
    thresholds = thresholds_in_force(session, project_id)
    own = {label.name: thresholds.of(label.id) for label in labels if label.id in thresholds.own}
    shared = thresholds.shared if has_round and not exclusive else None
    last = 0
    while documents := _documents(session, project_id, after=last, unjudged=include_unjudged):
        last = documents[-1].id
        ids = [document.id for document in documents]
        said = _voices(session, ids, labels)
        proba = suggestions(session, settings, project_id, ids) if has_round else {}
        for document in documents:
            voices = said.get(document.id, [])
            for voice in voices or ([_Voice("")] if include_unjudged else []):
                row = _row(document, voice, labels) | {"threshold": shared}
                if exclusive:
                    row[LABEL] = "".join(row["labels"][:1])
                if has_round:
                    given = proba.get(document.id, {})
                    found = predicted_labels(given, thresholds, exclusive=exclusive)
                    row[PREDICTED] = [label.name for label in labels if label.id in found]
                    row[THRESHOLDS] = {} if exclusive else own
                    row[PROBABILITIES] = _by_name(given, labels)
                yield row


def _documents(
    session: Session, project_id: int, *, after: int, unjudged: bool
) -> Sequence[Document]:
    statement = (
        select(Document)
        .where(Document.project_id == project_id, Document.id > after)
        .order_by(Document.id)
        .limit(DOCUMENTS_PER_READ)
    )
    if not unjudged:
        statement = statement.where(exists().where(Submission.document_id == Document.id))
    documents = session.scalars(statement).all()
    for document in documents:
        session.expunge(document)  # a whole project must not gather in the session
    return documents


@dataclass
class _Voice:
    """What one annotator says of one document, after everything they sent."""

    annotator: str
    states: dict[int, JudgementState] = field(default_factory=dict)  # by label id
    judged_at: datetime | None = None
    source: SubmissionSource | None = None
    round_number: int | None = None


def _voices(
    session: Session, document_ids: Sequence[int], labels: Sequence[Label]
) -> dict[int, list[_Voice]]:
    """By document: its annotators, in the order in which they first spoke."""
    spans = [LabelSpan(label.id, label.added_in, label.retired_in) for label in labels]
    named = _named(session, document_ids)
    voices: dict[int, dict[str, _Voice]] = defaultdict(dict)
    for submission, annotator, number in session.execute(_in_force(document_ids)):
        voice = voices[submission.document_id].setdefault(annotator, _Voice(annotator))
        if submission.kind is SubmissionKind.COMPLETE:
            covered = (span.id for span in spans if span.is_active_at(submission.schema_version))
            voice.states |= dict.fromkeys(covered, JudgementState.ABSENT)
        voice.states |= named.get(submission.id, {})
        voice.judged_at, voice.source = submission.created_at, submission.source
        voice.round_number = number
        session.expunge(submission)
    return {document_id: list(people.values()) for document_id, people in voices.items()}


def _in_force(document_ids: Sequence[int]) -> Select[Submission, str, int]:
    """Complete and partial submissions that were not undone, oldest first."""
    undo = aliased(Submission)
    return (
        select(Submission, Annotator.name, Round.number)
        .join(Annotator, Annotator.id == Submission.annotator_id)
        .outerjoin(Round, Round.id == Submission.round_id)
        .where(
            Submission.document_id.in_(document_ids),
            Submission.kind.in_([SubmissionKind.COMPLETE, SubmissionKind.PARTIAL]),
            ~exists().where(undo.undoes_id == Submission.id),
        )
        .order_by(Submission.id)
    )


def _named(session: Session, document_ids: Sequence[int]) -> dict[int, dict[int, JudgementState]]:
    """By submission: the labels it names."""
    cells = session.execute(
        select(Judgement.submission_id, Judgement.label_id, Judgement.state)
        .join(Submission, Submission.id == Judgement.submission_id)
        .where(Submission.document_id.in_(document_ids))
    )
    named: dict[int, dict[int, JudgementState]] = defaultdict(dict)
    for submission_id, label_id, state in cells:
        named[submission_id][label_id] = state
    return named


def _row(document: Document, voice: _Voice, labels: Sequence[Label]) -> dict[str, Any]:
    def names(state: JudgementState) -> list[str]:
        return [label.name for label in labels if voice.states.get(label.id) is state]

    return {
        "id": document.external_id,
        "text": document.text,
        "labels": names(JudgementState.PRESENT),
        "absent": names(JudgementState.ABSENT),
        "unsure": names(JudgementState.UNSURE),
        "annotator": voice.annotator,
        "judged_at": voice.judged_at.isoformat() if voice.judged_at else None,
        "round": voice.round_number,
        "source": voice.source.value if voice.source else None,
        "is_audited": document.is_audited,
    }


def _by_name(proba: dict[int, float], labels: Sequence[Label]) -> dict[str, float | None]:
    """The document's probabilities under label names; None where the round gave none."""
    return {
        label.name: round(proba[label.id], 4) if label.id in proba else None for label in labels
    }
