from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from core.domain import UNJUDGED
from core.errors import InputError
from core.evaluation.calibration import (
    Temperature,
    brier,
    cross_fitted_calibration,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability,
)

probabilities = arrays(
    np.float32, (12, 2), elements=st.floats(0, 1, width=32, allow_subnormal=False)
)


def drawn_from(logits, seed=0):
    """Truth in which the sigmoid of the logits is exactly right."""
    return (np.random.default_rng(seed).random(logits.shape) < expit(logits)).astype(np.int8)


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_fitted_temperature_is_the_one_the_logits_were_spoilt_with(true_temperature):
    logits = np.random.default_rng(1).normal(-1, 1.5, size=(3000, 3))
    spoilt = expit(logits * true_temperature).astype(np.float32)

    fitted = fit_temperature(spoilt, drawn_from(logits))

    assert fitted.reason is None
    assert fitted.value == pytest.approx(true_temperature, rel=0.08)


def test_calibrating_an_overconfident_model_lowers_log_loss_and_calibration_error():
    logits = np.random.default_rng(2).normal(-1, 1.5, size=(1000, 3))
    truth, spoilt = drawn_from(logits), expit(4 * logits).astype(np.float32)
    calibrated = fit_temperature(spoilt, truth).apply(spoilt)

    assert log_loss(calibrated, truth) < log_loss(spoilt, truth)
    before = expected_calibration_error(reliability(spoilt, truth))
    after = expected_calibration_error(reliability(calibrated, truth))
    assert after < before / 3


@given(proba=probabilities, value=st.floats(0.05, 20))
def test_temperature_keeps_the_order_and_the_side_of_one_half(proba, value):
    scaled = Temperature(value).apply(proba)

    assert scaled.dtype == np.float32
    assert ((scaled >= 0) & (scaled <= 1)).all()
    in_order = scaled.ravel()[np.argsort(proba, axis=None)]
    assert (np.diff(in_order) >= 0).all()
    np.testing.assert_array_equal(scaled >= 0.5, proba >= 0.5)


def test_a_temperature_above_one_pulls_towards_one_half_and_below_one_away():
    proba = np.array([[0.9]], dtype=np.float32)

    assert Temperature(2.0).apply(proba)[0, 0] == pytest.approx(0.75)  # odds 9 become 3
    assert Temperature(0.5).apply(proba)[0, 0] == pytest.approx(81 / 82)


def test_certainty_and_missing_probabilities_survive_calibration():
    proba = np.array([[0.0, 1.0, np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(Temperature(2.0).apply(proba), proba)


def test_too_few_documents_leave_the_temperature_at_one_and_say_why():
    proba = np.full((19, 40), 0.9, dtype=np.float32)
    truth = np.tile([0, 1], (19, 20)).astype(np.int8)

    fitted = fit_temperature(proba, truth)

    assert fitted.value == 1.0
    assert "19 judged documents are too few" in fitted.reason


def test_judgements_all_alike_leave_the_temperature_at_one_and_say_why():
    fitted = fit_temperature(np.full((50, 2), 0.2, np.float32), np.zeros((50, 2), np.int8))

    assert fitted.value == 1.0
    assert "0 present and 100 absent" in fitted.reason


def test_a_faultless_model_is_not_made_infinitely_sure():
    proba = np.array([[0.4], [0.6]] * 20, dtype=np.float32)
    truth = np.array([[0], [1]] * 20, dtype=np.int8)

    calibrated = fit_temperature(proba, truth).apply(proba)

    # 20 of 20 right: the smoothed targets are 1/22 and 21/22
    np.testing.assert_allclose(calibrated[:2, 0], [1 / 22, 21 / 22], atol=1e-3)


def test_bins_of_equal_width_match_counting_by_hand():
    proba = np.array([[0.1, 0.3, 0.6, 0.8, 1.0, 0.9]], dtype=np.float32)
    truth = np.array([[0, 1, 0, 1, 1, -1]], dtype=np.int8)

    binned = reliability(proba, truth, n_bins=2)

    np.testing.assert_allclose(binned.bin_lower, [0, 0.5])
    np.testing.assert_allclose(binned.bin_upper, [0.5, 1])
    np.testing.assert_array_equal(binned.count, [2, 3])
    np.testing.assert_allclose(binned.mean_predicted, [0.2, 0.8], rtol=1e-6)
    np.testing.assert_allclose(binned.observed, [1 / 2, 2 / 3])
    # 2/5 * |0.5 - 0.2| + 3/5 * |2/3 - 0.8|
    assert expected_calibration_error(binned) == pytest.approx(0.12 + 0.08)


@pytest.mark.parametrize(
    ("kind", "strategy"), [("equal_width", "uniform"), ("equal_mass", "quantile")]
)
def test_bins_agree_with_scikit_learn(kind, strategy):
    rng = np.random.default_rng(3)
    proba = rng.random((400, 3), dtype=np.float32)
    truth = drawn_from(np.log(proba / (1 - proba)))
    truth[rng.random(truth.shape) < 0.3] = UNJUDGED
    binned = reliability(proba, truth, kind=kind)

    judged = truth != UNJUDGED
    observed, predicted = calibration_curve(
        truth[judged], proba[judged], n_bins=10, strategy=strategy
    )
    np.testing.assert_allclose(binned.observed, observed, atol=0.01)
    np.testing.assert_allclose(binned.mean_predicted, predicted, atol=0.005)
    if kind == "equal_mass":
        assert np.ptp(binned.count) <= 2


def test_equal_mass_bins_that_would_coincide_are_merged():
    binned = reliability(
        np.full((30, 1), 0.25, np.float32), np.ones((30, 1), np.int8), kind="equal_mass"
    )

    assert binned.count.sum() == 30
    assert (np.diff(binned.bin_upper) > 0).all()


def test_the_intervals_of_a_bin_are_wilsons():
    proba = np.full((10, 1), 0.75, dtype=np.float32)
    truth = np.array([[1, 1, 1, 1, 1, 1, 1, 0, 0, 0]], dtype=np.int8).T
    binned = reliability(proba, truth, n_bins=1)

    expected = binomtest(7, 10).proportion_ci(method="wilson")
    assert binned.interval_low[0] == pytest.approx(expected.low)
    assert binned.interval_high[0] == pytest.approx(expected.high)


def test_an_empty_bin_is_undefined_not_zero():
    binned = reliability(np.array([[0.9]], np.float32), np.array([[1]], np.int8), n_bins=2)

    assert binned.count[0] == 0
    assert np.isnan([binned.observed[0], binned.mean_predicted[0], binned.interval_low[0]]).all()


def test_brier_and_log_loss_agree_with_scikit_learn_on_the_judged_cells(large):
    proba, truth = large
    judged = truth != UNJUDGED

    assert brier(proba, truth) == pytest.approx(brier_score_loss(truth[judged], proba[judged]))
    expected = sklearn_log_loss(truth[judged], np.clip(proba[judged].astype(float), 1e-7, 1 - 1e-7))
    assert log_loss(proba, truth) == pytest.approx(expected)


def test_without_judgements_every_calibration_score_is_undefined():
    proba, truth = np.zeros((3, 2), np.float32), np.full((3, 2), UNJUDGED, np.int8)

    assert np.isnan(brier(proba, truth))
    assert np.isnan(log_loss(proba, truth))
    for kind in ("equal_width", "equal_mass"):
        assert np.isnan(expected_calibration_error(reliability(proba, truth, kind=kind)))


def test_no_bins_at_all_are_refused():
    with pytest.raises(InputError, match="0 bins"):
        reliability(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.int8), n_bins=0)


def test_a_fold_is_calibrated_by_the_other_folds_alone(large):
    proba, truth = large
    folds = np.arange(len(proba)) % 3
    calibrated = cross_fitted_calibration(proba, truth, folds)
    for fold in range(3):
        inside = folds == fold
        of_others = fit_temperature(proba[~inside], truth[~inside])
        np.testing.assert_array_equal(calibrated[inside], of_others.apply(proba[inside]))

    spoilt = np.where((folds == 0)[:, None] & (truth != UNJUDGED), 1 - truth, truth)
    other = cross_fitted_calibration(proba, spoilt.astype(np.int8), folds)
    np.testing.assert_array_equal(other[folds == 0], calibrated[folds == 0])
    assert (other[folds == 1] != calibrated[folds == 1]).any()


def test_fold_numbers_that_do_not_fit_the_documents_are_refused():
    with pytest.raises(InputError, match="2 fold numbers were given for 3 documents"):
        cross_fitted_calibration(
            np.full((3, 1), 0.5, dtype=np.float32), np.ones((3, 1), dtype=np.int8), np.arange(2)
        )
