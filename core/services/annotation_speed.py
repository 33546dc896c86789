"""How fast people judge: documents and labels per active hour, by day and by annotator.

Counted by the database. Only what people did at the card counts, or what another
program sent with the seconds it took; files are left out, and so is what was undone.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from sqlalchemy import Select, Subquery, and_, case, extract, func, or_, select
from sqlalchemy.orm import Session, aliased

from core.domain import JudgementState, SubmissionKind, SubmissionSource
from core.evaluation.speed import IDLE_S, Seconds, Speed, speed_of
from core.store.tables import Annotator, Judgement, Submission

JUDGED = (SubmissionKind.COMPLETE, SubmissionKind.PARTIAL)


def annotation_speed(session: Session, project_id: int) -> list[Speed]:
    """One entry per day and annotator, the oldest day first."""
    bins: dict[tuple[str, date], list[Seconds]] = defaultdict(list)
    for name, day, *counted in session.execute(_binned(project_id)):
        bins[name, _as_date(day)].append(Seconds(*map(float, counted)))
    return sorted(
        (speed_of(of, name, day) for (name, day), of in bins.items()),
        key=lambda speed: (str(speed.day), speed.annotator),
    )


def _binned(project_id: int) -> Select[Any]:
    """Documents by annotator, day and whole second: few rows, and medians can be read off."""
    timed = _timed(project_id)
    second = func.round(timed.c.seconds).label("second")
    return (
        select(
            Annotator.name,
            timed.c.day,
            second,
            func.count(),
            func.sum(timed.c.n_labels),
            func.sum(timed.c.seconds),
            func.sum(timed.c.is_capped),
        )
        .join(Annotator, Annotator.id == timed.c.annotator_id)
        .group_by(Annotator.name, timed.c.day, second)
    )


def _timed(project_id: int) -> Subquery:
    """Each counted submission that stands, with its day, its labels and its seconds, capped.

    Where the card sent no seconds, the time runs from the same annotator's
    submission before, in whatever project; a first one has none and is left out.
    """
    said = _said(project_id)
    found = _found(project_id)
    undo = aliased(Submission)
    return (
        select(
            said.c.annotator_id,
            said.c.day,
            case((said.c.raw > IDLE_S, float(IDLE_S)), else_=said.c.raw).label("seconds"),
            case((said.c.raw > IDLE_S, 1), else_=0).label("is_capped"),
            func.coalesce(found.c.n, 0).label("n_labels"),
        )
        .outerjoin(undo, undo.undoes_id == said.c.id)
        .outerjoin(found, found.c.submission_id == said.c.id)
        .where(
            said.c.project_id == project_id,
            said.c.kind.in_(JUDGED),
            or_(
                said.c.source == SubmissionSource.CARD,
                and_(said.c.source == SubmissionSource.API, said.c.seconds.is_not(None)),
            ),
            said.c.raw.is_not(None),
            undo.id.is_(None),
        )
        .subquery()
    )


def _said(project_id: int) -> Subquery:
    """All that the project's annotators ever handed in, with the time since the one before."""
    annotators = select(Submission.annotator_id).where(Submission.project_id == project_id)
    at = extract("epoch", Submission.created_at)
    gap = at - func.lag(at).over(partition_by=Submission.annotator_id, order_by=Submission.id)
    return (
        select(
            Submission.id,
            Submission.project_id,
            Submission.annotator_id,
            Submission.kind,
            Submission.source,
            Submission.seconds,
            func.date(Submission.created_at).label("day"),
            func.coalesce(Submission.seconds, gap).label("raw"),
        )
        .where(Submission.annotator_id.in_(annotators))
        .subquery()
    )


def _found(project_id: int) -> Subquery:
    """How many labels each submission found present."""
    return (
        select(Judgement.submission_id, func.count().label("n"))
        .join(Submission, Submission.id == Judgement.submission_id)
        .where(Submission.project_id == project_id, Judgement.state == JudgementState.PRESENT)
        .group_by(Judgement.submission_id)
        .subquery()
    )


def _as_date(day: Any) -> date:
    """SQLite tells a day as text."""
    return day if isinstance(day, date) else date.fromisoformat(str(day))
