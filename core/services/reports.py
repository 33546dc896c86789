"""Rounds' reports: asked for here, written by the worker, kept beside the data to be fetched.

The report itself is `core.reporting`, which draws it from the round's saved outputs.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.domain import JobStatus
from core.errors import Conflict, NotFound, NotReady
from core.evaluation.outputs import OUTPUTS
from core.services import job_queue
from core.services.checkpoints import folder_of_round, project_folder_name
from core.services.jobs import ACTIVE, REPORT, JobInfo, job_info
from core.services.projects import get_project, project_named
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Job, Project, Round

REPORTS = "reports"  # in the folder of data: no round's own folder, which is sealed


def request_report(
    store: Store,
    settings: Settings,
    project_id: int,
    round_id: int,
    *,
    with_texts: bool = True,
) -> JobInfo:
    """Have the worker write a round's report, as a zip that replaces an earlier one.

    Asked again while it waits or runs, it is the same job. Raises NotFound for a
    round of another project, Conflict for one that is not done, NotReady for one
    that was made before its measured documents were kept.
    """
    with store.read() as session:
        check_has_outputs(settings, _round(session, project_id, round_id))
    with store.write() as session:
        known = _latest(session, round_id)
        if known is not None and known.status in ACTIVE:
            return job_info(known)
        job = job_queue.add_job(
            session,
            project_id=project_id,
            kind=REPORT,
            request={"round_id": round_id, "with_texts": with_texts},
        )
        info, workflow_id = job_info(job), job.workflow_id
    job_queue.enqueue(settings, workflow_id, queue=job_queue.EXPORT_QUEUE)
    return info


def latest_report(session: Session, round_id: int) -> JobInfo | None:
    """The newest job that reports on this round: waiting, running, done or failed."""
    job = _latest(session, round_id)
    return None if job is None else job_info(job)


def report_of(store: Store, settings: Settings, round_id: int) -> Path | None:
    """The zip of a round's report, if one was written and is still there."""
    with store.read() as session:
        round_ = session.get(Round, round_id)
        was_written = any(job.status is JobStatus.DONE for job in _jobs(session, round_id))
        if round_ is None or not was_written:
            return None
        path = report_path(session, settings, round_)
    return path if path.is_file() else None


def report_path(session: Session, settings: Settings, round_: Round) -> Path:
    """Where a round's report lies, zipped: `reports/1-news/news-round3-report.zip`."""
    folder = reports_folder(session, settings, get_project(session, round_.project_id))
    return folder / f"{folder.name.partition('-')[2]}-round{round_.number}-report.zip"


def page_beside(path: Path) -> Path:
    """Where the page of a zipped report lies alone, to be read at once."""
    return path.with_suffix(".html")


def reports_folder(session: Session, settings: Settings, project: Project) -> Path:
    """Where a project's reports lie; it goes with the project."""
    return settings.data_dir / REPORTS / project_folder_name(session, project)


def check_has_outputs(settings: Settings, round_: Round) -> Path:
    """The folder with the round's measured documents; NotReady where there are none."""
    folder = folder_of_round(settings, round_)
    if not (folder / OUTPUTS).is_file():
        raise NotReady(
            f"Round {round_.number} was made before its measured documents were kept, or its "
            "files are gone; run a round again, then report on that."
        )
    return folder


def folder_of_named_round(store: Store, settings: Settings, named: str) -> Path:
    """The folder of a round named by its id, or as `<project>:<number>`.

    Raises NotFound where there is no such round, NotReady where it has no outputs.
    """
    with store.read() as session:
        if named.isdecimal():
            round_ = session.get(Round, int(named))
        else:
            project, _, number = named.rpartition(":")
            round_ = _round_numbered(session, project, number)
        if round_ is None:
            raise NotFound(
                f"There is no round '{named}'; name one by its id, or as project:<name>:<number>."
            )
        return check_has_outputs(settings, round_)


def _round_numbered(session: Session, project: str, number: str) -> Round | None:
    if not re.fullmatch(r"\d+", number):
        return None
    found = select(Round).where(
        Round.project_id == project_named(session, project).id, Round.number == int(number)
    )
    return session.scalars(found).first()


def _round(session: Session, project_id: int, round_id: int) -> Round:
    round_ = session.get(Round, round_id)
    if round_ is None or round_.project_id != project_id:
        raise NotFound(
            f"Round {round_id} is not in this project; list its rounds to see which are."
        )
    if round_.status is not JobStatus.DONE:
        raise Conflict(
            f"Round {round_.number} is {round_.status}, so nothing was measured yet; "
            "choose one that is done."
        )
    return round_


def _latest(session: Session, round_id: int) -> Job | None:
    return next(iter(_jobs(session, round_id)), None)


def _jobs(session: Session, round_id: int) -> list[Job]:
    """The jobs that report on this round, the newest first."""
    jobs = session.scalars(select(Job).where(Job.kind == REPORT).order_by(Job.id.desc()))
    return [job for job in jobs if (job.request or {}).get("round_id") == round_id]
