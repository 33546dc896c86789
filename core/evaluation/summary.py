"""All labels together: averaged scores with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain import PRESENT, UNJUDGED, Truth
from core.evaluation.counts import (
    Floats,
    Mask,
    f1_from_counts,
    mean_of_defined,
    outcome_cells,
    ratio,
)
from core.evaluation.intervals import (
    LEVEL,
    N_RESAMPLES,
    mean_f1_variance_unseen,
    resampled_counts,
    resampled_interval,
    wilson_interval,
)


@dataclass(frozen=True)
class Estimate:
    """A score with its 95 % interval; all None where undefined."""

    value: float | None
    low: float | None
    high: float | None


UNDEFINED = Estimate(None, None, None)


@dataclass(frozen=True)
class Summary:
    """Scores over all labels, by the predictions in force.

    Macro-F1 averages over labels with at least one judged positive;
    `n_macro_labels` says how many those are. `exact_match` is the share of
    documents without one wrong judged cell. Cardinality is the mean number of
    present labels per document, counted over judged cells.
    """

    micro_f1: Estimate
    macro_f1: Estimate
    precision: Estimate
    recall: Estimate
    exact_match: Estimate
    n_macro_labels: int
    cardinality_judged: float | None
    cardinality_predicted: float | None


def summarise(
    predicted: Mask,
    truth: Truth,
    *,
    seed: int,
    n_resamples: int = N_RESAMPLES,
    level: float = LEVEL,
) -> Summary:
    """Score predictions on the judged cells, with a bootstrap over documents.

    Parameters
    ----------
    predicted, truth : (documents, labels); unjudged cells are left out.
    level : of the intervals
    """
    wrong = (predicted != (truth == PRESENT)) & (truth != UNJUDGED)
    judged = (truth != UNJUDGED).any(axis=1)
    n_documents = int(judged.sum())
    cells = tuple(c.sum(axis=0).astype(np.float64) for c in outcome_cells(predicted, truth))
    tp, fp, fn = cells
    points = _averages(tp[None], fp[None], fn[None])
    drawn = resampled_counts(predicted, truth, seed=seed, n_resamples=n_resamples)
    unseen = (0.0, mean_f1_variance_unseen(tp, fp, fn, f1_from_counts(*drawn)), 0.0, 0.0)
    estimates = [
        _estimate(
            resampled_interval(
                float(point[0]), spread, n_documents, unseen_variance=missed, level=level
            ),
            float(point[0]),
        )
        for point, spread, missed in zip(points, _averages(*drawn), unseen, strict=True)
    ]
    return Summary(
        micro_f1=estimates[0],
        macro_f1=estimates[1],
        precision=estimates[2],
        recall=estimates[3],
        exact_match=_proportion(
            n_documents - int(wrong.any(axis=1).sum()), n_documents, level=level
        ),
        n_macro_labels=int((tp + fn > 0).sum()),
        cardinality_judged=float((tp + fn).sum()) / n_documents if n_documents else None,
        cardinality_predicted=float((tp + fp).sum()) / n_documents if n_documents else None,
    )


def _averages(tp: Floats, fp: Floats, fn: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Micro-F1, macro-F1, precision, recall of counts (samples, labels): each (samples,)."""
    all_tp, all_fp, all_fn = tp.sum(axis=1), fp.sum(axis=1), fn.sum(axis=1)
    return (
        f1_from_counts(all_tp, all_fp, all_fn),
        mean_of_defined(f1_from_counts(tp, fp, fn), axis=1),
        ratio(all_tp, all_tp + all_fp),
        ratio(all_tp, all_tp + all_fn),
    )


def _estimate(interval: tuple[float, float] | None, point: float) -> Estimate:
    return UNDEFINED if interval is None else Estimate(point, *interval)


def _proportion(successes: int, trials: int, *, level: float) -> Estimate:
    if trials == 0:
        return UNDEFINED
    low, high = wilson_interval(successes, trials, level=level)
    return Estimate(successes / trials, float(low), float(high))
