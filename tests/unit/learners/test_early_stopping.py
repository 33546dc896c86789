"""Made-up curves, judged by eye."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.learners.early_stopping import (
    EarlyStopping,
    Trend,
    allowed_epochs,
    judge,
    smoothed,
)


def stops_after(scores: list[float | None], options: EarlyStopping) -> int | None:
    for n in range(1, len(scores) + 1):
        if judge(scores[:n], options).stop:
            return n
    return None


def test_a_curve_that_rises_is_never_stopped() -> None:
    assert stops_after([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], EarlyStopping(patience=1)) is None


def test_a_flat_curve_is_stopped_when_patience_is_out() -> None:
    assert stops_after([0.5, 0.5, 0.5, 0.5, 0.5], EarlyStopping(patience=3, min_epochs=1)) == 4


def test_patience_doubles_while_the_smoothed_score_rises_still() -> None:
    """The best is an early outlier; behind it the curve climbs."""
    slow = [0.2, 0.62, 0.3, 0.42, 0.52, 0.6, 0.61]
    options = EarlyStopping(patience=2, min_epochs=1, fall=1.0)
    assert judge(slow[:5], options).trend is Trend.RISING
    assert stops_after(slow, options) == 6  # four epochs after the second, not two
    assert stops_after([0.62, 0.62, 0.62], options) == 3


def test_patience_halves_while_the_score_falls() -> None:
    falling = [0.7, 0.69, 0.68, 0.67, 0.66, 0.65]
    assert stops_after(falling, EarlyStopping(patience=4, min_epochs=1)) == 3
    assert "and it is falling" in judge(falling[:3], EarlyStopping(patience=4)).because


def test_a_fall_of_a_fifth_stops_at_once_and_says_how_far() -> None:
    options = EarlyStopping(patience=10, min_epochs=1)
    assert stops_after([0.5, 0.8, 0.65], options) is None
    verdict = judge([0.5, 0.8, 0.6], options)
    assert verdict.stop
    assert verdict.because == (
        "the validation score fell to 0.600, 25% below its best, 0.800 after epoch 2"
    )


def test_nothing_stops_before_the_fewest_epochs() -> None:
    collapse = [0.9, 0.1, 0.1, 0.1, 0.1]
    assert stops_after(collapse, EarlyStopping(patience=1, min_epochs=4)) == 4


def test_epochs_without_a_score_wait_but_are_not_judged() -> None:
    verdict = judge([None, 0.5, None, None], EarlyStopping(patience=2, min_epochs=1))
    assert verdict.stop
    assert verdict.best_epoch == 2
    assert "for 2 epochs" in verdict.because
    assert not judge([None, None, None], EarlyStopping(patience=1)).stop


def test_of_equals_the_first_is_the_best() -> None:
    assert judge([0.4, 0.6, 0.6], EarlyStopping()).best_epoch == 2


def test_smoothing_is_the_mean_of_the_last_few() -> None:
    assert smoothed(np.array([1.0, 3.0, 5.0, 1.0]), 3).tolist() == [1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("trend", "epochs"), [(Trend.RISING, 6), (Trend.FLAT, 3), (Trend.FALLING, 1)]
)
def test_what_is_borne_follows_the_trend(trend: Trend, epochs: int) -> None:
    assert allowed_epochs(trend, EarlyStopping(patience=3)) == epochs


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.integers(1, 6),
    st.integers(1, 10),
)
def test_a_stop_is_never_at_the_best_epoch_nor_too_soon(
    scores: list[float], patience: int, min_epochs: int
) -> None:
    verdict = judge(scores, EarlyStopping(patience=patience, min_epochs=min_epochs))
    if verdict.stop:
        assert verdict.best_epoch != len(scores)
        assert len(scores) >= min_epochs
