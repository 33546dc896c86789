from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import matthews_corrcoef

from core.domain import UNJUDGED
from core.evaluation.cooccurrence import (
    PairMeasure,
    clustered_order,
    companions_of,
    cooccurrence,
    list_pairs,
    measured_pairs,
    pair_difference,
)

STATES = arrays(np.int8, (12, 4), elements=st.sampled_from([-1, 0, 1]))


def test_pairs_are_counted_where_both_labels_are_judged():
    binary = np.array(
        [[1, 1, 0], [1, 1, -1], [1, 0, 0], [0, 0, 1], [-1, 1, 1]],
        dtype=np.int8,
    )
    pairs = cooccurrence(binary)

    np.testing.assert_array_equal(pairs.counts, [[3, 2, 0], [2, 3, 1], [0, 1, 2]])
    # label a is present in 3 documents that judge b, but in only 2 that judge c
    np.testing.assert_array_equal(pairs.row_present[0], [3, 3, 2])
    np.testing.assert_array_equal(pairs.both_judged, [[4, 4, 3], [4, 5, 4], [3, 4, 4]])
    np.testing.assert_allclose(pairs.conditional[0], [1.0, 2 / 3, 0.0])
    # a and b: 2 of 4 together, a in 3, b in 2 of those 4
    assert pairs.lift[0, 1] == pytest.approx(2 * 4 / (3 * 2))


def test_phi_is_the_correlation_of_two_labels(large):
    _, truth = large
    pairs = cooccurrence(truth)
    both = (truth[:, 0] != UNJUDGED) & (truth[:, 1] != UNJUDGED)

    expected = matthews_corrcoef(truth[both, 0], truth[both, 1])
    assert pairs.phi[0, 1] == pytest.approx(expected)
    np.testing.assert_allclose(np.diag(pairs.phi), 1.0)


def test_a_label_nobody_used_has_no_conditional_lift_or_phi():
    pairs = cooccurrence(np.array([[1, 0], [0, 0]], dtype=np.int8))

    assert np.isnan([pairs.conditional[1, 0], pairs.lift[0, 1], pairs.phi[0, 1]]).all()
    assert pairs.counts[0, 1] == 0


def groups(n: int = 40) -> np.ndarray:
    """Labels 0 and 2 go together, 1 and 3 do, and the two groups never meet."""
    first = (np.arange(n) % 2 == 0).astype(np.int8)
    return np.stack([first, 1 - first, first, 1 - first], axis=1)


def test_labels_that_go_together_stand_together():
    order = clustered_order(cooccurrence(groups())).tolist()
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset({0, 2}), frozenset({1, 3})}


@given(STATES)
def test_an_order_names_every_label_once_whatever_was_judged(states):
    assert sorted(clustered_order(cooccurrence(states)).tolist()) == [0, 1, 2, 3]


@given(STATES, STATES, st.sampled_from(list(PairMeasure)))
def test_a_difference_of_pairs_with_themselves_is_nothing(states, other, measure):
    pairs = cooccurrence(states)
    same = pair_difference(pairs, pairs, measure)
    assert not np.nan_to_num(same, posinf=1.0, neginf=1.0).any()
    forth = pair_difference(pairs, cooccurrence(other), measure)
    back = pair_difference(cooccurrence(other), pairs, measure)
    np.testing.assert_allclose(forth, -back)


def test_the_diagonal_and_what_rests_on_a_handful_is_undefined():
    truth = groups(40)
    truth[:, 3] = 0
    truth[:4, 3] = 1  # four documents: fewer than five
    pairs = cooccurrence(truth)
    for measure in PairMeasure:
        assert np.isnan(np.diag(measured_pairs(pairs, measure))).all()
    assert np.isnan(measured_pairs(pairs, PairMeasure.PHI)[0, 3])
    assert measured_pairs(pairs, PairMeasure.COUNT)[0, 3] == 2


def test_lift_is_told_in_doublings():
    # a in 20 of 40, b in 20 of 40, together in 20: twice as often as by chance
    assert measured_pairs(cooccurrence(groups()), PairMeasure.LIFT)[0, 2] == pytest.approx(1.0)
    assert measured_pairs(cooccurrence(groups()), PairMeasure.LIFT)[0, 1] == -np.inf


def test_pairs_are_listed_by_how_surprising_their_difference_is():
    judged = np.zeros((300, 4), dtype=np.int8)
    predicted = judged.copy()
    judged[:103, [0, 1]] = 1
    predicted[:113, [0, 1]] = 1  # ten more of a hundred
    judged[200:203, [2, 3]] = 1
    predicted[200:213, [2, 3]] = 1  # ten more of three
    first, second = list_pairs(cooccurrence(judged), cooccurrence(predicted))
    assert (first.first, first.second, first.n_judged, first.n_predicted) == (2, 3, 3, 13)
    assert (second.n_too_many, second.n_both_judged) == (10, 300)


def test_only_pairs_that_met_somewhere_are_listed():
    none = cooccurrence(np.eye(3, dtype=np.int8))
    assert list_pairs(none, none) == []


def test_companions_come_by_frequency_with_their_shares():
    judged = np.array([[1, 1, 0], [1, 1, 1], [1, 0, -1], [0, 1, 1]], dtype=np.int8)
    predicted = np.array([[1, 0, 0], [1, 0, 1], [0, 0, -1], [0, 0, 0]], dtype=np.int8)
    first, second = companions_of(0, cooccurrence(judged), cooccurrence(predicted))
    assert (first.label, first.n_judged, first.of_judged, first.n_predicted) == (1, 2, 3, 0)
    # the third document does not judge label 2: two of its documents do
    assert (second.label, second.n_judged, second.of_judged, second.of_predicted) == (2, 1, 2, 2)
