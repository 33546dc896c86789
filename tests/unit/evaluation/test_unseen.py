"""What is chosen on documents and what may be reported of the same documents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from core.domain import EvaluationSource
from core.evaluation.calibration import Temperature, log_loss
from core.evaluation.operating_points import Aim, Goal, Scope, choose_cuts
from core.evaluation.recalibration import (
    LabelChoice,
    Map,
    Method,
    Recalibration,
    fit_map,
    nested_recalibration,
    recalibrate,
)
from core.evaluation.unseen import Unseen, chosen_on, measured_on_unseen, nested_on
from core.evaluation.unseen import measured_on_test as on_test

PER_LABEL = Aim(scope=Scope.PER_LABEL)


def unseen_of(proba, truth, n_folds=5):
    folds = np.arange(len(proba)) % n_folds
    return Unseen(proba, truth, folds, EvaluationSource.OUT_OF_FOLD)


def chosen_and_measured(unseen, *, aim=None, threshold=None, exclusive=False, seed=0):
    nested = nested_on(unseen, exclusive=exclusive, seed=seed)
    chosen = chosen_on(unseen, nested, threshold=threshold, aim=aim)
    names = tuple(f"l{at}" for at in range(unseen.proba.shape[1]))
    return chosen, measured_on_unseen(unseen, nested, chosen, names=names, seed=seed)


def bent(n, n_labels, *, slope=2.5, shift=1.0, seed=0):
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.8, 2.0, (n, n_labels))
    truth = (rng.random((n, n_labels)) < chance).astype(np.int8)
    said = expit(slope * logit(np.clip(chance, 1e-6, 1 - 1e-6)) + shift)
    return said.astype(np.float32), truth


def micro_f1(predicted, truth):
    hits = (predicted & (truth == 1)).sum()
    return 2 * hits / (predicted.sum() + (truth == 1).sum())


def test_pure_noise_shows_no_gain_from_thresholds_per_label():
    """Labels drawn without regard to the probabilities: naming all is the best there is."""
    gains, tuned = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth = (rng.random((150, 12)) < 0.2).astype(np.int8)
        proba = rng.uniform(0.05, 0.6, truth.shape).astype(np.float32)
        chosen, outputs = chosen_and_measured(unseen_of(proba, truth), aim=PER_LABEL, seed=seed)
        assert chosen.cuts.is_own.any()
        named_all = micro_f1(np.ones(truth.shape, dtype=bool), truth)
        gains.append(outputs.evaluate().summary.micro_f1.value - named_all)
        own = choose_cuts(proba, truth, PER_LABEL).predict(proba)
        tuned.append(micro_f1(own, truth) - named_all)
    assert np.mean(tuned) > 0.01  # on the documents that chose, chance looks like a gain
    assert np.mean(gains) < 0.0 + 2 * np.std(gains) / np.sqrt(len(gains))
    assert max(gains) < 0.02


def test_pure_noise_shows_no_gain_from_calibration_per_label():
    gains = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        truth = (rng.random((250, 6)) < 0.3).astype(np.int8)
        proba = rng.uniform(0.28, 0.32, truth.shape).astype(np.float32)
        _, outputs = chosen_and_measured(unseen_of(proba, truth), seed=seed)
        gains.append(log_loss(np.full_like(proba, 0.3), truth) - log_loss(outputs.proba, truth))
    assert np.mean(gains) < 0.001


def test_what_a_fold_reports_does_not_depend_on_its_own_judgements():
    proba, truth = bent(400, 3)
    unseen = unseen_of(proba, truth)
    inside = unseen.folds == 2
    flipped = truth.copy()
    flipped[inside] = 1 - flipped[inside]
    _, before = chosen_and_measured(unseen, aim=PER_LABEL)
    _, after = chosen_and_measured(unseen_of(proba, flipped), aim=PER_LABEL)
    np.testing.assert_allclose(before.proba[inside], after.proba[inside], atol=1e-5)
    assert np.array_equal(before.predicted[inside], after.predicted[inside])
    assert not np.allclose(before.proba[~inside], after.proba[~inside], atol=1e-3)


def test_a_fold_is_mended_as_the_others_alone_would_mend_it():
    proba, truth = bent(500, 2)
    folds = np.arange(500) % 5
    nested = nested_recalibration(proba, truth, folds, methods=[Method.PLATT])
    others = folds != 0
    assert recalibrate(proba[others], truth[others], methods=[Method.PLATT]).is_own[0]
    by_others = fit_map(Method.PLATT, proba[others, 0].astype(float), truth[others, 0] == 1)
    expected = by_others.apply(proba[~others, 0].astype(float))
    np.testing.assert_allclose(nested.mended[~others, 0], expected, atol=1e-4)
    assert np.isnan(nested.within[0][~others]).all()
    assert np.isfinite(nested.within[0][others]).all()


@pytest.mark.parametrize("n_folds", [2, 3, 7])
def test_any_number_of_folds_will_do(n_folds):
    proba, truth = bent(200, 2)
    _, outputs = chosen_and_measured(unseen_of(proba, truth, n_folds))
    assert np.isfinite(outputs.proba).all()


def test_labels_that_are_bent_differently_are_mended_and_cut_differently():
    one, truth_one = bent(800, 1, slope=2.0, shift=2.5, seed=1)
    other, truth_other = bent(800, 1, slope=0.5, shift=-2.0, seed=2)
    proba, truth = np.hstack([one, other]), np.hstack([truth_one, truth_other])
    chosen, outputs = chosen_and_measured(unseen_of(proba, truth), aim=PER_LABEL)
    assert chosen.calibration.is_own.all()
    assert chosen.cuts.is_own.all()
    evaluation = outputs.evaluate()
    assert evaluation.calibration.log_loss < evaluation.uncalibrated.log_loss - 0.05
    assert np.array_equal(outputs.thresholds, chosen.cuts.thresholds)


def test_a_threshold_that_was_said_is_every_labels():
    proba, truth = bent(100, 2)
    chosen, outputs = chosen_and_measured(unseen_of(proba, truth), threshold=0.3, aim=PER_LABEL)
    assert chosen.cuts.thresholds.tolist() == [0.3, 0.3]
    assert outputs.predicted is None


def test_with_fewer_than_ten_documents_nothing_is_measured_and_cuts_are_one_half():
    proba, truth = bent(9, 2)
    chosen, outputs = chosen_and_measured(unseen_of(proba, truth), aim=PER_LABEL)
    assert chosen.cuts.thresholds.tolist() == [0.5, 0.5]
    assert len(outputs) == 0
    assert outputs.source is EvaluationSource.NONE


def test_nothing_at_all_is_no_error():
    none = unseen_of(np.empty((0, 2), dtype=np.float32), np.empty((0, 2), dtype=np.int8))
    for exclusive in (False, True):
        chosen, outputs = chosen_and_measured(none, exclusive=exclusive)
        assert len(outputs) == 0
        assert chosen.calibration.temperature.value == 1.0


def test_documents_apart_are_cut_by_the_aim_and_a_recall_floor_holds_on_new_ones():
    proba, truth = bent(2000, 3)
    aim = Aim(Goal.RECALL, Scope.PER_LABEL, floor=0.9)
    chosen, _ = chosen_and_measured(unseen_of(proba[:1000], truth[:1000]), aim=aim)
    apart = on_test(proba[1000:], truth[1000:], chosen, names=("a", "b", "c"), seed=0)
    recalls = [label.recall for label in apart.evaluate().labels]
    assert min(recalls) > 0.82
    assert apart.evaluate().source is EvaluationSource.HELD_OUT


MAPS = [
    Map(Method.TEMPERATURE),
    Map(Method.PLATT, (0.6, -0.4)),
    Map(Method.BETA, (0.5, 1.4, 0.2)),
    Map(Method.ISOTONIC, (0.1, 0.4, 0.6, 0.8, 0.05, 0.05, 0.7, 0.7)),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=4, max_size=4), st.integers(0, 9999))
def test_a_raw_threshold_cuts_where_the_calibrated_one_does(cuts, seed):
    calibration = Recalibration(Temperature(1.7), tuple(LabelChoice(m, {}, "") for m in MAPS))
    raw = np.random.default_rng(seed).random((200, 4)).astype(np.float32)
    plain = calibration.undo(np.array(cuts))
    mended = calibration.apply(raw)
    away = np.abs(mended - np.array(cuts, dtype=np.float32)) > 1e-5
    by_raw = raw >= plain.astype(np.float32)
    highest = calibration.apply(np.ones((1, 4), dtype=np.float32))[0]
    reached = highest >= np.array(cuts)
    agree = by_raw == (mended >= np.array(cuts, dtype=np.float32))
    assert agree[away & reached].all()
    assert not by_raw[:, ~reached].any()
