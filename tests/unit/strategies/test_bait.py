"""BAIT: the batch that leaves least uncertainty, against inverting everything anew."""

import numpy as np
import pytest

from core.domain import UNJUDGED
from core.strategies.bait import RIDGE, bait_batch, doubts
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


@pytest.mark.parametrize("n_judged", [0, 12])
def test_it_is_the_greedy_choice_of_the_smallest_remaining_trace(n_judged):
    x, proba = unit(30, 5), rng(2).random((30, 4), dtype=np.float32)
    judged = judged_documents(n_judged, 5, 4) if n_judged else nothing_judged(5, 4)
    positions, values = bait_batch(x, proba, judged, 8, rng())
    weight, known_weight = doubts(proba, judged)
    chosen, gains = slow(x, weight, judged.x, known_weight, 8)
    assert positions.tolist() == chosen
    np.testing.assert_allclose(values, np.minimum.accumulate(gains), rtol=1e-3)


def test_doubt_is_the_root_of_the_summed_variances_brought_to_one():
    proba = np.array([[0.5, 0.5], [0.1, 0.9], [0.0, 1.0]], dtype=np.float32)
    weight, _ = doubts(proba, nothing_judged(2, 2))
    raw = np.sqrt([0.5, 0.18, 0.0])
    np.testing.assert_allclose(weight, raw / raw.mean(), rtol=1e-6)


def test_a_label_with_few_positives_counts_more():
    truth = np.array([[1, 0]] * 8, dtype=np.int8)
    judged = Judged(unit(8, 3), truth, np.full((8, 2), np.nan, dtype=np.float32))
    common, rare = np.array([[0.5, 0.0]]), np.array([[0.0, 0.5]])
    weight, known = doubts(np.concatenate([common, rare]).astype(np.float32), judged)
    assert weight[1] / weight[0] == pytest.approx(np.sqrt(3.0))  # (1/√1 : 1/√9), the root of it
    assert known.tolist() == [1.0] * 8  # judged documents without predictions are average ones


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
