from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from core.domain import UNJUDGED
from core.evaluation.roc import roc_auc, roc_aucs, roc_curve_points


def column(values, kind):
    return np.array(values, dtype=kind)[:, None]


def test_the_area_agrees_with_scikit_learn_on_judged_cells(large):
    proba, truth = large
    for label, area in enumerate(roc_aucs(proba, truth)):
        judged = truth[:, label] != UNJUDGED
        assert area == pytest.approx(roc_auc_score(truth[judged, label], proba[judged, label]))


def test_the_curve_has_scikit_learns_points(large):
    proba, truth = large
    judged = truth[:, 1] != UNJUDGED
    curve = roc_curve_points(proba, truth, 1, max_points=10_000)

    alarms, finds, cuts = roc_curve(truth[judged, 1], proba[judged, 1], drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, alarms)
    np.testing.assert_allclose(curve.true_positive_rate, finds)
    np.testing.assert_allclose(curve.thresholds[1:], cuts[1:])


def test_a_case_by_hand_with_a_tie():
    # pairs of present and absent: (.9 .4) (.9 .6) (.6 .4) right, (.6 .6) tied: 3.5 of 4
    proba, truth = column([0.9, 0.6, 0.6, 0.4], np.float32), column([1, 1, 0, 0], np.int8)
    curve = roc_curve_points(proba, truth, 0)

    assert roc_auc(proba, truth, 0) == 0.875
    np.testing.assert_allclose(curve.false_positive_rate, [0, 0, 0.5, 1])
    np.testing.assert_allclose(curve.true_positive_rate, [0, 0.5, 1, 1])


def test_unjudged_cells_and_missing_probabilities_are_left_out():
    proba = column([0.9, 0.1, 0.2, np.nan, 0.99], np.float32)
    truth = column([1, 0, 0, 1, UNJUDGED], np.int8)

    assert roc_auc(proba, truth, 0) == 1.0
    np.testing.assert_allclose(roc_curve_points(proba, truth, 0).thresholds[1:], [0.9, 0.2, 0.1])


@pytest.mark.parametrize("states", [[1, 1], [0, 0], [UNJUDGED, UNJUDGED]])
def test_one_state_alone_has_neither_area_nor_curve(states):
    proba, truth = column([0.9, 0.1], np.float32), column(states, np.int8)

    assert roc_auc(proba, truth, 0) is None
    assert roc_curve_points(proba, truth, 0).thresholds.size == 0


def test_a_thinned_curve_keeps_its_ends_and_is_part_of_the_whole():
    rng = np.random.default_rng(5)
    proba = rng.random((3000, 1), dtype=np.float32)
    truth = (rng.random((3000, 1)) < proba).astype(np.int8)
    whole = roc_curve_points(proba, truth, 0, max_points=10_000)
    thinned = roc_curve_points(proba, truth, 0, max_points=50)

    assert len(thinned.thresholds) <= 50
    assert (thinned.false_positive_rate[0], thinned.true_positive_rate[0]) == (0, 0)
    assert (thinned.false_positive_rate[-1], thinned.true_positive_rate[-1]) == (1, 1)
    assert np.isin(thinned.thresholds, whole.thresholds).all()


@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.9]), st.sampled_from([0, 1])),
        min_size=2,
        max_size=30,
    )
)
def test_turning_probabilities_around_turns_the_area_around(cells):
    proba = column([p for p, _ in cells], np.float32)
    truth = column([state for _, state in cells], np.int8)
    area, turned = roc_auc(proba, truth, 0), roc_auc(1 - proba, truth, 0)

    assert (area is None) == (turned is None) == (len({state for _, state in cells}) == 1)
    if area is not None and turned is not None:
        assert area + turned == pytest.approx(1)
