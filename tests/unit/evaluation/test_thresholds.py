from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from core.domain import UNJUDGED
from core.errors import InputError
from core.evaluation.counts import predict
from core.evaluation.per_label import per_label
from core.evaluation.summary import summarise
from core.evaluation.thresholds import (
    Sweep,
    best_threshold,
    cross_fitted_predictions,
    scores_at,
    sweep,
    sweep_interval,
    sweep_label,
)


def swept_micro(scores: list[float], thresholds: list[float] | None = None) -> Sweep:
    micro = np.array(scores)
    grid = np.array(thresholds) if thresholds else np.linspace(0.1, 0.9, len(scores))
    return Sweep(grid, micro, micro, micro, micro)


def test_a_sweep_of_four_documents_matches_counting_by_hand(small):
    swept = sweep(*small, grid=[0.25, 0.7, 0.95])

    # judged: a = 0.9+, 0.6-, 0.2+   b = 0.8+, 0.3-, 0.4-
    # at 0.25: tp 2, fp 3, fn 1; at 0.7: tp 2, fp 0, fn 1; at 0.95: tp 0, fp 0, fn 3
    np.testing.assert_allclose(swept.precision, [2 / 5, 1.0, np.nan])
    np.testing.assert_allclose(swept.recall, [2 / 3, 2 / 3, 0.0])
    np.testing.assert_allclose(swept.micro_f1, [4 / 8, 4 / 5, 0.0])
    # a: 2/(2+1+1), 2/(2+0+1), 0   b: 2/(2+2+0), 1, 0
    np.testing.assert_allclose(swept.macro_f1, [(1 / 2 + 1 / 2) / 2, (2 / 3 + 1) / 2, 0.0])


@pytest.mark.parametrize("position", [0, 10, 49, 80, 98])
def test_a_sweep_agrees_with_scikit_learn_on_the_judged_cells(large, position):
    proba, truth = large
    swept = sweep(proba, truth)
    judged = truth != UNJUDGED
    cut = predict(proba, swept.thresholds[position])

    y, z = truth[judged], cut[judged]
    assert swept.micro_f1[position] == pytest.approx(f1_score(y, z, zero_division=0))
    assert swept.recall[position] == pytest.approx(recall_score(y, z))
    expected = precision_score(y, z, zero_division=np.nan)
    assert swept.precision[position] == pytest.approx(expected, nan_ok=True)
    per_label = [f1_score(truth[m, i], cut[m, i], zero_division=0) for i, m in enumerate(judged.T)]
    assert swept.macro_f1[position] == pytest.approx(np.mean(per_label))


def test_macro_f1_leaves_out_a_label_that_was_never_judged_present():
    proba = np.array([[0.9, 0.9], [0.1, 0.8]], dtype=np.float32)
    truth = np.array([[1, 0], [0, 0]], dtype=np.int8)

    assert sweep(proba, truth, grid=[0.5]).macro_f1 == pytest.approx([1.0])


def test_a_probability_at_the_threshold_counts_as_predicted_in_float32():
    proba = np.array([[0.9]], dtype=np.float32)  # a hair below the float64 0.9

    assert predict(proba, 0.9).all()
    assert sweep(proba, np.array([[1]], dtype=np.int8), grid=[0.9]).recall == [1.0]


def test_a_missing_probability_is_never_a_prediction():
    assert not predict(np.array([[np.nan]], dtype=np.float32), 0.0).any()


def test_nothing_judged_gives_an_undefined_sweep_and_the_middle_threshold(small):
    proba, truth = small
    swept = sweep(proba, np.full_like(truth, UNJUDGED))

    assert np.isnan(swept.micro_f1).all()
    assert np.isnan(swept.macro_f1).all()
    assert best_threshold(swept) == 0.5


def test_the_best_threshold_is_the_middle_of_the_plateau():
    assert best_threshold(swept_micro([0.1, 0.6, 0.6, 0.6, 0.2])) == pytest.approx(0.5)
    assert best_threshold(swept_micro([0.6, 0.6, 0.1], [0.2, 0.3, 0.4])) == pytest.approx(0.25)


def test_of_two_plateaus_the_longer_one_wins():
    scores = [0.6, 0.1, 0.6, 0.6, 0.6]
    assert best_threshold(swept_micro(scores, [0.1, 0.2, 0.3, 0.4, 0.5])) == pytest.approx(0.4)


def test_of_two_equal_plateaus_the_one_nearer_to_one_half_wins():
    assert best_threshold(swept_micro([0.6, 0.1, 0.6], [0.1, 0.2, 0.6])) == pytest.approx(0.6)


def test_undefined_scores_do_not_hide_the_best_threshold():
    assert best_threshold(swept_micro([np.nan, 0.3, np.nan], [0.1, 0.2, 0.3])) == pytest.approx(0.2)


@given(seed=st.integers(0, 10_000))
def test_no_threshold_of_the_grid_beats_the_best_one(seed):
    rng = np.random.default_rng(seed)
    proba = rng.random((30, 3), dtype=np.float32)
    truth = rng.integers(-1, 2, size=(30, 3)).astype(np.int8)
    swept = sweep(proba, truth)

    chosen = sweep(proba, truth, grid=[best_threshold(swept)]).micro_f1[0]
    assert chosen == pytest.approx(np.nanmax(swept.micro_f1))


def test_each_fold_is_cut_where_the_other_folds_score_best():
    # fold 0 separates at 0.3, fold 1 at 0.7: each gets the other's threshold
    proba = np.array([[0.2], [0.4], [0.6], [0.8]], dtype=np.float32)
    truth = np.array([[0], [1], [0], [1]], dtype=np.int8)
    folds = np.array([0, 0, 1, 1])

    predicted, thresholds = cross_fitted_predictions(proba, truth, folds)

    np.testing.assert_allclose(thresholds, [0.705, 0.305])  # middles of 0.61–0.80, 0.21–0.40
    np.testing.assert_array_equal(predicted, [[False], [False], [True], [True]])


def test_a_single_fold_has_no_others_and_is_cut_at_one_half():
    proba = np.array([[0.4], [0.6]], dtype=np.float32)
    truth = np.array([[1], [1]], dtype=np.int8)

    predicted, thresholds = cross_fitted_predictions(proba, truth, np.array([3, 3]))

    assert thresholds == [0.5]
    np.testing.assert_array_equal(predicted, [[False], [True]])


def test_on_pure_noise_a_tuned_threshold_flatters_and_a_cross_fitted_one_does_not():
    n_documents, share, gains_tuned, gains_crossed = 40, 0.3, [], []
    chance = 2 * share / (1 + share)  # F1 of predicting everything: the best a guess can do
    for seed in range(300):
        rng = np.random.default_rng(seed)
        proba = rng.random((n_documents, 1), dtype=np.float32)
        truth = np.zeros((n_documents, 1), dtype=np.int8)
        truth[rng.permutation(n_documents)[: int(share * n_documents)]] = 1
        predicted, _ = cross_fitted_predictions(proba, truth, np.arange(n_documents) % 5)
        gains_crossed.append(f1_score(truth, predicted) - chance)
        gains_tuned.append(np.nanmax(sweep(proba, truth).micro_f1) - chance)

    assert np.mean(gains_tuned) > 0.03
    assert np.mean(gains_crossed) < 0.0


def test_fold_numbers_must_match_the_documents(small):
    with pytest.raises(InputError, match="3 fold numbers were given for 4 documents"):
        cross_fitted_predictions(*small, np.array([0, 1, 2]))


def test_shapes_that_do_not_fit_are_named():
    proba, truth = np.zeros((2, 3), dtype=np.float32), np.zeros((2, 2), dtype=np.int8)
    with pytest.raises(InputError, match=r"\(2, 3\) do not fit judgements of shape \(2, 2\)"):
        sweep(proba, truth)


@pytest.mark.parametrize("label", range(5))
def test_a_sweep_of_one_label_agrees_with_scikit_learn_on_its_judged_cells(large, label):
    proba, truth = large
    swept = sweep_label(proba, truth, label)
    judged = truth[:, label] != UNJUDGED
    for position in (4, 30, 60):
        y = truth[judged, label]
        z = predict(proba[judged, label][:, None], swept.thresholds[position])[:, 0]
        assert swept.micro_f1[position] == pytest.approx(f1_score(y, z, zero_division=0))
        assert swept.recall[position] == pytest.approx(recall_score(y, z))
        expected = precision_score(y, z, zero_division=np.nan)
        assert swept.precision[position] == pytest.approx(expected, nan_ok=True)


def test_removing_the_masked_cells_changes_no_sweep_of_a_label(large):
    proba, truth = large
    judged = truth[:, 1] != UNJUDGED
    kept = sweep_label(proba[judged], truth[judged], 1)
    np.testing.assert_array_equal(sweep_label(proba, truth, 1).micro_f1, kept.micro_f1)


def test_the_interval_of_a_sweep_is_the_one_reported_at_that_threshold(large):
    proba, truth = large
    low, high = sweep_interval(proba, truth, seed=3, grid=[0.3, 0.7])
    for position, cut in enumerate((0.3, 0.7)):
        reported = summarise(predict(proba, cut), truth, seed=3).micro_f1
        assert (low[position], high[position]) == pytest.approx((reported.low, reported.high))


def test_the_interval_of_one_labels_sweep_is_the_one_of_its_f1(large):
    proba, truth = large
    low, high = sweep_interval(proba[:, [0]], truth[:, [0]], seed=3, grid=[0.4])
    (scores,) = per_label(proba[:, [0]], truth[:, [0]], 0.4, ["a"])
    assert (low[0], high[0]) == pytest.approx(scores.f1_interval)


@pytest.mark.parametrize("n_labels", [1, 3])
def test_the_interval_of_a_sweep_without_positives_is_undefined(n_labels):
    proba, truth = np.full((20, n_labels), 0.3, np.float32), np.zeros((20, n_labels), np.int8)
    low, high = sweep_interval(proba, truth, seed=0, grid=[0.2, 0.5])
    assert np.isnan([*low, *high]).all()


def test_each_label_is_scored_at_its_own_cut(small):
    scores = scores_at(*small, [0.5, 0.35])
    # a at 0.5: 0.9 found, 0.6 wrong, 0.2 missed; b at 0.35: 0.8 found, 0.4 wrong
    np.testing.assert_array_equal(scores.support, [2, 1])
    np.testing.assert_array_equal(scores.judged, [3, 3])
    np.testing.assert_allclose(scores.precision, [1 / 2, 1 / 2])
    np.testing.assert_allclose(scores.recall, [1 / 2, 1.0])
    np.testing.assert_allclose(scores.f1, [1 / 2, 2 / 3])


def test_one_cut_for_all_labels_needs_saying_once(small):
    np.testing.assert_array_equal(scores_at(*small, 0.5).thresholds, [0.5, 0.5])
