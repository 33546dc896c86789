"""The last step: everything a round made comes into force in one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert

from core.domain import JobStatus, RoundStep
from core.errors import Cancelled
from core.evaluation.outlook import Outlook
from core.rounds import files
from core.rounds.measure import read_temperature
from core.rounds.progress import Progress
from core.rounds.task import Task, Workshop
from core.services.jobs import finish_job, job_of_workflow
from core.store.tables import Project, Query, Round


def publish_round(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Put the round in force, unless somebody cancelled it in the meantime."""
    queries = files.read_json(task.folder / files.QUERIES)
    figures = files.read_json(task.folder / files.THRESHOLD)
    evaluation = files.read_json(task.folder / files.EVALUATION)
    history = files.read_json(task.folder / files.HISTORY)
    outlook = Outlook.from_json(files.read_json(task.folder / files.OUTLOOK)).in_brief()
    n_held_out = files.read_json(task.folder / files.STATISTICS)["n_held_out"]
    temperature = read_temperature(task)
    with workshop.store.write() as session:
        job, round_ = (
            job_of_workflow(session, task.workflow_id),
            session.get(Round, task.the_round.id),
        )
        project = session.get(Project, task.project.id)
        if job is None or round_ is None or project is None:
            raise Cancelled("The project of this round has been deleted.")
        if round_.status is JobStatus.DONE:
            return {"n_queries": len(queries)}  # done, and killed before it could say so
        if job.cancel_requested:
            raise Cancelled("Cancelled before the round came into force.")
        session.execute(delete(Query).where(Query.round_id == round_.id))
        _insert_queries(session, queries, round_)
        round_.evaluation, round_.history = evaluation, history
        round_.metrics = {
            **figures,
            "n_held_out": n_held_out,
            "temperature": temperature.value,
            "stopping": outlook.to_json(),
        }
        round_.threshold, round_.temperature = figures["threshold"], temperature.value
        project.active_round_id = round_.id
        job.step, job.fraction, job.detail = RoundStep.PUBLISH, 1.0, {"n_queries": len(queries)}
        finish_job(session, job, JobStatus.DONE)
    return {"n_queries": len(queries)}


def _insert_queries(session: Any, queries: list[dict[str, Any]], round_: Round) -> None:
    if queries:
        shared = {
            "project_id": round_.project_id,
            "round_id": round_.id,
            "strategy": round_.strategy,
        }
        session.execute(insert(Query), [{**query, **shared} for query in queries])
