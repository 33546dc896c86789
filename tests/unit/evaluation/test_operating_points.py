from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score, precision_score, recall_score

from core.errors import InputError
from core.evaluation.operating_points import Aim, Goal, Scope, choose_cuts, cross_fitted_cuts


def column(values):
    return np.array(values, dtype=np.float32)[:, None]


def states(values):
    return np.array(values, dtype=np.int8)[:, None]


PROBA = column([0.1, 0.2, 0.3, 0.6, 0.9])
TRUTH = states([0, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("aim", "low", "high"),
    [
        (Aim(), 0.2, 0.3),  # both found for one false alarm: .8; at .9 alone only .67
        (Aim(goal=Goal.F_BETA, beta=0.2), 0.6, 0.9),
        (Aim(goal=Goal.PRECISION, floor=0.9), 0.6, 0.9),
        (Aim(goal=Goal.PRECISION, floor=0.6), 0.2, 0.3),
        (Aim(goal=Goal.RECALL, floor=1.0), 0.2, 0.3),
        (Aim(goal=Goal.RECALL, floor=0.5), 0.6, 0.9),
        (Aim(goal=Goal.COST, cost_false_positive=3.0), 0.6, 0.9),
        (Aim(goal=Goal.COST, cost_false_negative=3.0), 0.2, 0.3),
    ],
)
def test_the_cut_is_in_the_middle_of_the_gap_that_serves_the_goal(aim, low, high):
    assert choose_cuts(PROBA, TRUTH, aim).shared == pytest.approx((low + high) / 2)


def test_a_floor_nobody_reaches_is_told_and_the_nearest_cut_taken():
    truth = states([0, 1, 0, 0, 0])
    cuts = choose_cuts(PROBA, truth, Aim(goal=Goal.PRECISION, floor=0.9))
    assert cuts.falls_short.all()
    assert cuts.shared == pytest.approx(0.15)  # one of four is as precise as it gets


def test_without_a_positive_or_without_cells_it_is_one_half():
    assert choose_cuts(PROBA, states([0] * 5)).shared == 0.5
    assert choose_cuts(PROBA, states([-1] * 5)).shared == 0.5
    assert choose_cuts(np.empty((0, 2), np.float32), np.empty((0, 2), np.int8)).shared == 0.5


def test_a_label_with_few_judgements_has_the_shared_cut():
    rng = np.random.default_rng(0)
    truth = (rng.random((200, 2)) < 0.4).astype(np.int8)
    proba = np.clip(0.3 * truth + 0.3 * rng.random((200, 2)), 0, 1).astype(np.float32)
    truth[:, 1] = np.where(np.arange(200) < 12, truth[:, 1], -1)
    cuts = choose_cuts(proba, truth, Aim(scope=Scope.PER_LABEL))
    assert cuts.is_own.tolist() == [True, False]
    assert cuts.thresholds[1] == cuts.shared


def test_labels_on_different_scales_need_cuts_of_their_own():
    truth = np.tile(np.array([[1, 1], [0, 0]], dtype=np.int8), (20, 1))
    proba = np.tile(np.array([[0.9, 0.3], [0.6, 0.1]], dtype=np.float32), (20, 1))
    cuts = choose_cuts(proba, truth, Aim(scope=Scope.PER_LABEL))
    assert cuts.thresholds == pytest.approx([0.75, 0.2])
    assert (cuts.predict(proba) == (truth == 1)).all()


def test_unjudged_cells_and_missing_probabilities_change_nothing():
    proba = np.vstack([PROBA, column([0.55, np.nan])])
    truth = np.vstack([TRUTH, states([-1, 1])])
    assert choose_cuts(proba, truth).shared == choose_cuts(PROBA, TRUTH).shared


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=30),
    st.sampled_from([0.5, 1.0, 2.0]),
)
def test_no_cut_serves_f_beta_better(cells, beta):
    proba = column([value / 20 for value, _ in cells])
    truth = states([int(present) for _, present in cells])
    if not truth.any():
        return
    cuts = choose_cuts(proba, truth, Aim(goal=Goal.F_BETA, beta=beta))
    tried = [
        fbeta_score(truth[:, 0], proba[:, 0] >= cut, beta=beta, zero_division=0)
        for cut in np.unique(np.append(proba, 2))
    ]
    chosen = fbeta_score(truth[:, 0], cuts.predict(proba)[:, 0], beta=beta, zero_division=0)
    assert chosen == pytest.approx(max(tried))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=30),
    st.floats(0.1, 1.0),
)
def test_a_precision_floor_is_kept_wherever_it_can_be(cells, floor):
    proba = column([value / 20 for value, _ in cells])
    truth = states([int(present) for _, present in cells])
    if not truth.any():
        return
    cuts = choose_cuts(proba, truth, Aim(goal=Goal.PRECISION, floor=floor))
    tried = [
        (precision_score(truth[:, 0], proba[:, 0] >= cut), recall_score(truth, proba >= cut))
        for cut in np.unique(proba[truth == 1])
    ]
    reached = [recall for precision, recall in tried if precision >= floor]
    assert bool(cuts.falls_short[0]) == (not reached)
    if reached:
        predicted = cuts.predict(proba)
        assert precision_score(truth, predicted) >= floor - 1e-9
        assert recall_score(truth, predicted) == pytest.approx(max(reached))


def test_cross_fitted_cuts_find_nothing_in_noise():
    rng = np.random.default_rng(3)
    n = 4000
    proba = rng.random((n, 1)).astype(np.float32)
    truth = (rng.random((n, 1)) < 0.2).astype(np.int8)
    folds = np.arange(n) % 5
    aim = Aim(goal=Goal.PRECISION, floor=0.5)
    flattering = choose_cuts(proba, truth, aim).predict(proba)
    honest = cross_fitted_cuts(proba, truth, folds, aim)
    assert precision_score(truth, flattering) > 0.3
    assert honest.sum() == 0 or precision_score(truth, honest) < 0.3


@pytest.mark.parametrize("wrong", [{"floor": 1.5}, {"beta": 0.0}, {"cost_false_positive": -1.0}])
def test_aims_that_mean_nothing_are_refused(wrong):
    with pytest.raises(InputError):
        Aim(**wrong)
