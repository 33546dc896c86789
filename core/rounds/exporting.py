"""A round's model as a zip that other programs load; one step, repeated from its beginning."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from core.disk import UNFINISHED, flush_file, flush_folder, room_for
from core.domain import JobStatus, RoundStep
from core.errors import Cancelled
from core.model_export.export import export_model
from core.rounds.progress import Progress
from core.rounds.task import Task, Workshop
from core.services.checkpoints import check_can_be_used, folder_of_round
from core.services.jobs import finish_job, job_of_workflow
from core.services.model_exports import export_path, who_chose
from core.services.operating_points import thresholds_by_name
from core.store.tables import Round

N_STAGES = 4  # that `export_model` tells of, and the zip
INCOMPRESSIBLE = (".safetensors", ".onnx", ".npz")


def write_model(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Export, zip, and say where it is."""
    with workshop.store.read() as session:
        round_ = session.get(Round, task.request["round_id"])
        if round_ is None:
            raise Cancelled("The round of this export has been deleted.")
        path, asked = export_path(session, workshop.settings, round_), who_chose(session, round_)
        thresholds = thresholds_by_name(session, round_)
        session.expunge_all()  # the row is read on after the session has ended
    check_can_be_used(workshop.settings, round_)
    done: list[str] = []

    def on_progress(doing: str) -> None:
        if progress.should_stop():
            raise Cancelled("The export was cancelled.")
        progress.report(len(done) / N_STAGES, doing=doing)
        done.append(doing)

    shutil.rmtree(task.folder, ignore_errors=True)  # of an attempt that was killed here
    try:
        export_model(
            folder_of_round(workshop.settings, round_),
            task.folder / path.stem,
            settings=workshop.settings,
            asked=asked,
            thresholds=thresholds,
            on_progress=on_progress,
        )
        on_progress("putting it into one file")
        _zip(task.folder / path.stem, path)
    finally:
        shutil.rmtree(task.folder, ignore_errors=True)
    return _finish(workshop, task, {"file": path.name, "n_bytes": path.stat().st_size})


def _finish(workshop: Workshop, task: Task, detail: dict[str, Any]) -> dict[str, Any]:
    with workshop.store.write() as session:
        job = job_of_workflow(session, task.workflow_id)
        if job is None:
            raise Cancelled("The project of this export has been deleted.")
        if job.status is not JobStatus.DONE:
            job.step, job.fraction, job.detail = RoundStep.EXPORT, 1.0, detail
            finish_job(session, job, JobStatus.DONE)
    return detail


def _zip(folder: Path, path: Path) -> None:
    """Write a zip whose only top folder is `folder`, whole or not at all."""
    unfinished = path.with_name(f"{path.name}{UNFINISHED}")
    with room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with ZipFile(unfinished, "w") as archive:
                for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                    kind = ZIP_STORED if file.suffix in INCOMPRESSIBLE else ZIP_DEFLATED
                    archive.write(file, file.relative_to(folder.parent), compress_type=kind)
            flush_file(unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    flush_folder(path.parent)
