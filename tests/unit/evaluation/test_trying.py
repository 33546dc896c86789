from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import fbeta_score

from core.domain import EvaluationSource
from core.errors import NotReady
from core.evaluation.counts import predict
from core.evaluation.operating_points import Aim, Goal, Scope
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.trying import folds_of, gain, given, is_gain, macro_gain, try_aim


def outputs(proba, truth, **more) -> EvaluationOutputs:
    proba = np.asarray(proba, dtype=np.float32)
    usual = {
        "names": tuple(f"label {i}" for i in range(proba.shape[1])),
        "thresholds": np.full(proba.shape[1], 0.5),
        "source": EvaluationSource.OUT_OF_FOLD,
        "folds": np.arange(len(proba)) % 5,
    }
    return EvaluationOutputs(proba, np.asarray(truth, dtype=np.int8), **(usual | more))


def noise(n_documents: int, n_labels: int, seed: int) -> EvaluationOutputs:
    """Probabilities that know nothing of the judgements."""
    rng = np.random.default_rng(seed)
    truth = rng.random((n_documents, n_labels)) < 0.2
    return outputs(rng.random((n_documents, n_labels)), truth, seed=seed)


def told_apart(n_documents: int = 200, *, scale: float = 0.4) -> EvaluationOutputs:
    """One label that is ranked well, and whose probabilities are far too low."""
    rng = np.random.default_rng(0)
    truth = rng.random((n_documents, 1)) < 0.3
    return outputs(scale * (0.6 * truth + 0.4 * rng.random(truth.shape)), truth)


AT_HAND = outputs(
    [[0.9, 0.2], [0.8, 0.6], [0.4, 0.7], [0.3, 0.1]], [[1, 0], [0, 1], [1, -1], [0, 1]], folds=None
)
CUT = predict(AT_HAND.proba, 0.5)  # a: one found, one wrong, one missed; b: one found, one missed


def test_figures_of_four_documents_match_counting_by_hand():
    figures = given(AT_HAND, CUT, Aim())
    assert figures.precision.value == pytest.approx(2 / 3)
    assert figures.recall.value == pytest.approx(2 / 4)
    assert figures.micro_f1.value == pytest.approx(4 / 7)
    assert figures.macro_f1.value == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert figures.served == figures.micro_f1


@pytest.mark.parametrize(
    ("aim", "served"),
    [
        (Aim(goal=Goal.PRECISION), 2 / 4),  # what is found at the floor
        (Aim(goal=Goal.RECALL), 2 / 3),
        # one too many at 3, two missed at 5, in 4 documents
        (Aim(goal=Goal.COST, cost_false_positive=3, cost_false_negative=5), 100 * 13 / 4),
        (Aim(goal=Goal.F_BETA, beta=2), 5 * 2 / (5 * 2 + 4 * 2 + 1)),
    ],
)
def test_what_serves_an_aim_is_told_in_its_own_figure(aim, served):
    assert given(AT_HAND, CUT, aim).served.value == pytest.approx(served)


def test_f_beta_agrees_with_scikit_learn_on_the_judged_cells(large):
    proba, truth = large
    measured, predicted, judged = outputs(proba, truth), predict(proba, 0.4), truth != -1
    served = given(measured, predicted, Aim(goal=Goal.F_BETA, beta=0.5)).served
    assert served.value == pytest.approx(fbeta_score(truth[judged], predicted[judged], beta=0.5))
    assert served.low < served.value < served.high


def test_the_cost_of_no_mistake_has_no_interval_to_show():
    perfect = outputs([[0.9], [0.1]] * 10, [[1], [0]] * 10)
    served = given(perfect, perfect.guesses, Aim(goal=Goal.COST)).served
    assert (served.value, served.low, served.high) == (0.0, None, None)


@pytest.mark.parametrize("scope", list(Scope))
def test_in_pure_noise_tuned_thresholds_flatter_and_honest_ones_gain_nothing(scope):
    flattered, gained = [], []
    for seed in range(20):
        measured = noise(120, 4, seed)
        trial = try_aim(measured, Aim(scope=scope))
        everything = np.ones_like(trial.predicted)  # the best that can be done without knowing
        flattered.append(trial.tuned.micro_f1.value - trial.honest.micro_f1.value)
        gained.append(gain(measured, trial.predicted, everything, trial.aim))
    assert np.mean(flattered) > 0.02
    assert np.mean([difference.value for difference in gained]) < 0.0
    assert sum(is_gain(difference) for difference in gained) <= 1


def test_thresholds_for_probabilities_that_are_too_low_are_a_true_gain():
    measured = told_apart()
    trial = try_aim(measured, Aim())
    assert not measured.guesses.any()
    assert trial.honest.micro_f1.value == pytest.approx(1.0, abs=0.02)
    assert is_gain(gain(measured, trial.predicted, measured.guesses, trial.aim))
    assert is_gain(macro_gain(measured, trial.predicted, measured.guesses))


def test_less_cost_is_a_gain():
    measured = told_apart()
    aim = Aim(goal=Goal.COST, cost_false_negative=5)
    trial = try_aim(measured, aim)
    before = given(measured, measured.guesses, aim).served.value
    difference = gain(measured, trial.predicted, measured.guesses, aim)
    assert difference.value == pytest.approx(before - trial.honest.served.value)
    assert is_gain(difference)


def test_predictions_that_are_the_same_gain_nothing():
    difference = gain(AT_HAND, CUT, CUT, Aim())
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)
    assert not is_gain(difference)


def test_each_document_is_predicted_by_cuts_that_it_had_no_part_in():
    measured = noise(200, 1, 0)
    trial = try_aim(measured, Aim())
    fold = folds_of(measured) == 0
    changed = measured.truth.copy()
    changed[fold] = 1 - changed[fold]
    other = try_aim(replace(measured, truth=changed), Aim())
    np.testing.assert_array_equal(trial.predicted[fold], other.predicted[fold])
    assert other.cuts.shared != trial.cuts.shared


def test_an_audit_set_is_measured_by_cuts_chosen_out_of_fold():
    choosing = told_apart()
    audit = replace(told_apart(60), source=EvaluationSource.AUDIT, folds=None)
    audit = replace(audit, truth=1 - audit.truth)  # what it says itself has no say
    trial = try_aim(audit, Aim(), chosen_on=choosing)
    assert trial.is_apart
    assert (trial.n_documents, trial.n_chosen_on) == (60, 200)
    assert trial.cuts.shared == try_aim(choosing, Aim()).cuts.shared
    np.testing.assert_array_equal(trial.predicted, trial.cuts.predict(audit.proba))


def test_an_audit_set_alone_is_its_own_judge_fold_by_fold():
    audit = replace(told_apart(), source=EvaluationSource.AUDIT, folds=None)
    trial = try_aim(audit, Aim())
    assert not trial.is_apart
    assert trial.n_chosen_on == 200


def test_documents_without_folds_are_given_some_the_same_each_time():
    alone = replace(told_apart(), folds=None)
    one_fold = replace(told_apart(), folds=np.zeros(200, dtype=np.int64))
    assert sorted(np.bincount(folds_of(alone))) == [40] * 5
    np.testing.assert_array_equal(folds_of(alone), folds_of(one_fold))


def test_nine_documents_are_too_few_to_choose_on():
    with pytest.raises(NotReady, match="9 measured documents are too few"):
        try_aim(told_apart(9), Aim())


def test_documents_that_tell_nothing_do_not_count():
    measured = told_apart(12)
    truth = measured.truth.copy()
    truth[:3] = -1
    with pytest.raises(NotReady, match="9 measured documents"):
        try_aim(replace(measured, truth=truth), Aim())
