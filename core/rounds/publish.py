"""The last step: the round's folder is sealed, and all it made comes into force in one transaction.

Afterwards goes what the project's policy no longer keeps of earlier rounds.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from sqlalchemy import delete, insert

from core.domain import JobStatus, RoundStep
from core.errors import Cancelled, MarginaliaError
from core.evaluation.outlook import Outlook
from core.known_texts import KnownTexts, text_ids
from core.learners.artefacts import ABOUT
from core.manifest import remove_unfinished, seal
from core.rounds import files
from core.rounds.chosen import read_calibration
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, read_texts
from core.services.checkpoints import prune_checkpoints
from core.services.jobs import finish_job, job_of_workflow
from core.store.tables import Project, Query, Round

log = logging.getLogger(__name__)


def publish_round(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Put the round in force, unless somebody cancelled it in the meantime."""
    if task.the_round.status is not JobStatus.DONE:
        remove_unfinished(task.folder)
        complete_statistics(task)
        known_texts(workshop, task).write(task.folder)
        (task.folder / files.NESTED).unlink(missing_ok=True)  # all it told is in the outputs
        seal(task.folder)
    done = _put_in_force(workshop, task)
    _prune(workshop, task)
    return done


def complete_statistics(task: Task) -> None:
    """Add what the learners made of the options, as each wrote it down itself."""
    statistics = files.read_json(task.folder / files.STATISTICS)
    statistics["learners"] = {
        about.parent.relative_to(task.folder).as_posix(): files.read_json(about)
        for about in sorted(task.folder.rglob(ABOUT))
    }
    files.write_json(task.folder / files.STATISTICS, statistics)


def known_texts(workshop: Workshop, task: Task) -> KnownTexts:
    """The texts that had a part in the round, its encoder's too: nobody measures on them later."""
    snapshot, use = Snapshot.read(task.folder), EncoderUse.read(task.folder)
    fit = use.trained_on(workshop.settings)
    if not task.is_deep:  # nothing is held out of a quick round's head
        fit = np.union1d(fit, snapshot.train_ids)
    chosen_by = np.setdiff1d(snapshot.train_ids, fit)
    return KnownTexts(*(text_ids(read_texts(workshop.store, ids)) for ids in (fit, chosen_by)))


def _prune(workshop: Workshop, task: Task) -> None:
    """Free the disk; a round is no worse for what could not be removed."""
    try:
        report = prune_checkpoints(workshop.store, workshop.settings, task.project.id)
    except (OSError, MarginaliaError):
        log.exception("Could not prune the rounds of project %d", task.project.id)
        return
    if report.removed:
        log.info("Pruned %d bytes of project %d", report.n_bytes, task.project.id)


def _put_in_force(workshop: Workshop, task: Task) -> dict[str, Any]:
    queries = files.read_json(task.folder / files.QUERIES)
    figures = files.read_json(task.folder / files.THRESHOLD)
    evaluation = files.read_json(task.folder / files.EVALUATION)
    history = files.read_json(task.folder / files.HISTORY)
    outlook = Outlook.from_json(files.read_json(task.folder / files.OUTLOOK)).in_brief()
    n_held_out = files.read_json(task.folder / files.STATISTICS)["n_held_out"]
    temperature = read_calibration(task.folder).temperature
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
