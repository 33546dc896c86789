"""BADGE with one Bernoulli per label, against gradients written out in full."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.strategies.badge import badge_batch, gradient_errors


def rng(seed=0):
    return np.random.default_rng(seed)


def unit(x):
    x = np.asarray(x, dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def pool(n_documents, n_labels, *, seed=0, width=6):
    generator = rng(seed)
    x = unit(generator.standard_normal((n_documents, width)))
    return x, generator.random((n_documents, n_labels), dtype=np.float32)


def slow_badge(x, proba, n, generator):
    """k-means++ seeding on the gradients themselves, in float64, one by one."""
    gradients = []
    for row, p in zip(x.astype(float), proba.astype(float), strict=True):
        pseudo = np.array([1.0 if value >= 0.5 else 0.0 for value in p])
        gradients.append(np.outer(p - pseudo, row).ravel())
    g = np.array(gradients)
    lengths = (g**2).sum(axis=1)
    longest = np.flatnonzero(lengths == lengths.max())
    chosen = [int(generator.choice(longest))]
    while len(chosen) < n:
        distance = np.array([min(((row - g[c]) ** 2).sum() for c in chosen) for row in g])
        below = np.cumsum(distance)
        mark = generator.random() * below[-1]
        chosen.append(next(i for i, total in enumerate(below) if total > mark))
    return chosen


@pytest.mark.parametrize("n_labels", [1, 2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_it_draws_what_gradients_written_out_in_full_draw(n_labels, seed):
    x, proba = pool(40, n_labels, seed=seed)
    positions, _ = badge_batch(x, proba, 12, rng(seed))
    assert positions.tolist() == slow_badge(x, proba, 12, rng(seed))


def test_values_are_squared_distances_of_gradients():
    x = unit([[1, 0], [0, 1], [1, 0]])
    proba = np.array([[0.5], [0.6], [1.0]], dtype=np.float32)  # errors -.5, -.4, 0
    positions, values = badge_batch(x, proba, 2, rng())
    assert positions[0] == 0
    assert values[0] == pytest.approx(0.25)
    assert values[1] == pytest.approx({1: 0.25, 2: 0.25}[int(positions[1])])
    _, values = badge_batch(x[[0, 0]], proba[[0, 1]], 2, rng())
    assert values.tolist() == pytest.approx([0.25, 0.01])


def test_the_longest_gradient_comes_first_and_a_lot_decides_between_equals():
    x = unit([[1, 0], [0, 1], [1, 1]])
    proba = np.array([[0.5, 0.5], [0.9, 0.9], [0.5, 0.5]], dtype=np.float32)
    first = {int(badge_batch(x, proba, 1, rng(seed))[0][0]) for seed in range(20)}
    assert first == {0, 2}


def test_two_unsure_documents_with_the_same_lesson_are_not_both_drawn():
    x = unit([[1, 0]] * 10 + [[0, 1]] * 10)
    proba = np.full((20, 1), 0.5, dtype=np.float32)
    for seed in range(20):
        positions, _ = badge_batch(x, proba, 2, rng(seed))
        assert {int(p) // 10 for p in positions} == {0, 1}


def test_the_same_text_teaches_two_things_where_other_labels_are_in_doubt():
    x = unit([[1, 0]] * 3)
    proba = np.array([[0.5, 0.0], [0.0, 0.5], [0.5, 0.0]], dtype=np.float32)
    for seed in range(10):
        positions, _ = badge_batch(x, proba, 2, rng(seed))
        assert 1 in positions


@pytest.mark.parametrize("n_labels", [1, 2, 500])
@pytest.mark.parametrize("n_documents", [1, 2, 30])
def test_any_number_of_labels_and_documents(n_documents, n_labels):
    x, proba = pool(n_documents, n_labels)
    positions, values = badge_batch(x, proba, 50, rng())
    assert sorted(positions.tolist()) == list(range(n_documents))
    assert np.isfinite(values).all()
    assert (np.diff(values) <= 0).all()


@settings(deadline=None)
@given(st.integers(0, 25), st.integers(-1, 30), st.integers(1, 4), st.integers(0, 5))
def test_never_a_document_twice_and_as_many_as_asked_for(n_documents, n, n_labels, seed):
    x, proba = pool(n_documents, n_labels, seed=seed)
    proba = np.round(proba * 2) / 2  # exactly 0, 0.5 and 1
    x = x[rng(seed).integers(max(n_documents, 1), size=n_documents)] if n_documents else x
    positions, values = badge_batch(x, proba, n, rng(seed))
    assert len(positions) == len(set(positions.tolist())) == min(max(n, 0), n_documents)
    assert positions.dtype == np.int64
    assert values.dtype == np.float32
    assert ((positions >= 0) & (positions < n_documents)).all()
    assert (values >= 0).all()
    assert (np.diff(values) <= 0).all()


def test_labels_in_another_order_draw_the_same():
    x, proba = pool(40, 6)
    proba = np.round(proba * 8) / 8
    x = np.eye(8, dtype=np.float32)[rng(1).integers(8, size=40)]
    one, _ = badge_batch(x, proba, 10, rng(3))
    other, _ = badge_batch(x, proba[:, ::-1].copy(), 10, rng(3))
    assert one.tolist() == other.tolist()


def test_labels_without_a_prediction_change_nothing():
    x, proba = pool(40, 3)
    unknown = np.full((40, 2), np.nan, dtype=np.float32)
    one, _ = badge_batch(x, proba, 10, rng(3))
    other, _ = badge_batch(x, np.hstack([proba, unknown]), 10, rng(3))
    assert one.tolist() == other.tolist()


def test_a_sure_document_is_never_drawn_before_there_is_a_doubt_drawn():
    x, proba = pool(30, 2)
    proba = np.round(proba)
    proba[7] = 0.5
    assert all(badge_batch(x, proba, 1, rng(seed))[0][0] == 7 for seed in range(10))


def test_without_any_doubt_a_lot_decides():
    x, _ = pool(30, 2)
    certain = np.ones((30, 2), dtype=np.float32)
    batches = [badge_batch(x, certain, 5, rng(seed))[0].tolist() for seed in range(3)]
    assert batches[0] != batches[1]
    assert badge_batch(x, certain, 5, rng())[1].tolist() == [0.0] * 5


def test_the_batch_follows_the_seed():
    x, proba = pool(60, 3)
    first, again, other = (badge_batch(x, proba, 8, rng(s))[0].tolist() for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_error_is_the_distance_to_the_models_own_answer():
    proba = np.array([[0.0, 0.25, 0.5, 0.75, 1.0, np.nan]], dtype=np.float32)
    assert gradient_errors(proba).tolist() == [[0.0, 0.25, -0.5, -0.25, 0.0, 0.0]]
