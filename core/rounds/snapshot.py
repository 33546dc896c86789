"""Step 1: freeze what is known, so that the round can be repeated and explained."""

from __future__ import annotations

import hashlib
import platform
import shutil
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from core.domain import UNJUDGED
from core.rounds import files
from core.rounds.held_out import split
from core.rounds.progress import Progress
from core.rounds.task import Task, Workshop
from core.services.judgement_matrix import JudgementMatrix, judgement_matrix
from core.services.labels import active_labels
from core.services.predictions import LABEL_IDS
from core.services.projects import ProjectSettings
from core.services.round_requests import check_judgements
from core.store.tables import Document, Round, Submission
from core.versions import code_version, package_versions


def take_snapshot(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Write snapshot.npz, its description and the statistics; fill in the round's row."""
    project_id = task.project.id
    shutil.rmtree(task.folder, ignore_errors=True)  # of an attempt that was killed here
    with workshop.store.read() as session:
        last = session.scalar(
            select(func.max(Submission.id)).where(Submission.project_id == project_id)
        )
        matrix = judgement_matrix(session, project_id, up_to_submission=last or 0)
        names = [label.name for label in active_labels(session, project_id)]
        pool = session.execute(
            select(Document.id, Document.is_audited)
            .where(Document.project_id == project_id)
            .order_by(Document.id)
        ).all()
    check_judgements(matrix, task.the_round.kind)
    pool_ids = np.array([id_ for id_, _ in pool], dtype=np.int64)
    is_audited = np.array([is_audited for _, is_audited in pool], dtype=np.bool_)
    arrays = _arrays(matrix, pool_ids, is_audited)
    n_judged = len(arrays["train_ids"])
    n_held_out = len(split(n_judged, seed=task.the_round.seed)[1]) if task.is_deep else 0
    data_hash = _hash(arrays, names)
    about = {"up_to_submission": last or 0, "label_ids": matrix.label_ids, "label_names": names}
    statistics = {
        "settings": _settings(workshop, task) | {"up_to_submission": last or 0},
        "device": _device(),
        "data_hash": data_hash,
        "code_version": code_version(),
        "packages": package_versions(),
        "platform": platform.platform(),
        "n_documents": len(pool_ids),
        "n_trained_on": n_judged - n_held_out,
        "n_held_out": n_held_out,
        "n_audited": len(arrays["audit_ids"]),
    }
    files.write_arrays(task.folder / files.SNAPSHOT, **arrays)
    files.write_json(task.folder / files.SNAPSHOT_ABOUT, about)
    files.write_json(task.folder / LABEL_IDS, list(matrix.label_ids))
    files.write_json(task.folder / files.STATISTICS, statistics)
    _fill_in(workshop, task, about, statistics)
    return {"data_hash": data_hash, "n_trained_on": statistics["n_trained_on"]}


def _arrays(
    matrix: JudgementMatrix, pool_ids: NDArray[np.int64], is_audited: NDArray[np.bool_]
) -> dict[str, Any]:
    judged = (matrix.truth != UNJUDGED).any(axis=1)
    train = judged & ~matrix.is_audited
    audit = matrix.is_complete & matrix.is_audited
    return {
        "pool_ids": pool_ids,
        "is_audited": is_audited,
        "is_complete": np.isin(pool_ids, matrix.document_ids[matrix.is_complete]),
        "train_ids": matrix.document_ids[train],
        "train_truth": matrix.truth[train],
        "audit_ids": matrix.document_ids[audit],
        "audit_truth": matrix.truth[audit],
    }


def _settings(workshop: Workshop, task: Task) -> dict[str, Any]:
    """Everything that was asked for; what learners made of it is added when the round is done."""
    round_ = task.the_round
    return {
        **round_.config,
        "kind": str(round_.kind),
        "strategy": round_.strategy,
        "seed": round_.seed,
        "encoder": workshop.settings.encoder,
        "project": asdict(ProjectSettings.of(task.project)),
    }


def _device() -> str:
    """Where networks run: results repeat on the same device alone."""
    import torch

    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return f"cpu ({platform.processor() or platform.machine()})"


def _hash(arrays: dict[str, Any], names: list[str]) -> str:
    digest = hashlib.sha256("\0".join(names).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].shape} {arrays[name].dtype}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _fill_in(
    workshop: Workshop, task: Task, about: dict[str, Any], statistics: dict[str, Any]
) -> None:
    with workshop.store.write() as session:
        round_ = session.get_one(Round, task.the_round.id)
        round_.config = {**round_.config, "up_to_submission": about["up_to_submission"]}
        round_.label_ids = list(about["label_ids"])
        round_.data_hash = statistics["data_hash"]
        round_.code_version = statistics["code_version"][:60]
        round_.n_judged = statistics["n_trained_on"]
        round_.n_audited = statistics["n_audited"]
