"""small-text's own strategies, asked from outside its loop."""

import numpy as np
import pytest

from core.strategies.borrowed import MAKE, borrowed_batch
from core.strategies.judged import Judged, nothing_judged


def far_apart():
    """Four tight heaps of ten unit vectors each."""
    rng = np.random.default_rng(0)
    centres = np.eye(4, 6, dtype=np.float32)
    x = np.repeat(centres, 10, axis=0) + rng.normal(0, 0.01, (40, 6)).astype(np.float32)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def first_heap_judged(x):
    return Judged(x[:10], np.ones((10, 2), dtype=np.int8), np.ones((10, 2), dtype=np.float32))


@pytest.mark.parametrize("name", ["kmeans", "core-set"])
def test_the_heaps_nobody_judged_are_all_visited(name):
    x = far_apart()
    positions, _ = borrowed_batch(
        f"small-text-{name}", x[10:], first_heap_judged(x), 3, np.random.default_rng(0)
    )
    assert sorted((positions // 10).tolist()) == [0, 1, 2]


@pytest.mark.parametrize("name", MAKE)
def test_the_seed_decides_and_nothing_else_that_draws_is_disturbed(name):
    x = far_apart()
    judged = first_heap_judged(x)
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (
        borrowed_batch(f"small-text-{name}", x[10:], judged, 7, np.random.default_rng(3))[0]
        for _ in range(2)
    )
    assert first.tolist() == again.tolist()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize("name", MAKE)
def test_asking_for_more_than_there_are_gives_each_once(name):
    x = far_apart()
    positions, values = borrowed_batch(
        f"small-text-{name}", x, nothing_judged(6, 2), 100, np.random.default_rng(0)
    )
    assert sorted(positions.tolist()) == list(range(40))
    assert (np.diff(values) < 0).all()
