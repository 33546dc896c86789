"""Every step may be run twice: killed after its work and before it was recorded, it will be."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, event, func, select

from core.domain import JobStatus, RoundKind, RoundStep
from core.rounds import files
from core.rounds.progress import Progress
from core.rounds.snapshot import take_snapshot
from core.rounds.task import Snapshot, Workshop, load_task
from core.rounds.workflow import STEPS, begin, perform
from core.services.jobs import PREPARE, ROUND
from core.services.rounds import (
    RoundRequest,
    active_round,
    request_preparation,
    request_round,
    roll_back,
)
from core.store.store import Store
from core.store.tables import Document, Job, Query
from tests.integration.rounds.office import Office


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run_each_step_twice(office: Office, job_id: int, kind: str) -> None:
    """In this process, as the worker's workflow would."""
    workshop = Workshop(settings=office.settings, store=office.store)
    with office.store.read() as session:
        workflow_id = session.get_one(Job, job_id).workflow_id
    assert begin(workshop, workflow_id) == kind
    assert begin(workshop, workflow_id) == kind
    for step in STEPS[kind]:
        first = perform(workshop, workflow_id, step)
        assert "done" in first, first
        written = contents(office.settings.checkpoints_dir)
        second = perform(workshop, workflow_id, step)
        assert second.keys() == {"done"}
        assert contents(office.settings.checkpoints_dir) == written
    assert begin(workshop, workflow_id) == ""
    assert office.job(job_id).status is JobStatus.DONE


@pytest.mark.parametrize(
    ("kind", "learner"),
    [(RoundKind.QUICK, {"kind": "mlp", "epochs": 3}), (RoundKind.DEEP, {"epochs": 1})],
    ids=["quick", "deep"],
)
def test_steps_of_a_round_repeated_change_nothing(
    office: Office, kind: RoundKind, learner: dict[str, Any]
) -> None:
    project_id = office.new_project("twice")
    office.judge(project_id, range(30))
    request = RoundRequest(kind, query_size=6, seed=9, learner=learner)
    info = request_round(office.store, office.settings, project_id, request)
    run_each_step_twice(office, office.job_of_round(info.id).id, ROUND)
    with office.store.read() as session:
        n_queries = session.scalar(select(func.count()).where(Query.round_id == info.id))
        assert active_round(session, project_id).id == info.id
    assert n_queries == 6


def test_a_snapshot_is_of_one_moment(office: Office) -> None:
    project_id = office.new_project("growing")
    office.judge(project_id, range(30))
    info = request_round(office.store, office.settings, project_id, RoundRequest(seed=1))
    workshop = Workshop(settings=office.settings, store=office.store)
    with office.store.read() as session:
        workflow_id = session.get_one(Job, office.job_of_round(info.id).id).workflow_id
    begin(workshop, workflow_id)
    task = load_task(workshop, workflow_id)
    importing = Store(office.store.url)
    n_imported = 0

    @event.listens_for(office.store.engine, "begin")
    def import_an_audit_document(connection: Connection) -> None:
        nonlocal n_imported
        if connection.get_execution_options().get("writing"):
            return
        n_imported += 1
        with importing.write() as session:
            name = f"late-{n_imported}"
            session.add(
                Document(
                    project_id=project_id,
                    external_id=name,
                    text=name,
                    content_hash=name,
                    is_audited=True,
                )
            )

    take_snapshot(workshop, task, Progress(office.store, workflow_id, RoundStep.SNAPSHOT))
    importing.close()
    assert n_imported
    snapshot = Snapshot.read(task.folder)
    with office.store.read() as session:
        audited = session.scalars(select(Document.id).where(Document.is_audited)).all()
    np.testing.assert_array_equal(snapshot.is_audited, np.isin(snapshot.pool_ids, audited))


def test_steps_of_a_preparation_repeated_change_nothing(office: Office) -> None:
    project_id = office.new_project("twice")
    job = request_preparation(office.store, office.settings, project_id)
    run_each_step_twice(office, job.id, PREPARE)
    with office.store.read() as session:
        assert session.scalar(select(func.count()).where(Query.project_id == project_id)) == 40


def test_a_training_repeated_measures_nothing_its_teacher_knew_whatever_is_in_force_by_then(
    office: Office,
) -> None:
    project_id = office.new_project("taught")
    office.judge(project_id, range(30))
    workshop = Workshop(settings=office.settings, store=office.store)
    cnn = {"epochs": 1, "filters": 8, "embedding_width": 32}
    quick, deep, student = (
        RoundRequest(query_size=3, seed=1, learner={"kind": "mlp", "epochs": 1}),
        RoundRequest(RoundKind.DEEP, query_size=3, seed=2, learner={"kind": "cnn", **cnn}),
        RoundRequest(
            RoundKind.DEEP,
            query_size=3,
            seed=3,
            learner={"kind": "student", "student": "cnn", "epochs": 1},
        ),
    )

    def begun(request: RoundRequest) -> tuple[int, str]:
        info = request_round(office.store, office.settings, project_id, request)
        with office.store.read() as session:
            job = session.get_one(Job, office.job_of_round(info.id).id)
        begin(workshop, job.workflow_id)
        return info.id, job.workflow_id

    def performed(workflow_id: str, last: RoundStep) -> None:
        for step in STEPS[ROUND]:
            assert "done" in perform(workshop, workflow_id, step)
            if step is last:
                return

    untuned, workflow_id = begun(quick)
    performed(workflow_id, RoundStep.PUBLISH)
    _, workflow_id = begun(deep)
    performed(workflow_id, RoundStep.PUBLISH)
    known = np.load(load_task(workshop, workflow_id).folder / files.TRAINED_ON)
    _, workflow_id = begun(student)
    performed(workflow_id, RoundStep.TRAIN)
    with office.store.write() as session:
        roll_back(session, project_id, untuned)
    assert "done" in perform(workshop, workflow_id, RoundStep.TRAIN)  # killed before it was noted

    folder = load_task(workshop, workflow_id).folder
    with np.load(folder / files.UNSEEN) as stored:
        is_measured = np.isfinite(stored["proba"]).any(axis=1)
    assert is_measured.sum() == 10
    assert not np.isin(Snapshot.read(folder).train_ids[is_measured], known).any()
