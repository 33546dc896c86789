from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
)

from core.domain import UNJUDGED
from core.errors import InputError
from core.evaluation.counts import predict
from core.evaluation.per_label import (
    per_label,
    precision_recall_curve_points,
    probability_histogram,
)


def test_every_label_agrees_with_scikit_learn_on_its_judged_cells(large):
    proba, truth = large
    for i, scores in enumerate(per_label(proba, truth, 0.5, list("abcde"))):
        judged = truth[:, i] != UNJUDGED
        y, p = truth[judged, i], proba[judged, i]
        z = predict(p, 0.5)
        assert scores.n_judged == judged.sum()
        assert scores.support == y.sum()
        assert scores.n_predicted == z.sum()
        assert scores.precision == pytest.approx(precision_score(y, z))
        assert scores.recall == pytest.approx(recall_score(y, z))
        assert scores.f1 == pytest.approx(f1_score(y, z))
        assert scores.average_precision == pytest.approx(average_precision_score(y, p))


def test_a_label_never_predicted_has_no_precision_and_an_f1_of_zero():
    truth = np.zeros((1000, 1), dtype=np.int8)
    truth[:10] = 1
    proba = np.full((1000, 1), 0.01, dtype=np.float32)

    (scores,) = per_label(proba, truth, 0.5, ["rare"])

    assert scores.precision is None
    assert scores.precision_interval is None
    assert scores.recall == 0.0
    assert scores.f1 == 0.0
    assert (scores.support, scores.n_predicted) == (10, 0)


def test_a_label_nobody_used_has_no_recall_and_no_f1_however_often_it_is_predicted():
    truth = np.zeros((4, 1), dtype=np.int8)
    proba = np.array([[0.9], [0.1], [0.1], [0.1]], dtype=np.float32)

    (scores,) = per_label(proba, truth, 0.5, ["unused"])

    assert scores.precision == 0.0
    assert (scores.recall, scores.f1, scores.average_precision) == (None, None, None)
    assert (scores.recall_interval, scores.f1_interval) == (None, None)


def test_average_precision_is_undefined_when_every_document_has_the_label():
    (scores,) = per_label(np.full((3, 1), 0.9, np.float32), np.ones((3, 1), np.int8), 0.5, ["all"])

    assert scores.average_precision is None
    assert scores.recall == 1.0


def test_unjudged_cells_and_missing_probabilities_are_not_counted(small):
    a, b = per_label(*small, 0.5, ["a", "b"])

    assert (a.n_judged, a.support, a.precision, a.recall) == (3, 2, 0.5, 0.5)
    assert (b.n_judged, b.support, b.precision, b.recall) == (3, 1, 1.0, 1.0)


def test_every_interval_contains_its_score(large):
    for scores in per_label(*large, 0.4, list("abcde")):
        for name in ("precision", "recall", "f1"):
            low, high = getattr(scores, f"{name}_interval")
            assert low <= getattr(scores, name) <= high


def test_given_predictions_replace_the_cut_but_not_the_ranking(small):
    proba, truth = small
    nothing = np.zeros(truth.shape, dtype=bool)

    cut, given = (per_label(proba, truth, 0.5, "ab", predicted=p)[0] for p in (None, nothing))

    assert given.n_predicted == 0
    assert given.average_precision == cut.average_precision


def test_thresholds_may_differ_by_label(small):
    a, b = per_label(*small, [0.1, 0.95], ["a", "b"])

    assert (a.n_predicted, b.n_predicted) == (3, 0)


def test_each_label_needs_a_name(small):
    with pytest.raises(InputError, match="1 names were given for 2 labels"):
        per_label(*small, 0.5, ["a"])


def test_an_unthinned_curve_has_scikit_learns_points(large):
    proba, truth = large
    curve = precision_recall_curve_points(proba, truth, 1)
    judged = truth[:, 1] != UNJUDGED

    precision, recall, cuts = precision_recall_curve(truth[judged, 1], proba[judged, 1])
    np.testing.assert_allclose(curve.thresholds, cuts[::-1])
    np.testing.assert_allclose(curve.precision, precision[:-1][::-1])
    np.testing.assert_allclose(curve.recall, recall[:-1][::-1])


def test_a_thinned_curve_keeps_its_ends_and_is_part_of_the_whole():
    rng = np.random.default_rng(5)
    truth = (rng.random((5000, 1)) < 0.3).astype(np.int8)
    proba = rng.random((5000, 1), dtype=np.float32)
    whole = precision_recall_curve_points(proba, truth, 0, max_points=10_000)
    thinned = precision_recall_curve_points(proba, truth, 0)

    assert 100 < len(thinned.recall) <= 200
    for name in ("recall", "precision", "thresholds"):
        kept, everything = getattr(thinned, name), getattr(whole, name)
        assert (kept[0], kept[-1]) == (everything[0], everything[-1])
        assert np.isin(kept, everything).all()
    assert np.diff(thinned.recall).max() < 0.02


def test_a_label_of_one_state_has_an_empty_curve():
    curve = precision_recall_curve_points(
        np.full((3, 1), 0.9, np.float32), np.ones((3, 1), np.int8), 0
    )

    assert curve.recall.size == curve.precision.size == curve.thresholds.size == 0


def test_a_histogram_sorts_cells_by_probability_and_judgement(small):
    of_a = probability_histogram(*small, 0, n_bins=2)
    of_all = probability_histogram(*small, n_bins=2)

    np.testing.assert_array_equal(of_a.present, [1, 1])
    np.testing.assert_array_equal(of_a.absent, [0, 1])
    np.testing.assert_array_equal(of_a.unjudged, [1, 0])
    np.testing.assert_array_equal(of_all.present, [1, 2])  # the missing probability is left out
    np.testing.assert_array_equal(of_all.absent, [2, 1])


def test_certainty_falls_into_the_last_bin():
    counted = probability_histogram(
        np.array([[1.0]], np.float32), np.array([[1]], np.int8), n_bins=4
    )

    np.testing.assert_array_equal(counted.present, [0, 0, 0, 1])
