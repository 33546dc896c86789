"""Tables of scores: the classification report, scores by fold, and the confusion of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import ABSENT, PRESENT, UNJUDGED
from core.evaluation.counts import Floats, Mask, f1_from_counts, outcome_cells, ratio
from core.reporting.material import Material
from core.reporting.tables import Cell, Table

OUTCOMES = ("true_positives", "false_positives", "false_negatives", "true_negatives")
BY_FOLD = ("micro_f1", "macro_f1", "precision", "recall", "exact_match")


def classification_report(material: Material) -> Table:
    """Precision, recall, F1 and support of every label, and their averages.

    Averages are those of scikit-learn's `classification_report` with
    `zero_division=nan`, over judged cells: micro over all cells, macro over
    labels, weighted by support, samples over documents. A label without a judged
    positive has no F1 and counts in no macro average.
    """
    guesses, truth = material.guesses, material.truth
    per_label = _scores(guesses, truth, axis=0)
    supports = (truth == PRESENT).sum(axis=0)
    rows: list[tuple[Cell, ...]] = [
        (name, *_row(per_label[:, i]), int(supports[i]))
        for i, name in enumerate(material.outputs.names)
    ]
    total = int(supports.sum())
    for name, averaged in (
        ("micro avg", _scores(guesses.ravel(), truth.ravel(), axis=0)),
        ("macro avg", _mean(per_label)),
        ("weighted avg", _mean(per_label, supports.astype(np.float64))),
        ("samples avg", _mean(_scores(guesses, truth, axis=1, even_without=True))),
    ):
        rows.append((name, *_row(averaged), total))
    return Table(
        "classification_report",
        "Classification report",
        ("label", "precision", "recall", "f1", "support"),
        rows,
        note="An empty cell is undefined: no prediction, or no judged positive. Averages leave "
        "undefined cells out.",
    )


def _scores(
    guesses: Mask, truth: NDArray[np.integer[Any]], *, axis: int, even_without: bool = False
) -> Floats:
    """Precision, recall and F1, (3, …), summed along `axis`; NaN where undefined.

    `even_without` keeps the F1 of what has no positive but a prediction: a true 0.
    """
    tp, fp, fn = (cells.sum(axis=axis) for cells in outcome_cells(guesses, truth.astype(np.int8)))
    f1 = ratio(2 * tp, 2 * tp + fp + fn) if even_without else f1_from_counts(tp, fp, fn)
    return np.stack([ratio(tp, tp + fp), ratio(tp, tp + fn), f1])


def _mean(scores: Floats, weights: Floats | None = None) -> Floats:
    """(3,): the mean of (3, things) over the things that are defined."""
    defined = np.isfinite(scores)
    each = defined * (1.0 if weights is None else weights)
    mean: Floats = ratio((np.where(defined, scores, 0.0) * each).sum(axis=1), each.sum(axis=1))
    return mean


def _row(scores: Floats) -> tuple[float, ...]:
    return tuple(float(score) for score in scores)


def by_fold(material: Material) -> Table:
    """The main scores of each fold's documents, their mean and standard deviation."""
    columns = ("fold", "documents", *BY_FOLD)
    folds = material.outputs.folds
    if folds is None:
        note = "These outputs do not say which fold each document was left out of."
        return Table("per_fold", "Scores by fold", columns, (), note=note)
    rows: list[tuple[Cell, ...]] = []
    scored: list[list[float]] = []
    for fold in np.unique(folds):
        chosen = (folds == fold) & (material.truth != UNJUDGED).any(axis=1)
        if chosen.any():
            scored.append(_fold_scores(material.guesses[chosen], material.truth[chosen]))
            rows.append((str(fold), int(chosen.sum()), *scored[-1]))
    table = np.array(scored).reshape(-1, len(BY_FOLD))
    for name, values in (("mean", _mean(table.T)), ("standard deviation", _deviation(table))):
        rows.append((name, None, *(float(value) for value in values)))
    note = "The standard deviation is that between folds, with one degree of freedom less."
    return Table("per_fold", "Scores by fold", columns, rows, note=note)


def _fold_scores(guesses: Mask, truth: NDArray[np.integer[Any]]) -> list[float]:
    micro = _scores(guesses.ravel(), truth.ravel(), axis=0)
    macro_f1 = _mean(_scores(guesses, truth, axis=0))[2]
    wrong = (guesses != (truth == PRESENT)) & (truth != UNJUDGED)
    return [
        float(x) for x in (micro[2], macro_f1, micro[0], micro[1], 1 - wrong.any(axis=1).mean())
    ]


def _deviation(table: Floats) -> Floats:
    """(scores,): of (folds, scores), over folds where the score is defined."""
    defined = np.isfinite(table)
    n, mean = defined.sum(axis=0), _mean(table.T)
    squares = np.where(defined, (table - mean) ** 2, 0.0).sum(axis=0)
    return np.sqrt(ratio(squares, np.where(n > 1, n - 1, 0)))


def confusion_matrices(material: Material) -> Table:
    """The four cells of every label's matrix, and how many documents nobody judged."""
    guesses, truth = material.guesses, material.truth
    counted = (
        guesses & (truth == PRESENT),
        guesses & (truth == ABSENT),
        ~guesses & (truth == PRESENT),
        ~guesses & (truth == ABSENT),
        truth == UNJUDGED,
    )
    sums = np.stack([cells.sum(axis=0) for cells in counted], axis=1)
    return Table(
        "confusion_matrices",
        "Confusion matrix of every label",
        ("label", *OUTCOMES, "unjudged"),
        [
            (name, *(int(n) for n in row))
            for name, row in zip(material.outputs.names, sums, strict=True)
        ],
    )


def label_confusion(material: Material) -> NDArray[np.int64]:
    """(labels, labels): documents by the label judged present and the one predicted.

    For projects where exactly one label applies; documents without exactly one
    judged present, or without a prediction, are left out.
    """
    present, guesses = material.truth == PRESENT, material.guesses
    told = (present.sum(axis=1) == 1) & (guesses.sum(axis=1) == 1)
    matrix = np.zeros((len(material.outputs.names),) * 2, dtype=np.int64)
    np.add.at(matrix, (present[told].argmax(axis=1), guesses[told].argmax(axis=1)), 1)
    return matrix


def confusion_between_labels(material: Material) -> Table:
    """`label_confusion` with the judged labels down and the predicted ones across."""
    matrix, names = label_confusion(material), material.outputs.names
    n_left_out = material.evaluation.n_documents - int(matrix.sum())
    note = f"{n_left_out} documents without exactly one judged label are left out."
    return Table(
        "confusion_between_labels",
        "Judged and predicted label",
        ("judged", *(f"predicted: {name}" for name in names)),
        [(name, *(int(n) for n in row)) for name, row in zip(names, matrix, strict=True)],
        note=note if n_left_out else "",
    )
