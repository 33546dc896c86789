"""Rounds that ask by other recipes than the usual one, with a real worker."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.domain import JobStatus, QueryKind
from core.rounds import large_pool, shortlist
from core.rounds.task import Workshop
from core.rounds.workflow import STEPS, begin, perform
from core.services.jobs import ROUND
from core.services.rounds import RoundRequest, request_round
from core.store.tables import Job, Label, Query
from tests.integration.rounds.office import Office


@pytest.fixture(scope="module")
def project_id(served: Office) -> int:
    project_id = served.new_project("recipes", copies=2)
    served.judge(project_id, range(30))
    return project_id


def asked(served: Office, project_id: int, **request: object) -> list[Query]:
    """Run a round and give its queries in order."""
    wanted = RoundRequest(query_size=10, seed=3, **request)  # type: ignore[arg-type]
    info = request_round(served.store, served.settings, project_id, wanted)
    job = served.wait_until_finished(served.job_of_round(info.id).id)
    assert job.status is JobStatus.DONE, job.error
    with served.store.read() as session:
        queries = session.scalars(
            select(Query).where(Query.round_id == info.id).order_by(Query.rank)
        ).all()
        session.expunge_all()
    assert len({query.document_id for query in queries}) == 10
    return list(queries)


@pytest.mark.parametrize(
    ("strategy", "changes"),
    [
        ("bald", {"posterior": "ensemble"}),
        ("beal-mean", {"stochastic_layers": 1}),
        ("entropy", {"per_second": True, "batching": "greedy", "aggregation": "need"}),
        ("besra", {}),
        ("badge", {}),
        ("cvirs", {"near_copy": 0.95}),
        ("contrastive", {}),
    ],
)
def test_a_round_asks_by_any_recipe_and_says_why(
    served: Office, project_id: int, strategy: str, changes: dict[str, object]
) -> None:
    queries = asked(served, project_id, strategy=strategy, recipe=changes, n_passes=3)
    assert {query.kind for query in queries} == {QueryKind.MODEL}
    assert {query.strategy for query in queries} == {strategy}
    assert all(query.because["neighbours"] for query in queries)
    assert any(query.because["labels"] for query in queries)


def test_the_same_seed_and_judgements_ask_the_same(served: Office, project_id: int) -> None:
    first, again = (asked(served, project_id, strategy="bald", n_passes=4) for _ in range(2))
    assert [q.document_id for q in first] == [q.document_id for q in again]
    assert [q.score for q in first] == [q.score for q in again]


def test_shares_are_kept_with_what_they_are_for(served: Office, project_id: int) -> None:
    shares = {"random_share": 0.3, "rare_share": 0.2, "coverage_share": 0.2}
    queries = asked(served, project_id, strategy="bald", recipe=shares, n_passes=3)
    kinds = [query.kind for query in queries]
    assert kinds.count(QueryKind.RANDOM) == 3
    assert kinds.count(QueryKind.RARE) == 2
    assert kinds.count(QueryKind.COVERAGE) == 2
    n_candidates = 80 - 30
    for query in queries:
        by_lot = query.kind is QueryKind.RANDOM
        assert query.selection_probability == (pytest.approx(3 / n_candidates) if by_lot else None)
    with served.store.read() as session:
        labels = set(session.scalars(select(Label.id).where(Label.project_id == project_id)))
    wanted = {q.because["wanted_label_id"] for q in queries if q.kind is QueryKind.RARE}
    assert wanted <= labels
    assert len(wanted) == 2


def test_a_round_by_coverage_looks_at_no_prediction(served: Office, project_id: int) -> None:
    queries = asked(served, project_id, strategy="typiclust")
    assert {query.kind for query in queries} == {QueryKind.COVERAGE}
    assert all("from a region of texts that nobody has judged" in query.reason for query in queries)


def run_here(office: Office, round_id: int) -> None:
    """In this process, as the worker's workflow would."""
    workshop = Workshop(settings=office.settings, store=office.store)
    with office.store.read() as session:
        workflow_id = session.get_one(Job, office.job_of_round(round_id).id).workflow_id
    begin(workshop, workflow_id)
    for step in STEPS[ROUND]:
        outcome = perform(workshop, workflow_id, step)
        assert "done" in outcome, outcome


def test_what_is_drawn_by_lot_speaks_for_all_candidates_also_beside_a_shortlist(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortlist, "FEWEST", 1)
    project_id = office.new_project("shortlist", copies=2)
    office.judge(project_id, range(30))
    info = request_round(
        office.store,
        office.settings,
        project_id,
        RoundRequest(
            query_size=4,
            seed=3,
            strategy="bald",
            n_passes=2,
            recipe={"stochastic_layers": 1, "random_share": 0.5},
        ),
    )
    run_here(office, info.id)
    with office.store.read() as session:
        queries = session.scalars(select(Query).where(Query.round_id == info.id)).all()
        by_lot = [q.selection_probability for q in queries if q.kind is QueryKind.RANDOM]
        scores = [q.score for q in queries if q.kind is QueryKind.MODEL]
    n_candidates = 80 - 30
    assert by_lot == [pytest.approx(2 / n_candidates)] * 2
    assert len(scores) == 2
    assert min(scores) > 0


def test_of_a_large_pool_the_neighbours_of_judged_texts_are_looked_at_by_an_index_built_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_pool, "LARGEST_POOL", 10)
    monkeypatch.setattr(large_pool, "SUBPOOL", 20)
    project_id = office.new_project("large", copies=2)
    office.judge(project_id, range(30))
    kept = []
    for seed in (1, 2):
        wanted = RoundRequest(query_size=4, seed=seed, strategy="badge")
        info = request_round(office.store, office.settings, project_id, wanted)
        run_here(office, info.id)
        with office.store.read() as session:
            queries = session.scalars(select(Query).where(Query.round_id == info.id)).all()
            assert len({query.document_id for query in queries}) == 4
        (path,) = office.settings.data_dir.rglob("neighbours-*.usearch")
        kept.append((path, path.stat().st_ino, path.stat().st_mtime_ns))
    assert kept[0] == kept[1]


def test_the_usual_recipe_draws_some_by_lot_and_says_what_the_others_are_for(
    served: Office, project_id: int
) -> None:
    queries = asked(served, project_id)
    kinds = [query.kind for query in queries]
    assert {query.strategy for query in queries} == {"bait"}
    assert (kinds.count(QueryKind.RANDOM), kinds.count(QueryKind.RARE)) == (1, 1)
    # With so few judged texts doubt has foretold nothing yet, or a little: either is told.
    assert kinds.count(QueryKind.COVERAGE) + kinds.count(QueryKind.MODEL) == 8
    for query in queries:
        assert (query.score is None) == (query.kind is not QueryKind.MODEL)
        assert query.reason
