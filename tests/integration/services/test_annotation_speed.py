from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import update

from core.domain import SubmissionKind, SubmissionSource
from core.evaluation.speed import IDLE_S, over_all_days
from core.services.annotation_speed import annotation_speed
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.projects import get_project
from core.store.tables import Submission

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class Desk:
    """Hands judgements in at given seconds after the start."""

    def __init__(self, store, small):
        self._store, self._small, self._sequence = store, small, 0

    def say(self, document, *, at, who="ada", source="card", kind="complete", present=0, **more):
        self._sequence += 1
        labels = self._small.label_ids[:present]
        new = NewSubmission(
            self._small.document_ids[document],
            SubmissionKind(kind),
            f"tab-{who}",
            self._sequence,
            states=dict.fromkeys(labels, "present"),
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

    def speeds(self):
        with self._store.read() as session:
            return annotation_speed(session, self._small.project_id)


@pytest.fixture
def desk(store, small) -> Desk:
    return Desk(store, small)


def test_nobody_has_judged_and_there_is_no_speed(desk) -> None:
    assert desk.speeds() == []


def test_documents_and_labels_are_counted_over_active_time(desk) -> None:
    desk.say(0, at=0, seconds=10.0, present=1)
    desk.say(1, at=20, seconds=20.0, present=2)
    desk.say(2, at=90, seconds=60.0)
    (speed,) = desk.speeds()
    assert (speed.day, speed.annotator) == (date(2026, 3, 1), "ada")
    assert (speed.n_documents, speed.n_labels, speed.active_s) == (3, 3, 90.0)
    assert speed.documents_per_hour == pytest.approx(120)
    assert speed.labels_per_hour == pytest.approx(120)
    assert speed.median_s == 20.0


def test_without_seconds_the_time_runs_from_the_submission_before(desk) -> None:
    desk.say(0, at=0)  # the first of all: nobody knows how long it took
    desk.say(1, at=30)
    desk.say(2, at=70)
    (speed,) = desk.speeds()
    assert (speed.n_documents, speed.active_s, speed.median_s) == (2, 70.0, 35.0)


def test_a_break_counts_as_the_longest_believable_time(desk) -> None:
    desk.say(0, at=0, seconds=20.0)
    desk.say(1, at=4000, seconds=3600.0)
    (speed,) = desk.speeds()
    assert (speed.active_s, speed.n_capped) == (20.0 + IDLE_S, 1)


def test_files_and_programs_without_times_are_left_out(desk) -> None:
    desk.say(0, at=0, source="import", seconds=1.0)
    desk.say(1, at=1, source="api")
    desk.say(2, at=9, source="api", seconds=8.0)
    (speed,) = desk.speeds()
    assert (speed.n_documents, speed.active_s) == (1, 8.0)


def test_what_was_undone_or_skipped_is_left_out(desk) -> None:
    undone = desk.say(0, at=0, seconds=10.0, present=2)
    desk.say(0, at=5, kind="undo", undoes_sequence=undone)
    desk.say(1, at=9, kind="skip", seconds=4.0)
    desk.say(2, at=30, seconds=15.0, present=1)
    (speed,) = desk.speeds()
    assert (speed.n_documents, speed.n_labels, speed.active_s) == (1, 1, 15.0)


def test_days_and_people_stand_apart_and_add_up(desk) -> None:
    desk.say(0, at=0, seconds=10.0)
    desk.say(1, at=10, seconds=30.0, who="ben")
    desk.say(2, at=86_400, seconds=20.0)
    desk.say(3, at=86_500, seconds=40.0)
    assert [(s.day.day, s.annotator, s.n_documents) for s in desk.speeds()] == [
        (1, "ada", 1),
        (1, "ben", 1),
        (2, "ada", 2),
    ]
    ada, ben = over_all_days(desk.speeds())
    assert (ada.annotator, ada.n_documents, ada.active_s, ada.median_s) == ("ada", 3, 70.0, 20.0)
    assert (ben.day, ben.n_documents) == (None, 1)
