"""Statistics of curves small enough to work out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.replay.statistics import (
    area_under_curve,
    judgements_needed,
    needed_by,
    paired_difference,
    resampled_seeds,
    saving,
    sign_test,
)

N_JUDGED = np.array([100, 150, 200, 250])
UNIT = st.floats(0.0, 1.0, allow_nan=False, width=32)


def needed(curve, target, n_judged=N_JUDGED):
    return float(judgements_needed(n_judged, np.array([curve], float), np.array([target]))[0])


def test_the_area_is_the_average_height():
    assert area_under_curve(np.array([100, 200]), np.array([0.2, 0.4])) == pytest.approx(0.3)
    uneven = np.array([[0.0, 1.0, 1.0], [0.5, 0.5, 0.5]])
    areas = area_under_curve(np.array([0, 10, 40]), uneven)
    assert areas == pytest.approx([(5 + 30) / 40, 0.5])
    assert area_under_curve(np.array([100]), np.array([0.2])) == 0.2


def test_a_target_between_two_rounds_is_reached_on_the_line_between_them():
    assert needed([0.2, 0.4, 0.6, 0.8], 0.5) == 175
    assert needed([0.2, 0.4, 0.6, 0.8], 0.6) == 200


def test_a_lucky_round_does_not_count():
    assert needed([0.2, 0.7, 0.4, 0.8], 0.6) == 225
    assert needed([0.2, 0.7, 0.6, 0.4], 0.6) == pytest.approx(100 + 50 * 0.8)


def test_the_last_round_needs_none_after_it():
    assert needed([0.2, 0.4, 0.5, 0.6], 0.6) == 250


def test_a_target_reached_at_the_start_needs_no_more_than_that():
    assert needed([0.9, 0.9, 0.9, 0.9], 0.5) == 100


def test_a_target_never_reached_is_never_reached():
    assert math.isinf(needed([0.2, 0.4, 0.6, 0.8], 0.81))
    assert math.isinf(needed([0.2, 0.9, 0.6, 0.8], 0.85))
    assert math.isinf(needed([0.2, 0.9, 0.6, 0.8], math.nan))


def test_needed_judgements_of_the_mean_curve_and_of_each_seed():
    curves = np.array([[0.2, 0.4, 0.6, 0.8], [0.0, 0.2, 0.4, 0.6]])
    found = needed_by(N_JUDGED, curves, np.array([1.0, 0.8]), 0.5)
    assert found.target == pytest.approx(0.45)
    assert found.by_mean == pytest.approx(187.5)  # the mean curve is .1 .3 .5 .7
    assert found.by_seed == (175.0, 200.0)
    assert needed_by(N_JUDGED, curves, np.array([1.0, 0.8]), 0.95).by_mean is None


def test_differences_are_paired_by_seed():
    found = paired_difference(
        np.array([0.4, 0.35]), np.array([0.3, 0.4]), weights=resampled_seeds(2)
    )
    assert found.by_seed == pytest.approx((0.1, -0.05))
    assert found.mean == pytest.approx(0.025)
    assert (found.n_ahead, found.n_behind) == (1, 1)
    assert (found.low, found.high) == pytest.approx((-0.05, 0.1))  # all from one seed: 1 in 4


def test_one_seed_has_no_interval():
    found = paired_difference(np.array([0.4]), np.array([0.3]), weights=resampled_seeds(1))
    assert (found.low, found.high) == (None, None)
    assert found.sign_p == 1.0


@pytest.mark.parametrize(
    ("ahead", "behind", "p"),
    [(5, 0, 2 / 32), (0, 5, 2 / 32), (4, 1, 12 / 32), (1, 1, 1.0), (0, 0, 1.0), (10, 0, 2 / 1024)],
)
def test_the_sign_test_by_hand(ahead, behind, p):
    assert sign_test(ahead, behind) == pytest.approx(p)


def test_resampled_seeds_are_means_of_as_many_seeds():
    weights = resampled_seeds(4, 1000)
    assert weights.shape == (1000, 4)
    assert np.allclose(weights.sum(axis=1), 1)
    assert np.allclose(weights * 4, np.round(weights * 4))
    assert abs(weights.mean() - 0.25) < 1e-9
    assert (weights == resampled_seeds(4, 1000)).all()


def savings(curves, baseline, full, share=1.0):
    return saving(
        N_JUDGED,
        np.array(curves, float),
        np.array(baseline, float),
        np.array(full, float),
        share=share,
        weights=resampled_seeds(len(full)),
    )


def test_an_arm_that_needs_three_quarters_saves_a_quarter():
    arm, lot = [0.2, 0.6, 0.7, 0.8], [0.2, 0.4, 0.6, 0.8]
    found = savings([arm, arm], [lot, lot], [0.6, 0.6])
    assert found.value == pytest.approx(1 - 150 / 200)
    assert (found.low, found.high) == pytest.approx((0.25, 0.25))
    assert not found.is_at_least


def test_where_the_baseline_never_reaches_the_target_at_least_so_much_is_saved():
    found = savings([[0.2, 0.6, 0.7, 0.8]], [[0.2, 0.3, 0.4, 0.5]], [0.6])
    assert found.value == pytest.approx(1 - 150 / 250)
    assert found.is_at_least


def test_an_arm_that_never_reaches_the_target_has_no_saving():
    found = savings([[0.2, 0.3, 0.4, 0.5]], [[0.2, 0.6, 0.7, 0.8]], [0.6])
    assert found.value is None
    assert not found.is_at_least


def test_an_interval_is_open_below_where_some_resamples_do_not_reach_the_target():
    good, bad = [0.2, 0.6, 0.7, 0.8], [0.2, 0.3, 0.4, 0.5]
    lot = [0.2, 0.4, 0.6, 0.8]
    found = savings([good, good, bad], [lot, lot, lot], [0.6, 0.6, 0.6])
    assert found.value is not None
    assert found.low is None  # all three from the bad seed: 1 in 27
    assert found.high == pytest.approx(0.25)


@given(arrays(float, (3, 4), elements=UNIT), arrays(float, 3, elements=UNIT))
def test_a_higher_target_never_needs_less(curves, targets):
    lower, higher = (judgements_needed(N_JUDGED, curves, t) for t in (targets * 0.9, targets))
    # The two-rounds rule sees fewer rounds above a higher target, never more.
    assert (higher >= lower - 1e-6).all()
    finite = lower[np.isfinite(lower)]
    assert ((finite >= 100) & (finite <= 250)).all()


@given(arrays(float, 4, elements=UNIT), st.floats(0, 1))
def test_on_a_rising_curve_the_line_passes_through_the_target(curve, target):
    curve = np.sort(curve)
    at = needed(curve, target)
    if math.isfinite(at) and at > 100:
        assert np.interp(at, N_JUDGED, curve) == pytest.approx(target, abs=1e-6)
    elif math.isinf(at):
        assert curve.max() < target


@given(arrays(float, 5, elements=UNIT), arrays(float, 5, elements=UNIT))
@settings(max_examples=25, deadline=None)
def test_turned_round_a_difference_changes_its_sign_alone(figures, baseline):
    weights = resampled_seeds(5, 200)
    one = paired_difference(figures, baseline, weights=weights)
    other = paired_difference(baseline, figures, weights=weights)
    assert one.mean == pytest.approx(-other.mean)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert (one.n_ahead, one.n_behind) == (other.n_behind, other.n_ahead)
    assert one.sign_p == other.sign_p
