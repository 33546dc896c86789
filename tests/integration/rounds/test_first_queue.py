"""Before any judgement: vectors, suggestions and an order from label names."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.domain import JobStatus, QueryKind
from core.services.jobs import PREPARE, active_job, latest_job
from core.services.labels import active_labels
from core.services.operating_points import Thresholds, thresholds_in_force
from core.services.predictions import suggestions
from core.services.rounds import RoundRequest, cancel_job, request_preparation, request_round
from core.store.tables import Document, Query
from tests.integration.rounds.office import Office
from tests.integration.rounds.texts import TEXTS


@pytest.fixture(scope="module")
def project_id(served: Office) -> int:
    project_id = served.new_project("cold")
    job = request_preparation(served.store, served.settings, project_id)
    assert served.wait_until_finished(job.id).status is JobStatus.DONE
    return project_id


def test_every_document_has_suggestions_before_any_judgement(
    served: Office, project_id: int
) -> None:
    with served.store.read() as session:
        ids = session.scalars(
            select(Document.id).where(Document.project_id == project_id).order_by(Document.id)
        ).all()
        shown = suggestions(session, served.settings, project_id, ids)
        labels = {label.name: label.id for label in active_labels(session, project_id)}
        assert thresholds_in_force(session, project_id) == Thresholds(0.5)
    assert len(shown) == len(TEXTS)
    refund = [
        shown[ids[i]][labels["refund"]] for i, (_, truth) in enumerate(TEXTS) if "refund" in truth
    ]
    other = [shown[ids[i]][labels["refund"]] for i, (_, truth) in enumerate(TEXTS) if not truth]
    assert sum(refund) / len(refund) > sum(other) / len(other)


def test_the_first_queue_names_its_reason(served: Office, project_id: int) -> None:
    with served.store.read() as session:
        queries = session.scalars(
            select(Query).where(Query.project_id == project_id).order_by(Query.rank)
        ).all()
        labels = {label.id: label.name for label in active_labels(session, project_id)}
        session.expunge_all()
    assert [query.rank for query in queries] == list(range(1, len(TEXTS) + 1))
    assert {query.round_id for query in queries} == {None}
    kinds = [query.kind for query in queries[:8]]
    assert kinds == ([QueryKind.COLD_START] * 3 + [QueryKind.COVERAGE]) * 2
    for query in queries:
        wanted = labels.get(query.because["wanted_label_id"])
        if query.kind is QueryKind.COVERAGE:
            assert (wanted, query.reason) == (None, "from a region of texts that nobody has judged")
        else:
            assert query.reason == f"reads like the description of “{wanted}”"


def test_labels_with_imported_examples_take_no_turns_and_coverage_goes_elsewhere(
    served: Office,
) -> None:
    project_id = served.new_project("imported")
    served.judge(project_id, range(16))  # eight refunds and eight deliveries
    job = request_preparation(served.store, served.settings, project_id)
    assert served.wait_until_finished(job.id).status is JobStatus.DONE
    with served.store.read() as session:
        queries = session.scalars(
            select(Query).where(Query.project_id == project_id).order_by(Query.rank)
        ).all()
        labels = {label.name: label.id for label in active_labels(session, project_id)}
        session.expunge_all()
    wanted = {query.because["wanted_label_id"] for query in queries}
    assert wanted == {labels["praise"], None}
    assert len(queries) == len(TEXTS) - 16
    assert all(len(query.because["neighbours"]) == 3 for query in queries)


def test_preparing_again_replaces_only_what_nobody_has_been_shown(
    served: Office, project_id: int
) -> None:
    with served.store.write() as session:
        shown = session.scalars(
            select(Query).where(Query.project_id == project_id, Query.rank == 1)
        ).one()
        shown.leased_by = "somebody"
        shown_id, document_id = shown.id, shown.document_id
    job = request_preparation(served.store, served.settings, project_id)
    assert served.wait_until_finished(job.id).status is JobStatus.DONE
    with served.store.read() as session:
        rows = session.execute(
            select(Query.id, Query.document_id).where(Query.project_id == project_id)
        ).all()
    assert (shown_id, document_id) in [tuple(row) for row in rows]
    assert len({document for _, document in rows}) == len(rows) == len(TEXTS)


def test_asking_twice_before_it_starts_is_one_job_and_a_round_queues_behind_it(
    office: Office,
) -> None:
    project_id = office.new_project("waiting")
    office.judge(project_id, range(30))
    first = request_preparation(office.store, office.settings, project_id)
    assert request_preparation(office.store, office.settings, project_id) == first
    request_round(office.store, office.settings, project_id, RoundRequest(seed=1))
    with office.store.read() as session:
        assert active_job(session, project_id) == first
    assert cancel_job(office.store, office.settings, first.id).status is JobStatus.CANCELLED
    with office.store.read() as session:
        assert active_job(session, project_id).kind == "round"
        assert latest_job(session, project_id, kind=PREPARE).status is JobStatus.CANCELLED


def test_a_project_without_labels_is_encoded_and_asks_nothing(served: Office) -> None:
    project_id = served.new_project("no labels", labels={})
    job = request_preparation(served.store, served.settings, project_id)
    finished = served.wait_until_finished(job.id)
    assert (finished.status, finished.detail) == (JobStatus.DONE, {"n_queries": 0})
