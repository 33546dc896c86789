"""The loop played against gold labels, on vectors from which the labels follow."""

import dataclasses

import numpy as np
import pytest

from core.errors import InputError
from core.learners.quick import QuickConfig
from core.replay.simulate import (
    ReplayConfig,
    RoundResult,
    area_under_curve,
    best_threshold,
    micro_macro_f1,
    replay,
)

SMALL = ReplayConfig(
    n_initial=10,
    batch_size=15,
    n_rounds=3,
    n_passes=5,
    n_folds=2,
    learner=QuickConfig(hidden=64, epochs=10),
)


def gold(n, seed):
    """Four labels, each a direction of its own, in noise."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, 4)) < 0.4).astype(np.int8)
    noise = 0.25 * rng.standard_normal((n, 12), dtype=np.float32)
    x = truth @ np.eye(4, 12, dtype=np.float32) + noise
    return x / np.linalg.norm(x, axis=1, keepdims=True), truth


def play(strategy="bald", seed=0, n=100, **changed):
    x, truth = gold(n, 1)
    test_x, test_truth = gold(60, 2)
    return replay(
        x,
        truth,
        test_x=test_x,
        test_truth=test_truth,
        strategy=strategy,
        seed=seed,
        config=dataclasses.replace(SMALL, **changed),
    )


@pytest.mark.parametrize("strategy", ["random", "bald", "entropy", "beal-mean"])
def test_the_loop_learns(strategy):
    results = play(strategy)
    assert [result.n_judged for result in results] == [10, 25, 40, 55]
    assert results[-1].micro_f1 > results[0].micro_f1 + 0.05
    assert results[-1].micro_f1 > 0.75


def test_strategies_of_a_seed_begin_alike_and_seeds_differ():
    first, other, elsewhere = play("random")[0], play("bald")[0], play("random", seed=1)[0]
    assert first.micro_f1 == other.micro_f1
    assert first.threshold == other.threshold
    assert first.micro_f1 != elsewhere.micro_f1


def test_the_same_seed_plays_the_same_loop():
    first, again = play(), play()
    assert [r.micro_f1 for r in first] == [r.micro_f1 for r in again]


def test_it_ends_when_the_pool_is_used_up():
    assert [result.n_judged for result in play(n=30, n_rounds=9)] == [10, 25, 30]


def test_a_pool_too_small_to_begin_with_is_refused():
    with pytest.raises(InputError, match="9 documents, fewer than the 10"):
        play(n=9)


def test_f1_by_hand():
    proba = np.array([[0.9, 0.2], [0.8, 0.6], [0.1, 0.7]], dtype=np.float32)
    truth = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.int8)
    micro, macro = micro_macro_f1(proba, truth, 0.5)
    assert micro == pytest.approx(2 * 2 / (4 + 2))
    assert macro == pytest.approx((2 / 3 + 2 / 3) / 2)


def test_labels_never_present_do_not_enter_the_macro_average():
    truth = np.array([[1, 0]], dtype=np.int8)
    proba = np.array([[1.0, 0.0]], dtype=np.float32)
    assert micro_macro_f1(proba, truth, 0.5) == (1.0, 1.0)
    assert np.isnan(micro_macro_f1(proba, np.zeros_like(truth), 0.5)).all()


def test_the_best_threshold_parts_what_can_be_parted():
    proba = np.array([[0.31], [0.29], [0.1], [np.nan]], dtype=np.float32)
    truth = np.array([[1], [0], [0], [1]], dtype=np.int8)
    assert best_threshold(proba, truth) == pytest.approx(0.30, abs=0.005)
    assert best_threshold(proba, np.zeros_like(truth)) == 0.5


def test_the_area_is_the_average_height():
    def result(n, f1):
        return RoundResult(n, 0.5, f1, f1, f1, f1, 0.0)

    assert area_under_curve([result(100, 0.2), result(200, 0.4)]) == pytest.approx(0.3)
    uneven = [result(0, 0.0), result(10, 1.0), result(40, 1.0)]
    assert area_under_curve(uneven) == pytest.approx((5 + 30) / 40)
    assert area_under_curve([result(100, 0.2)]) == 0.2
