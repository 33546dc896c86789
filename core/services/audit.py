"""The audit set: documents drawn at random, judged like the rest, never trained on."""

from __future__ import annotations

import math

import numpy as np
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.services.projects import ProjectSettings, get_project
from core.store.tables import Document

LARGEST_SHARE = 0.10  # of a small project's documents


def audit_size(n_documents: int, target: int) -> int:
    """How many of so many documents belong in the audit set."""
    return min(target, math.ceil(n_documents * LARGEST_SHARE))


def draw_audit_set(session: Session, project_id: int, *, new_from: int, seed: int) -> int:
    """Draw audit documents among those with ids from `new_from` on; returns how many.

    New documents are drawn at the rate of the whole project, so the set stays a uniform sample;
    documents that were there before are never moved, because a model may have seen them.
    """
    settings = ProjectSettings.of(get_project(session, project_id))
    in_project = Document.project_id == project_id
    n_all = session.scalar(select(func.count()).where(in_project)) or 0
    new_ids = np.array(
        session.scalars(
            select(Document.id).where(in_project, Document.id >= new_from).order_by(Document.id)
        ).all(),
        dtype=np.int64,
    )
    if not len(new_ids):
        return 0
    n_drawn = round(audit_size(n_all, settings.audit_target) * len(new_ids) / n_all)
    drawn = np.random.default_rng([seed, new_from]).choice(new_ids, n_drawn, replace=False)
    for start in range(0, len(drawn), 500):
        chunk = [int(id_) for id_ in drawn[start : start + 500]]
        session.execute(update(Document).where(Document.id.in_(chunk)).values(is_audited=True))
    return n_drawn
