"""A job as a durable workflow: which steps there are, and what their outcome does.

DBOS records each step's outcome, a few numbers; what a step makes lies in files.
A step that was recorded is never run again, one that was not is run from its
beginning, so every step may be repeated.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any

from dbos import DBOS, WorkflowSerializationFormat
from sqlalchemy.exc import SQLAlchemyError

from core.domain import JobStatus, RoundStep
from core.errors import Cancelled, MarginaliaError
from core.rounds.ask import choose_queries
from core.rounds.diagnose import diagnose
from core.rounds.encode import encode_for_round
from core.rounds.exporting import write_model
from core.rounds.forecast import forecast
from core.rounds.mapping import draw_map, read_for_map
from core.rounds.measure import calibrate, choose_threshold
from core.rounds.patience import when_unlocked
from core.rounds.pool import score
from core.rounds.prepare import encode_all, order_by_labels, publish_order
from core.rounds.progress import Progress
from core.rounds.publish import publish_round
from core.rounds.replaying import STEPS as REPLAY_STEPS
from core.rounds.reporting import report_on
from core.rounds.search import find_texts, publish_finds, read_for_search
from core.rounds.snapshot import take_snapshot
from core.rounds.task import Task, Workshop, load_task
from core.rounds.train import train
from core.services.job_queue import WORKFLOW
from core.services.jobs import (
    ACTIVE,
    EXPORT_MODEL,
    MAP,
    PREPARE,
    REPLAY,
    REPORT,
    ROUND,
    SEARCH,
    finish_job,
    job_of_workflow,
)
from core.store.tables import Round, now

log = logging.getLogger(__name__)

Step = Callable[[Workshop, Task, Progress], dict[str, Any]]
Outcome = dict[str, Any]  # {"done": numbers}, {"cancelled": why} or {"failed": why}

MAX_STARTS = 5  # a job that brings the worker down so often is given up

STEPS: dict[str, dict[RoundStep, Step]] = {
    ROUND: {
        RoundStep.SNAPSHOT: take_snapshot,
        RoundStep.ENCODE: encode_for_round,
        RoundStep.TRAIN: train,
        RoundStep.CALIBRATE: calibrate,
        RoundStep.THRESHOLDS: choose_threshold,
        RoundStep.SCORE: score,
        RoundStep.QUERY: choose_queries,
        RoundStep.FORECAST: forecast,
        RoundStep.DIAGNOSE: diagnose,
        RoundStep.PUBLISH: publish_round,
    },
    PREPARE: {
        RoundStep.ENCODE: encode_all,
        RoundStep.SCORE: order_by_labels,
        RoundStep.PUBLISH: publish_order,
    },
    SEARCH: {
        RoundStep.ENCODE: read_for_search,
        RoundStep.QUERY: find_texts,
        RoundStep.PUBLISH: publish_finds,
    },
    REPLAY: REPLAY_STEPS,
    EXPORT_MODEL: {RoundStep.EXPORT: write_model},
    MAP: {RoundStep.ENCODE: read_for_map, RoundStep.PROJECT: draw_map},
    REPORT: {RoundStep.REPORT: report_on},
}

DOING = {
    RoundStep.SNAPSHOT: "freezing the judgements",
    RoundStep.ENCODE: "reading the documents",
    RoundStep.TRAIN: "learning from the judgements",
    RoundStep.CALIBRATE: "calibrating the probabilities",
    RoundStep.THRESHOLDS: "choosing the threshold and measuring",
    RoundStep.SCORE: "scoring the documents",
    RoundStep.QUERY: "choosing what to ask next",
    RoundStep.FORECAST: "looking ahead",
    RoundStep.DIAGNOSE: "looking for doubtful judgements",
    RoundStep.PUBLISH: "putting the result in force",
    RoundStep.EXPORT: "exporting the model",
    RoundStep.PROJECT: "drawing the map",
    RoundStep.REPORT: "writing the report",
}


def register(workshop: Workshop) -> Callable[[str], str]:
    """Make the workflow known to DBOS, bound to this worker's settings and store."""

    @DBOS.workflow(
        name=WORKFLOW,
        max_recovery_attempts=MAX_STARTS,
        serialization_type=WorkflowSerializationFormat.PORTABLE,
    )
    def run_job(workflow_id: str) -> str:
        kind = DBOS.run_step({"name": "begin"}, begin, workshop, workflow_id)
        for step in STEPS.get(kind, {}):
            outcome = DBOS.run_step({"name": str(step)}, perform, workshop, workflow_id, step)
            if "done" not in outcome:
                return DBOS.run_step({"name": "end"}, end, workshop, workflow_id, outcome)
        return "done"

    return run_job


def begin(workshop: Workshop, workflow_id: str) -> str:
    """Mark the job as running; gives its kind, or nothing where there is nothing to do."""
    return when_unlocked(lambda: _begin(workshop, workflow_id))


def _begin(workshop: Workshop, workflow_id: str) -> str:
    with workshop.store.write() as session:
        job = job_of_workflow(session, workflow_id)
        if job is None or job.status not in ACTIVE:
            return ""
        job.status, job.started_at = JobStatus.RUNNING, job.started_at or now()
        round_ = None if job.round_id is None else session.get(Round, job.round_id)
        if round_ is not None:
            round_.status = JobStatus.RUNNING
        return job.kind


def perform(workshop: Workshop, workflow_id: str, step: RoundStep) -> Outcome:
    """Run one step; failing is an outcome too."""
    try:
        return {"done": when_unlocked(lambda: _run_step(workshop, workflow_id, step))}
    except Cancelled:
        return {"cancelled": f"Cancelled while {DOING[step]}."}
    except MarginaliaError as error:
        return {"failed": str(error)}
    except Exception as error:
        reference = secrets.token_hex(4)
        log.exception("Job %s failed in step '%s' (reference %s)", workflow_id, step, reference)
        return {
            "failed": (
                f"The step '{step}' failed ({_in_words(error)}). "
                f"Run it again; if it fails again, look for {reference} in the worker's log."
            )
        }


def _run_step(workshop: Workshop, workflow_id: str, step: RoundStep) -> dict[str, Any]:
    task = load_task(workshop, workflow_id)
    progress = Progress(workshop.store, workflow_id, step)
    progress.begin()
    return STEPS[task.kind][step](workshop, task, progress)


def _in_words(error: Exception) -> str:
    """What went wrong; of the database's errors the name alone, as they quote whole statements."""
    name = type(error).__name__
    if isinstance(error, SQLAlchemyError):
        return f"{name} in the database"
    return f"{name}: {str(error)[:300]}"


def end(workshop: Workshop, workflow_id: str, outcome: Outcome) -> str:
    """Write down that a job was cancelled or failed; the round in force stays in force."""
    status = JobStatus.CANCELLED if "cancelled" in outcome else JobStatus.FAILED
    when_unlocked(lambda: _end(workshop, workflow_id, status, outcome))
    return str(status)


def _end(workshop: Workshop, workflow_id: str, status: JobStatus, outcome: Outcome) -> None:
    with workshop.store.write() as session:
        job = job_of_workflow(session, workflow_id)
        if job is not None and job.status in ACTIVE:
            finish_job(session, job, status, error=outcome.get(str(status)))
