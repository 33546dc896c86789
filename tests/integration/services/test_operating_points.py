"""Thresholds that people set for a round, and the round's own."""

from __future__ import annotations

import math

import pytest

from core.domain import JobStatus, RoundKind
from core.errors import Conflict, InputError, NotFound
from core.evaluation.operating_points import Aim, Goal, Scope
from core.services.operating_points import (
    operating_point,
    operating_point_history,
    reset_operating_point,
    set_operating_point,
    thresholds_in_force,
)
from core.services.projects import ProjectSettings, choose_aim, get_project
from core.store.store import Store
from core.store.tables import Project, Round
from tests.integration.services.conftest import Small

ROUND = 1


@pytest.fixture
def done(store: Store, small: Small) -> Small:
    """The small project with a finished round in force: 0.4 for all, 0.2 for blue."""
    red, blue = small.label_ids
    with store.write() as session:
        session.add(
            Round(
                id=ROUND,
                project_id=small.project_id,
                number=1,
                kind=RoundKind.QUICK,
                status=JobStatus.DONE,
                strategy="margin",
                seed=0,
                label_ids=[red, blue],
                threshold=0.4,
                metrics={"cuts": {"shared": 0.4, "own": {str(blue): 0.2}, "falls_short": []}},
            )
        )
        session.flush()
        session.get_one(Project, small.project_id).active_round_id = ROUND
    return small


def test_before_the_first_round_every_label_is_cut_at_one_half(store: Store, small: Small) -> None:
    with store.read() as session:
        thresholds = thresholds_in_force(session, small.project_id)
    assert [thresholds.of(id_) for id_ in small.label_ids] == [0.5, 0.5]


def test_a_round_begins_with_its_own_thresholds(store: Store, done: Small) -> None:
    red, blue = done.label_ids
    with store.read() as session:
        point = operating_point(session, done.project_id)
    assert point.thresholds == {red: 0.4, blue: 0.2}
    assert (point.shared, point.own, point.is_own_of_round) == (0.4, {blue: 0.2}, True)
    assert point.set_by is None
    assert point.aim == Aim()


def test_what_somebody_sets_is_in_force_at_once_and_says_who_set_it(
    store: Store, done: Small
) -> None:
    red, blue = done.label_ids
    aim = Aim(Goal.PRECISION, Scope.PER_LABEL, floor=0.9)
    with store.write() as session:
        set_operating_point(
            session,
            done.project_id,
            ROUND,
            shared=0.6,
            own={red: 0.9, blue: 0.6},
            aim=aim,
            annotator="ada",
        )
    with store.read() as session:
        point = operating_point(session, done.project_id)
        thresholds = thresholds_in_force(session, done.project_id)
    assert point.thresholds == {red: 0.9, blue: 0.6}
    assert point.own == {red: 0.9}  # blue has the shared one
    assert (point.aim, point.set_by, point.is_own_of_round) == (aim, "ada", False)
    assert (thresholds.of(red), thresholds.of(blue), thresholds.of(99)) == (0.9, 0.6, 0.6)


def test_taking_it_back_puts_the_rounds_own_in_force_and_the_history_keeps_all(
    store: Store, done: Small
) -> None:
    with store.write() as session:
        for shared in (0.6, 0.6, 0.7):  # the second says nothing new
            set_operating_point(
                session,
                done.project_id,
                ROUND,
                shared=shared,
                own={},
                aim=None,
                annotator="ada",
            )
        reset_operating_point(session, done.project_id, ROUND, annotator="bob")
        reset_operating_point(session, done.project_id, ROUND, annotator="bob")
    with store.read() as session:
        assert operating_point(session, done.project_id).thresholds == {
            done.label_ids[0]: 0.4,
            done.label_ids[1]: 0.2,
        }
        history = operating_point_history(session, done.project_id, ROUND)
    assert [(one.shared, one.set_by, one.is_own_of_round) for one in history] == [
        (0.4, "bob", True),
        (0.7, "ada", False),
        (0.6, "ada", False),
        (0.4, None, True),
    ]


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_a_threshold_that_is_no_probability_is_refused(
    store: Store, done: Small, value: float
) -> None:
    with store.write() as session, pytest.raises(InputError, match="from 0 to 1"):
        set_operating_point(
            session, done.project_id, ROUND, shared=value, own={}, aim=None, annotator="ada"
        )
    with store.write() as session, pytest.raises(InputError, match="threshold of 'red'"):
        set_operating_point(
            session,
            done.project_id,
            ROUND,
            shared=0.5,
            own={done.label_ids[0]: value},
            aim=None,
            annotator="ada",
        )


def test_a_label_that_the_round_does_not_have_is_refused(store: Store, done: Small) -> None:
    with store.write() as session, pytest.raises(InputError, match="Label 77 is not in round 1"):
        set_operating_point(
            session, done.project_id, ROUND, shared=0.5, own={77: 0.5}, aim=None, annotator="ada"
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [({"status": JobStatus.RUNNING}, "is running"), ({"config": {"exclusive": True}}, "no thresh")],
)
def test_only_a_finished_round_with_thresholds_can_be_changed(
    store: Store, done: Small, change: dict[str, object], message: str
) -> None:
    with store.write() as session:
        for name, value in change.items():
            setattr(session.get_one(Round, ROUND), name, value)
    with store.write() as session, pytest.raises(Conflict, match=message):
        set_operating_point(
            session, done.project_id, ROUND, shared=0.5, own={}, aim=None, annotator="ada"
        )


def test_a_round_of_another_project_is_not_found(store: Store, done: Small) -> None:
    with store.read() as session, pytest.raises(NotFound, match="Round 9"):
        operating_point(session, done.project_id, 9)


def test_the_aim_of_a_project_is_kept_and_nonsense_refused(store: Store, small: Small) -> None:
    aim = Aim(Goal.RECALL, Scope.PER_LABEL, floor=0.95)
    with store.write() as session:
        assert ProjectSettings.of(get_project(session, small.project_id)).full_aim == Aim()
        choose_aim(session, small.project_id, aim)
    with store.read() as session:
        assert ProjectSettings.of(get_project(session, small.project_id)).full_aim == aim
    with pytest.raises(InputError, match="goals are f1"):
        _ = ProjectSettings(aim={"goal": "luck"}).full_aim
    with pytest.raises(InputError, match="says no aim"):
        _ = ProjectSettings(aim={"flor": 0.5}).full_aim
