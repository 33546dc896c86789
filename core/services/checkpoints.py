"""Rounds' folders: what they are called, what they weigh, and which keep their weights.

Weights, arrays over the whole pool and vectors of tuned encoders are pruned by a
policy that people see; metrics, thresholds, history and statistics never are.
"""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.disk import folder_size
from core.domain import JobStatus
from core.errors import Conflict, CorruptArtefact, NotFound
from core.manifest import read_manifest, remove_parts, verify
from core.services.jobs import ACTIVE
from core.services.predictions import POOL_IDS, POOL_PROBA
from core.services.projects import ProjectSettings, get_project, lock_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Project, Round, now

LEARNER, TUNED, ENCODER = "learner", "tuned", "encoder.json"
BEGUN_WITH = "begun_with.json"  # the encoder that a deep round goes on from, or is taught by
TRAINING = "training"  # what a training that was stopped would go on from
POOL_ARRAYS = (
    POOL_IDS,
    POOL_PROBA,
    "pool_score.npy",
    "pool_contributions.npy",
    "pool_gains.npy",
)
PRUNED = "weights_pruned"  # in a round's configuration: when and why
LONGEST_SLUG = 40


@dataclass(frozen=True)
class Checkpoint:
    """A round's folder as lists show it."""

    round_id: int
    number: int
    status: JobStatus
    path: Path
    n_bytes: int
    is_pinned: bool
    is_active: bool
    kept_because: str  # empty: the next pruning takes its weights
    pruned_at: str | None  # ISO 8601
    pruned_because: str | None


@dataclass(frozen=True)
class Removed:
    """Something that pruning removes, or would remove."""

    round_number: int
    what: str
    n_bytes: int
    why: str


@dataclass(frozen=True)
class PruneReport:
    """What a pruning removed, or would remove, and why the rest stays."""

    removed: tuple[Removed, ...]
    kept: dict[int, str]  # by round number: why

    @property
    def n_bytes(self) -> int:
        """Bytes freed."""
        return sum(removed.n_bytes for removed in self.removed)


# --- names -------------------------------------------------------------------


def checkpoint_name(
    session: Session, project: Project, *, strategy: str, seed: int, number: int
) -> str:
    """Where a new round keeps its files, below the folder of all checkpoints."""
    folder = project_folder_name(session, project)
    return f"{folder}/{_slug(strategy)}_seed{seed}_round{number}"


def project_folder_name(session: Session, project: Project) -> str:
    """The project's id and name; once a round has used one, renaming changes it no more."""
    first = session.scalar(
        select(Round.checkpoint)
        .where(Round.project_id == project.id, Round.checkpoint.like(f"{project.id}-%/%"))
        .order_by(Round.id)
        .limit(1)
    )
    return first.split("/")[0] if first else f"{project.id}-{_slug(project.name)}"


def project_folders(settings: Settings, project_id: int) -> list[Path]:
    """Every folder with checkpoints of a project: one, or more of older versions and names."""
    named = sorted(settings.checkpoints_dir.glob(f"{project_id}-*"))
    return [settings.checkpoints_dir / str(project_id), *named]


def embeddings_folder(settings: Settings, project: Project) -> Path:
    """Where a project's vectors lie; the moment of its making keeps a later namesake apart."""
    return settings.embeddings_dir / f"{project.id}-{project.created_at:%Y%m%d%H%M%S}"


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_SLUG].strip("-") or "project"


# --- looking -----------------------------------------------------------------


def list_checkpoints(store: Store, settings: Settings, project_id: int) -> list[Checkpoint]:
    """All rounds' folders with their sizes, the newest first."""
    with store.read() as session:
        project, rounds = _read(session, project_id)
    kept = _kept(project, rounds)
    return [
        Checkpoint(
            round_id=round_.id,
            number=round_.number,
            status=round_.status,
            path=(folder := folder_of_round(settings, round_)),
            n_bytes=folder_size(folder),
            is_pinned=round_.number in ProjectSettings.of(project).pinned_rounds,
            is_active=round_.id == project.active_round_id,
            kept_because=kept.get(round_.number, ""),
            pruned_at=(round_.config.get(PRUNED) or {}).get("at"),
            pruned_because=(round_.config.get(PRUNED) or {}).get("why"),
        )
        for round_ in rounds
    ]


def folder_of_round(settings: Settings, round_: Round) -> Path:
    """Where a round keeps its files, of this version or an older one."""
    return settings.checkpoints_dir / str(round_.checkpoint)


def check_can_be_used(settings: Settings | None, round_: Round) -> None:
    """Raise Conflict for a round whose weights were pruned, CorruptArtefact for one not whole.

    Without settings only the first is checked. Folders of older versions have no
    list of their files, and are taken as they are.
    """
    if pruned := round_.config.get(PRUNED):
        raise Conflict(
            f"Round {round_.number}'s weights were pruned on {str(pruned['at'])[:10]} because "
            f"{pruned['why']}; its figures are still there. To have the model back, run it again "
            f"with strategy '{round_.strategy}' and seed {round_.seed}."
        )
    if settings is None or round_.checkpoint is None:
        return
    folder = folder_of_round(settings, round_)
    if not folder.is_dir():
        raise CorruptArtefact(
            f"Round {round_.number}'s folder '{folder}' is not there; put it back from a copy, or "
            "run the round again."
        )
    if read_manifest(folder) is not None:
        verify(folder)


# --- pinning and pruning -----------------------------------------------------


def pin_round(session: Session, project_id: int, round_id: int, *, is_pinned: bool = True) -> None:
    """Keep a round's weights whatever comes, or leave them to the policy again."""
    project, round_ = lock_project(session, project_id), session.get(Round, round_id)
    if round_ is None or round_.project_id != project_id:
        raise NotFound(f"Round {round_id} is not one of project '{project.name}'.")
    if is_pinned:
        check_can_be_used(None, round_)
    pinned = set(ProjectSettings.of(project).pinned_rounds) - {round_.number}
    numbers = sorted(pinned | ({round_.number} if is_pinned else set()))
    project.settings = {**project.settings, "pinned_rounds": numbers}


@dataclass(frozen=True)
class _Going:
    """What pruning takes of one round."""

    round_: Round
    folder: Path
    parts: tuple[str, ...]
    vectors: Path | None
    removed: tuple[Removed, ...]


def prune_checkpoints(
    store: Store, settings: Settings, project_id: int, *, dry_run: bool = False
) -> PruneReport:
    """Remove what the project's policy no longer keeps; `dry_run` only says what that is."""
    # Decided and marked in one transaction, which going back to a round and pinning one wait
    # for: marked first, because a list must not offer what is half gone.
    with store.read() if dry_run else store.write() as session:
        project, rounds = _read(session, project_id, is_locked=not dry_run)
        kept = _kept(project, rounds)
        why = _why(_n_kept(project))
        plan = _planned(settings, project, rounds, kept, why)
        if not dry_run:
            for going in plan:
                _mark(going.round_, why)
        session.flush()
        session.expunge_all()
    for going in [] if dry_run else plan:
        remove_parts(going.folder, going.parts, why=why, at=now())
        if going.vectors is not None:
            shutil.rmtree(going.vectors, ignore_errors=True)
    return PruneReport(tuple(removed for going in plan for removed in going.removed), kept)


def _planned(
    settings: Settings, project: Project, rounds: list[Round], kept: dict[int, str], why: str
) -> list[_Going]:
    in_use = _in_use(settings, rounds, kept)
    plan: list[_Going] = []
    for round_ in rounds:
        if round_.number in kept:
            continue
        folder = folder_of_round(settings, round_)
        needed = round_.checkpoint in in_use.tuned_in
        parts = (LEARNER, *POOL_ARRAYS, *(() if needed else _training_parts(folder)))
        vectors = None if needed else _vectors_of_tuned(settings, project, folder)
        if vectors is not None and vectors.name in in_use.vectors:
            vectors = None  # the same training, run again, made the same encoder
        found = {part: folder_size(folder / part) for part in parts if (folder / part).exists()}
        told = {_in_words(part): n_bytes for part, n_bytes in found.items()}
        if vectors is not None:
            told["vectors of its tuned encoder"] = folder_size(vectors)
        if told:
            removed = (Removed(round_.number, what, n, why) for what, n in told.items())
            plan.append(_Going(round_, folder, tuple(found), vectors, tuple(removed)))
    return plan


def _read(
    session: Session, project_id: int, *, is_locked: bool = False
) -> tuple[Project, list[Round]]:
    project = lock_project(session, project_id) if is_locked else get_project(session, project_id)
    rounds = session.scalars(
        select(Round).where(Round.project_id == project_id).order_by(Round.number.desc())
    ).all()
    return project, list(rounds)


def _why(n_kept: int) -> str:
    if n_kept == 1:
        return "only the newest round keeps them"
    return f"only the newest {n_kept} rounds keep them"


def _n_kept(project: Project) -> int:
    return ProjectSettings.of(project).keep_weights


def _kept(project: Project, rounds: list[Round]) -> dict[int, str]:
    """By number of the rounds that keep everything: why. `rounds` are newest first.

    A round that failed or was cancelled may be gone on with while it is as new as a kept one.
    """
    n, pinned = _n_kept(project), set(ProjectSettings.of(project).pinned_rounds)
    done = [round_.number for round_ in rounds if round_.status is JobStatus.DONE]
    oldest = done[:n][-1] if len(done) > n else 0
    kept: dict[int, str] = {}
    for round_ in rounds:
        if round_.id == project.active_round_id:
            kept[round_.number] = "it is in force"
        elif round_.status in ACTIVE:
            kept[round_.number] = "it is under way"
        elif round_.number in pinned:
            kept[round_.number] = "it is pinned"
        elif round_.number >= oldest:
            kept[round_.number] = "it is the newest" if n == 1 else f"it is one of the newest {n}"
    return kept


@dataclass(frozen=True)
class _InUse:
    """What kept rounds read that others made."""

    tuned_in: frozenset[str]  # checkpoints whose tuned encoders they read, or begin with
    vectors: frozenset[str]  # folders of vectors


def _in_use(settings: Settings, rounds: list[Round], kept: dict[int, str]) -> _InUse:
    uses = [
        _read_use(folder_of_round(settings, round_) / name)
        for round_ in rounds
        if round_.number in kept
        for name in (ENCODER, BEGUN_WITH)
    ]
    return _InUse(
        tuned_in=frozenset(str(use["tuned_in"]) for use in uses if use.get("tuned_in")),
        vectors=frozenset(_name_of_vectors(use) for use in uses if use),
    )


def _training_parts(folder: Path) -> list[str]:
    """The tuned encoder, and what a stopped training left to be gone on with."""
    return [name for name in (TUNED, TRAINING) if (folder / name).is_dir()]


def _vectors_of_tuned(settings: Settings, project: Project, folder: Path) -> Path | None:
    """The cached vectors of the encoder that the round in this folder tuned."""
    use = _read_use(folder / ENCODER)
    if not use or use.get("tuned_in") != folder.relative_to(settings.checkpoints_dir).as_posix():
        return None
    vectors = embeddings_folder(settings, project) / _name_of_vectors(use)
    return vectors if vectors.is_dir() else None


def _name_of_vectors(use: dict[str, Any]) -> str:
    return str(use.get("fingerprint"))[:16]


def _read_use(path: Path) -> dict[str, Any]:
    try:
        use: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a round that never came that far
        return {}
    return use


def _mark(round_: Round, why: str) -> None:
    if PRUNED not in round_.config:
        at = now().isoformat(timespec="seconds")
        round_.config = {**round_.config, PRUNED: {"at": at, "why": why}}


def _in_words(part: str) -> str:
    if part == LEARNER:
        return "weights of its head"
    if part == TUNED:
        return "its tuned encoder"
    if part == TRAINING:
        return "a training that was stopped"
    return f"pool array {part}"
