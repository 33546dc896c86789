"""CVIRS against a slow loop written from the paper, and where small-text departs from it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.strategies.cvirs import (
    MOST_JUDGED,
    borda_points,
    cvirs_scores,
    entropy_distances,
    inconsistency,
)
from core.strategies.judged import Judged, nothing_judged


def floats(*rows):
    return np.array(rows, dtype=np.float32)


def sets(*rows):
    return np.array(rows, dtype=np.int8)


def judged(truth):
    truth = np.asarray(truth, dtype=np.int8)
    return Judged(
        x=np.zeros((len(truth), 2), np.float32),
        truth=truth,
        proba=np.full(truth.shape, np.nan, np.float32),
    )


def entropy(*shares):
    return -sum(p * math.log2(p) for p in shares if p > 0)


def slow_distance(predicted, truth):
    """One pair, by shares and conditional entropies as the paper writes them."""
    pairs = [(p, t) for p, t in zip(predicted, truth, strict=True) if p != -1 and t != -1]
    q = len(pairs)
    a, b, c, d = (pairs.count(pair) for pair in ((1, 1), (1, 0), (0, 1), (0, 0)))
    if b + c == q:  # Hamming distance 1
        return 1.0
    joint = entropy((b + c) / q, (a + d) / q)
    if b + c:
        joint += (b + c) / q * entropy(b / (b + c), c / (b + c))
    if a + d:
        joint += (a + d) / q * entropy(a / (a + d), d / (a + d))
    if joint == 0:
        return 0.0
    own, other = entropy((a + b) / q, (c + d) / q), entropy((a + c) / q, (b + d) / q)
    return (2 * joint - own - other) / joint


def slow_cvirs(proba, truth):
    n, n_labels = proba.shape
    margins = np.abs(2 * proba.astype(np.float64) - 1)
    scores = []
    for i in range(n):
        points = 0.0
        for label in range(n_labels):
            if np.isnan(margins[i, label]):
                continue
            others = np.delete(margins[:, label], i)
            larger = sum(m > margins[i, label] or np.isnan(m) for m in others)
            equal = sum(m == margins[i, label] for m in others)
            points += (larger + equal / 2) / (n - 1) if n > 1 else 1.0
        predicted = [-1 if np.isnan(p) else int(p >= 0.5) for p in proba[i]]
        distances = [slow_distance(predicted, row) for row in truth.tolist()]
        scores.append(points * (np.mean(distances) if distances else 1.0))
    return np.array(scores)


def test_the_smallest_margin_takes_all_points_and_the_largest_none():
    points = borda_points(floats([0.5], [0.1], [0.8]))
    assert points[:, 0] == pytest.approx([1.0, 0.0, 0.5])


def test_margins_are_those_of_a_bernoulli_label_and_equals_share_their_points():
    points = borda_points(floats([0.25], [0.75], [0.5], [1.0]))
    assert points[:, 0] == pytest.approx([0.5, 0.5, 1.0, 0.0])


def test_the_distance_by_hand():
    (found,) = entropy_distances(sets([1, 1, 0, 0]), sets([1, 0, 0, 0])).ravel()
    joint = entropy(1 / 4, 1 / 4, 1 / 2)  # a = 1, b = 1, c = 0, d = 2
    assert found == pytest.approx((2 * joint - 1 - entropy(1 / 4, 3 / 4)) / joint, rel=1e-5)


def test_equal_sets_are_at_distance_zero_and_opposite_ones_at_one():
    here = sets([1, 0, 1], [0, 0, 0])
    assert entropy_distances(here, here).diagonal() == pytest.approx([0, 0], abs=1e-6)
    assert entropy_distances(here, 1 - here).diagonal() == pytest.approx([1, 1])


def test_absent_in_both_is_counted_and_not_only_noticed():
    """small-text makes one logical product of it, so that 1 and 40 shared absences are alike."""
    few, many = sets([1, 0, 0]), sets([1, 0] + [0] * 40)
    few_other, many_other = sets([0, 1, 0]), sets([0, 1] + [0] * 40)
    assert slow_distance(few[0], few_other[0]) != pytest.approx(
        slow_distance(many[0], many_other[0]), abs=0.02
    )
    for one, other in ((few, few_other), (many, many_other)):
        assert entropy_distances(one, other)[0] == pytest.approx(
            [slow_distance(one[0].tolist(), other[0].tolist())], rel=1e-4
        )


VALUES = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]


@settings(max_examples=60, deadline=None)
@given(
    proba=arrays(np.float32, (6, 4), elements=st.sampled_from(VALUES)),
    truth=arrays(np.int8, (5, 4), elements=st.integers(0, 1)),
)
def test_scores_agree_with_the_slow_loop(proba, truth):
    found, contributions = cvirs_scores(proba, judged(truth))
    assert found == pytest.approx(slow_cvirs(proba, truth), abs=1e-5)
    assert contributions.sum(axis=1) == pytest.approx(found, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    proba=arrays(np.float32, (5, 4), elements=st.sampled_from([*VALUES, np.nan])),
    truth=arrays(np.int8, (5, 4), elements=st.integers(-1, 1)),
)
def test_cells_unjudged_or_without_a_probability_are_left_out_of_the_table(proba, truth):
    truth = truth[(truth != -1).any(axis=1)]
    found, _ = cvirs_scores(proba, judged(truth))
    assert np.isfinite(found).all()
    assert found == pytest.approx(slow_cvirs(proba, truth), abs=1e-5)


@settings(deadline=None)
@given(
    proba=arrays(np.float32, (6, 4), elements=st.sampled_from(VALUES)),
    truth=arrays(np.int8, (5, 4), elements=st.integers(-1, 1)),
    seed=st.integers(0, 100),
)
def test_neither_the_order_of_labels_nor_of_documents_matters(proba, truth, seed):
    rng = np.random.default_rng(seed)
    labels, documents, known = rng.permutation(4), rng.permutation(6), rng.permutation(5)
    found, contributions = cvirs_scores(proba, judged(truth))
    moved, parts = cvirs_scores(proba[documents][:, labels], judged(truth[known][:, labels]))
    assert moved == pytest.approx(found[documents], abs=1e-5)
    assert parts == pytest.approx(contributions[documents][:, labels], abs=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_labels", [1, 2, 500])
@pytest.mark.parametrize("n_documents", [0, 1, 3])
def test_scores_are_finite_for_any_shape(value, n_labels, n_documents):
    proba = np.full((n_documents, n_labels), value, dtype=np.float32)
    for known in (nothing_judged(2, n_labels), judged(np.ones((2, n_labels)))):
        found, contributions = cvirs_scores(proba, known)
        assert found.shape == (n_documents,)
        assert found.dtype == contributions.dtype == np.float32
        assert np.isfinite(found).all()


def test_before_the_first_judgement_the_ranks_decide_alone():
    proba = np.random.default_rng(0).random((6, 3), dtype=np.float32)
    found, _ = cvirs_scores(proba, nothing_judged(2, 3))
    assert found == pytest.approx(borda_points(proba).sum(axis=1), rel=1e-6)


def test_of_two_alike_in_labels_the_less_sure_comes_first():
    proba = floats([0.51, 0.4, 0.4], [0.99, 0.01, 0.01], [0.6, 0.3, 0.3])
    found, _ = cvirs_scores(proba, judged([[1, 1, 0], [0, 0, 1]]))
    assert found.argsort().tolist() == [1, 2, 0]


def test_of_two_equally_sure_the_one_unlike_the_judged_comes_first():
    proba = floats([0.9, 0.1, 0.1, 0.1], [0.1, 0.9, 0.9, 0.1])
    found, _ = cvirs_scores(proba, judged([[1, 0, 0, 0]] * 3))
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert found[1] > 0.5


def test_thresholds_decide_what_is_predicted():
    known = judged([[1, 0, 0]])
    proba = floats([0.3, 0.1, 0.1])
    assert inconsistency(proba, known, threshold=[0.2, 0.5, 0.5]) == pytest.approx([0], abs=1e-6)
    assert inconsistency(proba, known)[0] > 0.5


def test_of_many_judged_documents_evenly_spaced_ones_are_compared():
    truth = np.tile(sets([1, 0, 0], [0, 1, 1]), (MOST_JUDGED, 1))
    proba = floats([0.9, 0.1, 0.1])
    found = inconsistency(proba, judged(truth))
    assert found == pytest.approx(inconsistency(proba, judged(truth[:2])), abs=1e-2)
