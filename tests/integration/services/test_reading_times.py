from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from core.domain import SubmissionKind, SubmissionSource
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.projects import create_project, get_project
from core.services.queue import next_queries
from core.services.reading_times import reading_times
from core.store.tables import Document, Submission

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class Desk:
    """Somebody who is served documents and hands judgements in at given seconds."""

    def __init__(self, store, settings, small):
        self._store, self._settings, self._small = store, settings, small
        self._sequence = 0

    def serve(self, n, *, at=0.0, who="ada"):
        with self._store.write() as session:
            return next_queries(
                session,
                self._small.project_id,
                annotator_id=annotator_named(session, who).id,
                client_id=f"tab-{who}",
                n=n,
                settings=self._settings,
                at=START + timedelta(seconds=at),
            )

    def say(self, query, kind="complete", *, at, who="ada", source="card", **more):
        """Hand in a submission about a served query; gives its sequence number."""
        self._sequence += 1
        new = NewSubmission(
            query.document_id,
            SubmissionKind(kind),
            f"tab-{who}",
            self._sequence,
            query_id=query.query_id,
            **more,
        )
        with self._store.write() as session:
            (stored,) = record_judgements(
                session,
                get_project(session, self._small.project_id),
                annotator_named(session, who),
                [new],
                source=SubmissionSource(source),
            )
            session.execute(
                update(Submission)
                .where(Submission.id == stored.submission_id)
                .values(created_at=START + timedelta(seconds=at))
            )
        return self._sequence

    def times(self):
        with self._store.read() as session:
            return reading_times(session, self._small.project_id)


@pytest.fixture
def desk(store, settings, small) -> Desk:
    return Desk(store, settings, small)


def test_a_project_without_judgements_has_no_times(desk) -> None:
    times = desk.times()
    assert len(times) == 0
    assert times.n_chars.shape == times.n_present.shape == times.seconds.shape == (0,)


def test_what_the_card_measured_is_used_as_it_is(desk, small) -> None:
    first, second = desk.serve(2)
    red, blue = small.label_ids
    desk.say(first, at=100, seconds=7.5, states={red: "present", blue: "present"})
    desk.say(second, at=200, seconds=3.25, states={red: "unsure", blue: "absent"})
    times = desk.times()
    assert times.seconds.tolist() == [7.5, 3.25]
    assert times.n_present.tolist() == [2, 0]
    assert times.n_chars.tolist() == [len(first.text), len(second.text)]


def test_otherwise_time_runs_from_serving_or_from_the_submission_before(desk) -> None:
    first, second, third = desk.serve(3)
    desk.say(first, at=10)
    desk.say(second, "skip", at=14)
    desk.say(third, at=20)
    assert desk.times().seconds.tolist() == [10.0, 6.0]


def test_a_document_served_after_the_last_submission_is_timed_from_serving(desk) -> None:
    (first,) = desk.serve(1)
    desk.say(first, at=10)
    (second,) = desk.serve(1, at=1000)
    desk.say(second, at=1004)
    assert desk.times().seconds.tolist() == [10.0, 4.0]


def test_another_annotators_submissions_do_not_stop_the_clock(desk) -> None:
    (mine,) = desk.serve(1)
    (theirs,) = desk.serve(1, who="bob")
    desk.say(theirs, at=8, who="bob")
    desk.say(mine, at=10)
    assert desk.times().seconds.tolist() == [8.0, 10.0]


def test_work_in_another_project_is_not_time_spent_on_this_one(desk, store) -> None:
    (query,) = desk.serve(1)
    with store.write() as session:
        other = create_project(session, "other")
        ada = annotator_named(session, "ada")
        document = Document(project_id=other.id, external_id="o", text="o", content_hash="o")
        session.add(document)
        session.flush()
        session.add(
            Submission(
                project_id=other.id,
                document_id=document.id,
                annotator_id=ada.id,
                kind=SubmissionKind.COMPLETE,
                source=SubmissionSource.CARD,
                client_id="other",
                sequence=1,
                schema_version=1,
                seconds=99.0,
                created_at=START + timedelta(seconds=290),
            )
        )
    desk.say(query, at=300)
    assert desk.times().seconds.tolist() == [10.0]


def test_a_text_seen_before_is_not_timed_again(desk, small) -> None:
    skipped, in_part, whole = desk.serve(3)
    red, _ = small.label_ids
    desk.say(skipped, "skip", at=5, seconds=5.0)
    desk.say(skipped, at=10, seconds=1.0)
    desk.say(in_part, "partial", at=20, seconds=6.0, states={red: "present"})
    desk.say(in_part, at=30, seconds=1.0)
    desk.say(whole, at=40, seconds=7.0)
    desk.say(whole, at=50, seconds=1.0)
    assert desk.times().seconds.tolist() == [7.0]


def test_a_judgement_that_was_undone_is_left_out_with_its_correction(desk) -> None:
    (query,) = desk.serve(1)
    sequence = desk.say(query, at=5, seconds=5.0)
    desk.say(query, "undo", at=6, undoes_sequence=sequence)
    desk.say(query, at=8, seconds=2.0)
    assert len(desk.times()) == 0


def test_only_the_card_tells_of_reading(desk) -> None:
    first, second = desk.serve(2)
    desk.say(first, at=10, seconds=4.0, source="api")
    desk.say(second, at=20, seconds=4.0, source="import")
    assert len(desk.times()) == 0


def test_a_judgement_that_nobody_timed_is_left_out(desk) -> None:
    (query,) = desk.serve(1, at=100)
    desk.say(query, at=50)  # handed in before it was served: of another sitting
    assert len(desk.times()) == 0
