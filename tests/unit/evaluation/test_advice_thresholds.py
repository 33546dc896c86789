"""Made-up cases for what a sweep and a choice of thresholds suggest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.domain import EvaluationSource
from core.evaluation.advice_thresholds import (
    what_it_suggests_choice,
    what_it_suggests_label_sweep,
    what_it_suggests_threshold_sweep,
)
from core.evaluation.operating_points import Aim, Cuts, Goal, Scope
from core.evaluation.report import evaluate
from core.evaluation.summary import UNDEFINED, Estimate
from core.evaluation.thresholds import sweep_label
from core.evaluation.trying import Given, Trial


def measured(proba, truth, threshold=0.5):
    return evaluate(
        np.array(proba, dtype=np.float32)[:, None],
        np.array(truth, dtype=np.int8)[:, None],
        names=["a"],
        source=EvaluationSource.OUT_OF_FOLD,
        threshold=threshold,
        seed=0,
    )


def test_a_threshold_is_not_compared_with_itself():
    fine = measured([0.9] * 20 + [0.1] * 20, [1] * 20 + [0] * 20)
    fine = replace(fine, threshold=fine.best_threshold)
    said = what_it_suggests_threshold_sweep(fine)
    assert said.startswith(f"Leave the threshold at {fine.threshold:.2f}: it is the best on")


def test_scores_are_those_that_the_sweep_shows_at_the_threshold_in_force():
    proba = np.array([[0.9, 0.2]] * 30 + [[0.1, 0.1]] * 30, dtype=np.float32)
    truth = np.array([[1, 0]] * 25 + [[1, 1]] * 5 + [[0, 0]] * 30, dtype=np.int8)
    moved = replace(
        evaluate(
            proba,
            truth,
            names=["a", "b"],
            source=EvaluationSource.OUT_OF_FOLD,
            threshold=0.15,
            seed=0,
        ),
        threshold=0.5,
    )
    # at 0.5 "b" is never found: 30 of 35 hits, no false alarm
    said = what_it_suggests_threshold_sweep(moved)
    assert "Macro-F1 (0.50) is far below micro-F1 (0.92)" in said


def test_high_recall_with_low_precision_asks_what_a_wrong_label_costs():
    # 9 of 10 found at .5, with 21 wrong beside them; nowhere does F1 get much better
    proba = [0.9] * 9 + [0.1] + [0.9] * 21 + [0.1] * 9
    advice = what_it_suggests_threshold_sweep(measured(proba, [1] * 10 + [0] * 30))
    assert advice.startswith("Leave the threshold at 0.50")
    assert "Recall is high (0.90) with low precision (0.30): of ten labels it gives, 7" in advice
    assert "raise the threshold or choose by a precision floor" in advice


def test_high_precision_with_low_recall_asks_what_a_missed_label_costs():
    proba = [0.9] * 12 + [0.1] * 28 + [0.1] * 160
    advice = what_it_suggests_threshold_sweep(measured(proba, [1] * 40 + [0] * 160))
    assert "Precision is high (1.00) with low recall (0.30)" in advice
    assert "choose by a recall floor" in advice


def test_balanced_mistakes_are_not_spoken_of():
    proba = [0.9] * 8 + [0.1] * 2 + [0.9] * 2 + [0.1] * 28
    advice = what_it_suggests_threshold_sweep(measured(proba, [1] * 10 + [0] * 30))
    assert "Recall is high" not in advice
    assert "Precision is high" not in advice


def label_advice(proba, truth, *, threshold=0.5, doubt=0.1):
    column = np.array(proba, dtype=np.float32)[:, None], np.array(truth, dtype=np.int8)[:, None]
    return what_it_suggests_label_sweep(
        sweep_label(*column, 0),
        name="refund",
        n_present=int((column[1] == 1).sum()),
        threshold=threshold,
        doubt=doubt,
    )


def test_a_label_with_few_positives_shares_the_others_threshold():
    advice = label_advice([0.3] * 4 + [0.1] * 30, [1] * 4 + [0] * 30)
    assert advice.startswith("“refund” was judged present in 4 documents: too few")


def test_a_label_whose_probabilities_are_low_is_given_a_threshold_of_its_own():
    advice = label_advice([0.3] * 20 + [0.1] * 40, [1] * 20 + [0] * 40)
    assert advice == (
        "F1 of “refund” is 0.00 at 0.50 and 1.00 at 0.20 on these documents, more than chance "
        "explains: give it a threshold of its own."
    )


def test_between_five_and_ten_positives_only_a_hand_gives_a_threshold():
    advice = label_advice([0.3] * 7 + [0.1] * 40, [1] * 7 + [0] * 40)
    assert "With 7 judged to have it, an aim leaves it at the shared threshold" in advice


def test_a_label_that_is_cut_well_is_left_alone():
    advice = label_advice([0.9] * 20 + [0.1] * 40, [1] * 20 + [0] * 40)
    assert advice.startswith("Leave “refund” at 0.50")


def test_a_label_that_is_not_ranked_at_all_needs_examples():
    advice = label_advice([np.nan] * 5 + [0.001] * 5 + [0.9] * 400, [1] * 10 + [0] * 400)
    assert advice.startswith("No threshold finds “refund”")


def figures(value, low=None, high=None) -> Given:
    estimate = Estimate(value, low, high)
    return Given(estimate, estimate, estimate, estimate, estimate)


F1 = Aim()


def trial(aim=F1, *, honest=None, tuned=None, short=(False, False)) -> Trial:
    honest = honest or figures(0.7, 0.65, 0.75)
    return Trial(
        aim=aim,
        cuts=Cuts(np.full(2, 0.3), 0.3, np.zeros(2, bool), np.array(short)),
        predicted=np.zeros((1, 2), bool),
        honest=honest,
        tuned=tuned or honest,
        n_documents=100,
        n_chosen_on=100,
        is_apart=False,
    )


@pytest.mark.parametrize(
    ("gained", "said"),
    [
        (Estimate(0.2, 0.1, 0.3), "It raises micro-F1 by 0.20 (0.10 to 0.30), more than chance"),
        (Estimate(0.02, -0.01, 0.05), "which chance alone can do: leave the thresholds"),
        (Estimate(0.001, -0.01, 0.01), "by next to nothing: leave the thresholds"),
        (Estimate(-0.1, -0.2, -0.05), "It is worse than what is in force"),
        (UNDEFINED, "Nothing can be compared"),
    ],
)
def test_a_gain_is_believed_only_beyond_chance(gained, said):
    assert said in what_it_suggests_choice(trial(), gained)


def test_a_loss_is_told_as_one():
    told = what_it_suggests_choice(trial(), Estimate(-0.1, -0.2, -0.05))
    assert "lowers micro-F1 by 0.10 (0.05 to 0.20)" in told


def test_less_cost_is_told_as_less():
    told = what_it_suggests_choice(trial(Aim(goal=Goal.COST)), Estimate(12.3, 4.0, 20.0))
    assert told == (
        "It lowers the cost by 12.3 (4.0 to 20.0) per 100 documents, more than chance explains: "
        "use these thresholds."
    )


FLOOR = Aim(goal=Goal.PRECISION, floor=0.8)


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (figures(0.9, 0.85, 0.95), "The floor of 0.80 holds: precision is 0.90 (0.85 to 0.95)."),
        (figures(0.82, 0.75, 0.88), "probably holds, but not surely"),
        (figures(0.7, 0.6, 0.78), "does not hold on documents that did not choose the cut"),
        (figures(None), "undefined: nothing is predicted"),
    ],
)
def test_a_floor_is_checked_on_documents_that_did_not_choose_the_cut(kept, said):
    assert said in what_it_suggests_choice(trial(FLOOR, honest=kept), UNDEFINED)


def test_a_floor_that_nothing_reaches_is_told():
    told = what_it_suggests_choice(trial(FLOOR, short=(True, True)), UNDEFINED, names=("a", "b"))
    assert told.startswith("No threshold reaches precision 0.80 on the documents that choose")


def test_the_labels_that_cannot_reach_a_floor_are_named():
    per_label = replace(FLOOR, scope=Scope.PER_LABEL)
    told = what_it_suggests_choice(
        trial(per_label, short=(False, True)), UNDEFINED, names=("a", "b")
    )
    assert told.startswith("No threshold reaches precision 0.80 of “b”")


NOTHING = Estimate(0.0, -0.02, 0.02)
MUCH = Estimate(0.1, 0.05, 0.15)


@pytest.mark.parametrize(
    ("over_shared", "said"),
    [
        ((NOTHING, NOTHING), "no honest gain over one for all: prefer one for all"),
        ((MUCH, MUCH), "One per label is better than one for all"),
        ((NOTHING, MUCH), "helps rare labels and not the whole: macro-F1 gains 0.10"),
    ],
)
def test_a_threshold_per_label_has_to_earn_its_place(over_shared, said):
    per_label = trial(Aim(scope=Scope.PER_LABEL))
    assert said in what_it_suggests_choice(per_label, MUCH, over_shared=over_shared)


def test_a_flattering_score_is_told_beside_the_honest_one():
    flattered = trial(honest=figures(0.6, 0.5, 0.7), tuned=figures(0.75, 0.7, 0.8))
    told = what_it_suggests_choice(flattered, NOTHING)
    assert "show micro-F1 0.75; documents that did not, 0.60" in told


@pytest.mark.parametrize("goal", list(Goal))
@pytest.mark.parametrize("scope", list(Scope))
def test_every_suggestion_is_whole_sentences(goal, scope):
    over = (NOTHING, MUCH) if scope is Scope.PER_LABEL else None
    for honest in (figures(None), figures(0.5), figures(0.9, 0.8, 1.0)):
        told = what_it_suggests_choice(
            trial(Aim(goal=goal, scope=scope), honest=honest), MUCH, over_shared=over
        )
        assert told[0].isupper()
        assert told.endswith(".")
        assert "None" not in told
