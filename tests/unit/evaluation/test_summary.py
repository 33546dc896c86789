from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from core.domain import UNJUDGED
from core.evaluation.counts import predict
from core.evaluation.summary import UNDEFINED, summarise


def test_averages_agree_with_scikit_learn_on_the_judged_cells(large):
    proba, truth = large
    predicted = predict(proba, 0.4)
    summary = summarise(predicted, truth, seed=0)
    judged = truth != UNJUDGED
    y, z = truth[judged], predicted[judged]

    assert summary.micro_f1.value == pytest.approx(f1_score(y, z))
    assert summary.precision.value == pytest.approx(precision_score(y, z))
    assert summary.recall.value == pytest.approx(recall_score(y, z))
    per_label = [f1_score(truth[m, i], predicted[m, i]) for i, m in enumerate(judged.T)]
    assert summary.macro_f1.value == pytest.approx(np.mean(per_label))
    assert summary.n_macro_labels == 5


def test_exact_match_asks_only_the_judged_cells_of_a_document():
    truth = np.array([[1, 0, -1], [1, 1, 0], [-1, -1, -1]], dtype=np.int8)
    predicted = np.array([[1, 0, 1], [1, 0, 0], [1, 1, 1]], dtype=bool)
    summary = summarise(predicted, truth, seed=0)

    assert summary.exact_match.value == 0.5  # the third document says nothing
    assert summary.cardinality_judged == pytest.approx(3 / 2)
    assert summary.cardinality_predicted == pytest.approx(2 / 2)


def test_intervals_contain_their_estimates_and_repeat_with_the_seed(large):
    proba, truth = large
    predicted = predict(proba, 0.4)
    first, again, other = (summarise(predicted, truth, seed=s) for s in (1, 1, 2))

    assert first == again
    assert first.micro_f1.low != other.micro_f1.low
    for name in ("micro_f1", "macro_f1", "precision", "recall", "exact_match"):
        estimate = getattr(first, name)
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.high - estimate.low > 0.01


def test_ten_faultless_documents_are_not_certainty():
    truth = np.tile([1, 0], (10, 1)).astype(np.int8)
    micro_f1 = summarise(truth == 1, truth, seed=0).micro_f1

    assert micro_f1.value == micro_f1.high == 1.0
    assert micro_f1.low < 0.8


def test_the_bootstrap_interval_of_micro_f1_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(0)
    true_f1, inside = 2 * 0.24 / (2 * 0.24 + 0.07 + 0.06), 0
    for seed in range(300):
        truth = (rng.random((80, 4)) < 0.3).astype(np.int8)
        chance = np.where(truth == 1, 0.8, 0.1)  # tp 0.24, fn 0.06, fp 0.07
        summary = summarise(rng.random(truth.shape) < chance, truth, seed=seed, n_resamples=200)
        inside += summary.micro_f1.low <= true_f1 <= summary.micro_f1.high

    assert 0.90 < inside / 300 < 0.99


@pytest.mark.parametrize("n_documents", [0, 3])
def test_nothing_judged_leaves_everything_undefined(n_documents):
    truth = np.full((n_documents, 2), UNJUDGED, dtype=np.int8)
    summary = summarise(np.ones(truth.shape, dtype=bool), truth, seed=0)

    assert summary.micro_f1 == summary.macro_f1 == summary.exact_match == UNDEFINED
    assert summary.cardinality_judged is None
