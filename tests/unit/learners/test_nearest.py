"""The vote of the nearest judged documents, by hand."""

import numpy as np
import pytest

from core.learners import nearest
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.nearest import TEMPERATURE
from core.learners.quick import QuickConfig, QuickKind, new_quick

CONFIG = QuickConfig(kind=QuickKind.NEIGHBOURS)
AXES = np.eye(3, dtype=np.float32)


def vote(x, truth, query, blocks=()):
    truth = np.array(truth, dtype=np.int8)
    head = new_quick(CONFIG, truth.shape[1], blocks=blocks).fit(JudgedVectors(x, truth))
    pool = JudgedVectors(query, unjudged(len(query), truth.shape[1]))
    return head.predict_proba(pool)


def test_a_document_between_two_has_half_of_each():
    between = np.array([[0.6, 0.6, 0.0]], dtype=np.float32)
    proba = vote(AXES[:2], [[1, 0], [0, 0]], between)
    np.testing.assert_allclose(proba, [[0.5, 0.0]], atol=2e-3)


def test_nearness_counts_by_a_softmax_of_the_cosine():
    query = np.array([[0.55, 0.5, 0.0]], dtype=np.float32)
    expected = 1 / (1 + np.exp(-0.05 / TEMPERATURE))
    assert vote(AXES[:2], [[1], [0]], query)[0, 0] == pytest.approx(expected, abs=2e-3)


def test_the_cosine_is_the_mean_over_blocks():
    """Alike in one block of two is half alike."""
    x = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], dtype=np.float32)
    query = np.array([[1, 0, 0, 1], [1, 0, 1, 0]], dtype=np.float32)
    mixed, same = vote(x, [[1], [0]], query, blocks=(2, 2))[:, 0]
    assert mixed == pytest.approx(0.5, abs=2e-3)
    assert same == pytest.approx(1.0, abs=2e-3)


def test_only_documents_judged_on_a_label_are_asked_about_it():
    """The nearest was not asked about the second label, the other one says yes."""
    query = np.array([[0.9, 0.4, 0.0]], dtype=np.float32)
    sure, far = vote(AXES[:2], [[1, -1], [0, 1]], query)[0]
    assert sure > 0.99
    assert far > 0.5


def test_a_bootstrap_weighs_judged_documents_anew():
    """With one document near, every pass agrees; between two, none does."""
    head = new_quick(CONFIG, 1).fit(JudgedVectors(AXES[:2], np.array([[1], [0]], dtype=np.int8)))
    at = np.array([[1, 0, 0], [0.7, 0.7, 0]], dtype=np.float32)
    samples = head.predict_proba(JudgedVectors(at, unjudged(2, 1)), dropout_sampling=500)[..., 0]
    assert samples[0].std() < 0.01
    # The share of one of two exponentials is uniform: its deviation is √(1/12).
    assert samples[1].std() == pytest.approx(12**-0.5, abs=0.03)


def test_of_many_judged_documents_a_sample_is_asked(monkeypatch):
    monkeypatch.setattr(nearest, "MOST_KEYS", 10)
    x = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    truth = np.ones((50, 1), dtype=np.int8)
    head = new_quick(CONFIG, 1).fit(JudgedVectors(x, truth))
    assert head.trained()["keys.vectors"].shape == (10, 4)
    assert (head.predict_proba(JudgedVectors(x, truth)) > 0.9).all()
