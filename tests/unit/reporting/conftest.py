"""Small outputs to report on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.domain import EvaluationSource
from core.evaluation.outputs import EvaluationOutputs

Make = Callable[..., EvaluationOutputs]


@pytest.fixture
def make_outputs() -> Make:
    return make


def make(
    names: tuple[str, ...] = ("billing", "refund", "outage"),
    *,
    n: int = 60,
    unjudged: float = 0.0,
    seed: int = 3,
    **more: object,
) -> EvaluationOutputs:
    """Documents whose probabilities lean the right way, some cells unjudged."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, len(names))) < 0.35).astype(np.int8)
    proba = np.clip(0.25 + 0.4 * truth + rng.normal(0, 0.2, truth.shape), 0.01, 0.99)
    truth[rng.random(truth.shape) < unjudged] = -1
    told = {
        "thresholds": np.full(len(names), 0.5),
        "folds": np.arange(n) % 3,
        "texts": tuple(f"letter {i} about {'money' if i % 2 else 'light'}" for i in range(n)),
        "external_ids": tuple(f"d{i}" for i in range(n)),
        "about": {"project": "Letters", "round": 2, "history": [{"epoch": 1, "loss": 0.7}]},
    }
    return EvaluationOutputs(
        proba=proba.astype(np.float32),
        truth=truth,
        names=names,
        source=EvaluationSource.OUT_OF_FOLD,
        **{**told, **more},
    )
