from __future__ import annotations

from datetime import timedelta

import numpy as np
from sqlalchemy import select

from core.domain import QueryKind, SubmissionKind, SubmissionSource
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import NewLabel, add_labels
from core.services.projects import change_settings, get_project
from core.services.queue import ServedQuery, next_queries, pool_size, release_queries
from core.store.store import Store
from core.store.tables import Document, Query, now


def serve(store: Store, settings, small, *, n: int, client: str = "tab", who="ada", at=None):
    with store.write() as session:
        return next_queries(
            session,
            small.project_id,
            annotator_id=annotator_named(session, who).id,
            client_id=client,
            n=n,
            settings=settings,
            rng=np.random.default_rng(0),
            at=at,
        )


def say(store, small, served: ServedQuery, kind: SubmissionKind, *, who="ada") -> None:
    states = {small.label_ids[0]: "present"} if kind is SubmissionKind.PARTIAL else {}
    with store.write() as session:
        record_judgements(
            session,
            get_project(session, small.project_id),
            annotator_named(session, who),
            [NewSubmission(served.document_id, kind, f"c-{who}", served.document_id, states)],
            source=SubmissionSource.CARD,
        )


def test_everybody_gets_documents_of_their_own(store, settings, small) -> None:
    served = [
        query.document_id
        for client in "abcd"
        for query in serve(store, settings, small, n=8, client=client, who=client)
    ]
    assert len(served) == len(set(served)) == 32


def test_a_client_that_asks_again_gets_what_it_still_has_in_hand(store, settings, small) -> None:
    first = serve(store, settings, small, n=5)
    again = serve(store, settings, small, n=5)
    assert [q.query_id for q in first] == [q.query_id for q in again]


def test_a_judged_document_is_never_served_again(store, settings, small) -> None:
    seen: list[int] = []
    while served := serve(store, settings, small, n=3):
        for query in served:
            say(store, small, query, SubmissionKind.COMPLETE)
            seen.append(query.document_id)
    assert sorted(seen) == list(small.document_ids)


def test_a_lease_that_ran_out_gives_the_document_to_the_next(store, settings, small) -> None:
    taken = {q.document_id for q in serve(store, settings, small, n=40)}
    assert len(taken) == 40
    assert serve(store, settings, small, n=1, client="other", who="bob") == []
    later = now() + timedelta(seconds=settings.lease_s + 1)
    assert len(serve(store, settings, small, n=40, client="other", who="bob", at=later)) == 40


def test_a_skipped_document_goes_to_others_but_not_back(store, settings, small) -> None:
    (skipped,) = serve(store, settings, small, n=1)
    say(store, small, skipped, SubmissionKind.SKIP)
    mine = {q.document_id for q in serve(store, settings, small, n=40)}
    assert skipped.document_id not in mine
    (theirs,) = serve(store, settings, small, n=1, client="other", who="bob")
    assert theirs.document_id == skipped.document_id


def test_a_partly_judged_document_makes_room_for_the_next(store, settings, small) -> None:
    (first,) = serve(store, settings, small, n=1)
    say(store, small, first, SubmissionKind.PARTIAL)
    (second,) = serve(store, settings, small, n=1)
    assert second.document_id != first.document_id


def test_one_in_ten_belongs_to_the_audit_set_until_it_is_used_up(store, settings, small) -> None:
    served = serve(store, settings, small, n=40)
    audits = [place for place, q in enumerate(served, start=1) if q.kind is QueryKind.AUDIT]
    assert audits[:3] == [10, 20, 30]
    assert {q.document_id for q in served if q.kind is QueryKind.AUDIT} <= set(range(37, 41))


def test_the_audit_share_can_be_changed(store, settings, small) -> None:
    with store.write() as session:
        change_settings(session, small.project_id, audit_every=2)
    served = serve(store, settings, small, n=8)
    assert [q.kind is QueryKind.AUDIT for q in served] == [False, True] * 4


def test_random_documents_carry_the_probability_they_were_drawn_with(
    store, settings, small
) -> None:
    (query,) = serve(store, settings, small, n=1)
    assert query.kind is QueryKind.RANDOM
    assert query.selection_probability == 1 / 36


def test_a_rounds_queries_come_in_their_order(store, settings, small) -> None:
    with store.write() as session:
        for rank, document_id in enumerate([5, 3, 9], start=1):
            session.add(
                Query(
                    project_id=small.project_id,
                    document_id=document_id,
                    kind=QueryKind.COLD_START,
                    strategy="cold_start",
                    rank=rank,
                )
            )
    served = serve(store, settings, small, n=4)
    assert [q.document_id for q in served[:3]] == [5, 3, 9]
    assert served[3].kind is QueryKind.RANDOM


def test_the_pool_shrinks_with_each_complete_judgement(store, settings, small) -> None:
    with store.read() as session:
        assert pool_size(session, small.project_id) == 36
    (query,) = serve(store, settings, small, n=1)
    say(store, small, query, SubmissionKind.COMPLETE)
    with store.read() as session:
        assert pool_size(session, small.project_id) == 35
        audited = session.scalars(select(Document.id).where(Document.is_audited)).all()
    assert query.document_id not in audited


def judge(store, small, document_ids, *, who="ada", client="old-tab") -> None:
    with store.write() as session:
        record_judgements(
            session,
            get_project(session, small.project_id),
            annotator_named(session, who),
            [NewSubmission(id_, SubmissionKind.COMPLETE, client, id_) for id_ in document_ids],
            source=SubmissionSource.CARD,
        )


def add_late_label(store, small) -> None:
    with store.write() as session:
        add_labels(session, small.project_id, [NewLabel("green")])


def test_documents_judged_before_a_label_was_added_come_again_the_audit_set_first(
    store, settings, small
) -> None:
    judge(store, small, small.document_ids)
    assert serve(store, settings, small, n=1) == []
    add_late_label(store, small)
    served = serve(store, settings, small, n=5)
    assert {q.document_id for q in served[:4]} == {37, 38, 39, 40}
    assert {q.kind for q in served[:4]} == {QueryKind.AUDIT}
    assert {q.reason for q in served} == {
        "judged before the label 'green' was added: judge it again"
    }


def test_what_was_judged_again_for_a_new_label_stays_judged(store, settings, small) -> None:
    """Also when the card had served it before, to the same client."""
    for query in serve(store, settings, small, n=40):
        say(store, small, query, SubmissionKind.COMPLETE)
    add_late_label(store, small)
    seen = []
    while served := serve(store, settings, small, n=7):
        judge(store, small, [q.document_id for q in served], client="new-tab")
        seen += [q.document_id for q in served]
    assert sorted(seen) == list(small.document_ids)


def test_documents_to_judge_again_come_after_the_batch_and_before_random_ones(
    store, settings, small
) -> None:
    judge(store, small, [1, 2])
    add_late_label(store, small)
    with store.write() as session:
        session.add(
            Query(
                project_id=small.project_id,
                document_id=9,
                kind=QueryKind.COLD_START,
                strategy="cold_start",
                rank=1,
            )
        )
    served = serve(store, settings, small, n=4)
    assert [q.document_id for q in served[:3]] == [9, 1, 2]
    assert served[3].kind is QueryKind.RANDOM
    assert served[3].selection_probability == 1 / 34


def test_a_document_to_judge_again_is_in_one_persons_hands(store, settings, small) -> None:
    judge(store, small, small.document_ids)
    add_late_label(store, small)
    hands = [
        {q.document_id for q in serve(store, settings, small, n=20, client=c, who=c)}
        for c in ("ada", "bob")
    ]
    assert len(hands[0] | hands[1]) == 40
    again = serve(store, settings, small, n=20, client="ada", who="ada")
    assert {q.document_id for q in again} == hands[0]


def test_one_in_ten_is_counted_in_judged_documents_not_in_prefetched_ones(
    store, settings, small
) -> None:
    fetched = serve(store, settings, small, n=9)
    with store.write() as session:
        release_queries(session, small.project_id, "tab", [q.document_id for q in fetched])
    served = serve(store, settings, small, n=9, client="next")
    assert all(q.kind is not QueryKind.AUDIT for q in served)
    judge(store, small, [q.document_id for q in served])
    (tenth,) = serve(store, settings, small, n=1, client="next")
    assert tenth.kind is QueryKind.AUDIT
