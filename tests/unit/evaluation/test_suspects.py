from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.evaluation.suspects import conflicting_copies, expected_wrong, find_suspects

PROBA = np.array([[0.9, 0.1], [0.2, 0.6], [np.nan, 0.7]], dtype=np.float32)
TRUTH = np.array([[0, 0], [1, -1], [1, 1]], dtype=np.int8)


def test_the_least_likely_judgement_comes_first_and_unjudged_cells_not_at_all():
    found = find_suspects(PROBA, TRUTH)
    assert list(zip(found.rows.tolist(), found.labels.tolist(), strict=True)) == [
        (0, 0),  # judged absent at .9
        (1, 0),  # judged present at .2
        (2, 1),
        (0, 1),
    ]
    assert found.is_present.tolist() == [False, True, True, False]


def test_a_suspicion_is_the_probability_of_a_flip_by_bayes():
    found = find_suspects(np.array([[0.5]], np.float32), np.array([[1]], np.int8), error_rate=0.1)
    assert found.suspicion == pytest.approx([0.1])
    found = find_suspects(np.array([[0.9]], np.float32), np.array([[0]], np.int8), error_rate=0.1)
    assert found.suspicion == pytest.approx([0.09 / (0.09 + 0.09)])


@given(st.floats(0.01, 0.5), st.integers(0, 1000))
def test_the_error_rate_assumed_moves_no_cell(error_rate, seed):
    rng = np.random.default_rng(seed)
    proba = rng.random((6, 3)).astype(np.float32)
    truth = rng.integers(-1, 2, (6, 3)).astype(np.int8)
    usual, other = find_suspects(proba, truth), find_suspects(proba, truth, error_rate=error_rate)
    assert usual.rows.tolist() == other.rows.tolist()
    assert usual.labels.tolist() == other.labels.tolist()


def test_as_many_are_expected_to_be_wrong_as_were_flipped():
    rng = np.random.default_rng(1)
    proba = rng.beta(0.3, 0.6, (4000, 2)).astype(np.float32)
    truth = (rng.random(proba.shape) < proba).astype(np.int8)
    flipped = rng.random(truth.shape) < 0.05
    given_truth = np.where(flipped, 1 - truth, truth).astype(np.int8)
    found = find_suspects(proba, given_truth)
    assert expected_wrong(found, 2) == pytest.approx(flipped.sum(axis=0), rel=0.2)
    top = find_suspects(proba, given_truth, most=len(found) // 10)
    assert flipped[top.rows, top.labels].mean() > 3 * flipped.mean()


def test_an_error_rate_that_is_no_share_is_refused():
    with pytest.raises(InputError):
        find_suspects(PROBA, TRUTH, error_rate=0.0)


def test_near_copies_conflict_only_where_both_were_judged():
    truth = np.array([[1, 0, -1], [1, 1, 0], [0, 1, -1]], dtype=np.int8)
    pairs = np.array([[0, 1], [0, 2], [1, 1]])
    conflicting, n_labels = conflicting_copies(pairs, truth)
    assert conflicting.tolist() == [[0, 2], [0, 1]]
    assert n_labels.tolist() == [2, 1]
