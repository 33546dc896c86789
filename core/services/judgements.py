"""Recording what people say of documents: validated, idempotent, append-only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Table,
    and_,
    bindparam,
    insert,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from core.domain import JudgementState, SubmissionKind, SubmissionSource
from core.errors import Conflict, InputError, NotFound
from core.services.exclusive import check_submission, is_exclusive
from core.store.tables import (
    Annotator,
    Document,
    Judgement,
    Label,
    Project,
    Query,
    Submission,
    now,
)


@dataclass(frozen=True)
class NewSubmission:
    """One press of a submit key, as the client tells it."""

    document_id: int
    kind: SubmissionKind
    client_id: str
    sequence: int
    states: dict[int, JudgementState] = field(default_factory=dict)  # by label id
    query_id: int | None = None
    undoes_sequence: int | None = None
    undoes_client_id: str | None = None  # None: the same client
    schema_version: int | None = None  # what was on the screen; None: the schema of this moment
    seconds: float | None = None


@dataclass(frozen=True)
class Acknowledgement:
    """A submission that is safely stored."""

    client_id: str
    sequence: int
    submission_id: int
    is_repeat: bool  # it had been stored before


class AlreadyUndone(Conflict):
    """Somebody, in another tab perhaps, took it back before."""


def annotator_named(session: Session, name: str) -> Annotator:
    """The annotator of this name, made at first use."""
    name = name.strip()[:200]
    if not name:
        raise InputError("An annotator needs a name; type yours in the sidebar.")
    annotator = session.scalar(select(Annotator).where(Annotator.name == name))
    if annotator is None:
        annotator = Annotator(name=name)
        session.add(annotator)
        session.flush()
    return annotator


def record_judgements(
    session: Session,
    project: Project,
    annotator: Annotator,
    submissions: Sequence[NewSubmission],
    *,
    source: SubmissionSource,
) -> list[Acknowledgement]:
    """Store a batch, in order. Sending it again changes nothing and is acknowledged again.

    A client id and sequence number already used for something else raise Conflict, an unknown
    document or label NotFound; then nothing of the batch is stored.
    """
    connection = session.connection()
    known = _already_stored(connection, submissions)
    labels = set(connection.scalars(_LABELS, {"project_id": project.id}))
    about = _queries(connection, project.id, submissions)
    documents = _documents(connection, project.id, {s.document_id for s in submissions}, about)
    acknowledged = []
    for new in submissions:
        stored = known.get((new.client_id, new.sequence))
        is_repeat = stored is not None
        if stored is None:
            _check(new, project=project, labels=labels, documents=documents)
            if is_exclusive(project):
                check_submission(session, project, new)
            if about.get(new.query_id) != new.document_id:
                new = replace(new, query_id=None)  # the query has gone with its round
            stored = _store(session, project, annotator, new, source=source)
            known[(new.client_id, new.sequence)] = stored
        elif not _says_the_same(session, stored, new, annotator):
            raise Conflict(
                f"Submission {new.sequence} of client '{new.client_id}' is already stored with "
                "other content; send this one under a new client id."
            )
        acknowledged.append(
            Acknowledgement(new.client_id, new.sequence, stored.id, is_repeat=is_repeat)
        )
    return acknowledged


@dataclass(frozen=True)
class _Stored:
    id: int
    document_id: int
    kind: SubmissionKind
    annotator_id: int


# The hot path speaks to tables, not objects, and its statements are built once: mapping objects
# and building statements takes several times longer than running them.
_SUBMISSION, _JUDGEMENT, _LABEL, _QUERY, _DOCUMENT = (
    cast(Table, mapped.__table__) for mapped in (Submission, Judgement, Label, Query, Document)
)
_PROJECT = bindparam("project_id", type_=Integer)
_IDS = bindparam("ids", expanding=True, type_=Integer)

_STORED = select(_SUBMISSION).where(
    tuple_(_SUBMISSION.c.client_id, _SUBMISSION.c.sequence).in_(bindparam("keys", expanding=True))
)
_LABELS = select(_LABEL.c.id).where(_LABEL.c.project_id == _PROJECT)
_QUERIES = select(_QUERY.c.id, _QUERY.c.document_id).where(
    _QUERY.c.project_id == _PROJECT, _QUERY.c.id.in_(_IDS)
)
_DOCUMENTS = select(_DOCUMENT.c.id).where(
    _DOCUMENT.c.project_id == _PROJECT, _DOCUMENT.c.id.in_(_IDS)
)
_ADD = insert(_SUBMISSION).returning(_SUBMISSION.c.id)
_ADD_CELLS = insert(_JUDGEMENT)


def _already_stored(
    connection: Connection, submissions: Iterable[NewSubmission]
) -> dict[tuple[str, int], _Stored]:
    keys = [(s.client_id, s.sequence) for s in submissions]
    return {
        (row.client_id, row.sequence): _Stored(row.id, row.document_id, row.kind, row.annotator_id)
        for row in connection.execute(_STORED, {"keys": keys})
    }


def _queries(
    connection: Connection, project_id: int, submissions: Iterable[NewSubmission]
) -> dict[int | None, int]:
    """The document that each named query is about."""
    ids = [s.query_id for s in submissions if s.query_id is not None]
    if not ids:
        return {}
    rows = connection.execute(_QUERIES, {"project_id": project_id, "ids": ids})
    return {row.id: row.document_id for row in rows}


def _documents(
    connection: Connection, project_id: int, ids: set[int], about: dict[int | None, int]
) -> set[int]:
    """Which of these documents are in the project; those of its queries are."""
    found = ids & set(about.values())
    if unsure := ids - found:
        values = {"project_id": project_id, "ids": list(unsure)}
        found |= set(connection.scalars(_DOCUMENTS, values))
    return found


def _check(new: NewSubmission, *, project: Project, labels: set[int], documents: set[int]) -> None:
    if not 0 < len(new.client_id) <= 64:
        raise InputError("A client id has 1 to 64 characters; make one per open card.")
    if new.document_id not in documents:
        raise NotFound(f"Document {new.document_id} is not in project '{project.name}'.")
    for label_id in new.states:
        if label_id not in labels:
            raise NotFound(f"Label {label_id} is not in project '{project.name}'.")
    if (new.kind is SubmissionKind.UNDO) != (new.undoes_sequence is not None):
        raise InputError("An undo names the sequence number it takes back, and only an undo does.")
    if new.kind in (SubmissionKind.SKIP, SubmissionKind.UNDO) and new.states:
        raise InputError(f"A submission of kind '{new.kind}' judges no labels; send none.")
    if new.kind is SubmissionKind.PARTIAL and not new.states:
        raise InputError("A partial submission names at least one label.")
    if new.schema_version is not None and not 1 <= new.schema_version <= project.schema_version:
        raise InputError(
            f"Schema version {new.schema_version} of project '{project.name}' does not exist; "
            f"give one from 1 to {project.schema_version}, as the lease tells it."
        )


def _store(
    session: Session,
    project: Project,
    annotator: Annotator,
    new: NewSubmission,
    *,
    source: SubmissionSource,
) -> _Stored:
    values = {
        "project_id": project.id,
        "document_id": new.document_id,
        "annotator_id": annotator.id,
        "kind": new.kind,
        "source": source,
        "client_id": new.client_id,
        "sequence": new.sequence,
        "schema_version": new.schema_version or project.schema_version,
        "round_id": project.active_round_id,
        "query_id": new.query_id,
        "undoes_id": _undone(session, new, annotator),
        "seconds": new.seconds,
        "created_at": now(),
    }
    connection = session.connection()
    submission_id = connection.execute(_ADD, values).scalar_one()
    if new.states:
        cells = [
            {"submission_id": submission_id, "label_id": label_id, "state": state}
            for label_id, state in new.states.items()
        ]
        connection.execute(_ADD_CELLS, cells)
    return _Stored(submission_id, new.document_id, new.kind, annotator.id)


def _target(new: NewSubmission, annotator: Annotator) -> ColumnElement[bool]:
    return and_(
        Submission.client_id == (new.undoes_client_id or new.client_id),
        Submission.sequence == new.undoes_sequence,
        Submission.document_id == new.document_id,
        Submission.annotator_id == annotator.id,
        Submission.kind != SubmissionKind.UNDO,
    )


def _undone(session: Session, new: NewSubmission, annotator: Annotator) -> int | None:
    if new.undoes_sequence is None:
        return None
    target = session.scalar(select(Submission.id).where(_target(new, annotator)))
    if target is None:
        raise NotFound(
            f"There is nothing to undo under sequence number {new.undoes_sequence} "
            f"for document {new.document_id}."
        )
    if session.scalar(select(Submission.id).where(Submission.undoes_id == target)) is not None:
        raise AlreadyUndone(f"Submission {new.undoes_sequence} has already been undone.")
    return target


def _says_the_same(
    session: Session, stored: _Stored, new: NewSubmission, annotator: Annotator
) -> bool:
    states = dict(
        session.execute(
            select(Judgement.label_id, Judgement.state).where(Judgement.submission_id == stored.id)
        ).all()
    )
    return (
        stored.document_id == new.document_id
        and stored.kind == new.kind
        and stored.annotator_id == annotator.id
        and states == new.states
    )
