from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.evaluation.intervals import (
    f1_interval,
    percentile_interval,
    resampled_counts,
    resampled_weights,
    wilson_interval,
)

counts = st.integers(0, 60)


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (5, 5), (3, 10), (60, 61)])
def test_wilson_agrees_with_scipy(successes, trials):
    expected = binomtest(successes, trials).proportion_ci(method="wilson")

    low, high = wilson_interval(successes, trials)

    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)


def test_no_trials_leave_the_interval_undefined():
    low, high = wilson_interval([0, 1], [0, 2])

    assert np.isnan([low[0], high[0]]).all()
    assert np.isfinite([low[1], high[1]]).all()


@given(successes=counts, failures=counts)
def test_wilson_contains_the_proportion_and_stays_between_0_and_1(successes, failures):
    trials = successes + failures
    low, high = wilson_interval(successes, trials)
    if trials:
        assert 0 <= low <= successes / trials <= high <= 1


@given(tp=counts, fp=counts, fn=counts)
def test_the_interval_of_f1_contains_f1(tp, fp, fn):
    low, high = f1_interval(tp, fp, fn)
    if tp + fp + fn:
        f1 = 2 * tp / (2 * tp + fp + fn)
        assert 0 <= low <= f1 + 1e-12
        assert f1 - 1e-12 <= high <= 1


def test_five_of_five_is_not_certainty():
    low, high = f1_interval(5, 0, 0)

    assert high == 1.0
    assert low == pytest.approx(2 * 0.5655 / 1.5655, abs=1e-3)  # Wilson's lower end for 5 of 5


def test_the_interval_of_f1_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(0)
    share, recall, false_alarm = 0.1, 0.7, 0.03
    true_f1 = 2 * share * recall / (share * recall + share + (1 - share) * false_alarm)
    outcomes = [share * recall, (1 - share) * false_alarm, share * (1 - recall)]
    tp, fp, fn, _ = rng.multinomial(100, [*outcomes, 1 - sum(outcomes)], size=4000).T
    low, high = f1_interval(tp, fp, fn)

    assert 0.93 < np.mean((low <= true_f1) & (true_f1 <= high)) < 0.98


def test_every_resample_draws_as_many_documents_as_there_are():
    weights = np.concatenate(list(resampled_weights(40, seed=3, n_resamples=25)))

    assert weights.shape == (25, 40)
    assert (weights.sum(axis=1) == 40).all()


def test_resamples_are_the_same_for_the_same_seed_and_differ_for_another():
    draw = [np.concatenate(list(resampled_weights(40, seed=s, n_resamples=9))) for s in (1, 1, 2)]

    np.testing.assert_array_equal(draw[0], draw[1])
    assert (draw[0] != draw[2]).any()


def test_a_resample_keeps_the_cells_of_a_document_together():
    # label b is always right exactly where label a is, so their counts must agree in every sample
    predicted = np.array([[1, 1], [0, 0], [1, 1], [0, 0]], dtype=bool)
    truth = np.array([[1, 1], [1, 1], [0, 0], [0, 0]], dtype=np.int8)

    for counted in resampled_counts(predicted, truth, seed=0, n_resamples=50):
        np.testing.assert_array_equal(counted[:, 0], counted[:, 1])
        assert len(np.unique(counted[:, 0])) > 1


def test_unjudged_documents_are_left_out_before_drawing():
    predicted = np.array([[True], [True], [True]])
    truth = np.array([[1], [-1], [-1]], dtype=np.int8)

    tp, _, _ = resampled_counts(predicted, truth, seed=0, n_resamples=20)

    assert (tp == 1).all()


def test_a_percentile_interval_contains_its_point_and_ignores_undefined_resamples():
    resamples = np.array([0.4, 0.5, np.nan, 0.6])

    assert percentile_interval(0.9, resamples, 10) == pytest.approx((0.405, 0.9))


def test_when_all_resamples_agree_wilson_stands_in():
    expected = binomtest(10, 10).proportion_ci(method="wilson").low

    assert percentile_interval(1.0, np.ones(50), 10) == pytest.approx((expected, 1.0))


def test_an_undefined_point_has_no_interval():
    assert percentile_interval(float("nan"), np.array([0.1]), 3) is None
