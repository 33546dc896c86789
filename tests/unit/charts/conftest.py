"""Evaluations to draw: a plain one, and makers for awkward ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.domain import EvaluationSource
from core.evaluation.report import Evaluation, evaluate


@pytest.fixture
def drawn() -> Callable[..., Evaluation]:
    """Evaluate truth and probabilities written as lists."""

    def draw(proba, truth, **more) -> Evaluation:
        proba = np.array(proba, dtype=np.float32)
        return evaluate(
            proba,
            np.array(truth, dtype=np.int8).reshape(proba.shape),
            **{
                "names": [f"label {i}" for i in range(proba.shape[1])],
                "source": EvaluationSource.AUDIT,
                "threshold": 0.5,
                "seed": 0,
                **more,
            },
        )

    return draw


@pytest.fixture
def evaluation(drawn) -> Evaluation:
    """Four documents, three labels: the second is never predicted, the third never present."""
    return drawn(
        [[0.9, 0.2, 0.1], [0.8, 0.3, 0.2], [0.6, 0.1, 0.7], [0.2, 0.1, 0.1]],
        [[1, 1, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0]],
        names=["billing", "refund", "spam"],
    )


@pytest.fixture
def wide() -> Evaluation:
    """54 labels, 200 documents."""
    rng = np.random.default_rng(0)
    truth = (rng.random((200, 54)) < 0.15).astype(np.int8)
    proba = np.clip(0.4 * truth + 0.6 * rng.random(truth.shape), 0, 1).astype(np.float32)
    return evaluate(
        proba,
        truth,
        names=[f"label {i}" for i in range(54)],
        source=EvaluationSource.AUDIT,
        threshold=0.5,
        seed=0,
    )
