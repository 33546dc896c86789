"""Vectors laid out in the plane, and which documents are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Cancelled
from core.rounds.mapping import choose_documents
from core.rounds.projection import nearest, principal_plane, project, unit_length

N_GROUPS, PER_GROUP, WIDTH = 5, 60, 24


@pytest.fixture(scope="module")
def groups() -> tuple[np.ndarray, np.ndarray]:
    """Five groups that point in different directions, and to which each row belongs."""
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((N_GROUPS, WIDTH))
    of = np.repeat(np.arange(N_GROUPS), PER_GROUP)
    x = centres[of] + 0.4 * rng.standard_normal((len(of), WIDTH))
    return x.astype(np.float32), of


def purity(points: np.ndarray, of: np.ndarray, n: int = 10) -> float:
    """The share of each point's nearest that belong to its group."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1)[:, :n]
    return float((of[near] == of[:, None]).mean())


def test_groups_stay_apart_and_the_same_seed_gives_the_same_points(
    groups: tuple[np.ndarray, np.ndarray],
) -> None:
    x, of = groups
    points = project(x, seed=7)
    assert points.shape == (len(x), 2)
    assert points.dtype == np.float32
    assert purity(points, of) > 0.95
    np.testing.assert_array_equal(points, project(x, seed=7))
    assert not np.array_equal(points, project(x, seed=8))


def test_shuffled_groups_are_not_pure() -> None:
    rng = np.random.default_rng(0)
    of = rng.integers(0, N_GROUPS, 300)
    assert purity(rng.standard_normal((300, 2)), of) < 0.4


def test_lengths_of_vectors_do_not_matter(groups: tuple[np.ndarray, np.ndarray]) -> None:
    x, of = groups
    stretched = x * np.random.default_rng(1).uniform(0.5, 4.0, (len(x), 1)).astype(np.float32)
    assert purity(project(stretched, seed=7), of) > 0.95


def test_equal_vectors_and_zeros_are_drawn_all_the_same() -> None:
    x = np.zeros((40, WIDTH), dtype=np.float32)
    x[:30, 0] = 1.0
    points = project(x, seed=1)
    assert points.shape == (40, 2)
    assert np.isfinite(points).all()


def test_progress_goes_up_to_the_whole_and_a_stop_is_heard_before_the_layout_and_in_it(
    groups: tuple[np.ndarray, np.ndarray],
) -> None:
    x, _ = groups
    told: list[float] = []
    project(x, seed=7, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert any(0.5 < share < 1.0 for share in told) or told.count(0.5) == 1
    for n_looks in (1, 2, len(told)):
        looks: list[bool] = []

        def should_stop(looks: list[bool] = looks, n: int = n_looks) -> bool:
            looks.append(True)
            return len(looks) >= n

        with pytest.raises(Cancelled, match="Drawing the map was cancelled"):
            project(x, seed=7, should_stop=should_stop)


def test_very_few_documents_are_laid_out_by_principal_components() -> None:
    x = np.eye(5, WIDTH, dtype=np.float32)
    points = project(x, seed=7)
    assert points.shape == (5, 2)
    np.testing.assert_array_equal(points, project(x, seed=99))
    assert principal_plane(np.zeros((1, WIDTH), dtype=np.float32)).shape == (1, 2)
    assert principal_plane(np.ones((4, 1), dtype=np.float32)).shape == (4, 2)


def test_principal_components_order_points_along_the_widest_direction() -> None:
    x = np.array([[0, 0, 0], [1, 0.1, 0], [2, 0, 0], [3, 0.1, 0]], dtype=np.float32)
    plane = principal_plane(x)
    assert plane[:, 0].tolist() == sorted(plane[:, 0].tolist())
    np.testing.assert_allclose(np.ptp(plane[:, 0]), 3.0, atol=0.01)


@given(seed=st.integers(0, 10_000), n=st.integers(20, 90))
def test_neighbours_are_those_that_comparing_all_pairs_finds(seed: int, n: int) -> None:
    x = unit_length(np.random.default_rng(seed).standard_normal((n, 6)).astype(np.float32))
    indices, distances = nearest(x, 5)
    cosine = 1.0 - x @ x.T
    np.fill_diagonal(cosine, -1.0)
    assert indices[:, 0].tolist() == list(range(n))
    expected = np.maximum(np.sort(cosine, axis=1)[:, :5], 0.0)
    np.testing.assert_allclose(distances, expected, atol=1e-5)


@given(
    n=st.integers(0, 60),
    wanted=st.sets(st.integers(0, 59)),
    most=st.integers(1, 70),
    seed=st.integers(0, 5),
)
def test_what_is_judged_is_drawn_first_and_never_more_than_the_most(
    n: int, wanted: set[int], most: int, seed: int
) -> None:
    ids = np.arange(n, dtype=np.int64) * 3 + 1
    judged = ids[[i for i in sorted(wanted) if i < n]]
    chosen = choose_documents(ids, judged, most=most, seed=seed)
    assert len(chosen) == min(n, most)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert set(chosen.tolist()) <= set(ids.tolist())
    if len(judged) <= most:
        assert set(judged.tolist()) <= set(chosen.tolist())
    else:
        assert set(chosen.tolist()) <= set(judged.tolist())


def test_the_rest_is_drawn_by_lot_and_the_same_lot_again() -> None:
    ids, judged = np.arange(1, 1001), np.array([5, 500])
    chosen = choose_documents(ids, judged, most=100)
    assert chosen.tolist() == choose_documents(ids, judged, most=100).tolist()
    assert {5, 500} <= set(chosen.tolist())
    assert chosen.tolist() != list(range(1, 101))
    more = choose_documents(np.arange(1, 1011), judged, most=100)
    assert len(np.intersect1d(chosen, more)) >= 90
