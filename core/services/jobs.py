"""Background jobs as pages and the API see them: where one stands, and asking it to stop.

Running them belongs to `core.rounds`; this module only reads and writes their rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.domain import JobStatus
from core.errors import NotFound
from core.store.store import Store
from core.store.tables import Job, Round, now

ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
ROUND, PREPARE, SEARCH, REPLAY = "round", "prepare", "search", "replay"  # kinds of job
EXPORT_MODEL = "export-model"  # one more
MAP = "map"  # and another
REPORT = "report"  # and the last
BESIDE = (
    SEARCH,
    REPLAY,
    EXPORT_MODEL,
    MAP,
    REPORT,
)  # run beside the others, and are watched where they were asked for


@dataclass(frozen=True)
class JobInfo:
    """One job at one moment."""

    id: int
    project_id: int
    round_id: int | None
    kind: str  # as above
    status: JobStatus
    step: str  # a RoundStep, or empty before the first
    fraction: float  # of that step
    cancel_requested: bool
    error: str | None
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None
    detail: dict[str, Any] = field(default_factory=dict)  # n_done, n_total, epoch, loss, seconds
    request: dict[str, Any] = field(default_factory=dict)  # what was asked for

    @property
    def is_active(self) -> bool:
        """Whether it is waiting or running."""
        return self.status in ACTIVE


def active_job(session: Session, project_id: int) -> JobInfo | None:
    """The running job of a project, else the one that waits longest; none that runs beside."""
    waiting = session.scalars(
        select(Job)
        .where(Job.project_id == project_id, Job.status.in_(ACTIVE), Job.kind.not_in(BESIDE))
        .order_by(Job.status.desc(), Job.id)  # "running" sorts after "queued"
        .limit(1)
    ).first()
    return None if waiting is None else job_info(waiting)


def latest_job(session: Session, project_id: int, *, kind: str | None = None) -> JobInfo | None:
    """The job requested last, of this kind where one is named."""
    query = select(Job).where(Job.project_id == project_id).order_by(Job.id.desc()).limit(1)
    if kind is not None:
        query = query.where(Job.kind == kind)
    job = session.scalars(query).first()
    return None if job is None else job_info(job)


def request_cancel(session: Session, job_id: int) -> JobInfo:
    """Ask a job to stop: a waiting one is cancelled at once, a running one at its next look.

    A finished job is left as it is.
    """
    job = session.get(Job, job_id)
    if job is None:
        raise NotFound(f"There is no job {job_id}; it may have been deleted with its project.")
    if job.status is JobStatus.QUEUED:
        finish_job(session, job, JobStatus.CANCELLED, error="Cancelled before it started.")
    elif job.status is JobStatus.RUNNING:
        job.cancel_requested = True
    return job_info(job)


def finish_job(session: Session, job: Job, status: JobStatus, *, error: str | None = None) -> None:
    """End a job and its round alike; the round in force is not touched."""
    moment = now()
    job.status, job.error = status, error
    job.finished_at = job.updated_at = moment
    round_ = None if job.round_id is None else session.get(Round, job.round_id)
    if round_ is not None:
        round_.status, round_.error, round_.finished_at = status, error, moment


def report_progress(
    store: Store,
    workflow_id: str,
    *,
    step: str,
    fraction: float,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write where a running job stands. Callers see to it that this is a few times a second."""
    with store.write() as session:
        session.execute(
            update(Job)
            .where(Job.workflow_id == workflow_id, Job.status == JobStatus.RUNNING)
            .values(
                step=step,
                fraction=min(max(fraction, 0.0), 1.0),
                detail=detail or {},
                updated_at=now(),
            )
        )


def is_cancel_requested(store: Store, workflow_id: str) -> bool:
    """Whether a job should stop; also when it was deleted with its project."""
    asked = select(Job.cancel_requested).where(Job.workflow_id == workflow_id)
    with store.read() as session:
        return session.scalar(asked) is not False


def job_of_workflow(session: Session, workflow_id: str) -> Job | None:
    """The job's row. Workers go by workflow: a deleted row's id may come again, its name never."""
    return session.scalars(select(Job).where(Job.workflow_id == workflow_id)).one_or_none()


def job_info(job: Job) -> JobInfo:
    """The row as plain data."""
    return JobInfo(
        id=job.id,
        project_id=job.project_id,
        round_id=job.round_id,
        kind=job.kind,
        status=job.status,
        step=job.step,
        fraction=job.fraction,
        cancel_requested=job.cancel_requested,
        error=job.error,
        created_at=job.created_at,
        started_at=job.started_at,
        updated_at=job.updated_at,
        finished_at=job.finished_at,
        detail=dict(job.detail),
        request=dict(job.request or {}),
    )
