"""A quick round from the request to the queue, with a real worker."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select

from core.domain import (
    EvaluationSource,
    JobStatus,
    QueryKind,
    RoundKind,
    SubmissionKind,
    SubmissionSource,
)
from core.evaluation.operating_points import Aim, Goal, Scope
from core.evaluation.outputs import OUTPUTS, read_outputs
from core.rounds.chosen import read_cuts
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.operating_points import operating_point, thresholds_in_force
from core.services.predictions import suggestions
from core.services.projects import choose_aim
from core.services.rounds import (
    RoundRequest,
    active_round,
    list_rounds,
    load_evaluation,
    request_round,
    round_freshness,
)
from core.store.tables import Document, Project, Query, Round
from tests.integration.rounds.office import Office


@pytest.fixture(scope="module")
def project_id(served: Office) -> int:
    project_id = served.new_project("quick")
    served.judge(project_id, range(30))
    request = RoundRequest(RoundKind.QUICK, "bald", query_size=5, seed=7)
    info = request_round(served.store, served.settings, project_id, request)
    job = served.wait_until_finished(served.job_of_round(info.id).id)
    assert job.status is JobStatus.DONE, job.error
    return project_id


def test_a_finished_round_is_in_force_with_its_figures(served: Office, project_id: int) -> None:
    with served.store.read() as session:
        info = active_round(session, project_id)
        evaluation = load_evaluation(session, info.id)
    assert info.status is JobStatus.DONE
    assert info.n_judged == 30
    assert info.metrics["source"] == EvaluationSource.OUT_OF_FOLD
    assert info.metrics["micro_f1"] > 0.5  # texts this plain are no riddle
    assert evaluation.n_documents == 30
    assert evaluation.names == ("refund", "delivery", "praise")
    assert info.history == []  # what learns in one go has no epochs
    assert info.metrics["learner"]["lexical"] is True
    scores = info.metrics["learner"]["scores"]
    assert scores[info.metrics["learner"]["chosen"]] == max(scores.values())


def test_queries_are_unjudged_documents_with_a_reason(served: Office, project_id: int) -> None:
    with served.store.read() as session:
        queries = session.scalars(
            select(Query).where(Query.project_id == project_id).order_by(Query.rank)
        ).all()
        session.expunge_all()
        unjudged = session.scalars(
            select(Document.id).where(Document.project_id == project_id).offset(30)
        ).all()
    assert [query.rank for query in queries] == [1, 2, 3, 4, 5]
    assert {query.kind for query in queries} == {QueryKind.MODEL}
    assert {query.document_id for query in queries} <= set(unjudged)
    assert all("most like a document you judged" in query.reason for query in queries)
    assert all(query.selection_probability is None for query in queries)


def test_every_document_gets_a_suggestion_per_label(served: Office, project_id: int) -> None:
    with served.store.read() as session:
        ids = session.scalars(
            select(Document.id).where(Document.project_id == project_id).order_by(Document.id)
        ).all()
        shown = suggestions(session, served.settings, project_id, ids)
        thresholds = thresholds_in_force(session, project_id)
        unknown = suggestions(session, served.settings, project_id, [10_000])
    assert list(shown) == list(ids)
    assert unknown == {}
    proba = np.array([list(row.values()) for row in shown.values()])
    assert proba.shape == (40, 3)
    assert ((proba >= 0) & (proba <= 1)).all()
    assert proba[0].argmax() == 0  # "Please send my money back …"
    assert 0 < thresholds.shared < 1


def test_a_round_knows_how_much_was_judged_since(served: Office, project_id: int) -> None:
    served.judge(project_id, range(30, 33))
    with served.store.read() as session:
        assert round_freshness(session, project_id) == (30, 33)


def test_a_random_round_states_its_selection_probability(served: Office) -> None:
    project_id = served.new_project("random")
    served.judge(project_id, range(30))
    request = RoundRequest(strategy="random", query_size=4, seed=1)
    info = request_round(served.store, served.settings, project_id, request)
    served.wait_until_finished(served.job_of_round(info.id).id)
    with served.store.read() as session:
        rows = session.execute(
            select(Query.kind, Query.selection_probability, func.count())
            .where(Query.round_id == info.id)
            .group_by(Query.kind, Query.selection_probability)
        ).all()
        assert [r.number for r in list_rounds(session, project_id)] == [1]
    assert [tuple(row) for row in rows] == [(QueryKind.RANDOM, 0.4, 4)]


def test_a_round_chooses_its_thresholds_for_the_projects_aim_and_keeps_them(
    served: Office,
) -> None:
    project_id = served.new_project("aimed")
    served.judge(project_id, range(30))
    aim = Aim(Goal.RECALL, Scope.PER_LABEL, floor=0.9)
    with served.store.write() as session:
        choose_aim(session, project_id, aim)
    info = request_round(served.store, served.settings, project_id, RoundRequest(seed=1))
    job = served.wait_until_finished(served.job_of_round(info.id).id)
    assert job.status is JobStatus.DONE, job.error
    with served.store.read() as session:
        round_ = session.get_one(Round, info.id)
        point = operating_point(session, project_id)
        session.expunge_all()
    assert Aim.from_json(round_.config["aim"]) == aim
    assert point.aim == aim
    assert point.shared == round_.threshold
    assert point.own
    assert set(point.thresholds) == set(round_.label_ids)
    folder = served.settings.checkpoints_dir / round_.checkpoint
    outputs = read_outputs(folder / OUTPUTS)
    assert dict(zip(outputs.label_ids, outputs.thresholds, strict=True)) == point.thresholds
    names = outputs.names
    assert read_cuts(folder, names).thresholds.tolist() == list(point.thresholds.values())
    assert not (folder / "nested.npz").exists()


def test_a_round_on_documents_by_lot_weighs_them(served: Office) -> None:
    project_id = served.new_project("by lot")
    served.judge(project_id, range(10))
    request = RoundRequest(strategy="random", query_size=12, seed=1)
    first = request_round(served.store, served.settings, project_id, request)
    served.wait_until_finished(served.job_of_round(first.id).id)
    answer_queries(served, project_id, first.id)
    second = request_round(served.store, served.settings, project_id, replace(request, seed=2))
    served.wait_until_finished(served.job_of_round(second.id).id)
    with served.store.read() as session:
        evaluation = load_evaluation(session, second.id)
        metrics = session.get_one(Round, second.id).metrics
    assert evaluation.weighted.n_weighted == 12
    assert evaluation.weighted.n_documents == 22
    assert metrics["weighted"]["n_weighted"] == 12


def answer_queries(served: Office, project_id: int, round_id: int) -> None:
    """Say of every document that the round asks about that no label applies."""
    with served.store.write() as session:
        project = session.get_one(Project, project_id)
        queries = session.scalars(select(Query).where(Query.round_id == round_id)).all()
        submissions = [
            NewSubmission(
                query.document_id,
                SubmissionKind.COMPLETE,
                "answers",
                at,
                {},
                query_id=query.id,
                schema_version=project.schema_version,
            )
            for at, query in enumerate(queries)
        ]
        record_judgements(
            session,
            project,
            annotator_named(session, "ada"),
            submissions,
            source=SubmissionSource.CARD,
        )
