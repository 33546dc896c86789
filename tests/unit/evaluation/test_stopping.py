"""Criteria on matrices small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import cohen_kappa_score, f1_score

from core.errors import InputError
from core.evaluation.stopping import (
    Criterion,
    Predicted,
    StoppingState,
    classification_change,
    delta_f,
    kappa_per_label,
    overall_uncertainty,
    stop_set,
    stopping_state,
)

MASKS = array_shapes(min_dims=2, max_dims=2, max_side=6).flatmap(
    lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape))
)


def all_known(present: object) -> Predicted:
    present = np.asarray(present, dtype=np.bool_)
    return Predicted(present, np.ones_like(present))


# label 0: one of four changes; label 1: never predicted; label 2: opposite; label 3: constant
BEFORE = all_known([[1, 0, 1, 1], [1, 0, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1]])
NOW = all_known([[1, 0, 0, 1], [1, 0, 1, 1], [1, 0, 0, 1], [0, 0, 1, 1]])


def test_kappa_is_taken_label_by_label_and_undefined_where_nothing_varies() -> None:
    # label 0: agreement 3/4, by chance 2/4 * 3/4 + 2/4 * 1/4 = 1/2, so (3/4 - 1/2) / (1/2)
    np.testing.assert_allclose(kappa_per_label(BEFORE, NOW), [0.5, np.nan, -1.0, np.nan])


def test_a_label_predicted_for_the_first_time_has_a_kappa_of_zero() -> None:
    np.testing.assert_allclose(kappa_per_label(all_known([[0], [0]]), all_known([[1], [0]])), [0])


@given(MASKS)
def test_kappa_is_that_of_scikit_learn_wherever_it_is_defined(masks: tuple) -> None:
    before, now = masks
    ours = kappa_per_label(all_known(before), all_known(now))
    for label, kappa in enumerate(ours):
        sides = set(before[:, label]) | set(now[:, label])
        if len(sides) == 1:
            assert np.isnan(kappa)
        else:
            theirs = cohen_kappa_score(before[:, label], now[:, label])
            assert kappa == pytest.approx(theirs)


def test_changes_are_counted_by_cell() -> None:
    assert classification_change(BEFORE, NOW) == 5 / 16


def test_delta_f_counts_the_positives_of_all_labels_together() -> None:
    # both: 2 of label 0 and 4 of label 3; only before: 2; only now: 1 + 2
    assert delta_f(BEFORE, NOW) == pytest.approx(1 - 12 / (12 + 2 + 3))


@given(MASKS)
def test_delta_f_is_one_minus_the_micro_f1_between_the_two(masks: tuple) -> None:
    before, now = masks
    value = delta_f(all_known(before), all_known(now))
    if not (before | now).any():
        assert np.isnan(value)
    else:
        f1 = f1_score(before.ravel(), now.ravel(), zero_division=0.0)
        assert value == pytest.approx(1 - f1)


@given(MASKS, st.randoms(use_true_random=False))
def test_the_order_of_labels_changes_nothing(masks: tuple, random: object) -> None:
    before, now = masks
    order = list(range(before.shape[1]))
    random.shuffle(order)
    a, b = all_known(before), all_known(now)
    c, d = all_known(before[:, order]), all_known(now[:, order])
    np.testing.assert_array_equal(kappa_per_label(a, b)[order], kappa_per_label(c, d))
    assert classification_change(a, b) == classification_change(c, d)
    np.testing.assert_array_equal(delta_f(a, b), delta_f(c, d))


def test_what_either_side_does_not_know_is_not_compared() -> None:
    before = Predicted.cut(np.array([[0.9, np.nan], [0.1, np.nan]], dtype=np.float32), 0.5)
    now = Predicted.cut(np.array([[0.9, 0.9], [0.1, 0.1]], dtype=np.float32), 0.5)
    np.testing.assert_allclose(kappa_per_label(before, now), [1.0, np.nan])
    assert classification_change(before, now) == 0.0
    assert delta_f(before, now) == 0.0


def test_uncertainty_is_in_bits_per_cell_and_does_not_share_one_among_labels() -> None:
    assert overall_uncertainty(np.full((3, 4), 0.5, dtype=np.float32)) == 1.0
    assert overall_uncertainty(np.full((3, 4), 0.01, dtype=np.float32)) < 0.09
    assert overall_uncertainty(np.array([[0, 1, np.nan]], dtype=np.float32)) == 0.0
    assert np.isnan(overall_uncertainty(np.full((2, 2), np.nan, dtype=np.float32)))


def test_predictions_of_other_documents_are_refused() -> None:
    with pytest.raises(InputError, match="same documents and labels"):
        kappa_per_label(all_known([[1]]), all_known([[1], [0]]))


def state_of(*rounds: object) -> StoppingState:
    predicted = [all_known(present) for present in rounds]
    proba = predicted[-1].present.astype(np.float32)
    return stopping_state(predicted, n_known=range(10, 10 + len(predicted)), proba=proba)


STEADY = [[1, 0], [0, 1], [0, 0]]


def test_four_rounds_that_agree_have_settled() -> None:
    state = state_of(STEADY, STEADY, STEADY, STEADY)
    assert state.is_settled
    assert state.n_steps == 3
    assert state.reading(Criterion.KAPPA).value == 1.0


def test_three_rounds_are_too_few_however_well_they_agree() -> None:
    state = state_of(STEADY, STEADY, STEADY)
    assert state.reading(Criterion.KAPPA).value == 1.0
    assert not state.is_settled


def test_one_unsteady_step_is_enough_not_to_have_settled() -> None:
    state = state_of(STEADY, STEADY, [[1, 0], [0, 0], [0, 0]], STEADY)
    assert state.reading(Criterion.DELTA_F).value == pytest.approx(1 / 3)
    assert not state.is_settled


def test_predicting_nothing_four_times_is_undefined_and_has_not_settled() -> None:
    nothing = np.zeros((3, 2))
    state = state_of(nothing, nothing, nothing, nothing)
    assert state.reading(Criterion.KAPPA).value is None
    assert state.reading(Criterion.DELTA_F).value is None
    assert not state.is_settled


def test_a_first_round_has_nothing_to_compare() -> None:
    state = state_of(STEADY)
    assert state.n_steps == 0
    assert state.reading(Criterion.CHANGE).value is None
    assert state.reading(Criterion.UNCERTAINTY).value == 0.0
    assert not state.is_settled


def test_a_state_is_read_back_as_it_was_stored() -> None:
    state = state_of(STEADY, np.zeros((3, 2)))
    kept = StoppingState.from_json(state.to_json())
    assert kept.to_json() == state.to_json()
    assert kept.n_known == state.n_known
    assert kept.reading(Criterion.CHANGE).value == pytest.approx(1 / 3, abs=1e-6)


@given(st.sets(st.integers(1, 10**9), max_size=60), st.integers(0, 40))
def test_the_stop_set_hardly_moves_as_documents_come(ids: set, n: int) -> None:
    ids = np.array(sorted(ids), dtype=np.int64)
    half = ids[: len(ids) // 2]
    early, late = half[stop_set(half, n=n)], ids[stop_set(ids, n=n)]
    assert len(late) == min(n, len(ids))
    assert set(late) & set(half) <= set(early)  # old documents only ever leave


def test_the_stop_set_prefers_neither_early_nor_late_documents() -> None:
    chosen = stop_set(np.arange(1, 100_001), n=2000)
    assert 900 < (chosen < 50_000).sum() < 1100
