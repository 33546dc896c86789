"""One's own judged project as gold data."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import select, update

from core.errors import NotFound, NotReady
from core.replay.data import load_dataset
from core.services.demo import open_demo, play_annotator
from core.services.judgement_matrix import judgement_matrix
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Project


@pytest.fixture
def project_id(store: Store, settings: Settings) -> int:
    return open_demo(store, settings)


def test_completely_judged_documents_are_parted_at_random_where_few_are_audited(
    store: Store, settings: Settings, project_id: int
) -> None:
    play_annotator(store, project_id, n=60, settings=settings)
    data = load_dataset(f"project:{project_id}", settings, store)
    again = load_dataset(f"project:{project_id}", settings, store)
    assert len(data.texts) + len(data.test_texts) == 60
    assert len(data.test_texts) == 18
    assert set(data.texts).isdisjoint(data.test_texts)
    assert data.truth.shape == (42, len(data.labels))
    assert not (data.truth == -1).any()
    assert "18 judged documents" in data.note
    assert again.sha256 == data.sha256
    with store.read() as session:
        audited = set(session.scalars(select(Document.text).where(Document.is_audited)))
        project = session.get_one(Project, project_id)
        ids = dict(session.execute(select(Document.id, Document.text)).all())
    assert audited.isdisjoint(data.texts)
    assert data.vectors is not None
    assert [ids[id_] for id_ in data.vectors.ids.tolist()] == data.texts
    assert data.vectors.folder.name.startswith(f"{project.id}-")
    assert data.label_texts is not None
    assert data.label_texts[0].startswith(data.labels[0])


def test_the_audit_set_is_the_test_where_enough_of_it_is_judged(
    store: Store, settings: Settings, project_id: int
) -> None:
    play_annotator(store, project_id, n=80, settings=settings)
    with store.write() as session:
        judged = judgement_matrix(session, project_id).document_ids[:60].tolist()
        session.execute(update(Document).where(Document.id.in_(judged)).values(is_audited=True))
    data = load_dataset(f"project:{project_id}", settings, store)
    assert data.vectors is not None
    assert set(judged) <= set(data.vectors.test_ids.tolist())
    assert len(data.texts) + len(data.test_texts) == 80
    assert "judged documents of the audit set" in data.note
    capped = load_dataset(f"project:{project_id}:5", settings, store)
    assert len(capped.texts) == 5
    assert np.isin(capped.vectors.ids, data.vectors.ids).all()  # type: ignore[union-attr]


def test_too_little_judged_and_unknown_projects_are_said(
    store: Store, settings: Settings, project_id: int
) -> None:
    play_annotator(store, project_id, n=5, settings=settings)
    with pytest.raises(NotReady, match="5 completely judged documents"):
        load_dataset(f"project:{project_id}", settings, store)
    with pytest.raises(NotFound, match="no project 4242"):
        load_dataset("project:4242", settings, store)
