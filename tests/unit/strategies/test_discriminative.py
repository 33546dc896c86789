"""Discriminative batches: the judged against the rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.strategies.discriminative import discriminative_batch

NOTHING = np.empty((0, 2), dtype=np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


def at(*degrees):
    """Unit vectors of the plane."""
    angle = np.radians(np.array(degrees, dtype=np.float64))
    return np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


def test_what_is_like_nothing_judged_comes_first():
    x = at(*range(0, 20), 180)
    positions, values = discriminative_batch(x, at(*range(0, 20)), 3, rng())
    assert positions[0] == 20
    assert values[0] > 0.5


def test_the_chosen_join_the_judged_between_sub_batches():
    x = at(*range(100, 120), *range(240, 260))
    judged = at(*range(-10, 10))
    positions, _ = discriminative_batch(x, judged, 4, rng(), n_sub_batches=4)
    sides = [int(p) // 20 for p in positions]
    assert set(sides[:2]) == {0, 1}


def test_each_kind_is_asked_about_once_before_any_comes_twice():
    kinds = np.eye(6, dtype=np.float32)
    x = np.repeat(kinds[1:], 10, axis=0)
    for seed in range(5):
        positions, _ = discriminative_batch(x, kinds[:1], 5, rng(seed), n_sub_batches=5)
        assert sorted(int(p) // 10 for p in positions) == [0, 1, 2, 3, 4]


def test_the_first_comes_by_lot_where_nothing_is_judged():
    x = at(*range(0, 360, 45))
    first = {int(discriminative_batch(x, NOTHING, 1, rng(seed))[0][0]) for seed in range(40)}
    assert first == set(range(8))


def test_after_a_first_by_lot_the_opposite_follows():
    x = at(0, 1, 180, 181)
    for seed in range(5):
        positions, _ = discriminative_batch(x, NOTHING, 2, rng(seed), n_sub_batches=2)
        assert {int(p) // 2 for p in positions} == {0, 1}


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 15), st.integers(0, 5), st.integers(-1, 18), st.integers(0, 4))
def test_never_a_document_twice_and_as_many_as_asked_for(n_documents, n_judged, n, seed):
    x = at(*rng(seed).integers(0, 8, size=n_documents + n_judged) * 45)
    positions, values = discriminative_batch(x[:n_documents], x[n_documents:], n, rng(seed))
    assert len(positions) == len(set(positions.tolist())) == min(max(n, 0), n_documents)
    assert positions.dtype == np.int64
    assert values.dtype == np.float32
    assert ((positions >= 0) & (positions < n_documents)).all()
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values) <= 0).all()


def test_one_sub_batch_ranks_the_same_documents_in_whatever_order_they_stand():
    x, judged = at(10, 60, 100, 150, 200, 300), at(0, 5, 355)
    order = rng(4).permutation(6)
    one = discriminative_batch(x, judged, 3, rng(), n_sub_batches=1)[0]
    other = discriminative_batch(x[order], judged, 3, rng(), n_sub_batches=1)[0]
    assert order[other].tolist() == one.tolist()


@pytest.mark.parametrize("n_judged", [3, 60])
def test_more_documents_than_it_learns_from(n_judged, monkeypatch):
    monkeypatch.setattr("core.strategies.discriminative.MOST_ROWS", 20)
    x = at(*rng(1).uniform(0, 20, size=100), *rng(2).uniform(180, 200, size=100))
    positions, _ = discriminative_batch(x, at(*rng(3).uniform(0, 20, n_judged)), 5, rng())
    assert (positions[:1] >= 100).all()
    assert len(set(positions.tolist())) == 5


def test_the_batch_follows_the_seed():
    x = at(*rng(1).uniform(0, 360, size=900))
    first, again, other = (
        discriminative_batch(x, NOTHING, 8, rng(seed))[0].tolist() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
