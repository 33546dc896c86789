"""Hands jobs to the worker: the names both sides agree on, and the handing over.

The job's row is the promise. If the queue cannot be reached the row waits, and
the worker takes it up by itself.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

from sqlalchemy.orm import Session

from core.domain import JobStatus
from core.services.jobs import EXPORT_MODEL, MAP, REPLAY, REPORT, SEARCH
from core.settings import Settings
from core.store.tables import Job

log = logging.getLogger(__name__)

APPLICATION = "marginalia"
QUEUE = "marginalia-jobs"
SEARCH_QUEUE = "marginalia-searches"  # somebody is waiting: they run beside a long round
REPLAY_QUEUE = "marginalia-replays"  # hours, perhaps: they run beside and hold still for others
EXPORT_QUEUE = "marginalia-exports"  # and maps: a minute, for which nobody waits for a round
WORKFLOW = "marginalia-job"  # takes its own id, by which it finds the job's row


def add_job(
    session: Session,
    *,
    project_id: int,
    kind: str,
    round_id: int | None = None,
    request: dict[str, Any] | None = None,
) -> Job:
    """Write a waiting job. Its workflow id is new for ever, also where row ids come again."""
    name = f"{kind}-{round_id if round_id is not None else project_id}"
    job = Job(
        project_id=project_id,
        round_id=round_id,
        kind=kind,
        request=request,
        workflow_id=f"{name}-{secrets.token_hex(4)}",
        status=JobStatus.QUEUED,
    )
    session.add(job)
    session.flush()
    return job


def queue_for(kind: str) -> str:
    """The queue that jobs of this kind wait in."""
    queues = {
        SEARCH: SEARCH_QUEUE,
        REPLAY: REPLAY_QUEUE,
        EXPORT_MODEL: EXPORT_QUEUE,
        MAP: EXPORT_QUEUE,
        REPORT: EXPORT_QUEUE,
    }
    return queues.get(kind, QUEUE)


def enqueue(settings: Settings, workflow_id: str, *, queue: str = QUEUE) -> bool:
    """Tell the worker at once; returns whether it could be told. Telling twice is harmless."""
    from dbos import DBOSClient, EnqueueOptions, WorkflowSerializationFormat

    options: EnqueueOptions = {
        "queue_name": queue,
        "workflow_name": WORKFLOW,
        "workflow_id": workflow_id,
        "serialization_type": WorkflowSerializationFormat.PORTABLE,
    }
    try:
        client = DBOSClient(
            system_database_url=settings.resolved_jobs_database_url,
            application_name=APPLICATION,
            retry_connection_errors=False,
        )
        try:
            client.enqueue(options, workflow_id)
        finally:
            client.destroy()
    except Exception as error:  # whatever keeps the queue away, the waiting row is enough
        log.info("Job %s waits for the worker to find it (%s)", workflow_id, error)
        return False
    return True
