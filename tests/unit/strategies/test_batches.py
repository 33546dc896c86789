"""Batches put together of shares."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain import Batching, QueryKind
from core.strategies.batches import Candidates, compose
from core.strategies.judged import Judged, nothing_judged
from core.strategies.recipe import Recipe

MODEL, COVERAGE, RARE, RANDOM = (
    QueryKind.MODEL,
    QueryKind.COVERAGE,
    QueryKind.RARE,
    QueryKind.RANDOM,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def unit(x):
    x = np.asarray(x, dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def pool(score, *, x=None, proba=None, seconds=None):
    """Candidates with these scores; vectors at random and one label unless told otherwise."""
    score = np.asarray(score, dtype=np.float32)
    x = unit(rng(7).standard_normal((len(score), 8))) if x is None else x
    proba = np.full((len(score), 1), 0.5) if proba is None else proba
    seconds = None if seconds is None else np.asarray(seconds, dtype=np.float32)
    return Candidates(score, np.asarray(proba, dtype=np.float32), x.__getitem__, seconds)


def judged_of(x, truth):
    truth = np.asarray(truth, dtype=np.int8)
    return Judged(x=unit(x), truth=truth, proba=np.full(truth.shape, np.nan, dtype=np.float32))


def recipe(strategy="entropy", **changes):
    return Recipe(strategy, **{"batching": "top", **changes})


NOTHING = nothing_judged(8, 1)


@settings(deadline=None)
@given(
    n_documents=st.integers(0, 40),
    n=st.integers(0, 45),
    batching=st.sampled_from(list(Batching)),
    shares=st.sampled_from([(0, 0, 0), (0.2, 0.3, 0.4), (1, 0, 0), (0, 1, 0), (0, 0, 1)]),
    near_copy=st.sampled_from([1.0, 0.9]),
    is_flat=st.booleans(),
    seed=st.integers(0, 3),
)
def test_every_batch_is_as_many_as_asked_for_each_once(
    n_documents, n, batching, shares, near_copy, is_flat, seed
):
    score = np.full(n_documents, -1.0) if is_flat else rng(seed).standard_normal(n_documents)
    x = np.repeat(np.eye(8, dtype=np.float32), 5, axis=0)[:n_documents]  # five copies of each
    proba = np.full((n_documents, 3), np.nan)
    proba[:, 1] = rng(seed).random(n_documents).round(1)
    random_share, rare_share, coverage_share = shares
    batch = compose(
        pool(score, x=x, proba=proba),
        judged_of(x[:1], np.zeros((len(x[:1]), 3))),
        recipe(
            batching=batching,
            random_share=random_share,
            rare_share=rare_share,
            coverage_share=coverage_share,
            near_copy=near_copy,
        ),
        n,
        rng(seed),
    )
    positions = batch.positions.tolist()
    assert len(positions) == len(set(positions)) == min(n, n_documents)
    assert set(positions) <= set(range(n_documents))
    assert len(batch.kinds) == len(batch.probabilities) == len(batch.labels) == len(positions)
    for kind, probability, label in zip(
        batch.kinds, batch.probabilities, batch.labels, strict=True
    ):
        assert (label == 1) if kind is RARE else (label == -1)
        assert np.isnan(probability) or 0 < probability <= 1


@pytest.mark.parametrize("batching", list(Batching))
def test_a_batch_follows_the_seed(batching):
    candidates = pool(rng(1).random(200))
    mixed = recipe(
        batching=batching, random_share=0.2, rare_share=0.2, coverage_share=0.2, near_copy=0.95
    )
    first, again, other = (
        compose(candidates, NOTHING, mixed, 10, rng(seed)).positions.tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_plain_batch_is_the_highest_scores_in_order():
    batch = compose(pool([0.1, -0.5, 0.9, 0.4]), NOTHING, recipe(), 3, rng())
    assert batch.positions.tolist() == [2, 3, 0]
    assert batch.kinds == (MODEL, MODEL, MODEL)
    assert np.isnan(batch.probabilities).all()


def test_the_shares_are_what_the_recipe_says():
    shares = recipe(random_share=0.2, rare_share=0.1, coverage_share=0.3)
    batch = compose(pool(rng(1).random(300)), NOTHING, shares, 50, rng())
    assert Counter(batch.kinds) == {RANDOM: 10, RARE: 5, COVERAGE: 15, MODEL: 20}


def test_shares_of_one_half_are_rounded_without_outgrowing_the_batch():
    halves = recipe(random_share=0.5, rare_share=0.5)
    assert Counter(compose(pool(rng(1).random(30)), NOTHING, halves, 3, rng()).kinds) == {
        RANDOM: 2,
        RARE: 1,
    }


def test_a_batch_broken_off_early_still_holds_its_shares():
    shares = {RANDOM: 0.2, RARE: 0.1, COVERAGE: 0.3, MODEL: 0.4}
    mixed = recipe(random_share=0.2, rare_share=0.1, coverage_share=0.3)
    kinds = compose(pool(rng(1).random(300)), NOTHING, mixed, 50, rng()).kinds
    for n_asked in range(1, 51):
        for kind, share in shares.items():
            assert abs(kinds[:n_asked].count(kind) - share * n_asked) < 1.5


def test_the_random_share_is_drawn_from_all_alike_and_says_so():
    score, n_drawn, generator = np.arange(20.0), np.zeros(20), rng()
    for _ in range(2000):
        batch = compose(pool(score), NOTHING, recipe(random_share=0.4), 10, generator)
        is_random = np.array(batch.kinds) == RANDOM
        assert batch.probabilities[is_random].tolist() == [4 / 20] * 4
        assert np.isnan(batch.probabilities[~is_random]).all()
        n_drawn[batch.positions[is_random]] += 1
    assert n_drawn / 2000 == pytest.approx(0.2, abs=0.04)


def test_the_random_strategy_draws_the_whole_batch():
    batch = compose(pool(np.arange(8.0)), NOTHING, recipe("random", near_copy=0.9), 6, rng())
    assert set(batch.kinds) == {RANDOM}
    assert batch.probabilities.tolist() == [6 / 8] * 6


def test_a_soft_batch_estimates_the_mean_of_the_pool_without_bias():
    score = np.array([0.5, 0.8, 1.0, 1.5, 2.0, 4.0, 0.5, 1.0, 3.0, 2.5])
    values = np.array([5.0, 1.0, 2.0, 0.5, 1.0, 0.1, 4.0, 3.0, 0.2, 0.3])
    soft, generator, estimates = recipe(batching="soft", random_share=0.2), rng(3), []
    for _ in range(3000):
        batch = compose(pool(score), NOTHING, soft, 6, generator)
        is_random = np.array(batch.kinds) == RANDOM
        weights = np.where(is_random, 1.0, 1 / batch.probabilities)
        estimates.append((values[batch.positions] * weights).sum() / 10)
    error = np.std(estimates) / np.sqrt(3000)
    assert 4 * error < 0.2
    assert np.mean(estimates) == pytest.approx(values.mean(), abs=4 * error)


def test_a_soft_batch_knows_no_chances_where_copies_are_passed_over():
    soft = recipe(batching="soft", near_copy=0.99)
    batch = compose(pool(rng(1).random(20)), NOTHING, soft, 6, rng())
    assert np.isnan(batch.probabilities).all()


def test_a_label_with_few_examples_gets_its_likeliest():
    proba = np.full((60, 3), 0.01)
    proba[40:52, 2] = 0.9
    truth = np.array([[1, 1, 0]] * 9 + [[0, 0, 1]])
    batch = compose(
        pool(rng(1).random(60), proba=proba),
        judged_of(rng(2).standard_normal((10, 8)), truth),
        recipe(rare_share=0.4),
        10,
        rng(),
    )
    is_rare = np.array(batch.kinds) == RARE
    assert batch.labels[is_rare].tolist() == [2, 2, 2, 2]
    assert ((batch.positions[is_rare] >= 40) & (batch.positions[is_rare] < 52)).all()


def test_labels_with_equally_few_take_turns_and_one_without_a_probability_is_skipped():
    proba = np.column_stack([rng(1).random(50), rng(2).random(50), np.full(50, np.nan)])
    batch = compose(
        pool(rng(3).random(50), proba=proba),
        nothing_judged(8, 3),
        recipe(rare_share=1.0),
        6,
        rng(),
    )
    assert Counter(batch.labels.tolist()) == {0: 3, 1: 3}


def test_where_no_label_has_a_probability_the_model_takes_the_rare_share():
    candidates = pool(np.arange(9.0), proba=np.full((9, 2), np.nan))
    batch = compose(candidates, nothing_judged(8, 2), recipe(rare_share=0.5), 4, rng())
    assert batch.positions.tolist() == [8, 7, 6, 5]
    assert set(batch.kinds) == {MODEL}


def test_one_odd_text_does_not_win_every_time():
    proba = np.full((30, 1), 0.4)
    proba[5] = 0.6
    candidates, rare = pool(np.zeros(30), proba=proba), recipe(rare_share=1.0)
    first = [compose(candidates, NOTHING, rare, 1, rng(seed)).positions[0] for seed in range(100)]
    assert 5 < first.count(5) < 50


def test_coverage_goes_where_nobody_has_judged():
    near, far = np.eye(8)[0], np.eye(8)[1]
    noise = 0.05 * rng(5).standard_normal((80, 8))
    x = unit(np.repeat([near, far], 40, axis=0) + noise)
    judged = judged_of(near + 0.05 * rng(6).standard_normal((1, 8)), [[1]])
    batch = compose(pool(np.zeros(80), x=x), judged, recipe(coverage_share=1.0), 1, rng())
    assert batch.kinds == (COVERAGE,)
    assert batch.positions[0] >= 40


@pytest.mark.parametrize("batching", list(Batching))
def test_copies_of_what_is_judged_or_chosen_are_passed_over(batching):
    x = np.repeat(np.eye(8, dtype=np.float32), 10, axis=0)
    unlike = recipe(batching=batching, near_copy=0.95)
    batch = compose(pool(np.arange(80.0, 0, -1), x=x), judged_of(x[:1], [[1]]), unlike, 7, rng())
    assert sorted(batch.positions // 10) == [1, 2, 3, 4, 5, 6, 7]


def test_copies_come_only_when_nothing_else_is_left():
    x = np.repeat(np.eye(8, dtype=np.float32), [1, 7, 0, 0, 0, 0, 0, 0], axis=0)
    batch = compose(
        pool([0.1, *np.linspace(0.9, 0.3, 7)], x=x), NOTHING, recipe(near_copy=0.9), 4, rng()
    )
    assert batch.positions.tolist() == [1, 0, 2, 3]


def test_copies_of_the_random_share_are_passed_over_by_the_others():
    x = np.repeat(np.eye(8, dtype=np.float32), 2, axis=0)
    mixed = recipe(random_share=0.5, near_copy=0.9)
    for seed in range(20):
        batch = compose(pool(np.arange(16.0), x=x), NOTHING, mixed, 4, rng(seed))
        kinds = {kind: set() for kind in (RANDOM, MODEL)}
        for position, kind in zip(batch.positions.tolist(), batch.kinds, strict=True):
            kinds[kind].add(position // 2)
        assert not kinds[RANDOM] & kinds[MODEL]
        assert len(kinds[MODEL]) == 2


def test_of_two_equal_scores_the_shorter_text_is_asked_first():
    candidates = pool([0.5, 0.5, 0.6], seconds=[60, 5, 30])
    plain, timed = (
        compose(candidates, NOTHING, recipe(per_second=per_second), 3, rng()).positions.tolist()
        for per_second in (False, True)
    )
    assert plain[0] == 2
    assert timed == [1, 2, 0]  # 0.1, 0.02 and 0.008 a second


def test_a_negative_score_is_not_made_better_by_a_longer_text():
    candidates = pool([-2.0, -1.0, -1.0], seconds=[1, 100, 10])
    batch = compose(candidates, NOTHING, recipe(per_second=True), 3, rng())
    assert batch.positions.tolist() == [2, 1, 0]


def test_without_known_times_the_score_stays_as_it_is():
    batch = compose(pool([0.5, 0.9]), NOTHING, recipe(per_second=True), 1, rng())
    assert batch.positions.tolist() == [1]


def test_a_strategy_that_picks_its_own_batch_sees_only_what_is_free():
    seen = []

    def pick(n, is_free, _):
        seen.append((n, int(is_free.sum())))
        return np.flatnonzero(is_free)[:n]

    batch = compose(pool(np.zeros(20)), NOTHING, recipe(random_share=0.4), 5, rng(), pick=pick)
    chosen = dict(zip(batch.positions.tolist(), batch.kinds, strict=True))
    drawn = {position for position, kind in chosen.items() if kind is RANDOM}
    assert seen == [(3, 18)]
    assert sorted(set(chosen) - drawn) == [i for i in range(6) if i not in drawn][:3]


def test_a_pick_keeps_its_order_and_what_it_doubles_or_invents_is_left_out():
    def pick(n, is_free, _):
        return np.array([3, 3, 99, -1, 1])

    batch = compose(pool([0, 0, 9.0, 0, 0, 0]), NOTHING, recipe(), 3, rng(), pick=pick)
    assert batch.positions.tolist() == [3, 1, 2]  # the third by score


def test_a_pick_of_copies_is_asked_again():
    x = np.repeat(np.eye(8, dtype=np.float32), [3, 1, 1, 0, 0, 0, 0, 0], axis=0)

    def pick(n, is_free, _):
        return np.flatnonzero(is_free)[:n]

    unlike = recipe(near_copy=0.9)
    batch = compose(pool([0.0, 9, 0, 0, 0], x=x), NOTHING, unlike, 3, rng(), pick=pick)
    assert batch.positions.tolist() == [0, 3, 4]
