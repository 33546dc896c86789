"""Many documents judged at once: exactly what was said beforehand, and taken back as a whole."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import func, select

from core.domain import ABSENT, PRESENT, UNJUDGED, JudgementState, SubmissionKind, SubmissionSource
from core.errors import Conflict, InputError, NotFound
from core.services.bulk import BulkDone, BulkPlan, judge_in_bulk, plan_bulk, take_back_bulk
from core.services.judgement_matrix import judgement_matrix
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import retire_label
from core.services.projects import change_settings, get_project
from core.store.store import Store
from core.store.tables import Document, Review, Submission
from tests.integration.services.conftest import Small

SEQUENCE = itertools.count()
NOW, NOT = JudgementState.PRESENT, JudgementState.ABSENT


def say(store: Store, small: Small, at: int, kind: SubmissionKind, **states: str) -> None:
    """Judge the document at this place; `red` and `blue` are the labels."""
    ids = dict(zip(("red", "blue"), small.label_ids, strict=True))
    new = NewSubmission(
        document_id=small.document_ids[at],
        kind=kind,
        client_id="bulk-test",
        sequence=next(SEQUENCE),
        states={ids[name]: JudgementState(state) for name, state in states.items()},
    )
    with store.write() as session:
        record_judgements(
            session,
            get_project(session, small.project_id),
            annotator_named(session, small.annotator),
            [new],
            source=SubmissionSource.CARD,
        )


def plan(
    store: Store, small: Small, at: range, state: JudgementState = NOW, *, anew: bool = False
) -> BulkPlan:
    with store.read() as session:
        return plan_bulk(
            session,
            small.project_id,
            [small.document_ids[i] for i in at],
            label_id=small.label_ids[0],
            state=state,
            changes_judged=anew,
        )


def store_it(store: Store, small: Small, planned: BulkPlan, bulk_id: str = "one") -> BulkDone:
    with store.write() as session:
        return judge_in_bulk(session, small.project_id, "ada", planned, bulk_id=bulk_id)


def take_back(store: Store, small: Small, bulk_id: str = "one", who: str = "ada") -> int:
    with store.write() as session:
        return take_back_bulk(session, small.project_id, who, bulk_id=bulk_id)


def truth(store: Store, small: Small) -> dict[int, list[int]]:
    with store.read() as session:
        matrix = judgement_matrix(session, small.project_id)
    rows = zip(matrix.document_ids.tolist(), matrix.truth.tolist(), strict=True)
    return {small.document_ids.index(id_): row for id_, row in rows if row != [UNJUDGED, UNJUDGED]}


def n_submissions(store: Store) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(Submission)) or 0


@pytest.fixture
def mixed(store: Store, small: Small) -> Small:
    """0 is red, 1 is not, 2 is unsure, 3 had a word taken back; 36 and on are the audit set."""
    say(store, small, 0, SubmissionKind.COMPLETE, red="present")
    say(store, small, 1, SubmissionKind.COMPLETE, blue="present")
    say(store, small, 2, SubmissionKind.PARTIAL, red="unsure")
    say(store, small, 3, SubmissionKind.PARTIAL, red="withdrawn")
    return small


def test_a_plan_puts_every_document_into_one_part(store: Store, mixed: Small) -> None:
    with store.write() as session:
        session.delete(session.get_one(Document, mixed.document_ids[5]))
    found = plan(store, mixed, range(40))
    ids = mixed.document_ids
    assert (found.same, found.otherwise) == ((ids[0],), (ids[1],))
    assert found.unjudged == (*ids[2:5], *ids[6:36])
    assert found.audited == ids[36:]
    assert found.gone == (ids[5],)
    assert found.to_store == found.unjudged
    assert plan(store, mixed, range(40), anew=True).to_store == (*found.unjudged, ids[1])
    assert (found.label, found.is_whole, found.impossible) == ("red", False, ())


def test_what_was_planned_is_stored_and_nothing_else(store: Store, mixed: Small) -> None:
    done = store_it(store, mixed, plan(store, mixed, range(30, 40)))
    assert (done.n_stored, done.is_repeat) == (6, False)
    after = truth(store, mixed)
    assert after == {
        0: [PRESENT, ABSENT],
        1: [ABSENT, PRESENT],
        **{i: [PRESENT, UNJUDGED] for i in range(30, 36)},
    }


def test_what_is_judged_otherwise_stays_unless_it_is_wanted(store: Store, mixed: Small) -> None:
    store_it(store, mixed, plan(store, mixed, range(3)))
    assert truth(store, mixed)[1] == [ABSENT, PRESENT]
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Review)) == 0
    store_it(store, mixed, plan(store, mixed, range(3), anew=True), "two")
    assert truth(store, mixed)[1] == [PRESENT, PRESENT]
    with store.read() as session:
        review = session.scalars(select(Review)).one()
        assert (review.kind, review.verdict, review.state_before) == ("map", "flipped", "absent")
        assert review.document_id == mixed.document_ids[1]


def test_stored_twice_it_is_stored_once(store: Store, mixed: Small) -> None:
    planned = plan(store, mixed, range(10))
    first = store_it(store, mixed, planned)
    n = n_submissions(store)
    again = store_it(store, mixed, planned)
    assert (again.n_stored, again.is_repeat) == (first.n_stored, True)
    assert n_submissions(store) == n
    other = plan(store, mixed, range(10, 20))
    with pytest.raises(Conflict, match="already stored with other content"):
        store_it(store, mixed, other)
    with pytest.raises(Conflict, match="already stored with other content"):
        store_it(store, mixed, plan(store, mixed, range(10), NOT, anew=True))


def test_a_plan_that_is_overtaken_stores_nothing(store: Store, mixed: Small) -> None:
    planned = plan(store, mixed, range(10))
    say(store, mixed, 7, SubmissionKind.PARTIAL, red="absent")
    n = n_submissions(store)
    with pytest.raises(Conflict, match="judged or removed since you looked"):
        store_it(store, mixed, planned)
    assert n_submissions(store) == n


def test_a_lot_that_fails_half_way_leaves_nothing_behind(
    store: Store, mixed: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.services import bulk

    monkeypatch.setattr(bulk, "CHUNK", 3)
    planned = plan(store, mixed, range(10))
    say(store, mixed, 20, SubmissionKind.PARTIAL, red="present")
    with store.write() as session:  # somebody's submission has the number of the fifth
        taken = session.scalars(select(Submission).order_by(Submission.id.desc())).first()
        assert taken is not None
        taken.client_id, taken.sequence, taken.kind = "bulk-one", 4, SubmissionKind.UNDO
        taken.undoes_id = 3  # of an unsure cell, which changes no plan
    before, n = truth(store, mixed), n_submissions(store)
    with pytest.raises(Conflict, match="Submission 4 of client 'bulk-one' is already stored"):
        store_it(store, mixed, planned)
    assert (truth(store, mixed), n_submissions(store)) == (before, n)


def test_taken_back_everything_is_as_before(store: Store, mixed: Small) -> None:
    before = truth(store, mixed)
    planned = plan(store, mixed, range(20), anew=True)
    store_it(store, mixed, planned)
    assert truth(store, mixed) != before
    assert take_back(store, mixed) == len(planned.to_store)
    assert truth(store, mixed) == before
    n = n_submissions(store)
    assert take_back(store, mixed) == 0
    assert n_submissions(store) == n


def test_taking_back_leaves_what_was_said_after_it(store: Store, mixed: Small) -> None:
    store_it(store, mixed, plan(store, mixed, range(4, 8)))
    say(store, mixed, 4, SubmissionKind.COMPLETE, red="present")
    take_back(store, mixed)
    assert truth(store, mixed)[4] == [PRESENT, ABSENT]
    assert 5 not in truth(store, mixed)


def test_only_who_stored_a_lot_takes_it_back(store: Store, mixed: Small) -> None:
    store_it(store, mixed, plan(store, mixed, range(4, 8)))
    with pytest.raises(NotFound, match="bob stored no bulk judgement 'one'"):
        take_back(store, mixed, who="bob")
    with pytest.raises(NotFound, match="ada stored no bulk judgement 'two'"):
        take_back(store, mixed, "two")


def test_a_lot_is_many_submissions_of_a_part(store: Store, small: Small) -> None:
    store_it(store, small, plan(store, small, range(36)))
    with store.read() as session:
        kinds = set(session.scalars(select(Submission.kind)))
    assert kinds == {SubmissionKind.PARTIAL}


def test_nothing_to_store_is_said(store: Store, small: Small) -> None:
    audit_alone = plan(store, small, range(36, 40))
    with pytest.raises(InputError, match="nothing to store"):
        store_it(store, small, audit_alone)


def test_what_cannot_be_judged_at_once_says_why(store: Store, small: Small) -> None:
    with store.read() as session:
        project, label = small.project_id, small.label_ids[0]
        with pytest.raises(InputError, match="No document is chosen"):
            plan_bulk(session, project, [], label_id=label, state=NOW)
        with pytest.raises(InputError, match="2,001 documents are chosen; judge at most 2,000"):
            plan_bulk(session, project, list(range(2001)), label_id=label, state=NOW)
        with pytest.raises(InputError, match="not 'unsure'"):
            plan_bulk(session, project, [1], label_id=label, state=JudgementState.UNSURE)
        with pytest.raises(NotFound, match="Label 99 does not count"):
            plan_bulk(session, project, [1], label_id=99, state=NOW)
    with store.write() as session:
        retire_label(session, label)
    with store.read() as session, pytest.raises(NotFound, match="does not count"):
        plan_bulk(session, project, [1], label_id=label, state=NOW)


# --- exactly one label per document ------------------------------------------


@pytest.fixture
def one_each(store: Store, small: Small) -> Small:
    """0 is red, 1 is blue, 2 is not blue, 3 is not red."""
    with store.write() as session:
        change_settings(session, small.project_id, exclusive=True)
    say(store, small, 0, SubmissionKind.COMPLETE, red="present")
    say(store, small, 1, SubmissionKind.COMPLETE, blue="present")
    say(store, small, 2, SubmissionKind.PARTIAL, blue="absent")
    say(store, small, 3, SubmissionKind.PARTIAL, red="absent")
    return small


def test_the_one_label_of_many_documents_judges_them_whole(store: Store, one_each: Small) -> None:
    planned, ids = plan(store, one_each, range(6)), one_each.document_ids
    assert planned.is_whole
    assert planned.same == (ids[0],)
    assert planned.otherwise == (ids[1], ids[3])
    assert planned.unjudged == (ids[2], ids[4], ids[5])
    store_it(store, one_each, planned)
    after = truth(store, one_each)
    assert after[1] == [ABSENT, PRESENT]
    assert after[3] == [ABSENT, UNJUDGED]
    assert all(after[i] == [PRESENT, ABSENT] for i in (0, 2, 4, 5))
    store_it(store, one_each, plan(store, one_each, range(6), anew=True), "two")
    assert all(row == [PRESENT, ABSENT] for row in truth(store, one_each).values())


def test_no_document_is_left_without_its_one_label(store: Store, one_each: Small) -> None:
    planned, ids = plan(store, one_each, range(6), NOT, anew=True), one_each.document_ids
    assert planned.impossible == (ids[0], ids[2])  # red is all they can be
    assert planned.same == (ids[1], ids[3])
    store_it(store, one_each, planned)
    after = truth(store, one_each)
    assert after[0] == [PRESENT, ABSENT]
    assert after[4] == [ABSENT, UNJUDGED]
    take_back(store, one_each)
    assert 4 not in truth(store, one_each)
