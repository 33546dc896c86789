"""The job engine's side of the worker: launching DBOS, and jobs it has lost sight of."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import select

from core.domain import JobStatus
from core.rounds.task import Workshop
from core.rounds.workflow import MAX_STARTS, register
from core.services.job_queue import (
    APPLICATION,
    EXPORT_QUEUE,
    QUEUE,
    REPLAY_QUEUE,
    SEARCH_QUEUE,
    queue_for,
)
from core.services.jobs import ACTIVE, finish_job, job_of_workflow
from core.settings import Settings
from core.store.tables import Job

log = logging.getLogger(__name__)

APPLICATION_VERSION = "3"  # raised when recorded steps no longer fit the code
POLL_S = 0.2  # between two looks into the queue
IN_HAND = ("ENQUEUED", "DELAYED", "PENDING")

RunJob = Callable[[str], str]


def launch(workshop: Workshop) -> RunJob:
    """Start running queued jobs, one at a time in each queue, and go on with interrupted ones."""
    settings = workshop.settings
    config: DBOSConfig = {
        "name": APPLICATION,
        "application_version": APPLICATION_VERSION,
        "system_database_url": settings.resolved_jobs_database_url,
        "executor_id": _executor_id(settings),
        "log_level": "WARNING",
        "enable_otlp": False,
    }
    DBOS(config=config)
    run_job = register(workshop)
    DBOS.launch()
    for queue in (QUEUE, SEARCH_QUEUE, REPLAY_QUEUE, EXPORT_QUEUE):
        DBOS.register_queue(
            queue, worker_concurrency=1, polling_interval_sec=POLL_S, on_conflict="always_update"
        )
    return run_job


def _executor_id(settings: Settings) -> str:
    """This data folder's own name, the same after a restart: by it interrupted jobs are found."""
    path = settings.data_dir / "worker-id"
    if not path.exists():
        path.write_text(uuid.uuid4().hex, encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def look_after_jobs(workshop: Workshop, run_job: RunJob) -> None:
    """Queue jobs that nobody queued, and end those that the engine gave up."""
    with workshop.store.read() as session:
        active = session.execute(
            select(Job.workflow_id, Job.kind).where(Job.status.in_(ACTIVE)).order_by(Job.id)
        ).all()
    for workflow_id, kind in active:
        known = DBOS.get_workflow_status(workflow_id)
        if known is None:
            with SetWorkflowID(workflow_id):
                DBOS.enqueue_workflow(queue_for(kind), run_job, workflow_id)
        elif known.status not in IN_HAND:
            _give_up(workshop, workflow_id, _why(known.status))
        elif known.app_version not in (None, APPLICATION_VERSION):
            _give_up(
                workshop, workflow_id, "It was begun by another version of the app; run it again."
            )


def _why(status: str) -> str:
    if status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
        return (
            f"The worker died {MAX_STARTS} times while running it, perhaps for want of memory; "
            "see the worker's log, then run it again."
        )
    return f"It ended as '{status}' without a result; run it again."


def _give_up(workshop: Workshop, workflow_id: str, why: str) -> None:
    with workshop.store.write() as session:
        job = job_of_workflow(session, workflow_id)
        if job is not None and job.status in ACTIVE:
            log.warning("Job %s is given up: %s", workflow_id, why)
            finish_job(session, job, JobStatus.FAILED, error=why)
