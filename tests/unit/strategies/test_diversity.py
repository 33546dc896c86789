"""Batches of unlike documents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.strategies.batches import Candidates, compose
from core.strategies.diversity import (
    best_of_groups,
    draw_with_chances,
    group_by_likeness,
    highest,
    least_redundant,
    not_negative,
    spread_out,
)
from core.strategies.judged import nothing_judged
from core.strategies.recipe import Recipe

NONE_TAKEN = np.empty((0, 4), dtype=np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


def unlike_batch(scores, x, n, generator):
    """A batch as BALD's recipe makes it of these scores."""
    proba = np.zeros((len(scores), 1), dtype=np.float32)
    candidates = Candidates(scores, proba, x.__getitem__)
    known = nothing_judged(x.shape[1], 1)
    return compose(candidates, known, Recipe.of("bald"), n, generator).positions


def draw_by_score(scores, n, generator):
    return draw_with_chances(scores, n, generator)[0]


def copies(n_each, n_kinds=4):
    """So many copies each of a few vectors at right angles."""
    return np.repeat(np.eye(n_kinds, dtype=np.float32), n_each, axis=0)


def test_near_copies_do_not_fill_a_batch():
    x = copies(50)
    scores = np.repeat(np.array([0.9, 0.8, 0.7, 0.6], dtype=np.float32), 50)
    batches = [unlike_batch(scores, x, 4, rng(seed)) for seed in range(20)]
    kinds = [len(set((chosen // 50).tolist())) for chosen in batches]
    assert np.mean(kinds) > 2.8
    assert len(set((np.argsort(-scores, kind="stable")[:4] // 50).tolist())) == 1


def test_the_highest_score_comes_first():
    x, scores = copies(10), rng(3).random(40, dtype=np.float32)
    chosen = unlike_batch(scores, x, 6, rng())
    assert (np.diff(scores[chosen]) <= 0).all()


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 35), st.integers(0, 5))
def test_never_a_document_twice_and_as_many_as_asked_for(n_documents, n, seed):
    x = rng(seed).standard_normal((n_documents, 3)).astype(np.float32)
    scores = np.round(rng(seed).random(n_documents, dtype=np.float32), 1)
    chosen = unlike_batch(scores, x, n, rng(seed))
    assert len(chosen) == len(set(chosen.tolist())) == min(n, n_documents)


def test_the_batch_follows_the_seed():
    x, scores = copies(20), rng(3).random(80, dtype=np.float32)
    first, again, other = (unlike_batch(scores, x, 8, rng(seed)) for seed in (1, 1, 2))
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


@settings(deadline=None)
@given(st.lists(st.integers(-3, 3), max_size=30), st.integers(0, 35), st.integers(0, 3))
def test_the_highest_are_found_whatever_the_ties(values, n, seed):
    values = np.array(values, dtype=np.float32)
    found = highest(values, n, rng(seed))
    assert len(set(found.tolist())) == len(found) == min(n, len(values))
    assert values[found].tolist() == sorted(values.tolist(), reverse=True)[:n]


def test_among_equal_values_the_lot_decides():
    values = np.array([1, 0, 0, 0, 0], dtype=np.float32)
    generator = rng()
    second = np.bincount([highest(values, 2, generator)[1] for _ in range(2000)], minlength=5)
    assert second[0] == 0
    assert second[1:] / 2000 == pytest.approx(0.25, abs=0.04)


def test_scores_become_weights_that_are_not_negative():
    assert not_negative(np.array([0.5, 2.0], dtype=np.float32)).tolist() == [0.5, 2.0]
    assert not_negative(np.array([-1.0, 2.0], dtype=np.float32)).tolist() == [0.0, 3.0]
    assert not_negative(np.empty(0, dtype=np.float32)).tolist() == []


def test_the_chance_of_the_only_drawn_is_that_of_beating_the_next():
    scores = np.array([1.0, 1.0], dtype=np.float32)
    (drawn,), (chance,) = draw_with_chances(scores, 1, rng(5))
    other_key = rng(5).gumbel(size=2)[1 - drawn]
    assert chance == pytest.approx(1 - np.exp(-np.exp(-other_key)))


def test_what_is_drawn_whole_is_certain():
    drawn, chances = draw_with_chances(np.ones(3, dtype=np.float32), 3, rng())
    assert sorted(drawn.tolist()) == [0, 1, 2]
    assert chances.tolist() == [1.0, 1.0, 1.0]


def test_weighting_by_chances_estimates_the_total_without_bias():
    scores = np.array([0.5, 0.8, 1.0, 1.5, 2.0, 4.0, 0.5, 1.0], dtype=np.float32)
    values = np.array([5.0, 1.0, 2.0, 0.5, 1.0, 0.1, 4.0, 3.0])
    generator = rng(1)
    weighted, plain = [], []
    for _ in range(6000):
        drawn, chances = draw_with_chances(scores, 4, generator)
        weighted.append((values[drawn] / chances).sum() / len(values))
        plain.append(values[drawn].mean())
    error = np.std(weighted) / np.sqrt(len(weighted))
    assert np.mean(weighted) == pytest.approx(values.mean(), abs=4 * error)
    assert 4 * error < 0.2 < values.mean() - np.mean(plain)


def test_only_the_proportions_of_scores_count_in_a_draw():
    scores = rng(2).random(50)
    some, tiny = (draw_by_score(scores * scale, 5, rng(3)).tolist() for scale in (1.0, 1e-20))
    assert some == tiny


def test_each_group_sends_its_best():
    x = copies(3, 2)
    scores = np.array([0.1, 0.9, 0.2, 0.3, 0.2, 0.4], dtype=np.float32)
    found = {tuple(sorted(best_of_groups(x, scores, 2, rng(seed)).tolist())) for seed in range(20)}
    assert (1, 5) in found  # the other starts have both centres among copies
    assert found <= {(1, 5), (1, 2), (1, 3), (3, 5)}


def test_a_spread_batch_takes_every_kind_before_any_copy():
    x, scores = copies(5), np.ones(20, dtype=np.float32)
    for seed in range(10):
        chosen = spread_out(x, scores, 4, rng(seed), taken=NONE_TAKEN)
        assert sorted(chosen // 5) == [0, 1, 2, 3]


def test_a_spread_batch_keeps_away_from_what_is_taken():
    x, scores = copies(5), np.ones(20, dtype=np.float32)
    chosen = spread_out(x, scores, 3, rng(), taken=x[:1])
    assert sorted(chosen // 5) == [1, 2, 3]


def test_a_spread_batch_is_drawn_by_score_times_distance():
    x = np.array([[0, 1, 0, 0], [0.6, 0.8, 0, 0]], dtype=np.float32)  # half squared: 1 and 0.4
    scores = np.array([1.0, 5.0], dtype=np.float32)
    taken, generator = np.array([[1, 0, 0, 0]], dtype=np.float32), rng()
    first = [spread_out(x, scores, 1, generator, taken=taken)[0] for _ in range(3000)]
    assert np.mean(first) == pytest.approx(2 / 3, abs=0.04)


def test_the_least_redundant_is_score_times_one_less_the_likeness():
    x = np.array([[1, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 0, 1, 0]], dtype=np.float32)
    scores = np.array([1.0, 0.9, 0.3], dtype=np.float32)
    assert least_redundant(x, scores, 3, taken=NONE_TAKEN).tolist() == [0, 2, 1]  # 0.3 > 0.18
    assert least_redundant(x, scores, 1, taken=x[2:]).tolist() == [0]
    assert least_redundant(x, scores, 2, taken=x[:1]).tolist() == [2, 1]


@settings(deadline=None)
@given(st.integers(0, 12), st.integers(0, 15), st.booleans(), st.integers(0, 3))
def test_spreading_takes_each_row_once_even_among_copies_worth_nothing(n_rows, n, is_zero, seed):
    x = np.tile(np.eye(4, dtype=np.float32)[0], (n_rows, 1))
    scores = np.zeros(n_rows) if is_zero else rng(seed).random(n_rows)
    for chosen in (
        spread_out(x, scores, n, rng(seed), taken=NONE_TAKEN),
        least_redundant(x, scores, n, taken=NONE_TAKEN),
    ):
        assert len(chosen) == len(set(chosen.tolist())) == min(n, n_rows)
