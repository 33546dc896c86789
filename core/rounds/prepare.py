"""What happens before the first round: encode everything, and an order from label names alone."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session, aliased

from core.domain import PRESENT, JobStatus, QueryKind, RoundStep, SubmissionKind
from core.errors import Cancelled
from core.rounds import files
from core.rounds.encode import current_encoder, encode_documents
from core.rounds.lexical import with_words
from core.rounds.pool import pool_vectors
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Task, Workshop, all_document_ids
from core.services.jobs import finish_job, job_of_workflow
from core.services.judgement_matrix import judgement_matrix
from core.services.labels import active_labels
from core.services.predictions import LABEL_IDS, POOL_IDS, POOL_PROBA
from core.services.projects import ProjectSettings
from core.store.tables import Document, Label, Project, Query, Submission
from core.strategies.cold_start import NO_LABEL, cold_start_order, label_similarity
from core.strategies.reasons import (
    Because,
    Neighbour,
    because_of_wanted,
    neighbours_of,
    sentence,
)

QUEUES_LONG = 5  # times the query size: there is no round yet to bring the next ones
FIRST_KINDS = (QueryKind.COLD_START, QueryKind.COVERAGE)
KEPT_FOLDERS = 2  # a page may still be reading the one before


def encode_all(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Encode every document of the project with the encoder in use, and its words for rounds."""
    shutil.rmtree(task.folder, ignore_errors=True)  # of an attempt that was killed here
    use = current_encoder(workshop, task)
    ids = all_document_ids(workshop.store, task.project.id)
    n_encoded = encode_documents(
        workshop,
        task,
        use,
        ids,
        on_progress=progress.count,
        should_stop=progress.should_stop,
    )
    files.write_json(task.folder / files.ENCODER, asdict(use))
    with_words(
        workshop,
        task,
        use,
        ids,
        on_progress=progress.count,
        should_stop=progress.should_stop,
    )
    return {"n_encoded": n_encoded}


def order_by_labels(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Compare documents with label names; write similarities and a first queue."""
    use = EncoderUse.read(task.folder)
    ids = all_document_ids(workshop.store, task.project.id)
    with workshop.store.read() as session:
        labels = active_labels(session, task.project.id)
        candidates = np.isin(ids, askable(session, task.project.id))
        known = judgement_matrix(session, task.project.id)
        session.expunge_all()  # the labels are read on after the session has ended
    if not labels or not len(ids) or task.project.active_round_id is not None:
        files.write_json(task.folder / files.QUERIES, [])
        return {"n_queries": 0}
    encoder = workshop.encoder(use.load_name(workshop.settings))
    label_vectors = encoder.encode([_described(label) for label in labels])
    vectors = pool_vectors(use.cache(workshop.settings, task.project), ids)
    proba = label_similarity(vectors, label_vectors)
    rows = np.flatnonzero(candidates)
    is_judged = np.isin(ids, known.document_ids[~known.is_audited])
    order = cold_start_order(
        vectors[rows],
        label_vectors,
        n=ProjectSettings.of(task.project).query_size * QUEUES_LONG,
        rng=np.random.default_rng(task.project.id),
        n_present=(known.truth[~known.is_audited] == PRESENT).sum(axis=0),
        judged=vectors[is_judged],
    )
    chosen = rows[order.positions]
    neighbours = neighbours_of(
        vectors[chosen],
        vectors[is_judged],
        ids[is_judged].tolist(),
        query_ids=ids[chosen].tolist(),
    )
    queries = [
        {
            "document_id": int(ids[row]),
            "rank": at + 1,
            "score": float(order.scores[at]),
            **_told(labels, int(order.labels[at]), proba[row], neighbours[at]),
        }
        for at, row in enumerate(chosen)
    ]
    files.write_json(task.folder / LABEL_IDS, [label.id for label in labels])
    files.write_array(task.folder / POOL_IDS, ids)
    files.write_array(task.folder / POOL_PROBA, proba.astype(np.float16))
    files.write_json(task.folder / files.QUERIES, queries)
    return {"n_queries": len(queries)}


def _told(
    labels: list[Label], column: int, proba: NDArray[np.float32], near: tuple[Neighbour, ...]
) -> dict[str, Any]:
    """Who chose a document and why: the label of this column, or what is typical."""
    kind, because = QueryKind.COVERAGE, Because()
    if column != NO_LABEL:
        kind = QueryKind.COLD_START
        because = because_of_wanted(labels[column].id, float(proba[column]))
    because = because.beside(near)
    told = sentence(because, kind, {label.id: label.name for label in labels})
    return {"kind": kind, "reason": told, "because": because.to_json()}


def _described(label: Label) -> str:
    return f"{label.name}: {label.description}" if label.description else label.name


def askable(session: Session, project_id: int) -> list[int]:
    """Documents that nobody judged completely, the audit set apart."""
    undo = aliased(Submission)
    judged = (
        select(Submission.document_id)
        .outerjoin(undo, undo.undoes_id == Submission.id)
        .where(
            Submission.project_id == project_id,
            Submission.kind == SubmissionKind.COMPLETE,
            undo.id.is_(None),
        )
    )
    return list(
        session.scalars(
            select(Document.id).where(
                Document.project_id == project_id,
                Document.is_audited.is_(False),
                Document.id.not_in(judged),
            )
        )
    )


def publish_order(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Replace the waiting part of the first queue; what is already on a screen stays."""
    queries = files.read_json(task.folder / files.QUERIES)
    with workshop.store.write() as session:
        job = job_of_workflow(session, task.workflow_id)
        project = session.get(Project, task.project.id)
        if job is None or project is None:
            raise Cancelled("The project of this job has been deleted.")
        if job.status is JobStatus.DONE:
            return {"n_queries": len(queries)}
        detail: dict[str, Any] = {"n_queries": len(queries)}
        if queries and project.active_round_id is None:
            _replace_queries(session, project.id, queries)
        if (task.folder / POOL_PROBA).exists():
            checkpoint = task.folder.relative_to(workshop.settings.checkpoints_dir)
            detail["checkpoint"] = checkpoint.as_posix()
        job.step, job.fraction, job.detail = RoundStep.PUBLISH, 1.0, detail
        finish_job(session, job, JobStatus.DONE)
    _remove_old_folders(task)
    return detail


def _replace_queries(session: Session, project_id: int, queries: list[dict[str, Any]]) -> None:
    """What is on a screen stays, as does what somebody looked for."""
    of_no_round = (Query.project_id == project_id, Query.round_id.is_(None))
    session.execute(
        delete(Query).where(
            *of_no_round,
            Query.kind.in_(FIRST_KINDS),
            Query.served_at.is_(None),
            Query.leased_by.is_(None),
        )
    )
    kept = Query.kind.in_((*FIRST_KINDS, QueryKind.SEARCH))
    shown = set(session.scalars(select(Query.document_id).where(*of_no_round, kept)))
    shared = {"project_id": project_id, "strategy": "cold-start"}
    rows = [{**query, **shared} for query in queries if query["document_id"] not in shown]
    if rows:
        session.execute(insert(Query), rows)


def _remove_old_folders(task: Task) -> None:
    folders = sorted(
        task.folder.parent.glob("cold-start-*"), key=lambda folder: int(folder.name.split("-")[-1])
    )
    for folder in folders[:-KEPT_FOLDERS]:
        shutil.rmtree(folder, ignore_errors=True)
