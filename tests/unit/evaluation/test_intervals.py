from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.evaluation.intervals import (
    effective_trials,
    f1_interval,
    mean_f1_variance_unseen,
    resampled_counts,
    resampled_interval,
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


def test_wilson_agrees_with_scipy_at_another_level():
    expected = binomtest(3, 10).proportion_ci(confidence_level=0.8, method="wilson")

    low, high = wilson_interval(3, 10, level=0.8)

    assert (float(low), float(high)) == pytest.approx((expected.low, expected.high))


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


def test_resamples_that_vary_like_so_many_documents_give_wilson_on_so_many():
    expected = binomtest(50, 100).proportion_ci(confidence_level=0.9, method="wilson")
    resamples = np.array([0.45, 0.55, np.nan])

    found = resampled_interval(0.5, resamples, 7, level=0.9)

    assert found == pytest.approx((expected.low, expected.high))  # 0.25 / 0.05² = 100


def test_resamples_that_all_agree_or_are_none_leave_wilson_on_the_documents():
    expected = binomtest(10, 10).proportion_ci(method="wilson").low

    assert resampled_interval(1.0, np.ones(50), 10) == pytest.approx((expected, 1.0))
    assert resampled_interval(1.0, np.empty(0), 10) == pytest.approx((expected, 1.0))
    assert resampled_interval(float("nan"), np.ones(3), 10) is None


@given(point=st.floats(0, 1), values=st.lists(st.floats(0, 1), max_size=20))
def test_an_interval_from_resamples_contains_its_point_and_stays_between_0_and_1(point, values):
    low, high = resampled_interval(point, np.array(values), 12)
    assert 0 <= low <= point <= high <= 1


def test_more_unseen_variance_widens_the_interval():
    resamples = np.array([0.6, 0.7, 0.8])
    narrow = resampled_interval(0.7, resamples, 50)
    wide = resampled_interval(0.7, resamples, 50, unseen_variance=0.01)

    assert wide[0] < narrow[0] < 0.7 < narrow[1] < wide[1]


def test_a_label_that_is_always_right_adds_the_doubt_of_its_wilson_interval():
    # the second label: three of three found, in every resample; the third has no positive
    tp, fp, fn = np.array([[5.0, 3, 0], [2, 0, 4], [1, 0, 0]])
    resampled = np.array([[0.7, 1.0, np.nan], [0.9, 1.0, np.nan], [0.8, np.nan, np.nan]])
    low, high = f1_interval(3, 0, 0)

    found = mean_f1_variance_unseen(tp, fp, fn, resampled)

    assert found == pytest.approx(((high - low) / (2 * 1.959964)) ** 2 / 4)  # two labels averaged
    assert mean_f1_variance_unseen(tp[2:], fp[2:], fn[2:], resampled[:, 2:]) == 0.0


def test_trials_of_one_document_each_count_in_full():
    present = np.array([[1.0], [0.0], [0.0], [1.0], [0.0]])
    np.testing.assert_allclose(effective_trials(present, np.ones((5, 1))), [5])


def test_cells_that_always_agree_within_a_document_count_once_per_document():
    # four documents of ten cells, all present or all absent: four trials, not forty
    successes = np.array([[10.0], [0.0], [10.0], [0.0]])
    np.testing.assert_allclose(effective_trials(successes, np.full((4, 1), 10)), [4])


def test_groups_without_trials_or_without_variety_keep_their_number():
    successes, trials = np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([[3, 0], [4, 0]])
    np.testing.assert_allclose(effective_trials(successes, trials), [7, 0])
