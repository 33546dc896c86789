"""Which documents a round is measured on, and what a failed round says and leaves behind."""

from __future__ import annotations

import sqlite3

import numpy as np
from sqlalchemy import func, select, update

from core.domain import EvaluationSource, JobStatus, RoundStep
from core.evaluation.outputs import read_outputs
from core.evaluation.trying import CHOOSING
from core.rounds import files
from core.services.jobs import JobInfo
from core.services.labels import NewLabel, add_labels
from core.services.predictions import folder_in_force, suggestions
from core.services.projects import change_settings
from core.services.rounds import (
    RoundRequest,
    active_round,
    list_rounds,
    load_evaluation,
    request_round,
)
from core.store.tables import Document, Query
from tests.integration.rounds.office import Office


def run(office: Office, project_id: int) -> tuple[int, JobInfo]:
    info = request_round(office.store, office.settings, project_id, RoundRequest(seed=2))
    return info.id, office.wait_until_finished(office.job_of_round(info.id).id)


def test_thirty_judged_audit_documents_are_what_a_round_is_measured_on(served: Office) -> None:
    project_id = served.new_project("audited", copies=2)
    with served.store.write() as session:
        session.execute(
            update(Document)
            .where(Document.project_id == project_id, Document.external_id.startswith("1-"))
            .values(is_audited=True)
        )
    served.judge(project_id, range(38))
    served.judge(project_id, range(30), copy=1)
    round_id, job = run(served, project_id)
    assert job.status is JobStatus.DONE, job.error
    with served.store.read() as session:
        info = active_round(session, project_id)
        evaluation = load_evaluation(session, round_id)
        folder = folder_in_force(session, served.settings, project_id)
        audited = select(Document.id).where(Document.is_audited)
        asked_of_audit = session.scalar(
            select(func.count()).where(Query.round_id == round_id, Query.document_id.in_(audited))
        )
        n_asked = session.scalar(select(func.count()).where(Query.round_id == round_id))
        audited_ids = session.scalars(audited).all()
    assert (info.n_judged, info.n_audited) == (38, 30)
    assert info.metrics["source"] == EvaluationSource.AUDIT
    assert evaluation.n_documents == 30
    assert not evaluation.cross_fitted
    assert not set(np.load(folder / files.SNAPSHOT)["train_ids"].tolist()) & set(audited_ids)
    assert (n_asked, asked_of_audit) == (2, 0)
    chose = read_outputs(folder / CHOOSING)  # kept to try other aims on
    assert (len(chose), chose.source) == (38, EvaluationSource.OUT_OF_FOLD)
    assert len(np.unique(chose.folds)) > 1


def test_a_round_with_nothing_left_to_ask_is_done_with_an_empty_queue(served: Office) -> None:
    project_id = served.new_project("all judged")
    served.judge(project_id, range(40))
    _, job = run(served, project_id)
    assert (job.status, job.detail) == (JobStatus.DONE, {"n_queries": 0})


def test_a_handful_of_judgements_gives_a_round_but_no_figures(served: Office) -> None:
    project_id = served.new_project("handful")
    served.judge(project_id, range(7, 10))
    _, job = run(served, project_id)
    assert job.status is JobStatus.DONE, job.error
    with served.store.read() as session:
        info = active_round(session, project_id)
    assert info.metrics["source"] == EvaluationSource.NONE
    assert info.metrics["micro_f1"] is None
    assert (info.threshold, info.temperature) == (0.5, 1.0)


def test_a_label_that_nobody_judged_gets_no_probability_and_asks_nothing(served: Office) -> None:
    project_id = served.new_project("new label")
    served.judge(project_id, range(30))
    with served.store.write() as session:
        (new,) = add_labels(session, project_id, [NewLabel("bookkeeping", "About our books.")])
    round_id, job = run(served, project_id)
    assert job.status is JobStatus.DONE, job.error
    with served.store.read() as session:
        ids = session.scalars(select(Document.id).where(Document.project_id == project_id)).all()
        shown = suggestions(session, served.settings, project_id, ids)
        reasons = session.scalars(select(Query.reason).where(Query.round_id == round_id)).all()
        evaluation = load_evaluation(session, round_id)
    assert len(shown) == 40
    assert all(len(of_labels) == 3 and new.id not in of_labels for of_labels in shown.values())
    assert len(reasons) == 10
    assert not [reason for reason in reasons if "bookkeeping" in reason]
    assert evaluation.labels[3].n_judged == 0
    assert evaluation.labels[3].f1 is None


def test_a_failed_round_says_why_and_leaves_the_one_before_in_force(served: Office) -> None:
    project_id = served.new_project("failing")
    served.judge(project_id, range(30))
    good, _ = run(served, project_id)
    with served.store.write() as session:
        change_settings(session, project_id, encoder="/no/such/encoder")
    bad, job = run(served, project_id)
    assert job.status is JobStatus.FAILED
    assert job.error.startswith("Encoder folder '/no/such/encoder' does not exist; give")
    with served.store.read() as session:
        assert active_round(session, project_id).id == good
        failed = list_rounds(session, project_id)[0]
    assert (failed.id, failed.status, failed.error) == (bad, JobStatus.FAILED, job.error)


def test_an_unforeseen_failure_names_its_step_and_where_to_look(served: Office) -> None:
    project_id = served.new_project("unforeseen")
    served.judge(project_id, range(30))
    served.settings.checkpoints_dir.mkdir(exist_ok=True)
    (served.settings.checkpoints_dir / f"{project_id}-unforeseen").write_text(
        "a file in the folder's place"
    )
    _, job = run(served, project_id)
    assert job.status is JobStatus.FAILED
    assert job.error.startswith("The step 'snapshot' failed (")
    assert "look for " in job.error


def test_a_job_that_brings_the_worker_down_again_and_again_is_given_up(office: Office) -> None:
    project_id = office.new_project("deadly")
    office.judge(project_id, range(30))
    request = RoundRequest(seed=2, learner={"kind": "mlp", "epochs": 1000, "layers": [2048, 2048]})
    info = request_round(office.store, office.settings, project_id, request)
    job_id = office.job_of_round(info.id).id
    office.start_worker()
    office.wait_for(lambda: office.job(job_id).step == RoundStep.TRAIN, "training")
    office.kill_worker()
    with sqlite3.connect(office.settings.data_dir / "jobs.sqlite") as engine:
        engine.execute("UPDATE workflow_status SET recovery_attempts = 10")  # as if killed so often
    engine.close()
    office.start_worker()
    job = office.wait_until_finished(job_id)
    assert job.status is JobStatus.FAILED
    assert job.error.startswith("The worker died 5 times while running it")
