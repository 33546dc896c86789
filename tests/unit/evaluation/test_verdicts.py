from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from core.domain import EvaluationSource
from core.evaluation.answers import Answer, Known, Question, Severity, SuspectCounts
from core.evaluation.belief import belief
from core.evaluation.forecast import CurvePoint, Forecast, Range
from core.evaluation.outlook import Outlook
from core.evaluation.report import evaluate
from core.evaluation.stopping import Predicted, StoppingState, stopping_state
from core.evaluation.verdicts import answers, what_first


def known(proba, truth, *, threshold=0.5, kept=False, **more) -> Known:
    proba, truth = np.asarray(proba, dtype=np.float32), np.asarray(truth, dtype=np.int8)
    evaluation = evaluate(
        proba,
        truth,
        names=[f"l{i}" for i in range(proba.shape[1])],
        source=EvaluationSource.AUDIT,
        threshold=threshold,
        seed=0,
    )
    return Known(evaluation, belief=belief(proba, truth) if kept else None, **more)


def answer(question: Question, known: Known) -> Answer:
    return next(one for one in answers(known) if one.question is question)


def right(n: int = 200, labels: int = 2):
    """Everything right, and said with the confidence it deserves."""
    rng = np.random.default_rng(0)
    truth = (rng.random((n, labels)) < 0.4).astype(np.int8)
    return np.where(truth == 1, 0.99, 0.01), truth


def outlook(*, gain=(0.03, 0.02, 0.05), needed=(100.0, 50.0, 200.0), n_few=0) -> Outlook:
    """A forecast whose curve leads from 0.60 to 0.61–0.66 in 200 judgements."""
    curve = (
        CurvePoint(300, Range(0.6, 0.58, 0.62)),
        CurvePoint(500, Range(0.63, 0.61, 0.66)),
    )
    forecast = Forecast(
        n_judged=300,
        n_measured=100,
        n_trained=(75, 150, 300),
        micro_f1=(0.4, 0.5, 0.6),
        n_more=200,
        gain=Range(*gain),
        needed=Range(*needed),
        labels=(),
        source=EvaluationSource.AUDIT,
        curve=curve,
    )
    return Outlook(_one_round(), forecast, "", n_labels=2, n_few=n_few, labels=())


def _one_round() -> StoppingState:
    proba = np.array([[0.9], [0.2]], dtype=np.float32)
    return stopping_state([Predicted.cut(proba, 0.5)], n_known=[300], proba=proba)


def test_six_questions_are_answered_in_their_order() -> None:
    assert [one.question for one in answers(known(*right()))] == list(Question)


@pytest.mark.parametrize(
    ("n", "labels", "kept"), list(product((0, 1, 14, 40), (1, 2, 300), (True, False)))
)
def test_every_answer_is_whole_sentences_however_little_is_known(
    n: int, labels: int, kept: bool
) -> None:
    for one in answers(known(*right(n, labels), kept=kept and n > 0)):
        assert one.sentence[0].isupper() or one.sentence[0] in "“0123456789", one.sentence
        assert one.sentence.endswith(".")
        assert len(one.sentence) < 420
        assert "nan" not in one.sentence.split()


def test_fourteen_documents_are_too_early_to_say() -> None:
    given = answers(known(*right(14)))
    early = [one for one in given if "14 measured documents" in one.sentence]
    assert len(early) == 4
    assert {one.severity for one in early} == {Severity.UNKNOWN}
    assert what_first(given).startswith("It is too early")


def test_a_sound_model_is_told_to_be_fine() -> None:
    given = answers(known(*right(), kept=True, suspects=SuspectCounts(0.0, 0, {})))
    by_question = {one.question: one.severity for one in given}
    assert by_question[Question.GOING_ON] is Severity.UNKNOWN  # nothing is known of the way ahead
    assert {s for q, s in by_question.items() if q is not Question.GOING_ON} == {Severity.FINE}


def test_a_label_that_is_never_predicted_fails_by_name() -> None:
    proba, truth = right()
    proba[:, 1] = 0.1
    told = answer(Question.LABELS, known(proba, truth))
    assert told.severity is Severity.ACT
    assert "1 of 2 labels has F1 below 0.50: “l1” is never predicted." in told.sentence


def test_of_many_failing_labels_the_commonest_reasons_are_told() -> None:
    proba, truth = right(300, 30)
    proba[:, :20] = 0.1
    told = answer(Question.LABELS, known(proba, truth))
    assert told.figure == "20 of 30"
    assert "20 are never predicted, worst “l0”" in told.sentence


def test_where_labels_exclude_each_other_no_threshold_is_spoken_of() -> None:
    proba, truth = right()
    proba[:, 1] = 0.1
    given = answers(known(proba, truth, exclusive=True))
    by_question = {one.question: one for one in given}
    assert "threshold" not in by_question[Question.LABELS].sentence
    assert by_question[Question.THRESHOLD].sentence.startswith("None:")
    assert "none meet" in by_question[Question.TOGETHER].sentence


def test_a_much_better_threshold_is_named() -> None:
    proba, truth = right()
    told = answer(Question.THRESHOLD, known(proba * 0.3, truth))
    assert told.severity is Severity.ACT
    assert "rather than 0.50" in told.sentence
    assert float(told.figure) < 0.3


def test_thresholds_per_label_are_told_as_a_range() -> None:
    told = answer(Question.THRESHOLD, known(*right(), thresholds=np.array([0.2, 0.6])))
    assert told.sentence.startswith("Each label at its own, from 0.20 to 0.60")


def test_what_people_set_is_told_instead_of_what_the_round_chose() -> None:
    told = answer(Question.THRESHOLD, known(*right(), set_by_people=np.array([0.2, 0.2])))
    assert told.figure == "0.20"
    assert "People set 0.20 for all labels" in told.sentence
    assert "the round's own, 0.50" in told.sentence


@pytest.mark.parametrize("kept", [True, False])
def test_probabilities_that_claim_too_much_are_not_to_be_believed(kept: bool) -> None:
    rng = np.random.default_rng(0)
    proba = np.where(rng.random((400, 2)) < 0.5, 0.95, 0.05)
    truth = (rng.random(proba.shape) < np.where(proba > 0.5, 0.65, 0.35)).astype(np.int8)
    told = answer(Question.PROBABILITIES, known(proba, truth, kept=kept))
    assert told.severity is Severity.ACT
    assert told.sentence.startswith("No")
    assert "95%" in told.of_what


def test_suspects_are_counted_and_their_labels_named() -> None:
    suspects = SuspectCounts(9.4, 40, {"l0": 1.0, "l1": 7.0, "l2": 1.4})
    told = answer(Question.SUSPECTS, known(*right(), suspects=suspects))
    assert told.figure == "9 of 40"
    assert "“l1” and “l2”" in told.sentence
    assert told.severity is Severity.LOOK


def test_of_all_in_doubt_none_is_called_merely_hard_and_a_fraction_is_hardly_any():
    one = answer(Question.SUSPECTS, known(*right(), suspects=SuspectCounts(1.2, 1, {"l0": 1.2})))
    assert one.sentence.startswith("1 judgement would surprise")
    assert "very roughly 1 is wrong. Look" in one.sentence
    few = answer(Question.SUSPECTS, known(*right(), suspects=SuspectCounts(0.3, 4, {"l0": 0.3})))
    assert "hardly any is wrong, the others hard" in few.sentence
    assert few.figure == "0 of 4"


def test_a_round_that_looked_for_nothing_says_so() -> None:
    assert answer(Question.SUSPECTS, known(*right())).severity is Severity.UNKNOWN


def test_labels_predicted_apart_that_people_put_together_are_named() -> None:
    truth = np.repeat([[1, 1], [1, 0], [0, 0]], 40, axis=0)
    proba = np.where(truth == 1, 0.9, 0.1)
    proba[:40, 1] = 0.1
    proba[0, 1] = 0.9
    told = answer(Question.TOGETHER, known(proba, truth))
    assert told.figure == "1 of 1"
    assert "judged together in 40 documents, predicted in 1" in told.sentence


def test_the_gain_ahead_is_told_with_where_it_leads() -> None:
    told = answer(Question.GOING_ON, known(*right(), outlook=outlook()))
    assert told.sentence == (
        "Yes: 200 more judgements should add 0.02 to 0.05 micro-F1, to 0.61–0.66."
    )
    assert told.figure == "+0.03"


def test_a_flat_curve_makes_going_on_hardly_worth_it() -> None:
    flat = outlook(gain=(0.001, 0.0, 0.002), needed=(None, None, None))
    told = answer(Question.GOING_ON, known(*right(), outlook=flat))
    assert told.severity is Severity.FINE
    assert told.sentence.startswith("Hardly")


def test_rare_labels_are_a_reason_to_go_on_though_the_curve_is_flat() -> None:
    flat = outlook(gain=(0.001, 0.0, 0.002), needed=(None, None, None), n_few=3)
    told = answer(Question.GOING_ON, known(*right(), outlook=flat))
    assert told.severity is Severity.LOOK
    assert "3 labels still have fewer than 10" in told.sentence


def test_what_asks_for_most_is_said_first() -> None:
    proba, truth = right()
    proba[:, 1] = 0.1
    assert what_first(answers(known(proba, truth, outlook=outlook()))).startswith(
        "To act on first: labels that fail"
    )
