from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import delete, insert, select

from core.domain import SubmissionKind, SubmissionSource
from core.services.audit import audit_size, draw_audit_set
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.projects import change_settings, create_project
from core.store.tables import Document


def add(session, project_id: int, n: int) -> int:
    """Add n documents; returns the first one's id."""
    before = len(session.scalars(select(Document.id)).all())
    ids = session.scalars(
        insert(Document).returning(Document.id, sort_by_parameter_order=True),
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
    ).all()
    return ids[0]


def audited(session) -> list[int]:
    return list(session.scalars(select(Document.id).where(Document.is_audited)))


def test_small_projects_give_a_tenth() -> None:
    assert audit_size(300, 100, start=0.5) == 30
    assert audit_size(50_000, 100, start=0.9) == 100
    assert audit_size(3, 100, start=0.1) == 0
    assert audit_size(3, 100, start=0.8) == 1


@pytest.mark.parametrize(
    ("imports", "size"),
    [
        ([1_000], 100),
        ([1_000, 9_000], 100),
        ([10_000, *[40] * 100], 100),
        ([4] * 25, 10),
        ([1] * 500, 50),
        ([500, 1_500], 100),
    ],
    ids=str,
)
def test_the_set_has_its_size_however_the_documents_came(store, imports, size) -> None:
    with store.write() as session:
        project = create_project(session, "p")
        for n in imports:
            draw_audit_set(session, project.id, new_from=add(session, project.id, n), seed=1)
        assert len(audited(session)) == size


@pytest.mark.parametrize("imports", [[60, 240], [100, *[20] * 5], [9] * 7], ids=str)
def test_early_and_late_documents_are_drawn_equally_often(store, imports) -> None:
    """150 seeds of a target of 10: each tenth of the documents is drawn as often as the next."""
    with store.write() as session:
        project = create_project(session, "p")
        change_settings(session, project.id, audit_target=10)
        n_all, n_seeds = sum(imports), 150
        times = np.zeros(n_all)
        for seed in range(n_seeds):
            session.execute(delete(Document))
            for n in imports:
                first = add(session, project.id, n)
                draw_audit_set(session, project.id, new_from=first, seed=seed)
            times[np.array(audited(session), dtype=int) - (first + n - n_all)] += 1
    rate = min(10 / n_all, 0.1)
    sizes = np.array([len(part) for part in np.array_split(times, 10)])
    means = np.array([part.mean() for part in np.array_split(times, 10)]) / n_seeds
    spread = np.sqrt(rate * (1 - rate) / (n_seeds * sizes))
    np.testing.assert_array_less(np.abs(means - rate), 4 * spread)


def test_no_old_document_is_moved_into_the_set(store) -> None:
    with store.write() as session:
        project = create_project(session, "p")
        draw_audit_set(session, project.id, new_from=add(session, project.id, 1_000), seed=1)
        before = set(audited(session))
        second = add(session, project.id, 1_000)
        draw_audit_set(session, project.id, new_from=second, seed=1)
        after = set(audited(session))
    assert before - after
    assert all(document_id >= second for document_id in after - before)


def test_a_judged_audit_document_keeps_its_place(store) -> None:
    with store.write() as session:
        project = create_project(session, "p")
        draw_audit_set(session, project.id, new_from=add(session, project.id, 1_000), seed=1)
        judged = audited(session)[:30]
        record_judgements(
            session,
            project,
            annotator_named(session, "ada"),
            [NewSubmission(id_, SubmissionKind.COMPLETE, "c", id_) for id_ in judged],
            source=SubmissionSource.CARD,
        )
        draw_audit_set(session, project.id, new_from=add(session, project.id, 99_000), seed=1)
        after = set(audited(session))
    assert set(judged) <= after
    assert 120 <= len(after) <= 130
