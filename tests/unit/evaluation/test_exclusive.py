"""Projects with exactly one label per document: what is predicted, and how it is calibrated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from core.evaluation.calibration import Temperature, cross_fitted_calibration, fit_temperature
from core.evaluation.thresholds import predict_exclusive

NAN = np.nan


def one_of_each(logits, seed=0):
    """Truth in which the softmax of the logits is exactly right."""
    proba, rng = softmax(logits, axis=1), np.random.default_rng(seed)
    drawn = (proba.cumsum(axis=1) < rng.random((len(logits), 1))).sum(axis=1)
    return np.eye(logits.shape[1], dtype=np.int8)[drawn]


def test_the_most_probable_label_is_predicted_however_improbable():
    proba = np.array([[0.3, 0.4, 0.3], [0.2, 0.2, 0.1], [NAN, 0.1, 0.05]], dtype=np.float32)
    assert predict_exclusive(proba).tolist() == [
        [False, True, False],
        [True, False, False],  # the first of equals
        [False, True, False],
    ]


def test_without_any_probability_nothing_is_predicted():
    assert not predict_exclusive(np.full((2, 3), NAN, dtype=np.float32)).any()


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_fitted_temperature_is_the_one_the_softmax_was_spoilt_with(true_temperature):
    logits = np.random.default_rng(1).normal(0, 1.5, size=(3000, 4))
    spoilt = softmax(logits * true_temperature, axis=1).astype(np.float32)
    fitted = fit_temperature(spoilt, one_of_each(logits), exclusive=True)
    assert fitted.value == pytest.approx(true_temperature, rel=0.08)
    assert fitted.apply(spoilt) == pytest.approx(softmax(logits, axis=1), abs=0.05)


def test_calibrated_shares_sum_to_one_and_keep_each_documents_order():
    proba = softmax(np.random.default_rng(2).normal(size=(50, 4)), axis=1).astype(np.float32)
    scaled = Temperature(2.5, exclusive=True).apply(proba)
    assert scaled.dtype == np.float32
    assert scaled.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (scaled.argsort(axis=1) == proba.argsort(axis=1)).all()
    assert scaled.max() < proba.max()


def test_a_label_without_probability_stays_so_and_the_others_share_what_there_is():
    proba = np.array([[0.2, 0.8, NAN], [NAN, NAN, NAN]], dtype=np.float32)
    scaled = Temperature(2.0, exclusive=True).apply(proba)
    assert scaled[0, :2] == pytest.approx([1 / 3, 2 / 3])  # √.2 : √.8
    assert np.isnan(scaled[0, 2])
    assert np.isnan(scaled[1]).all()


def test_documents_whose_label_is_unknown_calibrate_nothing():
    logits = np.random.default_rng(3).normal(size=(40, 3))
    proba, truth = softmax(4 * logits, axis=1).astype(np.float32), one_of_each(logits)
    fitted = fit_temperature(proba, truth, exclusive=True)
    more = np.vstack([truth, np.array([[-1, 0, -1]] * 9, dtype=np.int8)])
    with_more = fit_temperature(np.vstack([proba, proba[:9]]), more, exclusive=True)
    assert with_more.value == fitted.value > 1.5
    few = fit_temperature(proba[:19], truth[:19], exclusive=True)
    assert (few.value, few.exclusive) == (1.0, True)
    assert "19 judged documents are too few" in str(few.reason)


def test_a_fold_is_calibrated_by_the_others_alone():
    logits = np.random.default_rng(4).normal(size=(60, 3))
    proba, truth = softmax(3 * logits, axis=1).astype(np.float32), one_of_each(logits)
    folds = np.arange(60) % 2
    found = cross_fitted_calibration(proba, truth, folds, exclusive=True)
    by_others = fit_temperature(proba[folds == 1], truth[folds == 1], exclusive=True)
    assert found[folds == 0] == pytest.approx(by_others.apply(proba[folds == 0]))
