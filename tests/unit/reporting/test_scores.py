from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import classification_report as sklearn_report
from sklearn.metrics import confusion_matrix, f1_score, multilabel_confusion_matrix

from core.domain import EvaluationSource
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.thresholds import predict_exclusive
from core.reporting.material import gather
from core.reporting.scores import (
    by_fold,
    classification_report,
    confusion_between_labels,
    confusion_matrices,
    label_confusion,
)

Make = Callable[..., EvaluationOutputs]


def by_name(outputs: EvaluationOutputs) -> dict[str, tuple[object, ...]]:
    return {str(row[0]): row[1:] for row in classification_report(gather(outputs)).rows}


def test_the_classification_report_is_that_of_scikit_learn(make_outputs: Make) -> None:
    outputs = make_outputs(n=200)
    theirs = sklearn_report(
        outputs.truth,
        outputs.guesses,
        target_names=outputs.names,
        zero_division=np.nan,
        output_dict=True,
    )
    ours = by_name(outputs)
    assert list(ours) == [*outputs.names, "micro avg", "macro avg", "weighted avg", "samples avg"]
    for name, row in ours.items():
        expected = [theirs[name][key] for key in ("precision", "recall", "f1-score", "support")]
        assert row == pytest.approx(expected, nan_ok=True), name


def test_a_label_never_predicted_has_no_precision_and_counts_in_no_average(
    make_outputs: Make,
) -> None:
    outputs = make_outputs(n=50)
    proba = outputs.proba.copy()
    proba[:, 0] = 0.0
    outputs = replace(outputs, proba=proba)
    theirs = sklearn_report(outputs.truth, outputs.guesses, zero_division=np.nan, output_dict=True)
    ours = by_name(outputs)
    assert np.isnan(ours["billing"][0])
    assert ours["billing"][1:3] == (0.0, 0.0)
    for name in ("macro avg", "weighted avg"):
        assert ours[name][0] == pytest.approx(theirs[name]["precision"])


def test_unjudged_cells_change_nothing(make_outputs: Make) -> None:
    judged = make_outputs(n=40)
    more = replace(
        judged,
        proba=np.concatenate([judged.proba, np.full((5, 3), 0.9, dtype=np.float32)]),
        truth=np.concatenate([judged.truth, np.full((5, 3), -1, dtype=np.int8)]),
        folds=None,
        texts=(),
        external_ids=(),
    )
    assert by_name(more) == by_name(judged)
    assert [row[1:5] for row in confusion_matrices(gather(more)).rows] == [
        row[1:5] for row in confusion_matrices(gather(judged)).rows
    ]


def test_confusion_matrices_are_those_of_scikit_learn(make_outputs: Make) -> None:
    outputs = make_outputs(n=80)
    expected = multilabel_confusion_matrix(outputs.truth, outputs.guesses)
    for row, ((tn, fp), (fn, tp)) in zip(
        confusion_matrices(gather(outputs)).rows, expected, strict=True
    ):
        assert row[1:] == (tp, fp, fn, tn, 0)


def exclusive() -> EvaluationOutputs:
    rng = np.random.default_rng(5)
    gold = rng.integers(0, 3, size=30)
    proba = rng.dirichlet([1, 1, 1], size=30).astype(np.float32)
    return EvaluationOutputs(
        proba=proba,
        truth=np.eye(3, dtype=np.int8)[gold],
        names=("a", "b", "c"),
        thresholds=np.full(3, 0.5),
        source=EvaluationSource.AUDIT,
        predicted=predict_exclusive(proba),
        exclusive=True,
    )


def test_labels_that_exclude_each_other_are_confused_as_in_scikit_learn() -> None:
    outputs = exclusive()
    expected = confusion_matrix(outputs.truth.argmax(axis=1), outputs.guesses.argmax(axis=1))
    material = gather(outputs)
    assert label_confusion(material).tolist() == expected.tolist()
    assert [list(row[1:]) for row in confusion_between_labels(material).rows] == expected.tolist()


def test_folds_are_scored_on_their_own_documents(make_outputs: Make) -> None:
    outputs = make_outputs(n=90)
    rows = by_fold(gather(outputs)).rows
    scores = []
    for fold in range(3):
        chosen = outputs.folds == fold
        scores.append(f1_score(outputs.truth[chosen], outputs.guesses[chosen], average="micro"))
        assert rows[fold][:3] == pytest.approx((str(fold), 30, scores[-1]))
    assert rows[3][2] == pytest.approx(np.mean(scores))
    assert rows[4][2] == pytest.approx(np.std(scores, ddof=1))


def test_without_folds_the_table_says_so(make_outputs: Make) -> None:
    table = by_fold(gather(make_outputs(folds=None)))
    assert not table.rows
    assert "fold" in table.note
