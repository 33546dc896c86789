"""One evaluation: everything the dashboards draw, computed once and stored with the round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.domain import PRESENT, UNJUDGED, EvaluationSource, Proba, Truth
from core.errors import InputError, NotFound
from core.evaluation import codec
from core.evaluation.calibration import (
    Reliability,
    brier,
    expected_calibration_error,
    log_loss,
    reliability,
)
from core.evaluation.cooccurrence import Cooccurrence, cooccurrence
from core.evaluation.counts import Floats, Mask, check_shapes, masked_truth, predict, usable_cells
from core.evaluation.per_label import (
    MAX_CURVE_POINTS,
    LabelScores,
    PrecisionRecallCurve,
    ProbabilityHistogram,
    per_label,
    precision_recall_curve_points,
    probability_histogram,
)
from core.evaluation.summary import Summary, summarise
from core.evaluation.thresholds import Sweep, best_threshold, sweep
from core.evaluation.weighted import WeightedSummary, summarise_weighted

CURVE_POINT_BUDGET = 3000  # over all labels: keeps 54 labels' curves under 80 kB


@dataclass(frozen=True)
class Calibration:
    """How far probabilities can be believed; NaN scores where nothing was judged."""

    reliability: Reliability
    ece: float
    brier: float
    log_loss: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured, on which documents. Per-label tuples follow `names`.

    `threshold` is the one in force; `best_threshold` the sweep's own optimum on
    these documents. Per-label scores, the summary and predicted co-occurrence
    use the predictions in force, which need not be one cut (see
    `cross_fitted`).
    """

    source: EvaluationSource
    names: tuple[str, ...]
    n_documents: int  # with at least one judged and scored cell
    n_cells: int
    positives: tuple[int, ...]
    threshold: float
    best_threshold: float
    cross_fitted: bool  # predictions were given, not cut at `threshold`
    sweep: Sweep
    calibration: Calibration
    uncalibrated: Calibration | None
    labels: tuple[LabelScores, ...]
    curves: tuple[PrecisionRecallCurve, ...]
    histogram: ProbabilityHistogram
    histograms: tuple[ProbabilityHistogram, ...]
    judged_pairs: Cooccurrence
    predicted_pairs: Cooccurrence
    summary: Summary
    weighted: WeightedSummary | None = None  # brought nearer to the pool's, where that can be
    unweighted_because: str = ""  # why it cannot
    exclusive: bool = False  # one label of each document is predicted, and no threshold asked

    def position_of(self, label: str | int) -> int:
        """The position of a label given by name, or by position already."""
        if isinstance(label, int) and 0 <= label < len(self.names):
            return label
        if isinstance(label, str) and label in self.names:
            return self.names.index(label)
        raise NotFound(f"Label '{label}' is not in this evaluation; it has {len(self.names)}.")

    def to_json(self) -> dict[str, Any]:
        """Plain data for storing; undefined is None."""
        stored: dict[str, Any] = codec.to_json(self)
        return stored

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Evaluation:
        """Read back what `to_json` wrote."""
        return codec.from_json(cls, stored)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evaluation) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]


def evaluate(
    proba: Proba,
    truth: Truth,
    *,
    names: Sequence[str],
    source: EvaluationSource,
    threshold: float,
    predicted: Mask | None = None,
    uncalibrated_proba: Proba | None = None,
    weights: Floats | None = None,
    unweighted_because: str = "",
    exclusive: bool = False,
    seed: int,
) -> Evaluation:
    """Measure everything once.

    Parameters
    ----------
    proba, truth : (documents, labels); cells unjudged or without a probability are left out.
    names : one per label
    source : which documents these are
    threshold : the one in force
    predicted : (documents, labels) bool where the honest prediction is not one
        cut, such as cross-fitted ones
    uncalibrated_proba : (documents, labels) before calibration, to compare with
    weights : (documents,) how many documents of the pool each stands for, up to a
        constant; None, for `unweighted_because`, where that is not known
    exclusive : one label of each document is predicted, and no threshold asked
    seed : of the bootstrap

    Nothing judged, one label, unused labels and missing probabilities give
    undefined fields, not errors; only shapes that do not fit raise InputError.
    """
    check_shapes(proba, truth)
    _check_predictions(predicted, proba)
    judged = masked_truth(proba, truth)
    usable = usable_cells(proba, truth)
    guesses = predict(proba, threshold) if predicted is None else predicted.astype(np.bool_)
    n_labels = proba.shape[1]
    swept = sweep(proba, truth)
    points = min(MAX_CURVE_POINTS, max(20, CURVE_POINT_BUDGET // max(n_labels, 1)))
    return Evaluation(
        source=source,
        names=tuple(names),
        n_documents=int(usable.any(axis=1).sum()),
        n_cells=int(usable.sum()),
        positives=tuple(int(n) for n in (judged == PRESENT).sum(axis=0)),
        threshold=float(threshold),
        best_threshold=best_threshold(swept),
        cross_fitted=predicted is not None,
        sweep=swept,
        calibration=_calibration(proba, truth),
        uncalibrated=(
            None if uncalibrated_proba is None else _calibration(uncalibrated_proba, truth)
        ),
        labels=tuple(per_label(proba, truth, threshold, names, predicted=guesses)),
        curves=tuple(
            precision_recall_curve_points(proba, truth, label, max_points=points)
            for label in range(n_labels)
        ),
        histogram=probability_histogram(proba, truth),
        histograms=tuple(probability_histogram(proba, truth, label) for label in range(n_labels)),
        judged_pairs=cooccurrence(judged),
        predicted_pairs=cooccurrence(
            np.where(judged == UNJUDGED, UNJUDGED, guesses).astype(np.int8)
        ),
        summary=summarise(guesses, judged, seed=seed),
        weighted=None
        if weights is None
        else summarise_weighted(guesses, judged, weights, seed=seed),
        unweighted_because=unweighted_because,
        exclusive=exclusive,
    )


def _check_predictions(predicted: Mask | None, proba: Proba) -> None:
    if predicted is not None and predicted.shape != proba.shape:
        raise InputError(
            f"Predictions of shape {predicted.shape} do not fit probabilities of shape "
            f"{proba.shape}; both need one row per document and one column per label."
        )


def _calibration(proba: Proba, truth: Truth) -> Calibration:
    check_shapes(proba, truth)
    binned = reliability(proba, truth)
    return Calibration(
        reliability=binned,
        ece=expected_calibration_error(binned),
        brier=brier(proba, truth),
        log_loss=log_loss(proba, truth),
    )
