from __future__ import annotations

from sqlalchemy import func, select

from core.domain import JudgementState
from core.services.demo import open_demo, play_annotator
from core.services.exporting import export_rows
from core.services.judgement_matrix import judgement_matrix
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Judgement, Label, Project, Submission


def test_the_demo_is_made_once_unjudged_with_an_audit_set(store: Store, settings: Settings) -> None:
    project_id = open_demo(store, settings)
    assert open_demo(store, settings) == project_id
    with store.read() as session:
        assert session.scalar(select(func.count(Project.id))) == 1
        assert session.scalar(select(func.count(Document.id))) >= 1_500
        assert session.scalar(select(func.count(Submission.id))) == 0
        assert session.scalar(select(func.count()).where(Document.is_audited)) == 100


def test_the_demo_annotator_judges_what_is_served_by_the_gold_labels(
    store: Store, settings: Settings
) -> None:
    project_id = open_demo(store, settings)
    assert play_annotator(store, project_id, n=25, settings=settings) == 25
    assert play_annotator(store, project_id, n=5, settings=settings) == 5
    with store.read() as session:
        assert judgement_matrix(session, project_id).is_complete.sum() == 30
        gold = dict(session.execute(select(Document.external_id, Document.details)).all())
        rows = list(export_rows(session, project_id, settings=settings))
    assert len(rows) == 30
    assert all(sorted(row["labels"]) == sorted(gold[row["id"]]["gold"]) for row in rows)


def test_the_demo_annotator_stops_when_the_queue_is_empty(store: Store, settings: Settings) -> None:
    project_id = open_demo(store, settings)
    with store.write() as session:
        keep = session.scalars(select(Document.id).limit(12)).all()
        for document in session.scalars(select(Document).where(Document.id.not_in(keep))):
            session.delete(document)
    assert play_annotator(store, project_id, n=100, settings=settings) == 12
    with store.read() as session:
        states = session.scalars(select(Judgement.state).distinct()).all()
        assert states == [JudgementState.PRESENT]
        assert session.scalar(select(func.count(Label.id))) == 12
