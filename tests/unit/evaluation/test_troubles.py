from __future__ import annotations

import numpy as np
import pytest

from core.domain import EvaluationSource
from core.errors import NotFound
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.per_label import per_label
from core.evaluation.troubles import is_failing, what_stands_out
from core.evaluation.wording import measured_on


def scores_of(tp, fp, fn, tn, *, ranked_by=None):
    """One label with these counts, cut at 0.5; found and false ones at 0.9, others at 0.1."""
    truth = np.array([1] * tp + [0] * fp + [1] * fn + [0] * tn, dtype=np.int8)[:, None]
    proba = np.array([0.9] * (tp + fp) + [0.1] * (fn + tn), dtype=np.float32)[:, None]
    return per_label(proba, truth, 0.5, ["billing"])[0]


@pytest.mark.parametrize(
    ("counts", "words", "failing"),
    [
        ((0, 0, 0, 0), "not judged", False),
        ((0, 3, 0, 9), "no positives judged", False),
        ((4, 0, 0, 9), "too few positives to tell: 4", False),
        ((0, 0, 10, 90), "never predicted", True),
        ((10, 80, 0, 5), "predicted nearly everywhere", True),
        ((3, 0, 11, 86), "recall 0.21: threshold too high?", True),
        ((10, 20, 0, 170), "precision 0.33: many false alarms", False),  # F1 is 0.50
        ((5, 20, 5, 170), "precision 0.20, recall 0.50: both low", True),
        ((0, 2, 10, 88), "none of 2 predictions is right", True),
        ((0, 1, 10, 89), "the only prediction is wrong", True),
        ((9, 1, 1, 89), "", False),
    ],
)
def test_why_a_label_fails_is_said_in_a_few_words(counts, words, failing):
    scores = scores_of(*counts)

    assert what_stands_out(scores) == words
    assert is_failing(scores) is failing


def test_a_better_threshold_is_named_only_where_it_gains_much():
    scores = scores_of(3, 0, 11, 86)

    assert what_stands_out(scores, better=(0.18, 0.61)) == (
        "recall 0.21: threshold too high?; F1 would be 0.61 at threshold 0.18"
    )
    assert what_stands_out(scores, better=(0.18, 0.36)) == "recall 0.21: threshold too high?"


def test_where_labels_exclude_each_other_nothing_is_said_of_thresholds():
    scores = scores_of(3, 0, 11, 86)

    words = what_stands_out(scores, better=(0.18, 0.61), exclusive=True)
    assert words == "recall 0.21: many are missed"


def outputs_of(source: EvaluationSource) -> EvaluationOutputs:
    return EvaluationOutputs(
        proba=np.full((8, 2), 0.4, dtype=np.float32),
        truth=np.array([[1, 0]] * 6 + [[0, -1]] * 2, dtype=np.int8),
        names=("billing", "refund"),
        thresholds=np.full(2, 0.5),
        source=source,
    )


def test_a_chart_says_how_many_documents_and_positives_it_is_about():
    outputs = outputs_of(EvaluationSource.AUDIT)

    assert measured_on(outputs) == (
        "Audit set: 8 documents, 6 positives; drawn at random and never trained on."
    )
    assert measured_on(outputs, "refund") == (
        "Audit set: 6 documents judged for “refund”, 0 positives, too few to tell (under 5); "
        "drawn at random and never trained on."
    )


@pytest.mark.parametrize("label", [None, 0, "refund"])
@pytest.mark.parametrize("source", EvaluationSource)
def test_an_evaluation_says_the_same_as_its_outputs(source, label):
    outputs = outputs_of(source)

    assert measured_on(outputs.evaluate(), label) == measured_on(outputs, label)


def test_documents_that_the_model_chose_are_said_to_be_so_unless_weighted():
    outputs = outputs_of(EvaluationSource.OUT_OF_FOLD)

    assert "harder than the pool" in measured_on(outputs)
    assert "harder" not in measured_on(outputs, weighted=True)
    assert "weighted by how likely" in measured_on(outputs, weighted=True)


def test_an_unknown_label_is_named():
    with pytest.raises(NotFound, match="'sprots'"):
        measured_on(outputs_of(EvaluationSource.AUDIT), "sprots")
