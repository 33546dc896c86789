"""The worker writes a round's report; it is a zip beside the data, and its page alone."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from core.domain import JobStatus
from core.errors import NotFound, NotReady
from core.evaluation.outputs import OUTPUTS
from core.manifest import verify
from core.services.checkpoints import folder_of_round
from core.services.jobs import REPORT
from core.services.reports import (
    REPORTS,
    folder_of_named_round,
    latest_report,
    page_beside,
    report_of,
    reports_folder,
    request_report,
)
from core.services.rounds import RoundRequest, request_round
from core.store.tables import Project, Round
from tests.integration.rounds.office import Office


@pytest.fixture(scope="module")
def project_id(served: Office) -> int:
    project_id = served.new_project("Told / whole")
    served.judge(project_id, range(24))
    return project_id


@pytest.fixture(scope="module")
def round_id(served: Office, project_id: int) -> int:
    info = request_round(served.store, served.settings, project_id, RoundRequest(query_size=4))
    job = served.wait_until_finished(served.job_of_round(info.id).id)
    assert job.status is JobStatus.DONE, job.error
    return info.id


def folder_of(office: Office, round_id: int) -> Path:
    with office.store.read() as session:
        return folder_of_round(office.settings, session.get_one(Round, round_id))


@pytest.fixture(scope="module")
def archive(served: Office, project_id: int, round_id: int) -> Path:
    job = request_report(served.store, served.settings, project_id, round_id)
    assert job.kind == REPORT
    done = served.wait_until_finished(job.id)
    assert done.status is JobStatus.DONE, done.error
    path = report_of(served.store, served.settings, round_id)
    assert path is not None
    assert done.detail["n_figures"] > 3
    assert done.detail["n_bytes"] == path.stat().st_size
    return path


def test_the_report_is_a_zip_with_one_folder(served: Office, archive: Path) -> None:
    assert archive.parent.parent == served.settings.data_dir / REPORTS
    with zipfile.ZipFile(archive) as parts:
        assert parts.testzip() is None
        names = set(parts.namelist())
        assert {name.split("/")[0] for name in names} == {archive.stem}
        page = parts.read(f"{archive.stem}/report.html")
    assert f"{archive.stem}/tables/classification_report.csv" in names
    assert page == page_beside(archive).read_bytes()
    assert b"Told / whole, round 1" in page


def test_the_rounds_folder_stays_sealed_and_nothing_lies_about(
    served: Office, archive: Path, round_id: int
) -> None:
    folder = folder_of(served, round_id)
    verify(folder)
    assert not list(folder.rglob("*report*"))
    assert not list(folder.parent.glob("report-*"))
    assert {path.suffix for path in archive.parent.iterdir()} == {".zip", ".html"}


def test_written_again_without_texts_it_replaces_the_first(
    served: Office, archive: Path, project_id: int, round_id: int
) -> None:
    job = request_report(served.store, served.settings, project_id, round_id, with_texts=False)
    assert served.wait_until_finished(job.id).status is JobStatus.DONE
    with zipfile.ZipFile(archive) as parts:
        errors = parts.read(f"{archive.stem}/tables/errors.csv").decode("utf-8-sig")
        assert not any("wordclouds" in name for name in parts.namelist())
    assert '"text"' not in errors.splitlines()[0]


def test_rounds_are_found_by_name_and_by_id(served: Office, project_id: int, round_id: int) -> None:
    folder = folder_of(served, round_id)
    for named in (str(round_id), "Told / whole:1"):
        assert folder_of_named_round(served.store, served.settings, named) == folder
    for named in ("9999", "Told / whole:7", "nobody:1"):
        with pytest.raises(NotFound):
            folder_of_named_round(served.store, served.settings, named)


def test_reports_are_of_ones_own_rounds_that_were_measured(
    served: Office, archive: Path, project_id: int, round_id: int
) -> None:
    with pytest.raises(NotFound, match="not in this project"):
        request_report(served.store, served.settings, project_id + 100, round_id)
    outputs = folder_of(served, round_id) / OUTPUTS
    shutil.move(outputs, outputs.with_suffix(".away"))
    try:
        with pytest.raises(NotReady, match="measured documents"):
            request_report(served.store, served.settings, project_id, round_id)
    finally:
        shutil.move(outputs.with_suffix(".away"), outputs)
    with served.store.read() as session:
        latest = latest_report(session, round_id)
        assert latest is not None
        assert latest.status is JobStatus.DONE
        project = session.get_one(Project, project_id)
        assert reports_folder(session, served.settings, project) == archive.parent
