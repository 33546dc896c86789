"""What a person can do with rounds: ask for one, watch, cancel, look back, roll back.

The round itself runs in the worker (`core.rounds`); nothing here loads torch.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased, defer

from core.domain import JobStatus, RoundKind, SubmissionKind
from core.errors import Conflict, NotFound
from core.evaluation.report import Evaluation
from core.services import job_queue
from core.services.checkpoints import PRUNED, check_can_be_used, checkpoint_name
from core.services.jobs import PREPARE, ROUND, JobInfo, job_info, request_cancel
from core.services.judgement_matrix import judgement_matrix
from core.services.learner_choice import check_learner_is_ready
from core.services.projects import ProjectSettings, get_project, lock_project
from core.services.round_requests import (
    LARGEST_SEED,
    RoundRequest,
    check_judgements,
    check_nothing_runs,
    check_request,
    usual_request,
)
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Job, Round, Submission

__all__ = ["RoundRequest", "usual_request"]

BRIEFLY = defer(Round.evaluation)  # up to a megabyte of each round, which lists do not show


@dataclass(frozen=True)
class RoundInfo:
    """One round in the list of a project's rounds."""

    id: int
    project_id: int
    number: int
    kind: RoundKind
    status: JobStatus
    strategy: str
    seed: int
    n_judged: int | None  # documents it learnt from
    n_audited: int | None  # judged documents of the audit set
    threshold: float | None
    temperature: float | None
    is_active: bool  # the round in force
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    checkpoint: str | None = None  # its folder, below the checkpoints' folder
    pruned_because: str | None = None  # its weights are gone, its figures are not
    is_exclusive: bool = False  # exactly one label per document, when it was asked for
    learner: dict[str, Any] = field(default_factory=dict)  # as `learner_choice` has it
    metrics: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)  # loss by epoch


def request_round(
    store: Store, settings: Settings, project_id: int, request: RoundRequest
) -> RoundInfo:
    """Check, write down and hand a round to the worker.

    Raises NotReady where there is nothing to learn from, Conflict while another
    round runs, InputError for options that do not exist.
    """
    check_request(request)
    with store.read() as session:
        get_project(session, project_id)
        check_judgements(judgement_matrix(session, project_id), request.kind)
        check_learner_is_ready(session, project_id, request.kind, request.full_learner)
    with store.write() as session:
        check_nothing_runs(session, project_id)
        round_ = _add_round(session, project_id, request)
        job = job_queue.add_job(session, project_id=project_id, kind=ROUND, round_id=round_.id)
        info = _round_info(round_, active_round_id=None)
    job_queue.enqueue(settings, job.workflow_id)
    return info


def _add_round(session: Session, project_id: int, request: RoundRequest) -> Round:
    last = session.scalar(select(func.max(Round.number)).where(Round.project_id == project_id))
    number = (last or 0) + 1
    seed = secrets.randbelow(LARGEST_SEED) if request.seed is None else request.seed
    project = get_project(session, project_id)
    settled = ProjectSettings.of(project)
    round_ = Round(
        project_id=project_id,
        number=number,
        kind=request.kind,
        status=JobStatus.QUEUED,
        strategy=request.strategy,
        seed=seed,
        config={
            "recipe": request.full_recipe.to_json(),
            "query_size": request.query_size,
            "learner": request.full_learner,
            "exclusive": settled.exclusive,
            "aim": settled.full_aim.to_json(),
        },
        checkpoint=checkpoint_name(
            session,
            project,
            strategy=request.strategy,
            seed=seed,
            number=number,
        ),
    )
    session.add(round_)
    session.flush()
    return round_


def request_preparation(store: Store, settings: Settings, project_id: int) -> JobInfo:
    """Have all documents encoded and, before the first round, put in a first order.

    Asked again before the first has started, it is the same job.
    """
    with store.write() as session:
        get_project(session, project_id)
        job = session.scalars(
            select(Job).where(
                Job.project_id == project_id,
                Job.kind == PREPARE,
                Job.status == JobStatus.QUEUED,
            )
        ).first() or job_queue.add_job(session, project_id=project_id, kind=PREPARE)
        info = job_info(job)
    job_queue.enqueue(settings, job.workflow_id)
    return info


def cancel_job(store: Store, settings: Settings, job_id: int) -> JobInfo:
    """Ask a job to stop; the round in force stays in force. A finished job is left as it is."""
    with store.write() as session:
        return request_cancel(session, job_id)


def list_rounds(session: Session, project_id: int) -> list[RoundInfo]:
    """All rounds of a project, the newest first."""
    active = get_project(session, project_id).active_round_id
    rounds = session.scalars(
        select(Round)
        .where(Round.project_id == project_id)
        .order_by(Round.number.desc())
        .options(BRIEFLY)
    )
    return [_round_info(round_, active_round_id=active) for round_ in rounds]


def active_round(session: Session, project_id: int) -> RoundInfo | None:
    """The round in force, if any."""
    active = get_project(session, project_id).active_round_id
    round_ = None if active is None else session.get(Round, active, options=[BRIEFLY])
    return None if round_ is None else _round_info(round_, active_round_id=active)


def roll_back(
    session: Session, project_id: int, round_id: int, *, settings: Settings | None = None
) -> RoundInfo:
    """Put an earlier finished round in force again: its suggestions, threshold and queries.

    Raises Conflict for a round that is not done or whose weights were pruned, and, given
    settings to find its files by, CorruptArtefact where they are not as they were written.
    """
    project = lock_project(session, project_id)  # pruning decides under the same lock
    round_ = _get_round(session, round_id)
    if round_.project_id != project_id:
        raise NotFound(f"Round {round_id} is not one of project '{project.name}'.")
    if round_.status is not JobStatus.DONE:
        raise Conflict(
            f"Round {round_.number} is {round_.status}, so it has no result to go back to; "
            "choose one that is done."
        )
    check_can_be_used(settings, round_)
    project.active_round_id = round_id
    return _round_info(round_, active_round_id=round_id)


def round_freshness(session: Session, project_id: int) -> tuple[int, int]:
    """(documents whose judgement of now the round in force knows, documents judged now).

    One that was judged anew since is not known. The audit set is left out: no round
    learns from it.
    """
    active = get_project(session, project_id).active_round_id
    round_ = None if active is None else session.get(Round, active)
    n_now = _n_judged(session, project_id)
    if round_ is None:
        return 0, n_now
    since = int(round_.config.get("up_to_submission") or 0)
    return n_now - _n_judged(session, project_id, since=since), n_now


def _n_judged(session: Session, project_id: int, *, since: int = 0) -> int:
    """Documents with a judgement in force that came after this submission."""
    undo = aliased(Submission)
    counted = (
        select(func.count(func.distinct(Submission.document_id)))
        .join(Document, Document.id == Submission.document_id)
        .outerjoin(undo, undo.undoes_id == Submission.id)
        .where(
            Submission.project_id == project_id,
            Submission.id > since,
            Submission.kind.in_([SubmissionKind.COMPLETE, SubmissionKind.PARTIAL]),
            undo.id.is_(None),
            Document.is_audited.is_(False),
        )
    )
    return session.scalar(counted) or 0


def load_evaluation(session: Session, round_id: int) -> Evaluation | None:
    """What was measured of a round; None where it has not come that far."""
    stored = _get_round(session, round_id).evaluation
    return None if stored is None else Evaluation.from_json(stored)


def _get_round(session: Session, round_id: int) -> Round:
    round_ = session.get(Round, round_id)
    if round_ is None:
        raise NotFound(f"There is no round {round_id}; it may have been deleted with its project.")
    return round_


def _round_info(round_: Round, *, active_round_id: int | None) -> RoundInfo:
    return RoundInfo(
        id=round_.id,
        project_id=round_.project_id,
        number=round_.number,
        kind=round_.kind,
        status=round_.status,
        strategy=round_.strategy,
        seed=round_.seed,
        n_judged=round_.n_judged,
        n_audited=round_.n_audited,
        threshold=round_.threshold,
        temperature=round_.temperature,
        is_active=round_.id == active_round_id,
        error=round_.error,
        created_at=round_.created_at,
        finished_at=round_.finished_at,
        checkpoint=round_.checkpoint,
        pruned_because=(round_.config.get(PRUNED) or {}).get("why"),
        is_exclusive=bool(round_.config.get("exclusive")),
        learner=dict(round_.config.get("learner") or {}),
        metrics=dict(round_.metrics or {}),
        history=list(round_.history or []),
    )
