"""Made-up measurements small enough to check by hand, and larger ones from a known source."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain import Proba, Truth


@pytest.fixture
def small() -> tuple[Proba, Truth]:
    """Four documents, two labels; one cell unjudged, one without a probability.

    Label a: 0.9 present, 0.6 absent, 0.2 present, 0.1 unjudged.
    Label b: 0.8 present, 0.3 absent, NaN present, 0.4 absent.
    """
    proba = np.array([[0.9, 0.8], [0.6, 0.3], [0.2, np.nan], [0.1, 0.4]], dtype=np.float32)
    truth = np.array([[1, 1], [0, 0], [1, 1], [-1, 0]], dtype=np.int8)
    return proba, truth


@pytest.fixture
def large() -> tuple[Proba, Truth]:
    """600 documents, 5 labels of different frequency, a fifth unjudged, with tied probabilities."""
    rng = np.random.default_rng(7)
    truth = (rng.random((600, 5)) < [0.5, 0.3, 0.1, 0.05, 0.02]).astype(np.int8)
    logits = 2.0 * truth - 1.5 + rng.normal(size=truth.shape)
    proba = np.round(1 / (1 + np.exp(-logits)), 2).astype(np.float32)
    truth[rng.random(truth.shape) < 0.2] = -1
    return proba, truth
