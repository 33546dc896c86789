from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from core.errors import InputError
from core.evaluation.calibration import expected_calibration_error, log_loss, reliability
from core.evaluation.recalibration import (
    Map,
    Method,
    Recalibration,
    cross_fitted_recalibration,
    fit_map,
    recalibrate,
)


def made_up(n, *, slope, shift, seed=0, n_labels=1):
    """True chances, what an ill-calibrated model says of them, and judgements."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.8, 2.0, (n, n_labels))
    said = expit(slope * logit(np.clip(chance, 1e-6, 1 - 1e-6)) + shift)
    return said.astype(np.float32), (rng.random((n, n_labels)) < chance).astype(np.int8)


def test_platt_finds_the_sigmoid_that_was_bent():
    said, truth = made_up(40_000, slope=2.0, shift=1.0)
    found = fit_map(Method.PLATT, said[:, 0].astype(float), truth[:, 0] == 1)
    assert found.values == pytest.approx((0.5, -0.5), abs=0.05)


def test_an_overconfident_label_is_mended_and_a_sound_one_left_alone():
    bent, truth_bent = made_up(2000, slope=3.0, shift=2.0, seed=1)
    sound, truth_sound = made_up(2000, slope=1.0, shift=0.0, seed=2)
    proba, truth = np.hstack([bent, sound]), np.hstack([truth_bent, truth_sound])
    found = recalibrate(proba[:1000], truth[:1000])
    mended = found.apply(proba[1000:])
    assert found.labels[0].map.method is not Method.TEMPERATURE
    before = expected_calibration_error(reliability(proba[1000:, :1], truth[1000:, :1]))
    after = expected_calibration_error(reliability(mended[:, :1], truth[1000:, :1]))
    assert after < before / 3
    assert log_loss(mended, truth[1000:]) < log_loss(proba[1000:], truth[1000:])


def test_thin_labels_keep_the_shared_temperature_and_say_why():
    proba, truth = made_up(300, slope=3.0, shift=0.0, n_labels=2)
    truth[30:, 1] = -1
    choice = recalibrate(proba, truth).labels[1]
    assert choice.map.method is Method.TEMPERATURE
    assert "too few" in choice.reason


def test_what_was_calibrated_already_is_not_made_worse_by_chance():
    kept = 0
    for seed in range(10):
        proba, truth = made_up(400, slope=1.0, shift=0.0, seed=seed)
        kept += recalibrate(proba, truth).labels[0].map.method is Method.TEMPERATURE
    assert kept >= 8


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([Method.PLATT, Method.BETA, Method.ISOTONIC]))
def test_no_way_ever_swaps_two_documents(seed, method):
    proba, truth = made_up(60, slope=1.5, shift=0.3, seed=seed)
    cells = np.sort(proba[:, 0].astype(float))
    mended = fit_map(method, proba[:, 0].astype(float), truth[:, 0] == 1).apply(cells)
    assert (np.diff(mended) >= -1e-12).all()
    assert ((mended >= 0) & (mended <= 1)).all()


def test_isotonic_pools_the_cells_that_stand_in_the_wrong_order():
    cells = np.array([0.1, 0.2, 0.3, 0.4])
    mended = fit_map(Method.ISOTONIC, cells, np.array([False, True, False, True])).apply(cells)
    assert mended == pytest.approx([0.0, 0.5, 0.5, 1.0], abs=1e-6)


def test_mending_reported_on_the_same_documents_does_not_flatter_noise():
    rng = np.random.default_rng(5)
    proba = rng.uniform(0.19, 0.21, (500, 1)).astype(np.float32)
    truth = (rng.random((500, 1)) < 0.2).astype(np.int8)
    mended = cross_fitted_recalibration(proba, truth, np.arange(500) % 5)
    assert log_loss(mended, truth) > log_loss(proba, truth) - 0.005


def test_missing_probabilities_stay_missing_and_unjudged_cells_change_nothing():
    proba, truth = made_up(500, slope=2.0, shift=1.0)
    found = recalibrate(proba, truth)
    more = np.vstack([proba, np.array([[0.9], [np.nan]], dtype=np.float32)])
    with_more = recalibrate(more[:501], np.vstack([truth, [[-1]]]).astype(np.int8))
    assert with_more.temperature.value == pytest.approx(found.temperature.value)
    assert np.isnan(found.apply(more)[-1, 0])


def test_it_is_read_back_as_it_was_written():
    proba, truth = made_up(600, slope=2.0, shift=1.0, n_labels=3)
    found = recalibrate(proba, truth)
    again = Recalibration.from_json(json.loads(json.dumps(found.to_json())))
    assert np.array_equal(again.apply(proba), found.apply(proba))


def test_a_temperature_is_not_fitted_per_label():
    with pytest.raises(InputError):
        fit_map(Method.TEMPERATURE, np.array([0.5]), np.array([True]))
    assert Map(Method.TEMPERATURE).apply(np.array([0.3])) == pytest.approx([0.3])
