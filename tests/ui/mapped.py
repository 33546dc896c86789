"""A project with a map, drawn by hand: three corners of documents, no worker."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
from sqlalchemy import func, select

from core.domain import JobStatus
from core.services import job_queue
from core.services.jobs import MAP, finish_job, job_of_workflow
from core.services.labels import active_labels
from core.services.map_facts import POOL_SCORE
from core.services.maps import ABOUT, IDS, POINTS, MapAbout, map_folder
from core.services.predictions import LABEL_IDS, POOL_IDS, POOL_PROBA
from core.services.projects import get_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Round

CORNERS = np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 9.0]], dtype=np.float32)


def lay_out(n: int) -> np.ndarray:
    """Documents by turns in three corners, never two on one spot."""
    shaken = np.random.default_rng(5).normal(scale=0.6, size=(n, 2))
    return (CORNERS[np.arange(n) % 3] + shaken).astype(np.float32)


def give_scores(store: Store, settings: Settings, project_id: int) -> None:
    """Write what the round in force said of every document but the last."""
    with store.read() as session:
        round_ = session.get_one(Round, get_project(session, project_id).active_round_id)
        labels = [label.id for label in active_labels(session, project_id)]
        ids = np.array(
            session.scalars(
                select(Document.id).where(Document.project_id == project_id).order_by(Document.id)
            ).all()[:-1],
            dtype=np.int64,
        )
    folder = settings.checkpoints_dir / str(round_.checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    proba = np.linspace(0.0, 1.0, len(ids) * len(labels)).reshape(len(ids), len(labels))
    np.save(folder / POOL_IDS, ids)
    np.save(folder / POOL_PROBA, proba.astype(np.float16))
    np.save(folder / POOL_SCORE, np.linspace(0.0, 2.0, len(ids)).astype(np.float32))
    (folder / LABEL_IDS).write_text(json.dumps(labels), encoding="utf-8")


def give_map(store: Store, settings: Settings, project_id: int, **changes: object) -> np.ndarray:
    """Write a map as the worker does, of all documents there are; gives their ids."""
    with store.write() as session:
        project = get_project(session, project_id)
        ids = np.array(
            session.scalars(
                select(Document.id).where(Document.project_id == project_id).order_by(Document.id)
            ).all(),
            dtype=np.int64,
        )
        about = replace(
            MapAbout(
                key="ab12",
                encoder="e" * 40,
                n_drawn=len(ids),
                n_documents=len(ids),
                newest_document_id=session.scalar(select(func.max(Document.id))) or 0,
                seed=1,
                round_id=project.active_round_id,
                method="umap",
            ),
            **changes,  # type: ignore[arg-type]
        )
        folder = map_folder(settings, project, about.key)
        folder.mkdir(parents=True)
        np.save(folder / IDS, ids)
        np.save(folder / POINTS, lay_out(len(ids)))
        (folder / ABOUT).write_text(json.dumps(asdict(about)), encoding="utf-8")
        made = job_queue.add_job(session, project_id=project_id, kind=MAP)
        job = job_of_workflow(session, made.workflow_id)
        assert job is not None
        job.detail = {"key": about.key}
        finish_job(session, job, JobStatus.DONE)
    return ids
