"""The probabilities in force for given documents, read from the files of the round in force.

From where on a label is predicted is said by `core.services.operating_points`. Before the
first round probabilities come from the similarity of texts to label names. Files are
memory-mapped: a few documents cost a few pages, whatever the pool.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.domain import JobStatus
from core.evaluation.thresholds import DEFAULT_THRESHOLD as DEFAULT_THRESHOLD
from core.services.jobs import PREPARE
from core.services.labels import active_labels
from core.services.operating_points import Thresholds
from core.services.projects import get_project
from core.settings import Settings
from core.store.tables import Job, Round

POOL_IDS, POOL_PROBA, LABEL_IDS = "pool_ids.npy", "pool_proba.npy", "label_ids.json"


def suggestions(
    session: Session, settings: Settings, project_id: int, document_ids: Sequence[int]
) -> dict[int, dict[int, float]]:
    """Probability by label id, for each of these documents that has been scored.

    Labels that came after the round, or were never judged before it, have none;
    labels retired since are left out.
    """
    folder = folder_in_force(session, settings, project_id)
    if folder is None or not document_ids or not (folder / POOL_PROBA).exists():
        return {}
    active = {label.id for label in active_labels(session, project_id)}
    label_ids = json.loads((folder / LABEL_IDS).read_text(encoding="utf-8"))
    columns = [(column, id_) for column, id_ in enumerate(label_ids) if id_ in active]
    pool_ids = np.load(folder / POOL_IDS, mmap_mode="r", allow_pickle=False)
    proba = np.load(folder / POOL_PROBA, mmap_mode="r", allow_pickle=False)
    wanted = np.asarray(document_ids, dtype=np.int64)
    rows = np.minimum(np.searchsorted(pool_ids, wanted), max(len(pool_ids) - 1, 0))
    return {
        int(document_id): {
            id_: float(proba[row, column])
            for column, id_ in columns
            if np.isfinite(proba[row, column])
        }
        for document_id, row in zip(wanted, rows, strict=True)
        if len(pool_ids) and pool_ids[row] == document_id
    }


def predicted_labels(
    proba: Mapping[int, float], thresholds: Thresholds, *, exclusive: bool
) -> list[int]:
    """Labels predicted by these probabilities by label id, the surest first.

    Where labels exclude each other it is the most probable one, and no threshold is asked.
    """
    ranked = sorted(proba, key=lambda id_: (-proba[id_], id_))
    if exclusive:
        return ranked[:1]
    return [id_ for id_ in ranked if proba[id_] >= thresholds.of(id_)]


def folder_in_force(session: Session, settings: Settings, project_id: int) -> Path | None:
    """The folder of the round in force, or of the cold start, or None before either."""
    active = get_project(session, project_id).active_round_id
    if active is not None:
        checkpoint = session.scalar(select(Round.checkpoint).where(Round.id == active))
        return None if checkpoint is None else settings.checkpoints_dir / checkpoint
    prepared = session.scalars(
        select(Job)
        .where(Job.project_id == project_id, Job.kind == PREPARE, Job.status == JobStatus.DONE)
        .order_by(Job.id.desc())
    )
    for job in prepared:
        if checkpoint := job.detail.get("checkpoint"):
            return settings.checkpoints_dir / str(checkpoint)
    return None
