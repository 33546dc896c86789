"""Somebody looks for texts like a sentence, and a real worker finds them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.domain import JobStatus, QueryKind
from core.errors import InputError
from core.services.jobs import active_job
from core.services.judgements import annotator_named
from core.services.projects import change_settings, get_project
from core.services.queue import ServedQuery, next_queries
from core.services.rounds import RoundRequest, cancel_job, request_preparation, request_round
from core.services.seeding import Search, latest_search, newest_finds, request_search
from core.store.tables import Document, Query, now
from tests.integration.rounds.office import Office
from tests.integration.rounds.texts import TEXTS


def find(office: Office, project_id: int, text: str, n: int = 5) -> Search:
    """Search and wait until it is done."""
    asked = request_search(office.store, office.settings, project_id, text=text, n=n)
    office.wait_until_finished(asked.job_id)
    with office.store.read() as session:
        search = latest_search(session, project_id)
    assert search is not None
    assert search.job_id == asked.job_id
    return search


def dealt(office: Office, project_id: int, n: int, client: str = "tab") -> list[ServedQuery]:
    """What one client is given."""
    with office.store.write() as session:
        return next_queries(
            session,
            project_id,
            annotator_id=annotator_named(session, "reader").id,
            client_id=client,
            n=n,
            settings=office.settings,
        )


@pytest.fixture(scope="module")
def office(served: Office) -> Office:
    """The module's worker."""
    return served


def unaudited_project(office: Office, name: str) -> int:
    project_id = office.new_project(name)
    with office.store.write() as session:
        change_settings(session, project_id, audit_every=1000)
    return project_id


def test_texts_of_the_meaning_come_first_although_they_share_no_word(office: Office) -> None:
    project_id = unaudited_project(office, "meaning")
    search = find(office, project_id, "cash to be given back to a buyer", n=4)
    assert (search.status, search.n_found, search.n_unread, search.note) == (
        JobStatus.DONE,
        4,
        0,
        "",
    )
    first = dealt(office, project_id, 6)
    assert [query.kind for query in first[:4]] == [QueryKind.SEARCH] * 4
    assert QueryKind.SEARCH not in {query.kind for query in first[4:]}
    truth = dict(TEXTS)
    assert sum("refund" in truth[query.text] for query in first[:4]) >= 3
    assert first[0].reason == "like “cash to be given back to a buyer”"
    assert first[0].strategy == "search"
    assert first[0].because == {
        "labels": [],
        "neighbours": [],
        "wanted_label_id": None,
        "search": "cash to be given back to a buyer",
    }
    assert [query.score for query in first[:4]] == sorted(
        (query.score for query in first[:4]), reverse=True
    )


def test_a_name_is_found_by_its_letters(office: Office) -> None:
    project_id = unaudited_project(office, "names")
    with office.store.write() as session:
        session.add_all(
            Document(
                project_id=project_id,
                external_id=f"n{i}",
                content_hash=f"n{i}",
                text=text,
            )
            for i, text in enumerate(["Ask for Ms ÖZTÜRKOĞLU at the desk.", "Invoice QX-4471-B."])
        )
    for sought, expected in [("öztürkoğlu", "ÖZTÜRK"), ("qx-4471", "QX-4471")]:
        search = find(office, project_id, sought, n=1)
        assert (search.n_found, search.n_with_words) == (1, 1)
        (first,) = dealt(office, project_id, 1, client=sought)
        assert expected in first.text


def test_finds_of_a_newer_search_come_before_those_of_an_older(office: Office) -> None:
    project_id = unaudited_project(office, "two searches")
    find(office, project_id, "a parcel that came late", n=3)
    find(office, project_id, "thank you, wonderful people", n=2)
    reasons = [query.reason for query in dealt(office, project_id, 6)]
    assert (
        reasons[:5]
        == ["like “thank you, wonderful people”"] * 2 + ["like “a parcel that came late”"] * 3
    )
    assert not reasons[5].startswith("like")


def test_a_find_that_waits_in_the_first_queue_is_raised_and_not_asked_twice(
    office: Office,
) -> None:
    project_id = unaudited_project(office, "raised")
    office.wait_until_finished(request_preparation(office.store, office.settings, project_id).id)
    find(office, project_id, "opening hours on Sunday", n=2)
    with office.store.read() as session:
        queries = session.scalars(select(Query).where(Query.project_id == project_id)).all()
        session.expunge_all()
    assert len({query.document_id for query in queries}) == len(queries) == len(TEXTS)
    office.wait_until_finished(request_preparation(office.store, office.settings, project_id).id)
    everything = dealt(office, project_id, len(TEXTS))
    assert [query.kind for query in everything[:3]].count(QueryKind.SEARCH) == 2
    assert len({query.document_id for query in everything}) == len(TEXTS)


def test_judged_leased_and_audited_documents_are_never_found(office: Office) -> None:
    project_id = unaudited_project(office, "taken")
    office.judge(project_id, range(8))  # of the refunds, all but those with something else
    with office.store.write() as session:
        ids = session.scalars(
            select(Document.id).where(Document.project_id == project_id).order_by(Document.id)
        ).all()
        session.execute(update(Document).where(Document.id == ids[24]).values(is_audited=True))
        session.add(
            Query(
                project_id=project_id,
                document_id=ids[25],
                kind=QueryKind.RANDOM,
                strategy="random",
                rank=1,
                leased_by="another",
                leased_until=now() + timedelta(hours=1),
            )
        )
    assert find(office, project_id, "money back", n=100).n_found == len(TEXTS) - 10
    found = {query.document_id for query in dealt(office, project_id, 30)}
    assert not found & {*ids[:8], ids[24], ids[25]}


def test_when_nothing_is_left_nothing_is_found(office: Office) -> None:
    project_id = office.new_project("all judged")
    office.judge(project_id, range(len(TEXTS)))
    search = find(office, project_id, "money back")
    assert (search.status, search.n_found) == (JobStatus.DONE, 0)


def test_without_an_encoder_words_alone_are_looked_for_and_that_is_said(office: Office) -> None:
    project_id = unaudited_project(office, "no encoder")
    with office.store.write() as session:
        change_settings(session, project_id, encoder="/not/there")
    search = find(office, project_id, "reimbursement", n=9)
    assert (search.status, search.n_found, search.n_with_words) == (JobStatus.DONE, 2, 2)
    assert search.n_unread == len(TEXTS)
    assert "Encoder folder '/not/there' does not exist" in search.note
    assert find(office, project_id, "zebra").n_found == 0


def test_after_a_round_finds_come_before_its_queries_and_outlive_the_next(
    office: Office,
) -> None:
    project_id = unaudited_project(office, "after a round")
    office.judge(project_id, range(0, 34, 2))

    def run_round() -> None:
        request = RoundRequest(seed=1, query_size=10)
        round_ = request_round(office.store, office.settings, project_id, request)
        job = office.wait_until_finished(office.job_of_round(round_.id).id)
        assert job.status is JobStatus.DONE, job.error

    run_round()
    find(office, project_id, "which chair or lamp to buy", n=3)
    run_round()
    with office.store.read() as session:
        round_id = get_project(session, project_id).active_round_id
        asked = session.scalars(select(Query.document_id).where(Query.round_id == round_id)).all()
    first = dealt(office, project_id, 13)
    assert [query.kind for query in first[:3]] == [QueryKind.SEARCH] * 3
    assert [query.round_number for query in first[:4]] == [None, None, None, 2]
    ids = [query.document_id for query in first]
    assert len(set(ids)) == len(ids)
    assert set(asked) <= set(ids)


def test_a_search_runs_beside_the_job_in_hand_and_is_not_taken_for_it(office: Office) -> None:
    project_id = office.new_project("beside", copies=40)
    preparation = request_preparation(office.store, office.settings, project_id)
    search = request_search(office.store, office.settings, project_id, text="reimbursement")
    with office.store.read() as session:
        in_hand = active_job(session, project_id)
        assert in_hand is not None
        assert in_hand.id == preparation.id
    found = office.wait_until_finished(search.job_id)
    cancel_job(office.store, office.settings, preparation.id)
    prepared = office.wait_until_finished(preparation.id)
    assert found.detail["n_found"] == 5
    assert found.started_at < prepared.finished_at
    with office.store.read() as session:
        assert newest_finds(session, project_id) == search.job_id


def test_the_same_search_twice_is_one_job_until_it_is_done(office: Office) -> None:
    project_id = office.new_project("twice")
    first = request_search(office.store, office.settings, project_id, text="a  lamp\n")
    done = office.wait_until_finished(first.job_id)
    assert done.request == {"text": "a lamp", "n": 5}
    again = request_search(office.store, office.settings, project_id, text="a lamp")
    assert again.job_id != first.job_id
    office.wait_until_finished(again.job_id)


@pytest.mark.parametrize(
    ("text", "n", "said"),
    [
        ("  ?! ", 5, "There is nothing to look for"),
        ("x" * 301, 5, "301 characters; use at most 300"),
        ("lamp", 0, "0 texts cannot be looked for; ask for 1 to 100"),
        ("lamp", 101, "101 texts cannot be looked for"),
    ],
)
def test_what_cannot_be_sought_says_why(office: Office, text: str, n: int, said: str) -> None:
    with office.store.read() as session:
        project_id = session.scalar(select(Document.project_id).limit(1))
    with pytest.raises(InputError, match=said):
        request_search(office.store, office.settings, project_id or 1, text=text, n=n)
