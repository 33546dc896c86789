"""The demo project, and an annotator who plays in it by the gold labels."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from core.demo.corpus import DemoRow, demo_labels, demo_rows
from core.domain import JudgementState, SubmissionKind, SubmissionSource
from core.errors import NotReady
from core.services.audit import draw_audit_set
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import NewLabel, active_labels, add_labels
from core.services.projects import create_project, get_project
from core.services.queue import ServedQuery, next_queries
from core.settings import Settings, get_settings
from core.store.store import Store
from core.store.tables import Document, Project, Submission, now

NAME = "Help desk (demo)"
DESCRIPTION = "Made-up messages to a help desk. Try everything here; nothing in it is real."
GOLD = "gold"  # the key in a document's details
BATCH = 10


def open_demo(store: Store, settings: Settings) -> int:
    """The demo project's id; it is made when it is not there."""
    with store.write() as session:
        there = session.scalar(select(Project.id).where(Project.name == NAME, Project.is_demo))
        return _make_demo(session) if there is None else there


def _make_demo(session: Session) -> int:
    project = create_project(session, NAME, description=DESCRIPTION, is_demo=True)
    add_labels(
        session, project.id, [NewLabel(label.name, label.description) for label in demo_labels()]
    )
    documents = Document.__table__
    assert isinstance(documents, Table)
    session.execute(insert(documents), [_document(row, project.id) for row in demo_rows()])
    draw_audit_set(session, project.id, new_from=0, seed=project.id)
    return project.id


def _document(row: DemoRow, project_id: int) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "external_id": row.external_id,
        "text": row.text,
        "content_hash": hashlib.sha256(row.text.encode()).hexdigest(),
        "details": {GOLD: list(row.labels)},
        "is_audited": False,
        "created_at": now(),
    }


def play_annotator(
    store: Store,
    project_id: int,
    *,
    n: int,
    annotator: str = "demo annotator",
    settings: Settings | None = None,
) -> int:
    """Judge the next n documents of the queue by their gold labels; returns how many there were."""
    settings = settings or get_settings()
    n_judged = 0
    while n_judged < n:
        with store.write() as session:
            n_new = _play(
                session,
                project_id,
                n=min(BATCH, n - n_judged),
                annotator=annotator,
                settings=settings,
            )
        if n_new == 0:
            break
        n_judged += n_new
    return n_judged


def _play(session: Session, project_id: int, *, n: int, annotator: str, settings: Settings) -> int:
    project = get_project(session, project_id)
    person = annotator_named(session, annotator)
    client_id = f"demo-{project_id}-{person.id}"
    served = next_queries(
        session, project_id, annotator_id=person.id, client_id=client_id, n=n, settings=settings
    )
    first = _next_sequence(session, client_id)
    label_ids = {label.name: label.id for label in active_labels(session, project_id)}
    submissions = [
        NewSubmission(
            document_id=query.document_id,
            kind=SubmissionKind.COMPLETE,
            client_id=client_id,
            sequence=first + i,
            states={
                label_ids[name]: JudgementState.PRESENT
                for name in _gold(session, query)
                if name in label_ids
            },
            query_id=query.query_id,
        )
        for i, query in enumerate(served)
    ]
    record_judgements(session, project, person, submissions, source=SubmissionSource.API)
    return len(submissions)


def _gold(session: Session, query: ServedQuery) -> list[str]:
    document = session.get_one(Document, query.document_id)
    if GOLD not in (document.details or {}):
        raise NotReady(
            f"Document '{document.external_id}' has no gold labels to play by; "
            "only the demo project's own documents have them."
        )
    return list((document.details or {})[GOLD])


def _next_sequence(session: Session, client_id: str) -> int:
    last = session.scalar(
        select(Submission.sequence)
        .where(Submission.client_id == client_id)
        .order_by(Submission.sequence.desc())
        .limit(1)
    )
    return 0 if last is None else last + 1
