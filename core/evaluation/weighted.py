"""Scores of a sample that was not drawn evenly, brought nearer to the pool's by weights.

A document drawn by lot with a chance of one in ten stands for ten (Horvitz and
Thompson 1952, as ratios after Hájek 1971). Where the weights come from, also of
documents chosen for certain, is said in `core.services.selection`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain import Truth
from core.errors import InputError
from core.evaluation.counts import (
    Floats,
    Mask,
    f1_from_counts,
    mean_of_defined,
    outcome_cells,
    ratio,
)
from core.evaluation.intervals import resampled_interval, resampled_weights
from core.evaluation.summary import UNDEFINED, Estimate


@dataclass(frozen=True)
class WeightedSummary:
    """Scores by the predictions in force, each document counted by its weight.

    `n_effective` is Kish's (1965): as many documents drawn evenly would tell as much.
    """

    micro_f1: Estimate
    macro_f1: Estimate
    precision: Estimate
    recall: Estimate
    n_documents: int
    n_weighted: int  # documents that stand for more than themselves
    n_effective: float


def effective_sample_size(weights: Floats) -> float:
    """(sum of w)² / sum of w², or 0 without a document."""
    squared = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squared if squared else 0.0


def summarise_weighted(
    predicted: Mask, truth: Truth, weights: Floats, *, seed: int
) -> WeightedSummary:
    """Score weighted documents on their judged cells, with a bootstrap over documents.

    Parameters
    ----------
    predicted, truth : (documents, labels); unjudged cells are left out.
    weights : (documents,) how many documents of the pool each stands for, up to a
        constant; finite and not below 0
    """
    if weights.shape != (len(truth),) or not np.isfinite(weights).all() or (weights < 0).any():
        raise InputError(
            f"Weights of shape {weights.shape} do not fit {len(truth)} documents; give one finite "
            "number, 0 or more, for each."
        )
    judged = (truth >= 0).any(axis=1)
    kept = weights[judged].astype(np.float64)
    columns = np.concatenate(outcome_cells(predicted[judged], truth[judged]), axis=1)
    points = _averages((kept @ columns)[None])
    n_effective = effective_sample_size(kept)
    estimates = [UNDEFINED] * len(points)
    if len(kept):
        drawn = np.concatenate(
            [(times * kept) @ columns for times in resampled_weights(len(kept), seed=seed)]
        )
        estimates = [
            _estimate(float(point[0]), spread, max(1, round(n_effective)))
            for point, spread in zip(points, _averages(drawn), strict=True)
        ]
    micro_f1, macro_f1, precision, recall = estimates
    return WeightedSummary(
        micro_f1=micro_f1,
        macro_f1=macro_f1,
        precision=precision,
        recall=recall,
        n_documents=len(kept),
        n_weighted=int((kept > 1.0).sum()),
        n_effective=round(n_effective, 1),
    )


def _averages(counts: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Micro-F1, macro-F1, precision, recall of weighted counts (samples, three times labels)."""
    tp, fp, fn = np.split(counts, 3, axis=1)
    all_tp, all_fp, all_fn = tp.sum(axis=1), fp.sum(axis=1), fn.sum(axis=1)
    return (
        f1_from_counts(all_tp, all_fp, all_fn),
        mean_of_defined(f1_from_counts(tp, fp, fn), axis=1),
        ratio(all_tp, all_tp + all_fp),
        ratio(all_tp, all_tp + all_fn),
    )


def _estimate(point: float, spread: Floats, n_effective: int) -> Estimate:
    interval = resampled_interval(point, spread, n_effective)
    return UNDEFINED if interval is None else Estimate(point, *interval)
