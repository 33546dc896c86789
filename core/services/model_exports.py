"""Exported models: asked for here, written by the worker, kept beside the data to be fetched.

The export itself is `core.model_export`; nothing here loads torch.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.domain import JobStatus, SubmissionKind
from core.errors import Conflict, NotFound
from core.services import job_queue
from core.services.checkpoints import check_can_be_used, project_folder_name
from core.services.jobs import ACTIVE, EXPORT_MODEL, JobInfo, job_info
from core.services.operating_points import changed_at
from core.services.projects import get_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Job, Query, Round, Submission

EXPORTS = "exports"  # in the project's folder of checkpoints, with which it goes
IMPORTED = "import or free choice"  # judged without a question of ours


def request_model_export(
    store: Store, settings: Settings, project_id: int, round_id: int
) -> JobInfo:
    """Have the worker write a round's model as a folder and a zip of it.

    Asked again while it waits or runs, it is the same job; once it is there, a
    job that is done. Raises Conflict for a round that is not done or was
    pruned, CorruptArtefact for one whose files are not whole.
    """
    with store.read() as session:
        round_ = _round(session, project_id, round_id)
        check_can_be_used(settings, round_)
    with store.write() as session:
        known = _latest(session, round_id)
        if known is not None and (known.status in ACTIVE or _is_there(settings, session, known)):
            return job_info(known)
        job = job_queue.add_job(
            session, project_id=project_id, kind=EXPORT_MODEL, request={"round_id": round_id}
        )
        info, workflow_id = job_info(job), job.workflow_id
    job_queue.enqueue(settings, workflow_id, queue=job_queue.EXPORT_QUEUE)
    return info


def model_export_of(store: Store, settings: Settings, round_id: int) -> Path | None:
    """The zip of a round's model, if it is there and has the thresholds that are in force."""
    with store.read() as session:
        round_ = session.get(Round, round_id)
        if round_ is None or not _is_current(session, settings, round_):
            return None
        return export_path(session, settings, round_)


def latest_model_export(session: Session, round_id: int) -> JobInfo | None:
    """The newest job that exports this round: waiting, running, done or failed."""
    job = _latest(session, round_id)
    return None if job is None else job_info(job)


def export_path(session: Session, settings: Settings, round_: Round) -> Path:
    """Where a round's exported model lies, zipped: `exports/news_round3.zip`."""
    folder = project_folder_name(session, get_project(session, round_.project_id))
    name = f"{folder.partition('-')[2]}_round{round_.number}"
    return settings.checkpoints_dir / folder / EXPORTS / f"{name}.zip"


def who_chose(session: Session, round_: Round) -> dict[str, int]:
    """Documents judged before the round, by who chose them; the audit set apart."""
    last = round_.config.get("up_to_submission", 0)
    rows = session.execute(
        select(Query.kind, func.count(func.distinct(Submission.document_id)))
        .join(Document, Document.id == Submission.document_id)
        .outerjoin(Query, Query.id == Submission.query_id)
        .where(
            Submission.project_id == round_.project_id,
            Submission.id <= last,
            Submission.kind.in_([SubmissionKind.COMPLETE, SubmissionKind.PARTIAL]),
            Document.is_audited.is_(False),
        )
        .group_by(Query.kind)
    )
    found = {IMPORTED if kind is None else str(kind): n for kind, n in rows}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _round(session: Session, project_id: int, round_id: int) -> Round:
    round_ = session.get(Round, round_id)
    if round_ is None or round_.project_id != project_id:
        raise NotFound(
            f"Round {round_id} is not in this project; list its rounds to see which are."
        )
    if round_.status is not JobStatus.DONE:
        raise Conflict(
            f"Round {round_.number} is {round_.status}, so it has no model; "
            "choose one that is done."
        )
    return round_


def _latest(session: Session, round_id: int) -> Job | None:
    jobs = session.scalars(select(Job).where(Job.kind == EXPORT_MODEL).order_by(Job.id.desc()))
    return next((job for job in jobs if (job.request or {}).get("round_id") == round_id), None)


def _is_there(settings: Settings, session: Session, job: Job) -> bool:
    round_ = session.get(Round, (job.request or {}).get("round_id"))
    if job.status is not JobStatus.DONE or round_ is None:
        return False
    return _is_current(session, settings, round_)


def _is_current(session: Session, settings: Settings, round_: Round) -> bool:
    """Whether the zip is there, and younger than the thresholds in force."""
    path = export_path(session, settings, round_)
    if not path.is_file():
        return False
    changed = changed_at(session, round_.id)
    if changed is None:
        return True
    return changed.timestamp() < path.stat().st_mtime
