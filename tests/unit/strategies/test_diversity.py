"""Batches of unlike documents."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strategies.diversity import draw_by_score, group_by_likeness, unlike_batch
from core.strategies.selection import choose_batch


def rng(seed=0):
    return np.random.default_rng(seed)


def copies(n_each, n_kinds=4):
    """So many copies each of a few vectors at right angles."""
    return np.repeat(np.eye(n_kinds, dtype=np.float32), n_each, axis=0)


def test_near_copies_do_not_fill_a_batch():
    x = copies(50)
    scores = np.repeat(np.array([0.9, 0.8, 0.7, 0.6], dtype=np.float32), 50)
    batches = [unlike_batch(scores, x.__getitem__, 4, rng(seed)) for seed in range(20)]
    kinds = [len(set((chosen // 50).tolist())) for chosen in batches]
    assert np.mean(kinds) > 2.8
    assert len(set((np.argsort(-scores, kind="stable")[:4] // 50).tolist())) == 1


def test_the_highest_score_comes_first():
    x, scores = copies(10), rng(3).random(40, dtype=np.float32)
    chosen = unlike_batch(scores, x.__getitem__, 6, rng())
    assert (np.diff(scores[chosen]) <= 0).all()


@given(st.integers(0, 30), st.integers(0, 35), st.integers(0, 5))
def test_never_a_document_twice_and_as_many_as_asked_for(n_documents, n, seed):
    x = rng(seed).standard_normal((n_documents, 3)).astype(np.float32)
    scores = np.round(rng(seed).random(n_documents, dtype=np.float32), 1)
    chosen = unlike_batch(scores, x.__getitem__, n, rng(seed))
    assert len(chosen) == len(set(chosen.tolist())) == min(n, n_documents)


def test_the_batch_follows_the_seed():
    x, scores = copies(20), rng(3).random(80, dtype=np.float32)
    first, again, other = (unlike_batch(scores, x.__getitem__, 8, rng(seed)) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_documents_are_drawn_in_proportion_to_their_scores():
    scores = np.array([0.0, 1.0, 3.0], dtype=np.float32)
    generator = rng()
    first = np.bincount([draw_by_score(scores, 1, generator)[0] for _ in range(4000)], minlength=3)
    assert first[0] == 0
    assert first[2] / first[1] == pytest.approx(3.0, rel=0.15)


def test_scores_that_are_all_zero_are_drawn_by_lot():
    zeros = np.zeros(6, dtype=np.float32)
    assert sorted(draw_by_score(zeros, 10, rng()).tolist()) == [0, 1, 2, 3, 4, 5]
    assert draw_by_score(zeros, 6, rng(1)).tolist() != draw_by_score(zeros, 6, rng(2)).tolist()


def test_like_documents_share_a_group():
    group = group_by_likeness(copies(10, 2), np.ones(20, dtype=np.float32), n_groups=8, rng=rng())
    assert not set(group[:10].tolist()) & set(group[10:].tolist())


def test_only_bald_spreads_its_batch_and_only_where_vectors_can_be_read():
    scores = np.linspace(1, 0.5, 40, dtype=np.float32)
    highest = [0, 1, 2, 3]
    read = copies(10).__getitem__
    for strategy, vectors in [("bald", None), ("entropy", read), ("beal-mean", read)]:
        chosen = choose_batch(scores, 4, rng(), strategy=strategy, read_vectors=vectors)
        assert chosen.tolist() == highest
    chosen = choose_batch(scores, 4, rng(), strategy="bald", read_vectors=read)
    assert chosen.tolist() != highest
