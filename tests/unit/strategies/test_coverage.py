"""Core-set, ProbCover, TypiClust and k-means batches on geometries one can draw."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.strategies.coverage import core_set_batch, prob_cover_batch, pure_radius
from core.strategies.likeness import blocks, highest_by_lot, nearest_similarity
from core.strategies.typiclust import (
    _mean_distance,
    embedding_kmeans_batch,
    nearest_centre,
    place_centres,
    typiclust_batch,
)

NOTHING = np.empty((0, 2), dtype=np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


def at(*degrees):
    """Unit vectors of the plane."""
    angle = np.radians(np.array(degrees, dtype=np.float64))
    return np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


def kmeans_batch(x, judged_x, n, generator):
    return embedding_kmeans_batch(x, n, generator)


def chord(degrees):
    return 2 * np.sin(np.radians(degrees) / 2)


def cover_batch(x, judged_x, n, generator):
    return prob_cover_batch(x, judged_x, n, generator, radius=chord(10))


ALL = [core_set_batch, prob_cover_batch, typiclust_batch, kmeans_batch]
every_strategy = pytest.mark.parametrize("choose", ALL)


@every_strategy
@settings(deadline=None)
@given(st.integers(0, 25), st.integers(0, 6), st.integers(-1, 30), st.integers(0, 5))
def test_never_a_document_twice_and_as_many_as_asked_for(choose, n_documents, n_judged, n, seed):
    degrees = rng(seed).integers(0, 8, size=n_documents + n_judged) * 45  # many are the same
    x = at(*degrees)
    positions, values = choose(x[:n_documents], x[n_documents:], n, rng(seed))
    assert len(positions) == len(set(positions.tolist())) == min(max(n, 0), n_documents)
    assert positions.dtype == np.int64
    assert values.dtype == np.float32
    assert ((positions >= 0) & (positions < n_documents)).all()
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert (np.diff(values) <= 0).all()


@every_strategy
def test_one_document_is_chosen(choose):
    assert choose(at(10), NOTHING, 5, rng())[0].tolist() == [0]
    assert choose(at(10), at(10, 200), 5, rng())[0].tolist() == [0]


@pytest.mark.parametrize("choose", [core_set_batch, cover_batch, typiclust_batch, kmeans_batch])
def test_two_clusters_send_one_each(choose):
    x = at(*range(0, 10), *range(180, 190))
    for seed in range(5):
        positions, _ = choose(x, NOTHING, 2, rng(seed))
        assert {int(p) // 10 for p in positions} == {0, 1}


@pytest.mark.parametrize("choose", [core_set_batch, cover_batch, typiclust_batch])
def test_a_cluster_with_a_judged_document_waits(choose):
    x = at(*range(0, 10), *range(180, 190))
    for seed in range(5):
        positions, _ = choose(x, at(4.5), 1, rng(seed))
        assert positions[0] >= 10


@every_strategy
def test_the_batch_follows_the_seed(choose):
    x = rng(9).standard_normal((200, 8)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    first, again, other = (choose(x, x[:0], 8, rng(s))[0].tolist() for s in (1, 1, 2))
    assert first == again
    assert first != other


@every_strategy
def test_copies_alone_come_by_lot(choose):
    x = np.repeat(at(30), 40, axis=0)
    batches = [choose(x, NOTHING, 3, rng(seed))[0].tolist() for seed in range(4)]
    assert len({tuple(batch) for batch in batches}) > 1


def test_core_set_takes_the_furthest_first():
    positions, values = core_set_batch(at(10, 100, 40, 180), at(0), 3, rng())
    assert positions.tolist() == [3, 1, 2]  # 180° away, then 80° from it, then 40° from 0
    assert values.tolist() == pytest.approx(
        [2 * np.sin(np.radians(d / 2)) for d in (180, 80, 40)], abs=1e-3
    )


def test_core_set_begins_anywhere_where_nothing_is_judged():
    first = {int(core_set_batch(at(0, 90, 180), NOTHING, 1, rng(s))[0][0]) for s in range(20)}
    assert first == {0, 1, 2}


def test_core_set_chooses_the_same_documents_in_whatever_order_they_stand():
    x, judged = at(10, 100, 40, 180, 250, 333), at(0)
    order = rng(4).permutation(6)
    one = core_set_batch(x, judged, 4, rng())[0]
    other = core_set_batch(x[order], judged, 4, rng())[0]
    assert order[other].tolist() == one.tolist()


def test_core_set_leaves_copies_of_the_judged_to_the_end():
    x = np.vstack([np.repeat(at(0), 5, axis=0), at(90)])
    positions, values = core_set_batch(x, at(0), 6, rng())
    assert positions[0] == 5
    assert values[1:].tolist() == [0.0] * 5


def test_prob_cover_takes_the_ball_with_most_in_it_first():
    x = at(0, 5, 10, 15, 100, 105, 110, 200)
    positions, values = prob_cover_batch(x, NOTHING, 3, rng(), radius=chord(10.5))
    assert positions[0] in {1, 2}  # 0, 5, 10 and 15 are three within 10.5° of these
    assert values[0] == pytest.approx(4 / 8)
    assert positions[1] in {4, 5, 6}
    assert values[1] == pytest.approx(3 / 8)
    assert positions[2] in {0, 3, 7}


def test_prob_cover_counts_only_what_nothing_covers_yet():
    x = at(0, 5, 10, 100, 105)
    positions, values = prob_cover_batch(x, at(5), 2, rng(), radius=chord(6))
    assert positions[0] in {3, 4}
    assert values[0] == pytest.approx(2 / 5)
    assert values[1] == 0.0


@settings(deadline=None)
@given(st.integers(0, 20))
def test_prob_cover_is_as_good_as_a_greedy_that_keeps_the_whole_matrix(seed):
    x = rng(seed).standard_normal((60, 3)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    positions, values = prob_cover_batch(x, x[:0], 12, rng(seed), radius=chord(40))
    inside = x @ x.T >= np.cos(np.radians(40)) - 1e-6
    covered = np.zeros(60, dtype=bool)
    for position, value in zip(positions, values, strict=True):
        gains = (inside & ~covered).sum(axis=1)
        assert gains.max() == pytest.approx(value * 60)
        assert gains[position] == gains.max()
        covered |= inside[position]


def test_prob_cover_of_more_documents_than_it_works_on(monkeypatch):
    monkeypatch.setattr("core.strategies.coverage.COVER_SAMPLE", 40)
    x = at(*rng().uniform(0, 20, size=100), *rng().uniform(180, 200, size=100))
    positions, _ = prob_cover_batch(x, NOTHING, 2, rng(), radius=chord(25))
    assert {int(p) // 100 for p in positions} == {0, 1}
    everything, _ = prob_cover_batch(x, NOTHING, 500, rng(), radius=chord(25))
    assert sorted(everything.tolist()) == list(range(200))


def test_the_radius_ends_before_another_group_begins():
    x = at(*range(0, 10), *range(180, 190))
    assert pure_radius(x, rng(), n_groups=2) == pytest.approx(chord(171), rel=0.02)
    assert pure_radius(x, rng(), n_groups=1) == pytest.approx(2.0)


def test_nineteen_in_twenty_balls_of_that_radius_are_pure():
    x = at(*range(0, 10), *range(30, 40))
    assert pure_radius(x, rng(), n_groups=2) == pytest.approx(chord(21), rel=0.05)
    assert pure_radius(x, rng(), n_groups=2, purity=0.05) == pytest.approx(chord(30), rel=0.05)


def test_the_mean_distance_to_the_nearest_leaves_itself_out():
    distance = _mean_distance(at(0, 60, 120))
    assert distance == pytest.approx([(chord(60) + chord(120)) / 2, 1.0, (1 + chord(120)) / 2])
    assert _mean_distance(at(0)).tolist() == [0.0]


def test_typiclust_passes_over_an_outlier_that_nothing_judged_is_near():
    x = at(*range(0, 40, 2), 180, *range(270, 290, 2))
    assert all(typiclust_batch(x, at(20, 280), 1, rng(s))[0][0] != 20 for s in range(5))


def test_typiclust_counts_what_is_known_of_a_group(monkeypatch):
    monkeypatch.setattr("core.strategies.typiclust.MOST_GROUPS", 2)
    x = at(*range(0, 10), *range(180, 190))
    _, values = typiclust_batch(x, at(5, 185), 4, rng())
    assert values.tolist() == pytest.approx([1 / 4, 1 / 4, 1 / 6, 1 / 6])


def test_typiclust_takes_the_most_typical_of_the_largest_group():
    tight = [0, 20, 39, 40, 41, 42]
    x = at(*np.array(tight), *(180 + np.array([0, 1, 2, 3, 4])))
    for seed in range(5):
        positions, values = typiclust_batch(x, NOTHING, 2, rng(seed))
        assert positions[0] in {2, 3, 4}
        assert positions[1] == 8
        assert values.tolist() == pytest.approx([6 / 11, 5 / 11])


def test_typiclust_leaves_groups_of_a_few_to_the_end():
    x = at(*range(0, 40, 2), 180, *range(270, 290, 2))
    positions, _ = typiclust_batch(x, NOTHING, 3, rng())
    assert positions[0] < 20
    assert positions[1] > 20
    assert 20 not in positions[:2]


def test_typiclust_divides_its_attention_where_all_groups_are_judged():
    x = at(*range(0, 10), *range(180, 190))
    positions, _ = typiclust_batch(x, np.repeat(at(5), 3, axis=0), 6, rng(1))
    assert positions[0] >= 10


def test_typiclust_of_groups_larger_than_it_compares(monkeypatch):
    monkeypatch.setattr("core.strategies.typiclust.MEMBERS_SEEN", 7)
    monkeypatch.setattr("core.strategies.typiclust.GROUPING_SAMPLE", 30)
    monkeypatch.setattr("core.strategies.typiclust.SEEDING_SAMPLE", 20)
    x = at(*rng().uniform(0, 20, size=100), *rng().uniform(180, 200, size=100))
    positions, _ = typiclust_batch(x, at(5, 7), 4, rng())
    assert (positions >= 100).any()
    everything, _ = typiclust_batch(x, at(5, 7), 300, rng())
    assert sorted(everything.tolist()) == list(range(200))


def test_kmeans_takes_the_middle_of_each_group():
    x = at(0, 10, 20, 30, 40, 180, 185, 190)
    positions, values = embedding_kmeans_batch(x, 2, rng())
    assert positions.tolist() == [2, 6]
    assert values.tolist() == pytest.approx([5 / 8, 3 / 8])


def test_centres_of_fewer_unlike_rows_than_groups():
    x = np.repeat(at(0, 90), 10, axis=0)
    centres = place_centres(x, 7, rng())
    assert len(centres) == 2
    group = nearest_centre(x, centres)
    assert len(set(group[:10].tolist())) == len(set(group[10:].tolist())) == 1
    assert group[0] != group[10]


def test_nearest_similarity_is_the_least_where_there_is_nothing():
    assert nearest_similarity(at(0, 90), NOTHING).tolist() == [-1.0, -1.0]
    assert nearest_similarity(at(0, 90), at(0, 60)) == pytest.approx([1.0, np.sqrt(3) / 2])


def test_blocks_cover_every_row_once(monkeypatch):
    monkeypatch.setattr("core.strategies.likeness.BLOCK_CELLS", 10)
    rows = [row for block in blocks(11, 3) for row in range(11)[block]]
    assert rows == list(range(11))
    assert list(blocks(2, 100)) == [slice(0, 1), slice(1, 2)]


def test_a_lot_decides_between_equals():
    values = np.array([1.0, 3.0, 3.0, 2.0])
    assert {highest_by_lot(values, rng(seed)) for seed in range(20)} == {1, 2}
