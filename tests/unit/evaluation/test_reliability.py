"""Bins of one label, their intervals, and what a Brier score is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from core.domain import UNJUDGED
from core.evaluation.decomposition import brier_parts
from core.evaluation.intervals import wilson_interval
from core.evaluation.reliability import (
    adaptive_calibration_error,
    binned_cells,
    expected_calibration_error,
    judged_cells,
    maximum_calibration_error,
    reliability,
)

KINDS = [("equal_width", "uniform"), ("equal_mass", "quantile")]


def made_up(n, n_labels, seed=0, own=0.0):
    """True chances with a part that is the document's own; a fifth is unjudged."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1.5, (n, n_labels))
    truth = rng.random(logits.shape) < expit(logits + own * rng.normal(size=(n, 1)))
    judged = np.where(rng.random(logits.shape) < 0.2, UNJUDGED, truth)
    return expit(logits).astype(np.float32), judged.astype(np.int8)


@pytest.mark.parametrize(("kind", "strategy"), KINDS)
def test_the_bins_of_one_label_are_scikit_learns_on_its_judged_cells(kind, strategy):
    proba, truth = made_up(503, 3)
    binned = reliability(proba, truth, kind=kind, label=1)

    judged = truth[:, 1] != UNJUDGED
    observed, predicted = calibration_curve(
        truth[judged, 1], proba[judged, 1].astype(float), n_bins=10, strategy=strategy
    )
    assert binned.count.sum() == judged.sum()
    filled = binned.count > 0
    # a cell that is itself an edge goes to the bin above here, to the one below there
    np.testing.assert_allclose(binned.observed[filled], observed, atol=0.03)
    np.testing.assert_allclose(binned.mean_predicted[filled], predicted, atol=0.005)


def test_a_probability_on_an_edge_belongs_to_the_bin_above_it():
    proba, truth = np.array([[0.0], [0.5], [1.0]], np.float32), np.array([[0], [1], [1]], np.int8)
    binned = reliability(proba, truth, n_bins=2)

    np.testing.assert_array_equal(binned.count, [1, 2])
    np.testing.assert_array_equal(binned.edges, [0, 0.5, 1])


def test_unjudged_cells_and_other_labels_change_nothing():
    proba, truth = made_up(200, 2)
    alone = reliability(proba[:, :1], truth[:, :1])
    spoilt = np.where(truth == UNJUDGED, 0.99, proba).astype(np.float32)

    np.testing.assert_array_equal(reliability(spoilt, truth, label=0).observed, alone.observed)
    np.testing.assert_array_equal(reliability(spoilt, truth, label=0).count, alone.count)


def test_intervals_of_all_labels_are_wider_where_cells_of_a_document_go_together():
    # ten labels always judged alike: forty documents, not four hundred cells
    present = np.repeat([[1], [0], [0], [1]] * 10, 10, axis=1).astype(np.int8)
    binned = reliability(np.full(present.shape, 0.5, np.float32), present, n_bins=1)
    low, high = wilson_interval(20, 40)

    assert (binned.interval_low[0], binned.interval_high[0]) == pytest.approx((low, high))


def test_nineteen_in_twenty_intervals_of_a_pooled_bin_contain_the_observed_share():
    edges, n_trials = 10, 150
    proba, truth = made_up(40_000, 30, seed=1, own=2.0)
    true = reliability(proba, truth, n_bins=edges).observed
    inside = []
    for seed in range(n_trials):
        binned = reliability(*made_up(100, 30, seed=seed + 2, own=2.0), n_bins=edges)
        told = binned.count > 0
        hits = (binned.interval_low <= true) & (true <= binned.interval_high)
        inside.append(np.where(told, hits, np.nan))

    covered = np.nanmean(inside, axis=0)  # plain Wilson intervals cover 0.65 of the first
    assert (covered > 0.9).all()
    assert (covered < 0.995).all()


def test_the_adaptive_error_is_the_mean_over_labels_of_bins_equally_full():
    proba = np.array([[0.1, 0.5], [0.3, 0.5], [0.6, 0.5], [0.8, 0.5]], np.float32)
    truth = np.array([[0, 1], [0, 1], [1, 0], [1, 1]], np.int8)

    # label a: |0.2 - 0| and |0.7 - 1|, half each; label b: one bin, |0.5 - 0.75|
    expected = ((0.2 + 0.3) / 2 + 0.25) / 2
    assert adaptive_calibration_error(proba, truth, n_bins=2) == pytest.approx(expected, abs=1e-6)


def test_the_largest_gap_is_that_of_the_worst_bin():
    proba = np.array([[0.1, 0.2, 0.9]], np.float32)
    binned = reliability(proba, np.array([[0, 0, 0]], np.int8), n_bins=2)

    assert maximum_calibration_error(binned) == pytest.approx(0.9)
    assert expected_calibration_error(binned) == pytest.approx((2 * 0.15 + 0.9) / 3)


def test_without_a_judgement_everything_is_undefined():
    proba, truth = np.full((4, 2), 0.5, np.float32), np.full((4, 2), UNJUDGED, np.int8)
    cells = judged_cells(proba, truth)
    parts = brier_parts(cells, binned_cells(cells))

    assert np.isnan(maximum_calibration_error(binned_cells(cells)))
    assert np.isnan(adaptive_calibration_error(proba, truth))
    assert np.isnan([parts.brier, parts.reliability, parts.within, parts.skill]).all()


def test_the_parts_of_a_brier_score_match_counting_by_hand():
    # said 0.2 of five, one of them present; said 0.8 of five, three of them present
    proba = np.array([[0.2]] * 5 + [[0.8]] * 5)
    truth = np.array([1, 0, 0, 0, 0, 1, 1, 1, 0, 0], np.int8)[:, None]
    cells = judged_cells(proba, truth)
    parts = brier_parts(cells, binned_cells(cells))

    assert parts.reliability == pytest.approx((0.0 + 0.2**2) / 2)
    assert parts.resolution == pytest.approx(0.2**2)  # shares 0.2 and 0.6 about 0.4
    assert parts.uncertainty == pytest.approx(0.4 * 0.6)
    assert parts.within == pytest.approx(0.0, abs=1e-12)
    assert parts.brier == pytest.approx(0.02 - 0.04 + 0.24)
    assert parts.skill == pytest.approx(1 - 0.22 / 0.24)


@given(
    proba=arrays(np.float64, (20, 2), elements=st.floats(0, 1)),
    truth=arrays(np.int8, (20, 2), elements=st.sampled_from([1, 0, UNJUDGED])),
    n_bins=st.integers(1, 12),
    kind=st.sampled_from(["equal_width", "equal_mass"]),
)
def test_the_parts_always_add_up_to_scikit_learns_brier_score(proba, truth, n_bins, kind):
    cells = judged_cells(proba, truth)
    if not len(cells):
        return
    parts = brier_parts(cells, binned_cells(cells, n_bins=n_bins, kind=kind))
    judged = truth != UNJUDGED
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within

    assert total == pytest.approx(parts.brier, abs=1e-9)
    expected = brier_score_loss(truth[judged], proba[judged], pos_label=1, labels=[0, 1])
    assert parts.brier == pytest.approx(expected)
