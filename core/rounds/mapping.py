"""The map as a job: choose the documents, see that they have vectors, lay them out, keep that."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from core.domain import JobStatus, RoundStep
from core.errors import Cancelled, NotReady
from core.rounds import files
from core.rounds.encode import current_encoder, encode_documents
from core.rounds.progress import Progress
from core.rounds.projection import FEWEST_FOR_UMAP, project
from core.rounds.task import EncoderUse, Task, Workshop, all_document_ids
from core.services.jobs import finish_job, job_of_workflow
from core.services.judgement_matrix import judgement_matrix
from core.services.maps import ABOUT, FEWEST_DRAWN, IDS, MOST_DRAWN, POINTS, MapAbout, map_folder
from core.store.store import Store
from core.store.tables import Document

SEED = 20_180_209  # the day UMAP appeared; any would do, the same one gives the same map
LAYOUT = "1"  # raised when the same vectors are laid out otherwise
CHOSEN = "map_ids.npy"

Ids = NDArray[np.int64]


def choose_documents(
    document_ids: Ids, wanted: Ids, *, most: int = MOST_DRAWN, seed: int = SEED
) -> Ids:
    """At most so many documents, ascending: those wanted first, the rest by lot.

    `document_ids` ascend. A document's lot depends on its place among them, so documents that
    are added later leave those drawn before as they are, but for the room they take.
    """
    if len(document_ids) <= most:
        return document_ids
    lots = np.random.default_rng(seed).random(len(document_ids))
    comes_first = np.isin(document_ids, wanted)
    order = np.lexsort((lots, ~comes_first))
    return np.sort(document_ids[order[:most]])


def read_for_map(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Choose what is drawn, and read those documents that no round has read."""
    shutil.rmtree(task.folder, ignore_errors=True)  # of an attempt that was killed here
    own = Workshop(settings=workshop.settings, store=workshop.store)  # runs beside other jobs
    use = current_encoder(own, task)
    document_ids = all_document_ids(workshop.store, task.project.id)
    if len(document_ids) < FEWEST_DRAWN:
        raise NotReady(
            f"The project has {len(document_ids)} documents left; a map needs at least "
            f"{FEWEST_DRAWN}."
        )
    chosen = choose_documents(document_ids, _judged_or_audited(workshop.store, task.project.id))
    n_encoded = encode_documents(
        own,
        task,
        use,
        chosen,
        on_progress=progress.count,
        should_stop=progress.should_stop,
    )
    files.write_json(task.folder / files.ENCODER, asdict(use))
    files.write_array(task.folder / CHOSEN, chosen)
    files.write_json(task.folder / ABOUT, asdict(_about(task, use, document_ids, chosen)))
    return {"n_encoded": n_encoded, "n_drawn": len(chosen)}


def draw_map(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Lay the documents out, unless the same map is there; put it in force."""
    about = MapAbout(**files.read_json(task.folder / ABOUT))
    folder = map_folder(workshop.settings, task.project, about.key)
    if not (folder / POINTS).is_file():
        chosen: Ids = files.read_array(task.folder / CHOSEN)
        cache = EncoderUse.read(task.folder).cache(workshop.settings, task.project)
        points = project(
            np.asarray(cache.rows(chosen), dtype=np.float32),
            seed=about.seed,
            on_progress=lambda f: progress.report(f, n_drawn=len(chosen)),
            should_stop=progress.should_stop,
        )
        files.write_array(folder / IDS, chosen)
        files.write_array(folder / POINTS, points)
    files.write_json(folder / ABOUT, asdict(about))  # drawn again, it counts as drawn now
    return _finish(workshop, task, {"key": about.key, "n_drawn": about.n_drawn})


def _finish(workshop: Workshop, task: Task, detail: dict[str, Any]) -> dict[str, Any]:
    with workshop.store.write() as session:
        job = job_of_workflow(session, task.workflow_id)
        if job is None:
            raise Cancelled("The project of this map has been deleted.")
        if job.status is not JobStatus.DONE:
            job.step, job.fraction, job.detail = RoundStep.PROJECT, 1.0, detail
            finish_job(session, job, JobStatus.DONE)
    shutil.rmtree(task.folder, ignore_errors=True)
    return detail


def _about(task: Task, use: EncoderUse, document_ids: Ids, chosen: Ids) -> MapAbout:
    said = f"{LAYOUT} {use.fingerprint} {SEED} ".encode() + chosen.astype("<i8").tobytes()
    return MapAbout(
        key=hashlib.sha256(said).hexdigest()[:16],
        encoder=use.fingerprint,
        n_drawn=len(chosen),
        n_documents=len(document_ids),
        newest_document_id=int(document_ids[-1]),
        seed=SEED,
        round_id=task.project.active_round_id,
        method="pca" if len(chosen) < FEWEST_FOR_UMAP else "umap",
    )


def _judged_or_audited(store: Store, project_id: int) -> Ids:
    with store.read() as session:
        judged = judgement_matrix(session, project_id).document_ids
        audited = session.scalars(
            select(Document.id).where(Document.project_id == project_id, Document.is_audited)
        ).all()
    return np.union1d(judged, np.array(audited, dtype=np.int64))
