"""Documents that stand for more than themselves."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain import EvaluationSource
from core.errors import InputError
from core.evaluation.report import Evaluation, evaluate
from core.evaluation.summary import summarise
from core.evaluation.weighted import effective_sample_size, summarise_weighted


def population(n=5000, seed=0):
    """Judgements and predictions that are the more wrong the harder a document is."""
    rng = np.random.default_rng(seed)
    hardness = rng.random(n)
    truth = (rng.random((n, 3)) < 0.3).astype(np.int8)
    wrong = rng.random((n, 3)) < 0.4 * hardness[:, None] ** 3
    return hardness, truth, (truth == 1) ^ wrong


def f1(predicted, truth):
    hits = (predicted & (truth == 1)).sum()
    return 2 * hits / (predicted.sum() + (truth == 1).sum())


def biased_sample(hardness, *, seed):
    """The 150 hardest for certain, and 100 of the others by lot; with their weights."""
    rng = np.random.default_rng(seed)
    order = np.argsort(-hardness)
    by_lot = rng.choice(order[150:], 100, replace=False)
    chance = 100 / (len(hardness) - 150)
    weights = np.concatenate([np.ones(150), np.full(100, 1 / chance)])
    return np.concatenate([order[:150], by_lot]), weights


def test_weights_bring_a_sample_of_hard_documents_nearer_to_the_population():
    hardness, truth, predicted = population()
    true_f1 = f1(predicted, truth)
    nearer, covered, errors = 0, 0, []
    for seed in range(30):
        rows, weights = biased_sample(hardness, seed=seed)
        weighted = summarise_weighted(predicted[rows], truth[rows], weights, seed=seed).micro_f1
        plain = summarise(predicted[rows], truth[rows], seed=seed).micro_f1
        nearer += abs(weighted.value - true_f1) < abs(plain.value - true_f1)
        covered += weighted.low <= true_f1 <= weighted.high
        errors.append(weighted.value - true_f1)
        assert plain.value < true_f1
    assert nearer >= 28
    assert covered >= 25
    assert abs(np.mean(errors)) < 0.015


def test_equal_weights_change_no_score():
    _, truth, predicted = population(80)
    truth[::3, 1] = -1
    plain = summarise(predicted, truth, seed=1)
    weighted = summarise_weighted(predicted, truth, np.full(80, 7.0), seed=1)
    for name in ("micro_f1", "macro_f1", "precision", "recall"):
        assert getattr(weighted, name).value == pytest.approx(getattr(plain, name).value)
    assert weighted.n_effective == pytest.approx(80)
    assert weighted.micro_f1.low == pytest.approx(plain.micro_f1.low, abs=0.01)


def test_a_document_of_weight_three_counts_as_three():
    truth = np.array([[1, 0], [0, 1], [1, -1]], dtype=np.int8)
    predicted = np.array([[True, True], [False, True], [False, True]])
    weights = np.array([3.0, 1.0, 2.0])
    again = np.array([0, 0, 0, 1, 2, 2])
    weighted = summarise_weighted(predicted, truth, weights, seed=0)
    assert weighted.micro_f1.value == pytest.approx(f1_of(predicted[again], truth[again]))
    assert (weighted.n_documents, weighted.n_weighted) == (3, 2)


def f1_of(predicted, truth):
    tp = (predicted & (truth == 1)).sum()
    fp = (predicted & (truth == 0)).sum()
    fn = (~predicted & (truth == 1)).sum()
    return 2 * tp / (2 * tp + fp + fn)


def test_kish_counts_one_heavy_document_among_many_as_little_more_than_one():
    assert effective_sample_size(np.ones(10)) == pytest.approx(10)
    assert effective_sample_size(np.array([1000.0, 1.0, 1.0])) == pytest.approx(1.004, abs=1e-3)
    assert effective_sample_size(np.empty(0)) == 0.0


def test_without_a_judgement_every_weighted_score_is_undefined():
    weighted = summarise_weighted(
        np.zeros((4, 2), dtype=bool), np.full((4, 2), -1, dtype=np.int8), np.ones(4), seed=0
    )
    assert weighted.micro_f1.value is None
    assert weighted.n_documents == 0


@pytest.mark.parametrize("weights", [np.ones(3), np.array([1.0, np.nan]), np.array([1.0, -1.0])])
def test_weights_that_mean_nothing_are_refused(weights):
    with pytest.raises(InputError, match="finite number, 0 or more"):
        summarise_weighted(
            np.ones((2, 1), dtype=bool), np.ones((2, 1), dtype=np.int8), weights, seed=0
        )


def test_an_evaluation_keeps_the_weighted_scores_or_the_reason_for_none():
    _, truth, predicted = population(60)
    proba = np.where(predicted, 0.8, 0.2).astype(np.float32)
    common = {"names": ["a", "b", "c"], "source": EvaluationSource.OUT_OF_FOLD, "threshold": 0.5}
    weighted = evaluate(proba, truth, weights=np.arange(1.0, 61.0), seed=0, **common)
    assert weighted.weighted.n_weighted == 59
    assert Evaluation.from_json(weighted.to_json()) == weighted
    without = evaluate(proba, truth, unweighted_because="None by lot.", seed=0, **common)
    assert (without.weighted, without.unweighted_because) == (None, "None by lot.")
    stored = without.to_json()
    del stored["weighted"], stored["unweighted_because"]  # as earlier versions stored it
    assert Evaluation.from_json(stored).weighted is None
