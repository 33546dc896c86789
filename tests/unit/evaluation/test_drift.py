from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.drift import expected_shares, measure_drift


def vectors(n, *, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1.0, (n, 5))


def test_two_samples_of_one_pool_are_hardly_ever_said_to_differ():
    alarms = [
        measure_drift(vectors(200, seed=s), vectors(400, seed=100 + s)).low > 0.5 for s in range(10)
    ]
    assert sum(alarms) <= 1


def test_documents_of_another_kind_are_told_apart():
    found = measure_drift(vectors(100, shift=1.5), vectors(300, seed=1))
    assert found.low > 0.9


def test_a_handful_tells_nothing():
    found = measure_drift(vectors(5), vectors(300))
    assert np.isnan(found.auc)
    assert (found.n_judged, found.n_pool) == (5, 300)


def test_shares_leave_out_what_was_not_judged_or_predicted():
    truth = np.array([[1, -1], [0, -1], [1, 1]], dtype=np.int8)
    proba = np.array([[0.2, 0.4], [0.4, np.nan]], dtype=np.float32)
    judged, expected = expected_shares(truth, proba)
    assert judged == pytest.approx([2 / 3, 1.0])
    assert expected == pytest.approx([0.3, 0.4])
