"""An order before the first judgement."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strategies.cold_start import cold_start_order, label_similarity

LABELS = np.eye(3, 4, dtype=np.float32)


def documents(n, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, 4)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def order(docs, labels, n, seed=0):
    return cold_start_order(docs, labels, n=n, rng=np.random.default_rng(seed))


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
    first, _ = order(docs, LABELS, 4)
    assert set((docs @ LABELS.T).argmax(axis=0)) <= set(first.tolist())


def test_the_fourth_document_is_unlike_the_first_three():
    docs = np.concatenate([np.repeat(LABELS, 10, axis=0), np.eye(4, dtype=np.float32)[3:]])
    chosen, scores = order(docs, LABELS, 4)
    assert chosen[3] == 30
    assert scores[3] == 0.0
    assert (scores[:3] > 0.4).all()


@given(st.integers(0, 30), st.integers(0, 3), st.integers(0, 40), st.integers(0, 5))
def test_never_a_document_twice_and_as_many_as_asked_for(n_documents, n_labels, n, seed):
    chosen, scores = order(documents(n_documents), LABELS[:n_labels], n, seed)
    assert len(chosen) == len(set(chosen.tolist())) == len(scores) == min(n, n_documents)


def test_the_order_follows_the_seed():
    docs = documents(100)
    first, again, other = (order(docs, LABELS, 20, seed)[0].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
