"""An order before the first judgement."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strategies.cold_start import (
    COVER_EVERY,
    ENOUGH,
    NO_LABEL,
    TURNS_EACH,
    cold_start_order,
    label_similarity,
)

LABELS = np.eye(3, 4, dtype=np.float32)


def documents(n, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, 4)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def order(docs, labels, n, seed=0, **known):
    return cold_start_order(docs, labels, n=n, rng=np.random.default_rng(seed), **known)


def test_more_similar_is_more_probable():
    docs = documents(50)
    proba = label_similarity(docs, LABELS)
    assert proba.shape == (50, 3)
    for label in range(3):
        by_cosine = np.argsort(docs @ LABELS[label])
        assert (np.diff(proba[by_cosine, label]) >= 0).all()
    assert 0 < (proba >= 0.5).mean() < 0.3


@pytest.mark.parametrize(("n_documents", "n_labels"), [(0, 3), (1, 3), (5, 0), (4, 1)])
def test_few_documents_or_labels_stay_finite(n_documents, n_labels):
    proba = label_similarity(documents(n_documents), LABELS[:n_labels])
    assert proba.shape == (n_documents, n_labels)
    assert np.isfinite(proba).all()


def test_every_label_has_its_best_document_among_the_first():
    docs = documents(200)
    first = order(docs, LABELS, 4)
    assert set((docs @ LABELS.T).argmax(axis=0)) <= set(first.positions.tolist())


def test_every_fourth_is_chosen_for_coverage_and_by_no_label():
    found = order(documents(200), LABELS, 16)
    assert [at for at, label in enumerate(found.labels) if label == NO_LABEL] == [3, 7, 11, 15]
    assert (found.scores[found.labels == NO_LABEL] == 0).all()
    assert (found.scores[found.labels != NO_LABEL] > 0).all()


def test_a_label_with_enough_examples_takes_no_turns():
    found = order(documents(200), LABELS, 20, n_present=np.array([ENOUGH, 0, ENOUGH + 3]))
    assert set(found.labels.tolist()) == {1, NO_LABEL}


def test_turns_end_when_every_label_had_its_chances_and_coverage_goes_on():
    found = order(documents(200), LABELS, 60, n_present=np.array([4, 3, 5]))
    turns = [int((found.labels == label).sum()) for label in range(3)]
    assert turns == [TURNS_EACH, 2 * TURNS_EACH, 0]
    last_turn = np.flatnonzero(found.labels != NO_LABEL)[-1]
    assert last_turn == 9 + 9 // (COVER_EVERY - 1) - 2
    assert len(set(found.positions.tolist())) == 60


def test_coverage_goes_where_nothing_is_judged():
    rng = np.random.default_rng(0)
    here = LABELS[0] + rng.normal(0, 0.02, (30, 4))
    there = LABELS[1] + rng.normal(0, 0.02, (30, 4))
    docs = np.concatenate([here, there]).astype(np.float32)
    docs /= np.linalg.norm(docs, axis=1, keepdims=True)
    found = order(docs, LABELS[:0], 1, judged=docs[:20])
    assert found.positions[0] >= 30


@given(st.integers(0, 30), st.integers(0, 3), st.integers(0, 40), st.integers(0, 5))
def test_never_a_document_twice_and_as_many_as_asked_for(n_documents, n_labels, n, seed):
    found = order(documents(n_documents), LABELS[:n_labels], n, seed)
    chosen = found.positions.tolist()
    assert len(chosen) == len(set(chosen)) == min(n, n_documents)
    assert len(found.scores) == len(found.labels) == len(chosen)


def test_the_order_follows_the_seed():
    docs = documents(100)
    first, again, other = (order(docs, LABELS, 20, seed).positions.tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
