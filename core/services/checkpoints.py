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
from core.services.projects import ProjectSettings, get_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Project, Round, now

LEARNER, TUNED, ENCODER = "learner", "tuned", "encoder.json"
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
    project, rounds = _read(store, project_id)
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
    project, round_ = get_project(session, project_id), session.get(Round, round_id)
    if round_ is None or round_.project_id != project_id:
        raise NotFound(f"Round {round_id} is not one of project '{project.name}'.")
    if is_pinned:
        check_can_be_used(None, round_)
    pinned = set(ProjectSettings.of(project).pinned_rounds) - {round_.number}
    numbers = sorted(pinned | ({round_.number} if is_pinned else set()))
    project.settings = {**project.settings, "pinned_rounds": numbers}


def prune_checkpoints(
    store: Store, settings: Settings, project_id: int, *, dry_run: bool = False
) -> PruneReport:
    """Remove what the project's policy no longer keeps; `dry_run` only says what that is."""
    project, rounds = _read(store, project_id)
    kept = _kept(project, rounds)
    n = _n_kept(project)
    why = "only the newest round keeps them" if n == 1 else f"only the newest {n} rounds keep them"
    removed: list[Removed] = []
    for round_ in rounds:
        if round_.number in kept:
            continue
        folder = folder_of_round(settings, round_)
        needed = _needed_by(settings, round_, rounds, kept)
        parts = (LEARNER, *POOL_ARRAYS, *(() if needed else _training_parts(folder)))
        vectors = None if needed else _vectors_of_tuned(settings, project, folder)
        found = {part: folder_size(folder / part) for part in parts if (folder / part).exists()}
        removed += [
            Removed(round_.number, _in_words(part), n_bytes, why) for part, n_bytes in found.items()
        ]
        if vectors is not None:
            size = folder_size(vectors)
            removed.append(Removed(round_.number, "vectors of its tuned encoder", size, why))
        if dry_run or not (found or vectors):
            continue
        _say_so(store, round_, why)  # first: a list must not offer what is half gone
        remove_parts(folder, tuple(found), why=why, at=now())
        if vectors is not None:
            shutil.rmtree(vectors, ignore_errors=True)
    return PruneReport(tuple(removed), kept)


def _read(store: Store, project_id: int) -> tuple[Project, list[Round]]:
    with store.read() as session:
        project = get_project(session, project_id)
        rounds = session.scalars(
            select(Round).where(Round.project_id == project_id).order_by(Round.number.desc())
        ).all()
        session.expunge_all()  # the rows are read on after the session has ended
    return project, list(rounds)


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


def _needed_by(
    settings: Settings, round_: Round, rounds: list[Round], kept: dict[int, str]
) -> list[int]:
    """Kept rounds whose learner reads vectors of the encoder that this round tuned."""
    return [
        other.number
        for other in rounds
        if other.number in kept
        and _encoder(folder_of_round(settings, other)).get("tuned_in") == round_.checkpoint
    ]


def _training_parts(folder: Path) -> list[str]:
    """The tuned encoder, and what a stopped training left to be gone on with."""
    return [name for name in (TUNED, TRAINING) if (folder / name).is_dir()]


def _vectors_of_tuned(settings: Settings, project: Project, folder: Path) -> Path | None:
    """The cached vectors of the encoder that the round in this folder tuned."""
    use = _encoder(folder)
    if not use or use.get("tuned_in") != folder.relative_to(settings.checkpoints_dir).as_posix():
        return None
    vectors = embeddings_folder(settings, project) / str(use["fingerprint"])[:16]
    return vectors if vectors.is_dir() else None


def _encoder(folder: Path) -> dict[str, Any]:
    try:
        use: dict[str, Any] = json.loads((folder / ENCODER).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a round that never came that far
        return {}
    return use


def _say_so(store: Store, round_: Round, why: str) -> None:
    with store.write() as session:
        row = session.get(Round, round_.id)
        if row is not None and PRUNED not in row.config:
            at = now().isoformat(timespec="seconds")
            row.config = {**row.config, PRUNED: {"at": at, "why": why}}


def _in_words(part: str) -> str:
    if part == LEARNER:
        return "weights of its head"
    if part == TUNED:
        return "its tuned encoder"
    if part == TRAINING:
        return "a training that was stopped"
    return f"pool array {part}"
