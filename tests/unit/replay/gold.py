"""Small gold data from whose vectors the labels follow, and plans to play on them."""

from __future__ import annotations

import numpy as np

from core.replay.data import ReplayData
from core.strategies.plan import ReplayPlan

SMALL = {
    "data": "gold",
    "n_initial": 10,
    "batch_size": 15,
    "n_rounds": 3,
    "n_folds": 2,
    "seeds": 1,
    "learner": "mlp",
    "learner_options": {"layers": [64], "epochs": 10},
}


def vectors(n: int, seed: int):
    """Four labels, each a direction of its own, in noise."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, 4)) < 0.4).astype(np.int8)
    noise = 0.25 * rng.standard_normal((n, 12), dtype=np.float32)
    x = truth @ np.eye(4, 12, dtype=np.float32) + noise
    return np.float32(x / np.linalg.norm(x, axis=1, keepdims=True)), truth


def gold(n: int = 100, n_test: int = 60):
    """Data with the vectors of pool and test."""
    x, truth = vectors(n, 1)
    test_x, test_truth = vectors(n_test, 2)
    data = ReplayData(
        name="gold",
        labels=list("abcd"),
        texts=[f"text {i}" for i in range(n)],
        truth=truth,
        test_texts=[f"test {i}" for i in range(n_test)],
        test_truth=test_truth,
    )
    return data, x, test_x


def plan_of(*arms: str, **changed: object) -> ReplayPlan:
    """A plan of small loops."""
    return ReplayPlan.of({**SMALL, "arms": list(arms), **changed})
