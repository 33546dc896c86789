"""A round in force whose folder names judgements to look at again, without running one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

from core.domain import JobStatus, RoundKind
from core.rounds.files import write_arrays
from core.services.diagnoses import COMPANIONS, COPIES, PAIRS, SUSPECTS, Cells
from core.services.projects import get_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Round, Submission, now


@dataclass(frozen=True)
class Doubt:
    """One judgement in doubt."""

    document_id: int
    label_id: int
    is_present: bool
    suspicion: float = 0.9
    other_id: int = 0
    instead_id: int = 0
    with_id: int = 0


def cells(doubts: Sequence[Doubt]) -> Cells:
    return Cells(
        document_ids=np.array([d.document_id for d in doubts], dtype=np.int64),
        label_ids=np.array([d.label_id for d in doubts], dtype=np.int64),
        suspicion=np.array([d.suspicion for d in doubts], dtype=np.float64),
        is_present=np.array([d.is_present for d in doubts], dtype=bool),
        proba=np.array([0.03 if d.is_present else 0.97 for d in doubts], dtype=np.float32),
        others=np.array([d.other_id for d in doubts], dtype=np.int64),
        alternatives=np.array([d.instead_id for d in doubts], dtype=np.int64),
        with_ids=np.array([d.with_id for d in doubts], dtype=np.int64),
        cosine=np.array([0.97 if d.other_id else np.nan for d in doubts], dtype=np.float64),
    )


def round_in_doubt(
    store: Store,
    settings: Settings,
    project_id: int,
    suspects: Sequence[Doubt] = (),
    copies: Sequence[Doubt] = (),
    *,
    pairs: Sequence[Doubt] = (),
    companions: Sequence[Doubt] = (),
    metrics: dict[str, Any] | None = None,
) -> int:
    """A done round that knows all judgements of this moment, and doubts these."""
    with store.write() as session:
        last = session.scalar(
            select(func.max(Submission.id)).where(Submission.project_id == project_id)
        )
        n_before = session.scalar(select(func.count()).where(Round.project_id == project_id))
        number = int(n_before or 0) + 1
        round_ = Round(
            project_id=project_id,
            number=number,
            kind=RoundKind.QUICK,
            status=JobStatus.DONE,
            strategy="bald",
            seed=1,
            n_judged=10,
            threshold=0.5,
            config={"up_to_submission": last or 0},
            metrics=metrics or {},
            checkpoint=f"{project_id}-doubts/round{number}",
            finished_at=now(),
        )
        session.add(round_)
        session.flush()
        get_project(session, project_id).active_round_id = round_.id
        round_id = round_.id
    folder = settings.checkpoints_dir / Path(f"{project_id}-doubts/round{number}")
    folder.mkdir(parents=True)
    write_arrays(folder / SUSPECTS, **cells(suspects).arrays())
    write_arrays(folder / COPIES, **cells(copies).arrays())
    write_arrays(folder / PAIRS, **cells(pairs).arrays())
    write_arrays(folder / COMPANIONS, **cells(companions).arrays())
    return round_id
