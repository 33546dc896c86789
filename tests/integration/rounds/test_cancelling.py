"""Cancelling reaches into running steps, and leaves the round before in force."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from core.domain import JobStatus, RoundStep
from core.errors import NotFound
from core.services.jobs import active_job
from core.services.operating_points import thresholds_in_force
from core.services.predictions import suggestions
from core.services.projects import delete_project
from core.services.rounds import (
    RoundRequest,
    active_round,
    cancel_job,
    list_rounds,
    request_preparation,
    request_round,
)
from core.store.tables import Document, Query
from tests.integration.rounds.office import Office

ENDLESS = {"kind": "mlp", "epochs": 1000, "layers": [2048, 2048]}  # minutes of training


@pytest.fixture(scope="module")
def project_id(served: Office) -> int:
    """A project with a round in force."""
    project_id = served.new_project("cancelling")
    served.judge(project_id, range(30))
    info = request_round(served.store, served.settings, project_id, RoundRequest(seed=3))
    job = served.wait_until_finished(served.job_of_round(info.id).id)
    assert job.status is JobStatus.DONE, job.error
    return project_id


def start_endless_round(office: Office, project_id: int) -> tuple[int, int]:
    """A round that is training; gives its id and its job's."""
    request = RoundRequest(seed=3, learner=ENDLESS)
    round_id = request_round(office.store, office.settings, project_id, request).id
    job_id = office.job_of_round(round_id).id
    office.wait_for(
        lambda: office.job(job_id).step == RoundStep.TRAIN and office.job(job_id).detail != {},
        "training to show its progress",
    )
    return round_id, job_id


def in_force(office: Office, project_id: int) -> tuple[object, ...]:
    with office.store.read() as session:
        ids = session.scalars(select(Document.id).where(Document.project_id == project_id)).all()
        return (
            active_round(session, project_id),
            thresholds_in_force(session, project_id),
            suggestions(session, office.settings, project_id, ids),
        )


def test_a_round_cancelled_while_it_trains_leaves_the_one_before_in_force(
    served: Office, project_id: int
) -> None:
    before = in_force(served, project_id)
    round_id, job_id = start_endless_round(served, project_id)
    training = served.job(job_id)
    assert 0 <= training.fraction < 1
    assert training.detail["epoch"] >= 1
    assert training.detail["loss"] > 0

    assert cancel_job(served.store, served.settings, job_id).cancel_requested

    ended = served.wait_until_finished(job_id)
    assert ended.status is JobStatus.CANCELLED
    assert ended.error == "Cancelled while learning from the judgements."
    with served.store.read() as session:
        cancelled = list_rounds(session, project_id)[0]
        n_queries = session.scalar(select(func.count()).where(Query.round_id == round_id))
        assert active_job(session, project_id) is None
    assert (cancelled.id, cancelled.status) == (round_id, JobStatus.CANCELLED)
    assert n_queries == 0
    assert in_force(served, project_id) == before


def test_a_finished_job_is_not_cancelled_any_more(served: Office, project_id: int) -> None:
    with served.store.read() as session:
        (done,) = [r for r in list_rounds(session, project_id) if r.status is JobStatus.DONE]
    job = served.job_of_round(done.id)
    assert cancel_job(served.store, served.settings, job.id) == job
    with pytest.raises(NotFound, match="There is no job 999"):
        cancel_job(served.store, served.settings, 999)


def test_encoding_stops_when_asked(served: Office) -> None:
    project_id = served.new_project("large", copies=50)
    job = request_preparation(served.store, served.settings, project_id)
    served.wait_for(lambda: served.job(job.id).detail.get("n_done", 0) > 0, "encoding to begin")
    cancel_job(served.store, served.settings, job.id)
    ended = served.wait_until_finished(job.id)
    assert ended.status is JobStatus.CANCELLED
    assert ended.error == "Cancelled while reading the documents."


def test_a_project_deleted_under_its_round_ends_the_round(served: Office, project_id: int) -> None:
    doomed = served.new_project("doomed")
    served.judge(doomed, range(30))
    start_endless_round(served, doomed)
    with served.store.write() as session:
        delete_project(session, doomed)
    info = request_round(served.store, served.settings, project_id, RoundRequest(seed=4))
    job = served.wait_until_finished(served.job_of_round(info.id).id)
    assert job.status is JobStatus.DONE, job.error
