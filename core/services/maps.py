"""The map of a project's documents: asking for one, and reading the one there is.

The worker draws it (`core.rounds.mapping`). Its points lie beside the vectors they come from,
under a name made of the encoder and the documents, so that the same map is not drawn twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.domain import JobStatus
from core.errors import CorruptArtefact, NotReady
from core.services import job_queue
from core.services.checkpoints import embeddings_folder
from core.services.jobs import MAP, JobInfo, job_info, latest_job
from core.services.predictions import folder_in_force
from core.services.projects import get_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Job, Project

MOST_DRAWN = 20_000  # points that a browser moves without pauses
FEWEST_DRAWN = 3  # two points are a line
MAPS, IDS, POINTS, ABOUT = "maps", "ids.npy", "points.npy", "about.json"
ENCODER = "encoder.json"


@dataclass(frozen=True)
class MapAbout:
    """How a map was made."""

    key: str  # its folder
    encoder: str  # fingerprint
    n_drawn: int
    n_documents: int  # in the project at that time
    newest_document_id: int  # at that time
    seed: int
    round_id: int | None  # in force at that time
    method: str  # "umap", or "pca" for very few documents

    @property
    def is_whole(self) -> bool:
        """Whether every document of that time is drawn."""
        return self.n_drawn == self.n_documents


@dataclass(frozen=True, eq=False)
class DocumentMap:
    """A map: where each document lies."""

    about: MapAbout
    document_ids: NDArray[np.int64]  # (documents,), ascending
    xy: NDArray[np.float32]  # (documents, 2)


@dataclass(frozen=True)
class MapState:
    """Whether there is a map, whether it is of today, and the job that draws the next."""

    about: MapAbout | None
    job: JobInfo | None  # the newest of its kind
    n_documents: int
    n_newer: int = 0  # documents that came after it was drawn
    is_of_another_encoder: bool = False

    @property
    def is_being_drawn(self) -> bool:
        """Whether a job waits or runs."""
        return self.job is not None and self.job.is_active

    @property
    def is_current(self) -> bool:
        """Whether drawing it again would give the same."""
        return self.about is not None and not self.n_newer and not self.is_of_another_encoder


def request_map(store: Store, settings: Settings, project_id: int) -> JobInfo:
    """Have the worker draw the map. Asked again while it waits or runs, it is the same job.

    Raises NotReady for a project with fewer than three documents.
    """
    with store.write() as session:
        project = get_project(session, project_id)
        n_documents = _n_documents(session, project_id)
        if n_documents < FEWEST_DRAWN:
            raise NotReady(
                f"Project '{project.name}' has {n_documents} documents; a map needs at least "
                f"{FEWEST_DRAWN}. Upload more texts first."
            )
        known = latest_job(session, project_id, kind=MAP)
        if known is not None and known.is_active:
            return known
        job = job_queue.add_job(session, project_id=project_id, kind=MAP)
        info, workflow_id = job_info(job), job.workflow_id
    job_queue.enqueue(settings, workflow_id, queue=job_queue.queue_for(MAP))
    return info


def map_state(session: Session, settings: Settings, project_id: int) -> MapState:
    """Where the map of a project stands."""
    project = get_project(session, project_id)
    about, job = (
        _about_in_force(session, settings, project),
        latest_job(session, project_id, kind=MAP),
    )
    n_documents = _n_documents(session, project_id)
    if about is None:
        return MapState(None, job, n_documents)
    return MapState(
        about,
        job,
        n_documents,
        n_newer=_n_documents(session, project_id, after=about.newest_document_id),
        is_of_another_encoder=_is_of_another_encoder(session, settings, project, about),
    )


def map_in_force(session: Session, settings: Settings, project_id: int) -> DocumentMap | None:
    """The map that was drawn last; its points are mapped, not read. None where there is none."""
    project = get_project(session, project_id)
    about = _about_in_force(session, settings, project)
    return None if about is None else read_map(map_folder(settings, project, about.key))


def map_folder(settings: Settings, project: Project, key: str) -> Path:
    """Where a map lies."""
    return embeddings_folder(settings, project) / MAPS / key


def read_map(folder: Path) -> DocumentMap:
    """Read what the worker wrote; raises CorruptArtefact where that is not whole."""
    try:
        about = MapAbout(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))
        ids: NDArray[np.int64] = np.load(folder / IDS, mmap_mode="r", allow_pickle=False)
        xy: NDArray[np.float32] = np.load(folder / POINTS, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise CorruptArtefact(
            f"The map in '{folder}' cannot be read ({error}); draw it again."
        ) from error
    if xy.shape != (len(ids), 2):
        raise CorruptArtefact(
            f"The map in '{folder}' has {len(ids)} documents and points of shape {xy.shape}; "
            "draw it again."
        )
    return DocumentMap(about, ids, xy)


def _about_in_force(session: Session, settings: Settings, project: Project) -> MapAbout | None:
    """Of the newest map that was finished and is still there."""
    done = session.scalars(
        select(Job)
        .where(Job.project_id == project.id, Job.kind == MAP, Job.status == JobStatus.DONE)
        .order_by(Job.id.desc())
    )
    for job in done:
        about = _read_about(map_folder(settings, project, str(job.detail.get("key"))) / ABOUT)
        if about is not None:
            return about
    return None


def _read_about(path: Path) -> MapAbout | None:
    try:
        return MapAbout(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _is_of_another_encoder(
    session: Session, settings: Settings, project: Project, about: MapAbout
) -> bool:
    """Whether a round since then reads its documents with another encoder."""
    if project.active_round_id == about.round_id:
        return False
    folder = folder_in_force(session, settings, project.id)
    try:
        use: dict[str, Any] = json.loads(((folder or Path()) / ENCODER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(use.get("fingerprint") != about.encoder)


def _n_documents(session: Session, project_id: int, *, after: int = 0) -> int:
    counted = select(func.count()).where(Document.project_id == project_id, Document.id > after)
    return session.scalar(counted) or 0
