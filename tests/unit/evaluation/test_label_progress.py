from __future__ import annotations

import pytest

from core.charts.history_labels import label_lines, label_strip
from core.domain import EvaluationSource
from core.evaluation.label_progress import (
    LabelOfRound,
    Order,
    RoundOfLabels,
    ordered,
    progress,
)

AUDIT, FOLDS = EvaluationSource.AUDIT, EvaluationSource.OUT_OF_FOLD


def a_round(number: int, source=AUDIT, support: int = 20, **f1: float | None) -> RoundOfLabels:
    """Labels by their name, each with an interval of ±0.05."""
    return RoundOfLabels(
        number,
        number,
        10 * number,
        source,
        {
            name: LabelOfRound(
                name,
                score,
                support,
                None if score is None else score - 0.05,
                None if score is None else score + 0.05,
            )
            for name, score in f1.items()
        },
    )


def test_a_label_is_compared_with_the_first_round_measured_alike() -> None:
    rounds = [a_round(1, FOLDS, a=0.9), a_round(2, a=0.3), a_round(3, a=0.5)]
    (label,) = progress(rounds)
    assert label.change == pytest.approx(0.2)
    assert label.is_clear


def test_intervals_that_meet_leave_a_change_unclear() -> None:
    (label,) = progress([a_round(1, a=0.4), a_round(2, a=0.45)])
    assert label.change == pytest.approx(0.05)
    assert not label.is_clear


def test_a_label_with_few_positives_has_neither_score_nor_change() -> None:
    (label,) = progress([a_round(1, a=0.4, support=4), a_round(2, a=0.9, support=4)])
    assert (label.f1, label.change) == (None, None)


def test_a_label_added_later_has_no_change_yet() -> None:
    labels = progress([a_round(1, a=0.4), a_round(2, a=0.5, b=0.5)])
    assert [label.change for label in labels] == [pytest.approx(0.1), None]


def test_without_rounds_there_is_nothing_to_follow() -> None:
    assert progress([]) == []


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (Order.WEAKEST, ["b", "a", "c", "new"]),
        (Order.FALLEN, ["a", "c", "b", "new"]),
        (Order.RISEN, ["b", "c", "a", "new"]),
    ],
)
def test_labels_are_ordered_with_the_unknown_last(order: Order, names: list[str]) -> None:
    rounds = [a_round(1, a=0.6, b=0.2, c=0.7), a_round(2, a=0.5, b=0.4, c=0.7, new=None)]
    assert [label.name for label in ordered(progress(rounds), order)] == names


def test_the_strip_has_a_gap_where_the_measured_documents_change() -> None:
    rounds = [a_round(1, FOLDS, a=0.9), a_round(2, a=0.3), a_round(3, a=0.5)]
    (heat,) = label_strip(rounds, progress(rounds)).data
    assert list(heat.z[0]) == [0.9, None, 0.3, 0.5]


def test_a_cell_of_few_positives_is_empty_and_says_why() -> None:
    rounds = [a_round(1, a=0.3), a_round(2, a=0.5, support=3)]
    (heat,) = label_strip(rounds, progress(rounds)).data
    assert list(heat.z[0]) == [0.3, None]
    assert "3 positives, fewer than 5: no F1" in heat.customdata[0][1]


def test_lines_join_only_rounds_measured_alike() -> None:
    rounds = [a_round(1, FOLDS, a=0.9), a_round(2, a=0.3), a_round(3, a=0.5)]
    drawn = label_lines(rounds, progress(rounds), colours={"a": "#112233"}).data
    assert [trace.x for trace in drawn] == [(1,), (2, 3)]
    assert {trace.line.color for trace in drawn} == {"#112233"}
    assert [trace.showlegend for trace in drawn] == [False, True]


def test_three_hundred_labels_of_thirty_rounds_fit_a_browser() -> None:
    names = {f"label {i}": 0.5 for i in range(300)}
    rounds = [a_round(i, **names) for i in range(30)]
    assert len(label_strip(rounds, progress(rounds)).to_json()) < 2_000_000
