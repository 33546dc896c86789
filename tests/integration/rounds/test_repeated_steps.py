"""Every step may be run twice: killed after its work and before it was recorded, it will be."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.domain import JobStatus, RoundKind
from core.rounds.task import Workshop
from core.rounds.workflow import STEPS, begin, perform
from core.services.jobs import PREPARE, ROUND
from core.services.rounds import (
    RoundRequest,
    active_round,
    request_preparation,
    request_round,
)
from core.store.tables import Job, Query
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
        files = contents(office.settings.checkpoints_dir)
        second = perform(workshop, workflow_id, step)
        assert second.keys() == {"done"}
        assert contents(office.settings.checkpoints_dir) == files
    assert begin(workshop, workflow_id) == ""
    assert office.job(job_id).status is JobStatus.DONE


@pytest.mark.parametrize(("kind", "epochs"), [(RoundKind.QUICK, 3), (RoundKind.DEEP, 1)])
def test_steps_of_a_round_repeated_change_nothing(
    office: Office, kind: RoundKind, epochs: int
) -> None:
    project_id = office.new_project("twice")
    office.judge(project_id, range(30))
    request = RoundRequest(kind, query_size=6, seed=9, learner={"epochs": epochs})
    info = request_round(office.store, office.settings, project_id, request)
    run_each_step_twice(office, office.job_of_round(info.id).id, ROUND)
    with office.store.read() as session:
        n_queries = session.scalar(select(func.count()).where(Query.round_id == info.id))
        assert active_round(session, project_id).id == info.id
    assert n_queries == 6


def test_steps_of_a_preparation_repeated_change_nothing(office: Office) -> None:
    project_id = office.new_project("twice")
    job = request_preparation(office.store, office.settings, project_id)
    run_each_step_twice(office, job.id, PREPARE)
    with office.store.read() as session:
        assert session.scalar(select(func.count()).where(Query.project_id == project_id)) == 40
