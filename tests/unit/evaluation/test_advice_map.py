"""What a map suggests, on maps made up for it."""

from __future__ import annotations

import numpy as np

from core.evaluation.advice_map import unvisited, what_it_suggests_map


def heaps(*centres: tuple[float, float], n: int = 30) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.concatenate([np.array(c) + 0.05 * rng.standard_normal((n, 2)) for c in centres])


FOUR = heaps((0, 0), (10, 0), (0, 10), (10, 10))  # thirty documents each


def judged(*at: int) -> np.ndarray:
    return np.isin(np.arange(len(FOUR)), at)


def test_heaps_without_a_judged_document_are_counted_with_their_documents() -> None:
    found = unvisited(FOUR, judged(0, 35))
    assert (found.n_regions, found.n_documents, found.n_all) == (2, 60, 120)
    told = what_it_suggests_map(FOUR, judged(0, 35))
    assert told.startswith("2 regions with 60 documents (50%) have no judged document")
    assert "1 region with 30 documents (25%) has no" in what_it_suggests_map(
        FOUR, judged(0, 35, 70)
    )


def test_squares_that_touch_are_one_region() -> None:
    rng = np.random.default_rng(0)
    strip = np.stack([rng.uniform(0, 10, 600), rng.uniform(0, 1, 600)], axis=1)
    corner = heaps((10, 10), n=1)
    xy = np.concatenate([strip, corner])
    is_judged = np.arange(len(xy)) == 600
    assert unvisited(xy, is_judged).n_regions == 1


def test_a_judged_document_in_every_heap_leaves_none() -> None:
    assert "lie in every part" in what_it_suggests_map(FOUR, judged(0, 35, 70, 100))


def test_few_documents_apart_from_the_others_are_no_region() -> None:
    xy = np.concatenate([FOUR, heaps((5, 5), n=3)])
    is_judged = np.isin(np.arange(len(xy)), [0, 35, 70, 100])
    assert unvisited(xy, is_judged).n_regions == 0


def test_before_and_after_all_judging_something_else_is_suggested() -> None:
    assert "None of these documents is judged yet" in what_it_suggests_map(FOUR, judged())
    assert "Every document shown is judged" in what_it_suggests_map(FOUR, judged(*range(120)))


def test_documents_on_one_spot_are_no_trouble() -> None:
    xy = np.zeros((20, 2))
    assert unvisited(xy, np.zeros(20, dtype=bool)).n_regions == 1
