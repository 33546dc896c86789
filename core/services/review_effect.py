"""What looking at judgements again has brought: verdicts, and what the next round made of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core.domain import EvaluationSource, JobStatus, ReviewKind, Verdict
from core.evaluation.intervals import wilson_interval
from core.services.review_queue import expected_left
from core.settings import Settings
from core.store.tables import Review, Round, Submission


@dataclass(frozen=True)
class RoundAfter:
    """The latest round that knew flips which the round before it did not."""

    number: int
    number_before: int
    n_flipped: int
    micro_f1: float | None
    micro_f1_before: float | None
    is_comparable: bool  # both were measured on the audit set


@dataclass(frozen=True)
class ReviewEffect:
    """What looking again has brought. `precision` is the share flipped of those decided."""

    n_confirmed: int
    n_flipped: int
    n_unsure: int
    precision: float | None
    precision_interval: tuple[float, float] | None  # 95 %
    expected_left: float | None  # judgements still wrong among those not looked at again
    after: RoundAfter | None

    @property
    def n_reviewed(self) -> int:
        """All verdicts that count."""
        return self.n_confirmed + self.n_flipped + self.n_unsure


def review_effect(
    session: Session,
    settings: Settings,
    project_id: int,
    *,
    kind: ReviewKind | None = None,
) -> ReviewEffect:
    """Count the verdicts in force, of one kind or all, and see what the next round made of them."""
    undo = aliased(Submission)
    counted = (
        select(Review.verdict, func.count())
        .outerjoin(undo, undo.undoes_id == Review.submission_id)
        .where(Review.project_id == project_id, undo.id.is_(None))
        .group_by(Review.verdict)
    )
    if kind is not None:
        counted = counted.where(Review.kind == kind)
    n = dict(session.execute(counted).all())
    n_flipped = n.get(Verdict.FLIPPED, 0)
    n_decided = n_flipped + n.get(Verdict.CONFIRMED, 0)
    low, high = wilson_interval(n_flipped, n_decided)
    return ReviewEffect(
        n_confirmed=n.get(Verdict.CONFIRMED, 0),
        n_flipped=n_flipped,
        n_unsure=n.get(Verdict.UNSURE, 0),
        precision=n_flipped / n_decided if n_decided else None,
        precision_interval=(float(low), float(high)) if n_decided else None,
        expected_left=expected_left(session, settings, project_id),
        after=_round_after(session, project_id),
    )


def _round_after(session: Session, project_id: int) -> RoundAfter | None:
    undo = aliased(Submission)
    flips = session.scalars(
        select(Review.submission_id)
        .outerjoin(undo, undo.undoes_id == Review.submission_id)
        .where(
            Review.project_id == project_id,
            Review.verdict == Verdict.FLIPPED,
            undo.id.is_(None),
        )
    ).all()
    rounds = session.scalars(
        select(Round)
        .where(Round.project_id == project_id, Round.status == JobStatus.DONE)
        .order_by(Round.number.desc())
    ).all()
    for after, before in pairwise(rounds):
        known, known_before = (int(r.config.get("up_to_submission") or 0) for r in (after, before))
        n = sum(known_before < flip <= known for flip in flips)
        if n:
            return _compared(after, before, n)
    return None


def _compared(after: Round, before: Round, n_flipped: int) -> RoundAfter:
    told, told_before = after.metrics or {}, before.metrics or {}
    audit = str(EvaluationSource.AUDIT)
    return RoundAfter(
        number=after.number,
        number_before=before.number,
        n_flipped=n_flipped,
        micro_f1=told.get("micro_f1"),
        micro_f1_before=told_before.get("micro_f1"),
        is_comparable=told.get("source") == told_before.get("source") == audit,
    )
