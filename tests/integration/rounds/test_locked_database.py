"""Somebody else writes for longer than SQLite waits: the round waits on, and nobody reads SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from threading import Timer

import pytest
from sqlalchemy import Engine, event, text

from core.domain import RoundStep
from core.rounds.progress import Progress
from core.rounds.task import Workshop
from core.rounds.workflow import STEPS, begin, end, perform
from core.services.jobs import ROUND, JobInfo
from core.services.rounds import RoundRequest, request_round
from core.store.tables import Job
from tests.integration.rounds.office import Office


@pytest.fixture
def impatient(office: Office) -> Office:
    """SQLite waits a moment for the lock, not half a minute."""

    @event.listens_for(office.store.engine, "begin", insert=True)
    def _on_begin(connection: Engine) -> None:
        connection.exec_driver_sql("PRAGMA busy_timeout = 20")

    return office


@pytest.fixture
def importing(impatient: Office) -> Iterator[sqlite3.Connection]:
    """Another process's connection, which may hold the lock."""
    path = impatient.settings.data_dir / "marginalia.sqlite"
    assert path.exists()
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    yield connection
    connection.close()


@pytest.fixture
def job(impatient: Office) -> tuple[str, JobInfo]:
    project_id = impatient.new_project("locked")
    impatient.judge(project_id, range(30))
    request = RoundRequest(query_size=3, seed=1, learner={"kind": "mlp", "epochs": 2})
    info = request_round(impatient.store, impatient.settings, project_id, request)
    job = impatient.job_of_round(info.id)
    with impatient.store.read() as session:
        return session.get_one(Job, job.id).workflow_id, job


def test_progress_that_meets_a_lock_is_let_go(
    impatient: Office, importing: sqlite3.Connection, job: tuple[str, JobInfo]
) -> None:
    workflow_id, info = job
    begin(Workshop(settings=impatient.settings, store=impatient.store), workflow_id)
    progress = Progress(impatient.store, workflow_id, RoundStep.TRAIN)
    importing.execute("BEGIN IMMEDIATE")
    progress.begin()
    assert not progress.should_stop()
    assert impatient.job(info.id).step == ""
    importing.execute("ROLLBACK")
    progress.begin()
    assert impatient.job(info.id).step == RoundStep.TRAIN


def test_every_step_waits_until_the_lock_is_given_back(
    impatient: Office, importing: sqlite3.Connection, job: tuple[str, JobInfo]
) -> None:
    workshop = Workshop(settings=impatient.settings, store=impatient.store)
    workflow_id, info = job
    writing = {RoundStep.SNAPSHOT, RoundStep.PUBLISH}

    def hold_the_lock() -> Timer:
        importing.execute("BEGIN IMMEDIATE")
        timer = Timer(0.5, importing.execute, ["ROLLBACK"])
        timer.start()
        return timer

    lock = hold_the_lock()
    assert begin(workshop, workflow_id) == ROUND
    lock.join()
    for step in STEPS[ROUND]:
        lock = hold_the_lock() if step in writing else None
        assert "done" in perform(workshop, workflow_id, step)
        if lock is not None:
            lock.join()
    assert not impatient.job(info.id).is_active


def test_a_broken_database_is_told_without_its_statements(
    impatient: Office, job: tuple[str, JobInfo]
) -> None:
    workshop = Workshop(settings=impatient.settings, store=impatient.store)
    workflow_id, info = job
    begin(workshop, workflow_id)
    with impatient.store.write() as session:
        session.execute(text("ALTER TABLE document RENAME TO elsewhere"))
    outcome = perform(workshop, workflow_id, RoundStep.SNAPSHOT)
    assert outcome["failed"].startswith("The step 'snapshot' failed (OperationalError in the")
    assert "SELECT" not in outcome["failed"]
    end(workshop, workflow_id, outcome)
    assert impatient.job(info.id).error == outcome["failed"]
