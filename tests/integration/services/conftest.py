"""A small project: documents of one word each, two labels, one annotator."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import insert

from core.services.judgements import annotator_named
from core.services.labels import NewLabel, add_labels
from core.services.projects import create_project
from core.store.store import Store
from core.store.tables import Document


@dataclass(frozen=True)
class Small:
    """Ids of what the small project holds."""

    project_id: int
    label_ids: tuple[int, int]
    document_ids: tuple[int, ...]
    annotator_id: int
    annotator: str = "ada"


@pytest.fixture
def small(store: Store) -> Small:
    """Forty documents, of which the last four are the audit set."""
    with store.write() as session:
        project = create_project(session, "small")
        labels = add_labels(session, project.id, [NewLabel("red"), NewLabel("blue")])
        session.execute(
            insert(Document),
            [
                {
                    "project_id": project.id,
                    "external_id": f"d{i}",
                    "text": f"text {i}",
                    "content_hash": f"{i:064d}",
                    "is_audited": i >= 36,
                }
                for i in range(40)
            ],
        )
        annotator = annotator_named(session, "ada")
        ids = tuple(range(1, 41))
        return Small(project.id, (labels[0].id, labels[1].id), ids, annotator.id)
