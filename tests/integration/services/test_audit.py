from __future__ import annotations

from sqlalchemy import insert, select

from core.services.audit import audit_size, draw_audit_set
from core.services.projects import create_project
from core.store.tables import Document


def add(session, project_id: int, n: int) -> int:
    """Add n documents; returns the first one's id."""
    before = len(session.scalars(select(Document.id)).all())
    session.execute(
        insert(Document),
        [
            {
                "project_id": project_id,
                "external_id": str(before + i),
                "text": "x",
                "content_hash": str(before + i),
                "is_audited": False,
            }
            for i in range(n)
        ],
    )
    return before + 1


def test_small_projects_give_a_tenth() -> None:
    assert audit_size(300, 100) == 30
    assert audit_size(50_000, 100) == 100
    assert audit_size(3, 100) == 1


def test_later_documents_are_drawn_at_the_rate_of_the_whole_and_earlier_ones_stay(store) -> None:
    with store.write() as session:
        project = create_project(session, "p")
        first = add(session, project.id, 1_000)
        assert draw_audit_set(session, project.id, new_from=first, seed=1) == 100
        before = set(session.scalars(select(Document.id).where(Document.is_audited)))
        second = add(session, project.id, 1_000)
        assert draw_audit_set(session, project.id, new_from=second, seed=1) == 50
        after = set(session.scalars(select(Document.id).where(Document.is_audited)))
    assert before < after
    assert all(document_id >= second for document_id in after - before)
