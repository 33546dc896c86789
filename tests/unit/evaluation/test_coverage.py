"""How often the intervals of F1 contain the truth, on simulated data whose truth is known.

A document's cells go together: in some documents every label is likelier, and
found more easily. Labels are as rare as 3 %.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.special import expit, logit

from core.evaluation.counts import f1_from_counts, outcome_cells
from core.evaluation.intervals import f1_interval
from core.evaluation.summary import summarise

SHARES = np.array([0.4, 0.25, 0.15, 0.1, 0.05, 0.03])
MODELS = {"weak": (-1.0, -2.5), "middling": (1.2, -3.0), "strong": (4.0, -5.5)}
N_TRIALS = 300


def drawn(rng, n, model):
    """Predictions and truth (documents, labels) of so many documents."""
    found, alarm = MODELS[model]
    document = rng.normal(size=(n, 1))
    truth = rng.random((n, len(SHARES))) < expit(logit(SHARES) + 0.7 * document)
    predicted = rng.random(truth.shape) < expit(np.where(truth, found, alarm) + 0.8 * document)
    return predicted, truth.astype(np.int8)


@cache
def true_scores(model):
    """Micro-F1, macro-F1 and each label's F1 of very many documents."""
    predicted, truth = drawn(np.random.default_rng(99), 300_000, model)
    tp, fp, fn = (cells.sum(axis=0) for cells in outcome_cells(predicted, truth))
    f1 = f1_from_counts(tp, fp, fn)
    return float(f1_from_counts(tp.sum(), fp.sum(), fn.sum())), float(f1.mean()), f1


def coverage(model, n):
    """How often nine in ten intervals contain micro-F1 and macro-F1."""
    micro, macro, _ = true_scores(model)
    rng, inside = np.random.default_rng(n), np.zeros(2)
    for seed in range(N_TRIALS):
        predicted, truth = drawn(rng, n, model)
        found = summarise(predicted, truth, seed=seed, n_resamples=200, level=0.9)
        for i, (estimate, true) in enumerate([(found.micro_f1, micro), (found.macro_f1, macro)]):
            inside[i] += estimate.low <= true <= estimate.high
    return inside / N_TRIALS


@pytest.mark.parametrize(
    ("model", "n"),
    [("weak", 50), ("weak", 300), ("middling", 50), ("middling", 100), ("strong", 100)],
)
def test_nine_in_ten_intervals_of_micro_and_macro_f1_contain_the_truth(model, n):
    micro, macro = coverage(model, n)

    assert 0.85 <= micro <= 0.95
    assert 0.85 <= macro <= 0.95


@pytest.mark.parametrize("model", MODELS)
def test_thirty_documents_do_not_make_the_intervals_too_narrow(model):
    # percentiles of the same resamples cover macro-F1 in 63 to 86 of 100
    micro, macro = coverage(model, 30)

    assert micro >= 0.85
    assert macro >= 0.85


@pytest.mark.parametrize("model", MODELS)
def test_nine_in_ten_intervals_of_one_labels_f1_contain_the_truth(model):
    _, _, true = true_scores(model)
    rng, n = np.random.default_rng(1), 300
    counted = np.array(
        [[cells.sum(axis=0) for cells in outcome_cells(*drawn(rng, n, model))] for _ in range(1000)]
    )
    low, high = f1_interval(*np.moveaxis(counted, 1, 0), level=0.9)

    covered = ((low <= true) & (true <= high)).mean(axis=0)
    assert (covered >= 0.85).all()
    assert (covered <= 0.95).all()
