"""A round's report as a zip to be fetched; one step, repeated from its beginning."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from core.disk import write_whole
from core.domain import JobStatus, RoundStep
from core.errors import Cancelled
from core.evaluation.outputs import OUTPUTS, read_outputs
from core.reporting.build import PAGE, Report, Watch, write_report
from core.reporting.options import ReportOptions
from core.rounds.progress import Progress
from core.rounds.task import Task, Workshop
from core.services.jobs import finish_job, job_of_workflow
from core.services.reports import check_has_outputs, page_beside, report_path
from core.store.tables import Round

ALMOST_ALL = 0.95  # of the step is drawing, the rest is the zip


def report_on(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Write the report, zip it, and say where it is and what it lacks."""
    with workshop.store.read() as session:
        round_ = session.get(Round, task.request["round_id"])
        if round_ is None:
            raise Cancelled("The round of this report has been deleted.")
        source = check_has_outputs(workshop.settings, round_)
        path = report_path(session, workshop.settings, round_)
    watch = Watch(
        on_stage=lambda doing, share: progress.report(ALMOST_ALL * share, doing=doing),
        should_stop=progress.should_stop,
    )
    shutil.rmtree(task.folder, ignore_errors=True)  # of an attempt that was killed here
    try:
        report = write_report(
            read_outputs(source / OUTPUTS),
            task.folder / path.stem,
            ReportOptions(with_texts=bool(task.request.get("with_texts", True))),
            made=datetime.now(UTC),
            watch=watch,
        )
        watch.at("putting it into one file", 1.0)
        _put_away(report, path)
    finally:
        shutil.rmtree(task.folder, ignore_errors=True)
    return _finish(workshop, task, _told(report, path))


def _told(report: Report, path: Path) -> dict[str, Any]:
    return {
        "file": path.name,
        "n_bytes": path.stat().st_size,
        "n_figures": report.n_figures,
        "n_tables": report.n_tables,
        "notes": list(report.notes),
    }


def _put_away(report: Report, path: Path) -> None:
    """The whole folder as a zip, and beside it the page alone."""

    def zip_into(file: Any) -> None:
        with ZipFile(file, "w") as archive:
            for part in sorted(part for part in report.folder.rglob("*") if part.is_file()):
                kind = ZIP_STORED if part.suffix == ".png" else ZIP_DEFLATED
                name = part.relative_to(report.folder.parent)
                archive.write(part, name, compress_type=kind)

    content = (report.folder / PAGE).read_bytes()
    write_whole(page_beside(path), lambda file: file.write(content))
    write_whole(path, zip_into)


def _finish(workshop: Workshop, task: Task, detail: dict[str, Any]) -> dict[str, Any]:
    with workshop.store.write() as session:
        job = job_of_workflow(session, task.workflow_id)
        if job is None:
            raise Cancelled("The project of this report has been deleted.")
        if job.status is not JobStatus.DONE:
            job.step, job.fraction, job.detail = RoundStep.REPORT, 1.0, detail
            finish_job(session, job, JobStatus.DONE)
    return detail
