"""Contrastive scores with a Bernoulli per label."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr

from core.strategies.contrastive import CLIP, contrastive_scores


def rng(seed=0):
    return np.random.default_rng(seed)


def unit(n_documents, seed, width=5):
    x = rng(seed).standard_normal((n_documents, width)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def slow_contrast(x, proba, judged_x, judged_proba, k):
    """One document, one neighbour and one label after the other, in float64."""
    scores = np.zeros((len(x), proba.shape[1]))
    for i, row in enumerate(x):
        nearest = np.argsort(-(judged_x.astype(float) @ row.astype(float)), kind="stable")[:k]
        for label in range(proba.shape[1]):
            p = np.clip(float(proba[i, label]), 1e-6, 1 - 1e-6)
            qs = np.clip(judged_proba[nearest, label].astype(float), 1e-6, 1 - 1e-6)
            scores[i, label] = np.mean([rel_entr(q, p) + rel_entr(1 - q, 1 - p) for q in qs])
    return scores


@pytest.mark.parametrize("k", [1, 3, 10, 50])
def test_it_gives_what_a_slow_loop_gives(k):
    x, judged_x = unit(30, 1), unit(12, 2)
    proba, judged_proba = rng(3).random((30, 4), np.float32), rng(4).random((12, 4), np.float32)
    scores, contributions = contrastive_scores(x, proba, judged_x, judged_proba, k=k)
    expected = slow_contrast(x, proba, judged_x, judged_proba, k)
    assert contributions == pytest.approx(expected, abs=1e-5)
    assert scores == pytest.approx(expected.sum(axis=1), abs=1e-5)


def test_one_neighbour_by_hand():
    x = np.array([[1, 0]], dtype=np.float32)
    judged_x = np.array([[0.6, 0.8], [0, 1]], dtype=np.float32)
    proba = np.array([[0.5]], dtype=np.float32)
    judged_proba = np.array([[0.9], [0.1]], dtype=np.float32)
    scores, _ = contrastive_scores(x, proba, judged_x, judged_proba, k=1)
    assert scores[0] == pytest.approx(0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5), abs=1e-6)


def test_a_prediction_like_the_neighbours_scores_nothing():
    x, proba = unit(6, 1), np.tile(np.float32([0.0, 0.3, 1.0]), (6, 1))
    scores, _ = contrastive_scores(x, proba, x, proba, k=3)
    assert scores == pytest.approx(np.zeros(6), abs=1e-6)


def test_probabilities_of_nought_and_one_are_finite():
    x = unit(4, 1)
    certain = np.array([[0, 1], [1, 0], [0.5, 0.5], [1, 1]], dtype=np.float32)
    scores, contributions = contrastive_scores(x, certain, x, 1 - certain, k=2)
    assert np.isfinite(scores).all()
    assert contributions.max() <= -np.log(CLIP) + 1e-3


@settings(deadline=None)
@given(st.integers(0, 8), st.integers(0, 6), st.integers(1, 4), st.integers(0, 9))
def test_never_below_zero_and_the_labels_add_up(n_documents, n_judged, n_labels, seed):
    generator = rng(seed)
    proba = np.round(generator.random((n_documents, n_labels), np.float32) * 2) / 2
    judged_proba = np.round(generator.random((n_judged, n_labels), np.float32) * 2) / 2
    proba[generator.random(proba.shape) < 0.2] = np.nan
    judged_proba[generator.random(judged_proba.shape) < 0.2] = np.nan
    scores, contributions = contrastive_scores(
        unit(n_documents, seed), proba, unit(n_judged, seed + 1), judged_proba, k=2
    )
    assert contributions.shape == proba.shape
    assert scores.dtype == contributions.dtype == np.float32
    assert (contributions >= 0).all()
    assert scores == pytest.approx(contributions.sum(axis=1))
    assert (contributions[np.isnan(proba)] == 0).all()


@pytest.mark.parametrize("n_labels", [1, 2, 500])
def test_labels_in_another_order_score_the_same(n_labels):
    x, judged_x = unit(20, 1), unit(7, 2)
    proba = rng(3).random((20, n_labels), np.float32)
    judged_proba = rng(4).random((7, n_labels), np.float32)
    one, by_label = contrastive_scores(x, proba, judged_x, judged_proba, k=3)
    order = rng(5).permutation(n_labels)
    other, reordered = contrastive_scores(x, proba[:, order], judged_x, judged_proba[:, order], k=3)
    assert other == pytest.approx(one, rel=1e-4)
    assert (reordered == by_label[:, order]).all()


def test_documents_in_another_order_score_the_same():
    x, judged_x = unit(20, 1), unit(7, 2)
    proba, judged_proba = rng(3).random((20, 3), np.float32), rng(4).random((7, 3), np.float32)
    order = rng(5).permutation(20)
    one, _ = contrastive_scores(x, proba, judged_x, judged_proba, k=3)
    other, _ = contrastive_scores(x[order], proba[order], judged_x, judged_proba, k=3)
    assert other == pytest.approx(one[order], rel=1e-5)


def test_nothing_judged_scores_nothing():
    x, proba = unit(5, 1), rng(3).random((5, 2), np.float32)
    nothing = np.empty((0, 2), dtype=np.float32)
    for judged_proba in (nothing, np.full((3, 2), np.nan, dtype=np.float32)):
        judged_x = unit(len(judged_proba), 2)
        scores, contributions = contrastive_scores(x, proba, judged_x, judged_proba)
        assert scores.tolist() == [0.0] * 5
        assert not contributions.any()


def test_judged_documents_without_a_prediction_are_no_neighbours():
    x, judged_x = unit(10, 1), unit(8, 2)
    proba, judged_proba = rng(3).random((10, 2), np.float32), rng(4).random((8, 2), np.float32)
    judged_proba[[1, 4, 6]] = np.nan
    has = [0, 2, 3, 5, 7]
    one, _ = contrastive_scores(x, proba, judged_x, judged_proba, k=2)
    other, _ = contrastive_scores(x, proba, judged_x[has], judged_proba[has], k=2)
    assert one.tolist() == other.tolist()


def test_vectors_may_lie_on_disk_in_half_precision(tmp_path, monkeypatch):
    x, judged_x = unit(50, 1).astype(np.float16), unit(8, 2)
    proba, judged_proba = rng(3).random((50, 2), np.float32), rng(4).random((8, 2), np.float32)
    x.tofile(tmp_path / "vectors.f16")
    mapped = np.memmap(tmp_path / "vectors.f16", dtype=np.float16, mode="r", shape=x.shape)
    whole, _ = contrastive_scores(x.astype(np.float32), proba, judged_x, judged_proba, k=3)
    monkeypatch.setattr("core.strategies.likeness.BLOCK_CELLS", 60)
    in_blocks, _ = contrastive_scores(mapped, proba, judged_x, judged_proba, k=3)
    assert in_blocks == pytest.approx(whole, rel=1e-5)


def test_a_neighbour_without_a_label_leaves_it_to_the_others():
    x, judged_x = unit(5, 1), unit(2, 2)
    proba, judged_proba = rng(3).random((5, 2), np.float32), rng(4).random((2, 2), np.float32)
    judged_proba[0, 1] = np.nan
    _, both = contrastive_scores(x, proba, judged_x, judged_proba, k=2)
    _, alone = contrastive_scores(x, proba, judged_x[1:], judged_proba[1:], k=2)
    assert both[:, 1] == pytest.approx(alone[:, 1], rel=1e-5)
