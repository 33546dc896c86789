"""The highest scores, ties by lot."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.strategies.diversity import highest


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_highest_come_first():
    scores = np.array([0.1, 0.9, 0.5, 0.7], dtype=np.float32)
    assert highest(scores, 3, rng()).tolist() == [1, 3, 2]


def test_ties_are_drawn_by_lot_from_the_seed():
    tied = np.zeros(100, dtype=np.float32)
    assert highest(tied, 5, rng(1)).tolist() == highest(tied, 5, rng(1)).tolist()
    assert highest(tied, 5, rng(1)).tolist() != highest(tied, 5, rng(2)).tolist()


def test_every_tied_document_has_the_same_chance():
    tied = np.array([1.0, 0.0, 0.0, 0.0, 0.0], dtype=np.float32)
    generator = rng()
    second = [int(highest(tied, 2, generator)[1]) for _ in range(4000)]
    counts = np.bincount(second, minlength=5)
    assert counts[0] == 0
    assert counts[1:].min() > 850


def test_asking_for_more_than_there_are_gives_all_of_them():
    assert sorted(highest(np.arange(3, dtype=np.float32), 10, rng()).tolist()) == [0, 1, 2]
    assert highest(np.empty(0, dtype=np.float32), 10, rng()).tolist() == []


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=30), st.integers(0, 40))
def test_never_a_document_twice_and_never_a_lower_score_before_a_higher(values, n):
    scores = np.array(values, dtype=np.float32)
    chosen = highest(scores, n, rng())
    assert len(chosen) == len(set(chosen.tolist())) == min(n, len(scores))
    left = np.delete(scores, chosen)
    if len(chosen) and len(left):
        assert scores[chosen].min() >= left.max()
    assert (np.diff(scores[chosen]) <= 0).all()
