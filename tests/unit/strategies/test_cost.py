"""What judging a document costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.strategies.cost import expected_labels, fit_cost


def test_an_exact_law_is_found_again():
    n_chars = np.tile([99, 999, 9999, 99999], 500)
    n_present = np.repeat([0, 1, 2, 3], 500)

    def law(chars, labels):
        return 0.5 * (1 + chars) ** 0.4 * 2.0**labels

    model = fit_cost(n_chars, n_present, law(n_chars, n_present))
    found = model.expected_seconds([199, 1999], [2, 1])
    assert found == pytest.approx([law(199, 2), law(1999, 1)], rel=0.01)


def test_expected_seconds_are_the_mean_of_log_normal_times():
    times = np.exp(np.random.default_rng(0).normal(2.0, 0.8, size=4000))
    model = fit_cost(np.full(4000, 500), np.ones(4000), times)
    assert model.expected_seconds([500], [1])[0] == pytest.approx(times.mean(), rel=0.03)
    assert np.exp(model.intercept) < 0.8 * times.mean()


def test_absences_are_left_out():
    n_chars = np.tile([100, 1000], 30)
    usual = np.where(n_chars == 100, 5.0, 20.0)
    with_absences = np.concatenate([usual, [0.1, 7200.0, np.nan]])
    model = fit_cost([*n_chars, 100, 100, 100], np.ones(63), with_absences)
    assert model.n_times == 60
    without = fit_cost(n_chars, np.ones(60), usual)
    assert model.expected_seconds([100, 1000], [1, 1]).tolist() == (
        without.expected_seconds([100, 1000], [1, 1]).tolist()
    )


def test_few_times_give_one_cost_for_all():
    model = fit_cost(np.arange(19), np.zeros(19), np.arange(1, 20))
    assert model.expected_seconds([0, 10**6], [0, 5]).tolist() == [10.0, 10.0]


def test_no_times_at_all_still_give_a_cost():
    assert fit_cost([], [], []).expected_seconds([5, 500], [0, 3]).tolist() == [10.0, 10.0]


def test_longer_texts_and_more_labels_cost_more_within_what_was_seen():
    n_chars = np.geomspace(50, 5000, 40).astype(int)
    n_present = np.tile([0, 1, 2, 3], 10)
    model = fit_cost(n_chars, n_present, 0.2 * n_chars**0.5 + 2 * n_present)
    by_length = model.expected_seconds([100, 1000, 4000], [1, 1, 1])
    by_labels = model.expected_seconds([1000, 1000], [0, 3])
    assert (np.diff(by_length) > 0).all()
    assert by_labels[1] > by_labels[0]
    assert model.expected_seconds([0, 10**9], [0, 50]).tolist() == pytest.approx(
        [model.shortest_s, model.longest_s]
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 60), st.floats(0, 1e5)), max_size=60)
)
def test_costs_are_finite_and_within_the_times_seen(rows):
    n_chars, n_present, seconds = np.array(rows, dtype=float).reshape(-1, 3).T
    model = fit_cost(n_chars, n_present, seconds)
    found = model.expected_seconds([0, 300, 10**7], [0, 2.5, 500])
    assert np.isfinite(found).all()
    assert (found >= np.float32(model.shortest_s)).all()
    assert (found <= np.float32(model.longest_s)).all()


def test_the_expected_number_of_labels_is_the_sum_of_what_is_known():
    proba = np.array([[0.5, 0.25, np.nan], [1.0, 1.0, np.nan]], dtype=np.float32)
    assert expected_labels(proba).tolist() == [0.75, 2.0]
