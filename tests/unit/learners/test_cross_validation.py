"""Folds and out-of-fold predictions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.learners.cross_validation import assign_folds, out_of_fold


def row_numbers(train, test):
    """Predicts its own row number, so that a wrong row shows."""
    assert not set(train) & set(test)
    return np.repeat(test[:, None], 2, axis=1).astype(np.float32)


def truth_of(n, seed=0):
    return np.random.default_rng(seed).integers(-1, 2, (n, 2)).astype(np.int8)


@given(st.integers(2, 60), st.integers(2, 7), st.integers(0, 5))
def test_every_document_is_predicted_once_by_others(n, n_folds, seed):
    proba, folds = out_of_fold(row_numbers, truth_of(n, seed), n_folds=n_folds, seed=seed)
    assert (proba[:, 0] == np.arange(n)).all()
    sizes = np.bincount(folds)
    assert len(sizes) == min(n, n_folds)
    assert sizes.max() - sizes.min() <= 1 or sizes.max() == -(-n // len(sizes))


@pytest.mark.parametrize("n", [0, 1])
def test_with_fewer_than_two_documents_nothing_is_predicted(n):
    proba, folds = out_of_fold(row_numbers, truth_of(n), n_folds=5, seed=0)
    assert proba.shape == (n, 2)
    assert np.isnan(proba).all()
    assert (folds == -1).all()


def test_a_rare_label_is_spread_over_the_folds():
    truth = np.zeros((100, 2), dtype=np.int8)
    truth[:5, 0] = 1
    truth[:, 1] = np.arange(100) % 2
    folds = assign_folds(truth, n_folds=5, seed=3)
    assert sorted(folds[:5]) == [0, 1, 2, 3, 4]
    assert np.bincount(folds[truth[:, 1] == 1]).tolist() == pytest.approx([10] * 5, abs=1)


def test_folds_follow_the_seed():
    truth = truth_of(50)
    first, again, other = (assign_folds(truth, n_folds=5, seed=seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
