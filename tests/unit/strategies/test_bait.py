"""BAIT: the batch that leaves least uncertainty, against inverting everything anew."""

import numpy as np
import pytest

from core.domain import UNJUDGED
from core.strategies.bait import RIDGE, bait_batch, doubts, trust
from core.strategies.judged import Judged, nothing_judged


def rng(seed=0):
    return np.random.default_rng(seed)


def unit(n, width, seed=0):
    x = rng(seed).standard_normal((n, width)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def judged_documents(n, width, n_labels, seed=1):
    draw = rng(seed)
    return Judged(
        x=unit(n, width, seed),
        truth=draw.integers(UNJUDGED, 2, (n, n_labels)).astype(np.int8),
        proba=draw.random((n, n_labels), dtype=np.float32),
    )


def slow(x, weight, known, known_weight, n):
    """Try every candidate, invert, and take the one that leaves the smallest trace."""
    x, known = x.astype(np.float64), known.astype(np.float64)
    pool = (x * weight[:, None]).T @ x / len(x)
    m = RIDGE * np.eye(x.shape[1]) + (known * known_weight[:, None]).T @ known
    chosen, gains = [], []
    for _ in range(n):
        before = np.trace(np.linalg.inv(m) @ pool)
        left = [
            np.trace(np.linalg.inv(m + w * np.outer(row, row)) @ pool) if at not in chosen else 9e9
            for at, (row, w) in enumerate(zip(x, weight, strict=True))
        ]
        best = int(np.argmin(left))
        chosen.append(best)
        gains.append(before - left[best])
        m += weight[best] * np.outer(x[best], x[best])
    return chosen, gains


@pytest.mark.parametrize("n_judged", [0, 12, 60])
def test_it_is_the_greedy_choice_of_the_smallest_remaining_trace(n_judged):
    x, proba = unit(30, 5), rng(2).random((30, 4), dtype=np.float32)
    judged = judged_documents(n_judged, 5, 4) if n_judged else nothing_judged(5, 4)
    if n_judged == 60:  # enough to trust its doubt
        told = foretold(60, 4)
        judged = Judged(judged.x, told.truth, told.proba)
    positions, values = bait_batch(x, proba, judged, 8, rng())
    weight, known_weight = doubts(proba, judged)
    chosen, gains = slow(x, weight, judged.x, known_weight, 8)
    assert positions.tolist() == chosen
    np.testing.assert_allclose(values, np.minimum.accumulate(gains), rtol=1e-3)


def foretold(n, n_labels, seed=3):
    """Judged documents whose predictions are the more wrong the more they doubt."""
    doubt = np.linspace(0.02, 0.5, n)
    proba = np.tile(doubt[:, None], (1, n_labels)).astype(np.float32)
    wrong = rng(seed).random((n, n_labels)) < doubt[:, None]
    return Judged(unit(n, 3, seed), wrong.astype(np.int8), proba)


def test_doubt_counts_by_the_root_of_the_summed_variances_brought_to_one():
    judged = foretold(200, 2)
    assert trust(judged) == 1.0
    proba = np.array([[0.5, 0.5], [0.1, 0.9], [0.0, 1.0]], dtype=np.float32)
    weight, _ = doubts(proba, judged)
    rarity = 1 / np.sqrt(1 + judged.n_present)
    variance = np.array([[0.25, 0.25], [0.09, 0.09], [0, 0]]) @ (rarity / rarity.mean())
    np.testing.assert_allclose(weight, np.sqrt(variance / variance.mean()), rtol=1e-5)


def test_a_label_with_few_positives_counts_more():
    judged = foretold(200, 2)
    judged.truth[:, 1] = 0
    judged.truth[-8:, 1] = 1
    n_common = int(judged.n_present[0])
    proba = np.array([[0.5, 0.0], [0.0, 0.5]], dtype=np.float32)
    weight, _ = doubts(proba, judged)
    assert weight[1] / weight[0] == pytest.approx(((1 + n_common) / 9) ** 0.25, rel=1e-5)


def test_doubt_that_did_not_foretell_mistakes_does_not_count():
    judged = foretold(200, 2)
    upside_down = Judged(judged.x, judged.truth[::-1].copy(), judged.proba)
    many = foretold(4000, 2)
    by_lot = Judged(many.x, many.truth[rng(1).permutation(4000)], many.proba)
    assert trust(upside_down) == trust(by_lot) == 0.0
    weight, known = doubts(np.array([[0.5, 0.5], [0.1, 0.1]], dtype=np.float32), upside_down)
    assert weight.tolist() == [1.0, 1.0]
    assert known.tolist() == [1.0] * 200


def test_trust_is_the_loss_where_the_doubt_is_over_the_loss_anywhere():
    proba = np.array([[0.5]] * 20 + [[0.1]] * 20, dtype=np.float32)
    truth = np.array([[1]] * 20 + [[0]] * 20, dtype=np.int8)
    judged = Judged(unit(40, 3), truth, proba)
    sure, unsure = -np.log(0.9), -np.log(0.5)
    drawn = (0.25 * unsure + 0.09 * sure) / 0.34
    ratio = drawn / ((sure + unsure) / 2)
    assert ratio > 1.05
    assert trust(judged) == 1.0
    truth[20:23] = 1  # three surprises where it was sure
    surprised = -np.log(0.1)
    mean_sure = (17 * sure + 3 * surprised) / 20
    ratio = (0.25 * unsure + 0.09 * mean_sure) / 0.34 / ((unsure + mean_sure) / 2)
    assert trust(judged) == pytest.approx(min((ratio - 1) / 0.05, 1.0), rel=1e-4)


def test_trust_looks_at_judged_and_predicted_cells_alone():
    judged = foretold(200, 2)
    half_known = Judged(judged.x, judged.truth.copy(), judged.proba.copy())
    half_known.truth[::2, 0] = UNJUDGED
    half_known.proba[1::2, 1] = np.nan
    assert 0.0 < trust(half_known) <= 1.0
    few = Judged(judged.x[:29], judged.truth[:29], judged.proba[:29])
    assert trust(few) == trust(nothing_judged(3, 2)) == 0.0


def test_one_of_each_heap_comes_before_a_second_of_any():
    centres = np.eye(4, 8, dtype=np.float32)
    heaps = np.repeat(centres, 10, axis=0) + rng().normal(0, 0.02, (40, 8)).astype(np.float32)
    x = (heaps / np.linalg.norm(heaps, axis=1, keepdims=True)).astype(np.float32)
    proba = np.full((40, 3), 0.4, dtype=np.float32)
    positions, _ = bait_batch(x, proba, nothing_judged(8, 3), 4, rng())
    assert sorted((positions // 10).tolist()) == [0, 1, 2, 3]


def test_a_text_that_stands_for_many_comes_before_an_odd_one_of_equal_doubt():
    x = np.concatenate([np.tile(np.eye(1, 4), (9, 1)), np.eye(4)[2:3]]).astype(np.float32)
    positions, _ = bait_batch(x, np.full((10, 2), 0.5, dtype="f4"), nothing_judged(4, 2), 1, rng())
    assert positions[0] < 9


def test_where_nothing_is_in_doubt_it_covers_the_pool():
    x = unit(50, 6)
    sure = np.zeros((50, 3), dtype=np.float32)
    positions, values = bait_batch(x, sure, nothing_judged(6, 3), 10, rng())
    assert len(set(positions.tolist())) == 10
    assert np.isfinite(values).all()
    unknown, _ = bait_batch(x, np.full_like(sure, np.nan), nothing_judged(6, 3), 10, rng())
    assert unknown.tolist() == positions.tolist()


def test_equals_are_drawn_by_lot():
    x = np.tile(np.eye(1, 3, dtype=np.float32), (20, 1))
    proba = np.full((20, 2), 0.5, dtype=np.float32)
    first = {int(bait_batch(x, proba, nothing_judged(3, 2), 1, rng(s))[0][0]) for s in range(8)}
    assert len(first) > 2
