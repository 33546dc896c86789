"""Lists of rounds leave the large evaluations where they are."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from core.domain import JobStatus, RoundKind
from core.services.label_progress import labels_of_rounds
from core.services.operating_points import operating_point
from core.services.projects import get_project
from core.services.rounds import active_round, list_rounds, load_evaluation
from core.store.tables import Round


@pytest.fixture
def two_rounds(store, small) -> list[int]:
    """Finished rounds with a stored evaluation of two labels, the second in force."""
    stored = {
        "source": "audit",
        "labels": [
            {"name": "red", "f1": 0.5, "support": 9, "f1_interval": [0.3, 0.7]},
            {"name": "blue", "f1": None, "support": 0, "f1_interval": None},
        ],
    }
    with store.write() as session:
        rounds = [
            Round(
                project_id=small.project_id,
                number=number,
                kind=RoundKind.QUICK,
                status=JobStatus.DONE,
                strategy="bald",
                seed=1,
                threshold=0.4,
                label_ids=list(small.label_ids),
                evaluation=stored,
            )
            for number in (1, 2)
        ]
        session.add_all(rounds)
        session.flush()
        get_project(session, small.project_id).active_round_id = rounds[1].id
        return [round_.id for round_ in rounds]


def test_neither_lists_nor_thresholds_read_evaluations(store, small, two_rounds) -> None:
    statements: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    with store.read() as session:
        assert [round_.number for round_ in list_rounds(session, small.project_id)] == [2, 1]
        assert active_round(session, small.project_id).number == 2
        operating_point(session, small.project_id)
    assert statements
    assert not [one for one in statements if "evaluation" in one]


def test_labels_of_rounds_are_known_by_their_id(store, small, two_rounds) -> None:
    red, blue = (str(id_) for id_ in small.label_ids)
    with store.read() as session:
        first, second = labels_of_rounds(session, two_rounds)
    assert (first.number, second.number) == (1, 2)
    assert set(first.labels) == {red, blue}
    assert (first.labels[red].f1, first.labels[red].low, first.labels[red].support) == (0.5, 0.3, 9)
    assert not first.labels[blue].is_told


def test_a_round_that_was_not_measured_has_no_labels_to_follow(store, small, two_rounds) -> None:
    with store.write() as session:
        session.get_one(Round, two_rounds[0]).evaluation = None
    with store.read() as session:
        assert load_evaluation(session, two_rounds[0]) is None
        assert [r.number for r in labels_of_rounds(session, two_rounds)] == [2]
