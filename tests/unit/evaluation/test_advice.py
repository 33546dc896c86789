from __future__ import annotations

import inspect
import re
from dataclasses import replace

import numpy as np
import pytest

from core.domain import EvaluationSource
from core.evaluation import advice
from core.evaluation.report import Evaluation, evaluate
from core.evaluation.wording import counted, listed


def measured(proba, truth, *, threshold=0.5, **more) -> Evaluation:
    proba = np.array(proba, dtype=np.float32)
    names = more.pop("names", [f"l{i}" for i in range(proba.shape[1])])
    return evaluate(
        proba,
        np.array(truth, dtype=np.int8),
        names=names,
        source=EvaluationSource.AUDIT,
        threshold=threshold,
        seed=0,
        **more,
    )


def repeated(rows: list[tuple[list[float], list[int]]], times: int) -> Evaluation:
    """Each (probabilities, judgements) row so many times."""
    proba, truth = zip(*rows, strict=True)
    return measured(np.tile(proba, (times, 1)), np.tile(truth, (times, 1)))


def rounds(*scores: float | None, source="audit", width=0.1):
    return [
        {
            "number": i + 1,
            "n_judged": 20 * (i + 1),
            "micro_f1": score,
            "macro_f1": score,
            "interval": None if score is None else (score - width, score + width),
            "source": source,
        }
        for i, score in enumerate(scores)
    ]


def epochs(losses, f1s=None):
    return [
        {"epoch": i + 1, "loss": loss, "f1": f1s[i] if f1s else None}
        for i, loss in enumerate(losses)
    ]


ABOUT_EVALUATIONS = [
    suggest
    for name in advice.__all__
    if name.startswith("what_it_suggests")
    and "evaluation" in inspect.signature(suggest := getattr(advice, name)).parameters
]


@pytest.mark.parametrize("suggest", ABOUT_EVALUATIONS)
@pytest.mark.parametrize("shape", [(0, 3), (5, 1), (0, 0)])
def test_with_nothing_measured_every_suggestion_is_to_judge(suggest, shape):
    nothing = measured(np.full(shape, 0.5), np.full(shape, -1))
    assert suggest(nothing).startswith("Nothing is measured yet: judge")


@pytest.mark.parametrize("suggest", ABOUT_EVALUATIONS)
def test_every_suggestion_is_whole_sentences_for_any_picture(suggest):
    rng = np.random.default_rng(0)
    for n_documents in (1, 6, 25, 80):
        for labels in (1, 2, 6):
            truth = rng.integers(-1, 2, size=(n_documents, labels))
            text = suggest(measured(rng.random(truth.shape), truth))
            assert re.fullmatch(r"[A-Z“0-9].*\.", text), text
            assert "nan" not in text.split()


def test_collapsed_probabilities_are_called_low_not_wrong():
    collapsed = repeated([([0.3], [1]), ([0.1], [0]), ([0.12], [0])], 20)

    assert advice.what_it_suggests_threshold_sweep(collapsed) == (
        "Micro-F1 is 0.00 at 0.50 but 1.00 at 0.21: probabilities are low, not wrong; "
        "use the tuned threshold."
    )


def test_with_the_tuned_threshold_in_force_the_advice_is_to_keep_it():
    collapsed = measured([[0.3], [0.1]] * 30, [[1], [0]] * 30, threshold=0.2)

    assert advice.what_it_suggests_threshold_sweep(collapsed).startswith(
        "Keep the tuned threshold of 0.20"
    )


def test_a_threshold_as_good_as_the_best_is_left_alone():
    fine = repeated([([0.9], [1]), ([0.1], [0])], 20)
    assert "Leave the threshold at 0.50" in advice.what_it_suggests_threshold_sweep(fine)


def test_a_model_that_finds_nothing_at_any_threshold_needs_judgements_not_a_threshold():
    blind = measured([[0.001], [0.5]] * 30, [[1], [0]] * 30)
    reversed_ranks = measured([[0.001]] * 5 + [[0.9]] * 400, [[1]] * 5 + [[0]] * 400)

    assert "No threshold finds the labels" in advice.what_it_suggests_threshold_sweep(blind)
    assert "No threshold" in advice.what_it_suggests_threshold_sweep(reversed_ranks)


def test_macro_far_below_micro_points_to_the_labels():
    frequent_right_rare_wrong = measured(
        [[0.9, 0.1, 0.1]] * 40 + [[0.1, 0.1, 0.2]] * 40,
        [[1, 0, 0]] * 40 + [[0, 1, 0]] * 5 + [[0, 0, 0]] * 35,
    )
    text = advice.what_it_suggests_threshold_sweep(frequent_right_rare_wrong)
    assert "Macro-F1 (0.50) is far below micro-F1 (0.94)" in text


def test_few_documents_are_said_to_be_few():
    few = repeated([([0.9], [1]), ([0.1], [0])], 4)
    assert advice.what_it_suggests_per_label_bars(few).startswith("Only 8 documents measured")


@pytest.mark.parametrize(
    ("sure_yes", "sure_no", "expected"),
    [
        (0.95, 0.05, "overconfident"),  # right in 7 of 10 either way
        (0.55, 0.45, "underconfident"),
        (0.70, 0.30, "off by only 0.00"),
        (0.90, 0.50, "too high nearly everywhere"),
        (0.50, 0.10, "too low nearly everywhere"),
    ],
)
def test_the_diagram_names_what_is_wrong_with_the_probabilities(sure_yes, sure_no, expected):
    proba = [[sure_yes]] * 50 + [[sure_no]] * 50
    truth = [[1]] * 35 + [[0]] * 15 + [[1]] * 15 + [[0]] * 35

    assert expected in advice.what_it_suggests_reliability_diagram(measured(proba, truth))


def test_many_easy_absent_cells_do_not_hide_an_overconfident_yes():
    proba = [[0.95]] * 40 + [[0.0]] * 2000
    truth = [[1]] * 20 + [[0]] * 2020
    text = advice.what_it_suggests_reliability_diagram(measured(proba, truth))

    assert "where the model says yes it claims 95% and is right in 50%" in text


def test_the_diagram_says_whether_calibration_helped():
    truth = [[1]] * 35 + [[0]] * 15 + [[1]] * 15 + [[0]] * 35
    good, bad = ([[p]] * 50 + [[1 - p]] * 50 for p in (0.7, 0.95))
    helped = measured(good, truth, uncalibrated_proba=np.array(bad, np.float32))
    harmed = measured(bad, truth, uncalibrated_proba=np.array(good, np.float32))

    assert "Calibration helped: it was 0.25 before and is 0.00 now" in (
        advice.what_it_suggests_reliability_diagram(helped)
    )
    assert "did not carry over" in advice.what_it_suggests_reliability_diagram(harmed)


def test_labels_never_predicted_and_labels_too_rare_are_told_apart():
    silent = measured(
        [[0.1, 0.9, 0.1]] * 40, [[1, 1, 1]] * 4 + [[1, 1, 0]] * 36, names=["a", "b", "c"]
    )

    assert advice.what_it_suggests_per_label_bars(silent) == (
        "“a”: never predicted; lower the threshold or judge more examples. "
        "“c”: fewer than 5 positives, so the scores say little; search for examples, or merge "
        "the label into a broader one."
    )


def test_high_recall_with_low_precision_is_called_false_alarms_and_the_reverse_misses():
    alarms = measured([[0.9]] * 40, [[1]] * 10 + [[0]] * 30)
    misses = measured([[0.9]] * 5 + [[0.1]] * 35, [[1]] * 20 + [[0]] * 20)

    assert "false alarms" in advice.what_it_suggests_per_label_bars(alarms)
    assert "many are missed" in advice.what_it_suggests_per_label_bars(misses)


def test_when_nothing_stands_out_the_weakest_label_is_named():
    proba = [[0.9, 0.9]] * 18 + [[0.9, 0.1]] * 2 + [[0.1, 0.1]] * 20
    fine = measured(proba, [[1, 1]] * 20 + [[0, 0]] * 20, names=["strong", "weak"])

    assert "“weak” is weakest with F1 0.95" in advice.what_it_suggests_per_label_bars(fine)


def test_where_no_label_errs_none_is_called_the_weakest():
    text = advice.what_it_suggests_per_label_bars(measured([[0.9], [0.1]] * 20, [[1], [0]] * 20))
    assert "right in all these documents" in text
    assert "weakest" not in text


def test_a_label_ranked_by_chance_questions_what_it_means():
    rng = np.random.default_rng(1)
    noise = measured(rng.random((200, 1)), rng.random((200, 1)) < 0.2)
    assert "hardly better than by chance" in advice.what_it_suggests_precision_recall_curves(noise)


def test_a_label_ranked_well_but_cut_badly_is_given_its_threshold():
    collapsed = repeated([([0.3], [1]), ([0.1], [0])], 20)

    text = advice.what_it_suggests_precision_recall_curves(collapsed)
    assert "F1 is 0.00 now and 1.00 at a threshold of 0.30" in text


def test_curves_of_rare_labels_are_not_trusted():
    rare = measured([[0.9]] * 4 + [[0.1]] * 40, [[1]] * 4 + [[0]] * 40)
    assert "No label has 5 positives yet" in advice.what_it_suggests_precision_recall_curves(rare)


def test_curves_of_labels_judged_present_everywhere_are_not_called_rare():
    everywhere = measured([[0.9]] * 20 + [[0.1]] * 20, [[1]] * 40)
    text = advice.what_it_suggests_precision_recall_curves(everywhere)
    assert "judged absent anywhere" in text


def pairs(proba, truth):
    return advice.what_it_suggests_cooccurrence_heatmap(
        measured(np.repeat(proba, 8, axis=0), np.repeat(truth, 8, axis=0), names=["a", "b", "c"])
    )


def test_a_pair_judged_together_but_never_predicted_together_is_named():
    text = pairs(
        [[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.9, 0.1, 0.1], [0.1, 0.1, 0.9]],
        [[1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]],
    )
    assert "“a” and “b” were judged together in 8 documents but never predicted together" in text


def test_a_pair_predicted_but_never_judged_together_is_named():
    text = pairs(
        [[0.9, 0.9, 0.1], [0.1, 0.9, 0.1], [0.9, 0.1, 0.1], [0.1, 0.1, 0.9]],
        [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]],
    )
    assert "“a” and “b” were predicted together in 8 documents but never judged so" in text


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        ([[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]], "they may be one label"),
        ([[1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 0]], "100% of the documents with “a” also"),
        ([[1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]], "“a” and “b” meet most often, in 8"),
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]], "No two labels were judged together"),
    ],
)
def test_pairs_that_agree_are_read_as_structure(truth, expected):
    assert expected in pairs(np.where(np.array(truth) == 1, 0.9, 0.1), truth)


def test_one_label_has_no_pairs():
    one = repeated([([0.9], [1]), ([0.1], [0])], 20)
    assert "no pairs" in advice.what_it_suggests_cooccurrence_heatmap(one)


@pytest.mark.parametrize(
    ("present", "absent", "expected"),
    [
        (0.9, 0.1, "well apart: 100% of the present and 0%"),
        (0.2, 0.1, "Hardly any present cell"),
        (0.6, 0.4, "still undecided"),
    ],
)
def test_histograms_say_how_far_apart_the_kinds_are(present, absent, expected):
    apart = repeated([([present], [1]), ([absent], [0])], 20)

    assert expected in advice.what_it_suggests_probability_histograms(apart)
    assert expected in advice.what_it_suggests_probability_histograms(apart, "l0")


def test_a_histogram_of_one_kind_cannot_be_compared():
    alike = measured([[0.9]] * 40, [[1]] * 40)
    text = advice.what_it_suggests_probability_histograms(alike, "l0")
    assert text.startswith("Nothing was judged absent for “l0”")


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], "No epoch"),
        (epochs([0.7]), "1 epoch cannot show"),
        (epochs([0.7, 0.5, 0.4]), "still falling"),
        (epochs([0.7, 0.3, 0.2, 0.199]), "levelled out"),
        (epochs([0.7, 0.3, 0.5]), "learning rate may be too high"),
        (epochs([0.7, float("nan"), 0.5]), "diverged"),
        (epochs([0.7, 0.4, 0.3, 0.2], [0.3, 0.6, 0.55, 0.5]), "F1 peaked at 0.60 in epoch 2"),
        (epochs([0.7, 0.4, 0.3, 0.2], [0.3, 0.5, 0.55, 0.6]), "still falling"),
    ],
)
def test_loss_is_read_as_falling_settled_rising_or_learnt_by_heart(history, expected):
    assert expected in advice.what_it_suggests_loss_by_epoch(history)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.4, 0.6, 0.5], "peaked at 0.60 in epoch 2 and fell to 0.50"),
        ([0.4, 0.6, 0.59], "nothing was gained after epoch 2"),
        ([0.4, 0.5, 0.6], "a few more epochs will probably help"),
        ([None, None, None], "a few more epochs will probably help"),
    ],
)
def test_a_falling_loss_is_no_reason_to_go_on_where_the_score_has_ended_rising(scores, expected):
    history = [
        {**entry, "score": score}
        for entry, score in zip(epochs([0.7, 0.5, 0.4]), scores, strict=True)
    ]
    assert expected in advice.what_it_suggests_loss_by_epoch(history)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], "No round has been measured"),
        (rounds(None), "No round has been measured"),
        (rounds(0.4), "starting point"),
        (rounds(0.4, 0.5), "went from 0.40 to 0.50 in 2 rounds: judge on"),
        (rounds(0.4, 0.5, 0.6, 0.7), "judging still pays"),
        (
            rounds(0.5, 0.6, 0.6, 0.61, 0.6),
            "has not risen over the last 3 rounds (0.60 to 0.60, 60 more documents",
        ),
        (rounds(0.6, 0.4), "fell from 0.60 to 0.40 in round 2"),
        (rounds(0.6, 0.55), "too early to tell"),
        (rounds(0.4, 0.5, source="out_of_fold") + rounds(0.3), "cannot be compared"),
    ],
)
def test_rounds_are_read_as_rising_stalled_or_fallen(history, expected):
    assert expected in advice.what_it_suggests_f1_by_round(history)


def test_the_suggestion_uses_the_threshold_in_force():
    fine = repeated([([0.9], [1]), ([0.1], [0])], 20)
    assert "at 0.33" in advice.what_it_suggests_threshold_sweep(replace(fine, threshold=0.33))


def test_long_lists_of_labels_are_cut():
    assert listed(["a"]) == "“a”"
    assert listed(["a", "b", "c", "d"]) == "“a”, “b”, “c” and “d”"
    assert listed(["a", "b", "c", "d", "e"]) == "“a”, “b”, “c” and 2 more"


def test_numbers_take_the_right_noun():
    assert (counted(1, "round"), counted(1200, "document")) == ("1 round", "1,200 documents")


def test_f1_by_epoch_is_said_to_be_each_epochs_own_best():
    assert "each epoch's own best threshold" in advice.how_to_read_loss_by_epoch()


def test_where_one_label_applies_no_threshold_is_spoken_of():
    rng = np.random.default_rng(0)
    truth = np.eye(3, dtype=np.int8)[rng.integers(0, 3, 90)]
    for low in (0.1, 0.35, 0.45):
        proba = np.where(truth == 1, 0.9 - low, low / 2).astype(np.float32)
        one = evaluate(
            proba,
            truth,
            names=["a", "b", "c"],
            source=EvaluationSource.AUDIT,
            threshold=0.5,
            exclusive=True,
            seed=0,
        )
        assert "threshold" not in advice.what_it_suggests_probability_histograms(one)
