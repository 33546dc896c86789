"""What every step is given: where things are, and which job it works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from core.domain import RoundKind, Truth
from core.encoders.cache import EmbeddingCache
from core.encoders.encoder import Encoder, load_encoder
from core.encoders.features import FeatureCaches
from core.errors import Cancelled
from core.manifest import read_manifest, verify
from core.rounds import files
from core.services.checkpoints import project_folder_name
from core.services.jobs import PREPARE, REPLAY, ROUND, job_of_workflow
from core.services.replays import replay_folder
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Job, Project, Round

TEXTS_PER_READ = 500  # below the number of parameters every database takes


@dataclass
class Workshop:
    """The worker's own: settings, store, and the encoder it used last."""

    settings: Settings
    store: Store
    _loaded: dict[str, Encoder] = field(default_factory=dict)

    def encoder(self, name_or_path: str) -> Encoder:
        """Load an encoder, or give the one that is loaded."""
        if name_or_path not in self._loaded:
            self._loaded.clear()
            self._loaded[name_or_path] = load_encoder(name_or_path)
        return self._loaded[name_or_path]

    @cached_property
    def beside(self) -> Workshop:
        """Another one with an encoder of its own: tokenisers take one caller at a time."""
        return Workshop(settings=self.settings, store=self.store)


@dataclass(frozen=True)
class Task:
    """A job as its steps see it; only a round's has a round."""

    workflow_id: str
    project: Project
    folder: Path  # of the round, the cold start, the search or the replay
    round: Round | None
    kind: str = ROUND
    request: dict[str, Any] = field(default_factory=dict)  # what was asked for

    @property
    def the_round(self) -> Round:
        """The round, in steps that only rounds have."""
        assert self.round is not None
        return self.round

    @property
    def is_exclusive(self) -> bool:
        """Whether exactly one label applied to each document when the round was asked for."""
        return self.round is not None and bool((self.round.config or {}).get("exclusive"))

    @property
    def is_deep(self) -> bool:
        """Whether the encoder itself is trained."""
        return self.round is not None and self.round.kind is RoundKind.DEEP


@dataclass(frozen=True)
class Snapshot:
    """The frozen data of a round."""

    pool_ids: NDArray[np.int64]  # every document, ascending
    is_audited: NDArray[np.bool_]  # of the pool_ids
    is_complete: NDArray[np.bool_]  # of the pool_ids: has a complete judgement
    train_ids: NDArray[np.int64]
    train_truth: Truth  # (train documents, labels)
    audit_ids: NDArray[np.int64]  # audited documents with a complete judgement
    audit_truth: Truth
    label_names: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> Snapshot:
        """Read what the snapshot step wrote."""
        arrays = files.read_arrays(folder / files.SNAPSHOT)
        about = files.read_json(folder / files.SNAPSHOT_ABOUT)
        return cls(**arrays, label_names=tuple(about["label_names"]))


@dataclass(frozen=True)
class EncoderUse:
    """Which encoder made the vectors that a round's learner reads."""

    base: str  # as the settings name it
    fingerprint: str
    width: int
    tuned_in: str | None = None  # checkpoint of the deep round that tuned it
    lexical: str | None = None  # fingerprint of the model of words read beside it
    lexical_width: int = 0

    def load_name(self, settings: Settings) -> str:
        """What `load_encoder` takes; raises CorruptArtefact where a tuned one is not whole."""
        if self.tuned_in is None:
            return self.base
        folder = settings.checkpoints_dir / self.tuned_in
        if read_manifest(folder) is not None:  # none yet in the round that tunes it
            verify(folder, files.TUNED)
        return str(folder / files.TUNED_ENCODER)

    def trained_on(self, settings: Settings) -> NDArray[np.int64]:
        """Documents whose judgements the encoder saw: never to be measured on."""
        if self.tuned_in is None:
            return np.empty(0, dtype=np.int64)
        return files.read_array(settings.checkpoints_dir / self.tuned_in / files.TRAINED_ON)

    def cache(self, settings: Settings, project: Project) -> EmbeddingCache:
        """Where its vectors of this project's documents are kept."""
        folder = files.embeddings_folder(settings, project)
        return EmbeddingCache(folder, fingerprint=self.fingerprint, width=self.width)

    def lexical_cache(self, settings: Settings, project: Project) -> EmbeddingCache | None:
        """Where the vectors of words are kept, for learners that read them."""
        if self.lexical is None:
            return None
        folder = files.lexical_folder(settings, project)
        return EmbeddingCache(folder, fingerprint=self.lexical, width=self.lexical_width)

    def features(self, settings: Settings, project: Project) -> FeatureCaches:
        """What the learner reads of a document: its vector, and beside it that of its words."""
        words = self.lexical_cache(settings, project)
        own = self.cache(settings, project)
        return FeatureCaches((own,) if words is None else (own, words))

    @property
    def blocks(self) -> tuple[int, ...]:
        """Widths of what the learner reads, side by side."""
        return (self.width,) if self.lexical is None else (self.width, self.lexical_width)

    @classmethod
    def read(cls, folder: Path) -> EncoderUse:
        """Read what the encode or the train step wrote."""
        return cls(**files.read_json(folder / files.ENCODER))


def load_task(workshop: Workshop, workflow_id: str) -> Task:
    """Read a job's rows; raises Cancelled when they were deleted with their project."""
    with workshop.store.read() as session:
        job = job_of_workflow(session, workflow_id)
        project = None if job is None else session.get(Project, job.project_id)
        if job is None or project is None:
            raise Cancelled("The project of this job has been deleted.")
        round_ = None if job.round_id is None else session.get(Round, job.round_id)
        own = f"{project_folder_name(session, project)}/{_of_job(job)}"
        session.expunge_all()  # the rows are read on after the session has ended
    folder = workshop.settings.checkpoints_dir / str(own if round_ is None else round_.checkpoint)
    if job.kind == REPLAY:
        folder = replay_folder(workshop.settings, project.id, job.id)
    return Task(
        workflow_id=workflow_id,
        project=project,
        folder=folder,
        round=round_,
        kind=job.kind,
        request=dict(job.request or {}),
    )


def _of_job(job: Job) -> str:
    """The folder of a job that is no round's."""
    return f"{'cold-start' if job.kind == PREPARE else job.kind}-{job.id}"


def read_texts(store: Store, document_ids: NDArray[np.int64]) -> list[str]:
    """The texts of these documents, in their order."""
    texts: dict[int, str] = {}
    with store.read() as session:
        for start in range(0, len(document_ids), TEXTS_PER_READ):
            chunk = document_ids[start : start + TEXTS_PER_READ].tolist()
            rows = session.execute(select(Document.id, Document.text).where(Document.id.in_(chunk)))
            texts.update(rows.all())
    return [texts[id_] for id_ in document_ids.tolist()]


def all_document_ids(store: Store, project_id: int) -> NDArray[np.int64]:
    """Every document of a project, ascending."""
    with store.read() as session:
        ids = session.scalars(
            select(Document.id).where(Document.project_id == project_id).order_by(Document.id)
        ).all()
    return np.array(ids, dtype=np.int64)
