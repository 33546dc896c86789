"""Killed at any step, a round goes on where it stopped, and ends as if nothing had happened."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from dbos import DBOSClient
from sqlalchemy import select

from core.domain import JobStatus, RoundStep
from core.rounds import files
from core.rounds.workflow import STEPS
from core.services.diagnoses import DRIFT
from core.services.jobs import ROUND
from core.services.predictions import POOL_PROBA
from core.services.rounds import RoundRequest, list_rounds, request_preparation, request_round
from core.store.tables import Query, Round
from tests.integration.rounds.office import Office

STEPS_OF_A_ROUND = list(STEPS[ROUND])
TRIES = 20  # a step may be over before it is seen; then the next round is watched

MADE_BY = {
    RoundStep.SNAPSHOT: files.SNAPSHOT,
    RoundStep.ENCODE: files.ENCODER,
    RoundStep.TRAIN: files.UNSEEN,
    RoundStep.CALIBRATE: files.CALIBRATION,
    RoundStep.THRESHOLDS: files.EVALUATION,
    RoundStep.SCORE: files.POOL_SCORE,
    RoundStep.QUERY: files.QUERIES,
    RoundStep.FORECAST: files.OUTLOOK,
    RoundStep.DIAGNOSE: DRIFT,
}


@dataclass(frozen=True)
class Result:
    """All that a round came to."""

    proba: list[list[float]]
    scores: list[float]
    queries: list[tuple[int, int, float, str]]
    threshold: float | None
    temperature: float | None
    metrics: str
    history: str

    @classmethod
    def of(cls, office: Office, project_id: int, round_id: int) -> Result:
        with office.store.read() as session:
            info = next(r for r in list_rounds(session, project_id) if r.id == round_id)
            rows = session.execute(
                select(Query.rank, Query.document_id, Query.score, Query.reason)
                .where(Query.round_id == round_id)
                .order_by(Query.rank)
            )
            queries = [tuple(row) for row in rows]
        folder = folder_of(office, project_id, info.number)
        return cls(
            proba=np.load(folder / POOL_PROBA).tolist(),
            scores=np.load(folder / files.POOL_SCORE).tolist(),
            queries=queries,
            threshold=info.threshold,
            temperature=info.temperature,
            metrics=json.dumps(info.metrics, sort_keys=True),
            history=json.dumps(info.history),
        )


def folder_of(office: Office, project_id: int, number: int) -> Path:
    with office.store.read() as session:
        checkpoint = session.scalar(
            select(Round.checkpoint).where(Round.project_id == project_id, Round.number == number)
        )
    return office.settings.checkpoints_dir / checkpoint


def ask(office: Office, project_id: int) -> tuple[int, int, int]:
    """Ask for the round that all these tests run; gives its id, number and job."""
    request = RoundRequest(query_size=8, seed=11, learner={"kind": "mlp", "epochs": 60})
    info = request_round(office.store, office.settings, project_id, request)
    return info.id, info.number, office.job_of_round(info.id).id


def killed_during(office: Office, job_id: int, step: RoundStep) -> bool:
    """Kill the worker in this step; False where the step was over too soon to be hit."""
    later = STEPS_OF_A_ROUND[STEPS_OF_A_ROUND.index(step) :]
    worker = office.workers[-1]
    while (job := office.job(job_id)).step not in later:
        assert job.is_active, job.error
    worker.send_signal(signal.SIGSTOP)
    job = office.job(job_id)
    if job.step == step and job.is_active:
        office.kill_worker()
        return True
    worker.send_signal(signal.SIGCONT)
    office.wait_until_finished(job_id)
    return False


@pytest.fixture(scope="module")
def project_id(served: Office) -> int:
    project_id = served.new_project("interrupted")
    served.judge(project_id, range(30))
    return project_id


@pytest.fixture(scope="module")
def undisturbed(served: Office, project_id: int) -> Result:
    round_id, _, job_id = ask(served, project_id)
    assert served.wait_until_finished(job_id).status is JobStatus.DONE
    return Result.of(served, project_id, round_id)


@pytest.mark.parametrize("step", STEPS_OF_A_ROUND)
def test_a_round_killed_in_any_step_ends_as_if_undisturbed(
    served: Office, project_id: int, undisturbed: Result, step: RoundStep
) -> None:
    for _ in range(TRIES):
        round_id, number, job_id = ask(served, project_id)
        if killed_during(served, job_id, step):
            break
    else:
        pytest.fail(f"step '{step}' was never caught in {TRIES} rounds")
    folder = folder_of(served, project_id, number)
    before = STEPS_OF_A_ROUND[: STEPS_OF_A_ROUND.index(step)]
    made = {made: (folder / MADE_BY[made]).stat().st_mtime_ns for made in before}
    killed_ms = time.time() * 1000

    served.start_worker()
    finished = served.wait_until_finished(job_id)

    assert finished.status is JobStatus.DONE, finished.error
    assert Result.of(served, project_id, round_id) == undisturbed
    assert {m: (folder / MADE_BY[m]).stat().st_mtime_ns for m in before} == made
    # The job's row is done a moment before the engine has written down its last step.
    n_recorded = 1 + len(STEPS_OF_A_ROUND)
    served.wait_for(
        lambda: len(recorded_steps(served, job_id)) == n_recorded, "the last step's record"
    )
    steps = recorded_steps(served, job_id)
    assert [name for name, _ in steps] == ["begin", *STEPS_OF_A_ROUND]
    ended_before_the_kill = {name for name, ended_ms in steps if ended_ms < killed_ms}
    assert ended_before_the_kill >= {"begin", *before}
    assert not list(folder.rglob("*.tmp"))


def recorded_steps(office: Office, job_id: int) -> list[tuple[str, float]]:
    client = DBOSClient(system_database_url=office.settings.resolved_jobs_database_url)
    with office.store.read() as session:
        from core.store.tables import Job

        workflow_id = session.get_one(Job, job_id).workflow_id
    try:
        steps = client.list_workflow_steps(workflow_id)
    finally:
        client.destroy()
    return [(step["function_name"], step["completed_at_epoch_ms"] or 0) for step in steps]


def test_encoding_goes_on_with_the_documents_that_were_left(served: Office) -> None:
    project_id = served.new_project("many", copies=25)
    job = request_preparation(served.store, served.settings, project_id)
    vectors = None

    def some_are_encoded() -> bool:
        nonlocal vectors
        folders = served.settings.embeddings_dir.glob(f"{project_id}-*/*/vectors.f16")
        vectors = next(folders, None)
        return vectors is not None and vectors.stat().st_size > 0

    served.wait_for(some_are_encoded, "the first vectors")
    served.kill_worker()
    kept = vectors.read_bytes()
    kept = kept[: len(kept) // (384 * 2 * 128) * 384 * 2 * 128]  # whole chunks
    assert len(kept) < 1000 * 384 * 2

    served.start_worker()
    assert served.wait_until_finished(job.id).status is JobStatus.DONE
    assert len(vectors.read_bytes()) == 1000 * 384 * 2
    assert vectors.read_bytes().startswith(kept)
