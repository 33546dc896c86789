"""Verdicts on probabilities whose fault is known, because it was put there."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from core.domain import UNJUDGED, EvaluationSource
from core.evaluation.belief import Verdict, belief, beliefs_by_label, compared
from core.evaluation.calibration import Temperature
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.recalibration import Method, fit_map
from core.evaluation.reliability import judged_cells
from core.evaluation.tendency import tendency_of


def said_and_true(seed, n=300, *, n_labels=1, stretched=1.0, shifted=0.0, usual=-1.5, own=0.0):
    """What a model says whose logits are stretched and shifted, and what is true."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(usual, 1.5, (n, n_labels))
    truth = rng.random(logits.shape) < expit(logits + own * rng.normal(size=(n, 1)))
    return expit(stretched * logits + shifted).astype(np.float32), truth.astype(np.int8)


def verdicts(n_trials=100, **spoilt):
    return Counter(belief(*said_and_true(seed, **spoilt)).verdict for seed in range(n_trials))


@pytest.mark.parametrize("n", [60, 300])
@pytest.mark.parametrize("n_labels", [1, 12])
def test_a_calibrated_model_is_not_accused(n, n_labels):
    told = verdicts(n=n, n_labels=n_labels)
    assert told[Verdict.BELIEVED] + told[Verdict.THIN] >= 90


@pytest.mark.parametrize("n", [60, 300])
def test_a_calibrated_model_is_not_accused_where_a_documents_labels_go_together(n):
    told = _flattened(n, n_labels=12, own=0.5)
    assert told[Verdict.BELIEVED] + told[Verdict.THIN] >= 90


def _flattened(n, n_labels, own):
    """Documents differ, and the model says the share over all documents: still calibrated."""
    grid = np.linspace(-8, 8, 161)
    noise = np.random.default_rng(0).normal(size=2000)
    share = expit(grid[:, None] + own * noise).mean(axis=1)
    found = Counter()
    for seed in range(100):
        said, truth = said_and_true(seed, n, n_labels=n_labels, own=own)
        calibrated = np.interp(logit(said.astype(float)), grid, share).astype(np.float32)
        found[belief(calibrated, truth).verdict] += 1
    return found


@pytest.mark.parametrize(
    ("spoilt", "verdict"),
    [
        ({"stretched": 3.0}, Verdict.OVERCONFIDENT),
        ({"stretched": 2.0}, Verdict.OVERCONFIDENT),
        ({"stretched": 0.4, "usual": -0.5}, Verdict.UNDERCONFIDENT),
        ({"shifted": 1.5}, Verdict.HIGH),
        ({"shifted": -1.5}, Verdict.LOW),
    ],
)
def test_a_deliberate_fault_is_called_by_its_name(spoilt, verdict):
    assert verdicts(n_trials=50, **spoilt)[verdict] >= 45


@pytest.mark.parametrize(
    ("stretched", "verdict"), [(3.0, Verdict.OVERCONFIDENT), (0.4, Verdict.UNDERCONFIDENT)]
)
def test_over_many_rare_labels_too_it_is_called_by_its_name(stretched, verdict):
    assert verdicts(n_trials=20, n_labels=20, usual=-3, stretched=stretched)[verdict] >= 18


def test_few_judgements_are_not_judged():
    assert belief(*said_and_true(0, n=19, usual=0)).verdict is Verdict.THIN
    said, truth = said_and_true(0, n=300)
    truth[np.flatnonzero(truth[:, 0])[4:]] = 0  # four positives
    assert belief(said, truth).verdict is Verdict.THIN


def test_a_model_that_says_the_same_of_every_document_has_collapsed():
    rng = np.random.default_rng(0)
    said = (0.3 + 0.001 * rng.random((200, 1))).astype(np.float32)
    truth = (rng.random((200, 1)) < 0.3).astype(np.int8)

    assert belief(said, truth).verdict is Verdict.COLLAPSED


def test_probabilities_close_together_in_the_right_order_are_peaked_not_collapsed():
    said, truth = said_and_true(0, n=300)
    narrow = (0.12 + 0.05 * said).astype(np.float32)

    assert belief(narrow, truth).verdict is Verdict.PEAKED


def test_of_many_calibrated_labels_hardly_one_is_accused():
    n_accused = 0
    for seed in range(5):
        told = beliefs_by_label(*said_and_true(seed, n=250, n_labels=60))
        n_accused += sum(one.verdict not in (Verdict.BELIEVED, Verdict.THIN) for one in told)

    assert n_accused <= 2  # of 300


def test_the_error_by_chance_is_what_faultless_models_stay_below_nineteen_times_in_twenty():
    below = [
        (one := belief(*said_and_true(seed, n=150))).ece <= one.ece_by_chance for seed in range(300)
    ]
    assert 0.9 <= np.mean(below) <= 0.985


def test_the_area_under_the_curve_is_scikit_learns_with_ties_and_without_unjudged_cells():
    said, truth = said_and_true(3, n=200, n_labels=2)
    said = np.round(said, 1)
    truth[:40] = UNJUDGED
    of_each = [roc_auc_score(truth[40:, i], said[40:, i]) for i in range(2)]

    assert belief(said, truth, label=1).auc == pytest.approx(of_each[1])
    assert belief(said, truth).auc == pytest.approx(np.mean(of_each))


def test_the_slope_undoes_what_logits_were_stretched_by():
    found = tendency_of(judged_cells(*said_and_true(0, n=20_000, stretched=2.0)))

    assert found.slope == pytest.approx(0.5, abs=4 * found.slope_error)
    assert found.slope_error < 0.02


def test_faultless_separation_leaves_the_slope_finite():
    said = np.array([[0.4]] * 20 + [[0.6]] * 20, np.float32)
    found = tendency_of(judged_cells(said, (said > 0.5).astype(np.int8)))

    assert np.isfinite([found.slope, found.slope_error]).all()
    assert found.slope > 1


def test_one_label_counts_its_own_cells_alone():
    said, truth = said_and_true(0, n=100, n_labels=3)
    truth[:30, 1] = UNJUDGED
    found = belief(said, truth, label=1)

    assert (found.n_documents, found.n_cells) == (70, 70)
    assert found.n_present == (truth[:, 1] == 1).sum()
    assert found.ece == pytest.approx(belief(said[:, 1:2], truth[:, 1:2]).ece)


def test_nothing_judged_is_undefined_and_too_few():
    found = belief(np.full((5, 2), 0.5, np.float32), np.full((5, 2), UNJUDGED, np.int8))

    assert found.verdict is Verdict.THIN
    assert np.isnan([found.ece, found.ece_by_chance, found.auc, found.tendency.bias]).all()


def outputs(raw, proba, truth):
    return EvaluationOutputs(
        proba=proba,
        truth=truth,
        names=tuple(f"l{i}" for i in range(proba.shape[1])),
        thresholds=np.full(proba.shape[1], 0.5),
        source=EvaluationSource.AUDIT,
        raw=raw,
    )


def test_before_and_after_are_told_apart_and_mending_lowers_the_error():
    raw, truth = said_and_true(1, n=2000, stretched=3.0)
    found = compared(outputs(raw, Temperature(3.0).apply(raw), truth))

    assert found.before.ece > 3 * found.after.ece
    assert found.before.verdict is Verdict.OVERCONFIDENT
    assert found.after.verdict is Verdict.BELIEVED


def test_where_nothing_was_mended_there_is_no_before():
    raw, truth = said_and_true(0, n=100)

    assert compared(outputs(raw, raw.copy(), truth)).before is None
    assert compared(outputs(None, raw, truth)).before is None


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([Method.PLATT, Method.BETA]), st.floats(0.3, 3.0))
def test_ways_with_a_slope_above_nought_never_change_a_labels_ranking(seed, method, stretched):
    said, truth = said_and_true(seed, n=80, stretched=stretched, usual=0)
    cells = said[:, 0].astype(float)
    found = fit_map(method, cells, truth[:, 0] == 1)
    if max(found.values[:-1]) < 1e-3:
        return  # the judgements run against the order, and all are told alike
    before, after = (belief(values[:, None], truth).auc for values in (cells, found.apply(cells)))
    assert after == pytest.approx(before, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 20))
def test_a_temperature_never_changes_a_labels_ranking(seed, value):
    said, truth = said_and_true(seed, n=80, usual=0)
    mended = Temperature(value).apply(said.astype(np.float64))
    assert belief(mended, truth).auc == pytest.approx(belief(said, truth).auc, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_isotonic_may_tie_documents_and_swaps_none(seed):
    said, truth = said_and_true(seed, n=80, usual=0)
    cells = np.sort(said[:, 0].astype(float))
    mended = fit_map(Method.ISOTONIC, said[:, 0].astype(float), truth[:, 0] == 1).apply(cells)

    assert (np.diff(mended) >= 0).all()
    assert len(np.unique(mended)) < len(np.unique(cells))
