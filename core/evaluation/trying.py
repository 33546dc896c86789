"""What other thresholds would give: an aim tried on the measured documents, scored honestly.

Cuts flatter the documents they were chosen on. So an aim is scored by cuts that
each document had no part in: on the audit set by those chosen out of fold, else
each fold by those chosen on the others. `core.evaluation.operating_points`
chooses; here it is said what the choice is worth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import EvaluationSource, Truth
from core.errors import NotReady
from core.evaluation.counts import (
    ENOUGH_TO_MEASURE,
    Floats,
    Mask,
    f1_from_counts,
    masked_truth,
    mean_of_defined,
    outcome_cells,
    ratio,
    usable_cells,
)
from core.evaluation.intervals import resampled_counts, resampled_interval
from core.evaluation.operating_points import Aim, Cuts, Goal, choose_cuts, cross_fitted_cuts
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.summary import UNDEFINED, Estimate, Summary, summarise

CHOOSING = "choosing_outputs.npz"  # the documents that a round's thresholds were chosen on
N_FOLDS = 5
PER = 100  # documents that costs are told for

_Score = Callable[[Floats, Floats, Floats, int], Floats]


@dataclass(frozen=True)
class Given:
    """What predictions give on judged documents, each with its 95 % interval.

    `served` is the aim's own figure: micro-F1, micro-F-beta, the recall found at
    a precision floor, the precision kept at a recall floor, or the cost of
    wrong cells per 100 documents, of which less is better.
    """

    micro_f1: Estimate
    macro_f1: Estimate
    precision: Estimate
    recall: Estimate
    served: Estimate


@dataclass(frozen=True, eq=False)
class Trial:
    """An aim, the cuts it asks for, and what they are worth.

    cuts : chosen on all documents that may choose; these would be put in force
    predicted : (documents, labels) of the measured documents, by cuts that each had no part in
    honest : what `predicted` gives
    tuned : what the cuts give on the very documents that chose them, which flatters
    n_documents : measured
    n_chosen_on : that chose
    is_apart : the measured documents chose nothing at all, such as an audit set's
    """

    aim: Aim
    cuts: Cuts
    predicted: Mask
    honest: Given
    tuned: Given
    n_documents: int
    n_chosen_on: int
    is_apart: bool


def try_aim(
    outputs: EvaluationOutputs, aim: Aim, *, chosen_on: EvaluationOutputs | None = None
) -> Trial:
    """Choose cuts for an aim, and score the choice on documents that it was not made on.

    Parameters
    ----------
    outputs : the measured documents
    chosen_on : the documents that may choose, with probabilities as they are
        predicted with; those measured where there are none

    Raises NotReady with fewer than ten documents to choose on.
    """
    choosing = outputs if chosen_on is None or not len(chosen_on) else chosen_on
    n_choosing = _n_usable(choosing)
    if n_choosing < ENOUGH_TO_MEASURE:
        raise NotReady(
            f"{n_choosing} measured documents are too few to choose thresholds on; from "
            f"{ENOUGH_TO_MEASURE} on it can be tried. Judge more documents and run a round."
        )
    cuts = choose_cuts(choosing.proba, choosing.truth, aim)
    is_apart = choosing is not outputs and outputs.source is EvaluationSource.AUDIT
    predicted = (
        cuts.predict(outputs.proba)
        if is_apart
        else cross_fitted_cuts(outputs.proba, outputs.truth, folds_of(outputs), aim)
    )
    return Trial(
        aim=aim,
        cuts=cuts,
        predicted=predicted,
        honest=given(outputs, predicted, aim),
        tuned=given(choosing, cuts.predict(choosing.proba), aim),
        n_documents=_n_usable(outputs),
        n_chosen_on=n_choosing,
        is_apart=is_apart,
    )


def given(outputs: EvaluationOutputs, predicted: Mask, aim: Aim) -> Given:
    """Score predictions (documents, labels) on the judged cells; intervals by a bootstrap."""
    truth = masked_truth(outputs.proba, outputs.truth)
    summary = summarise(predicted, truth, seed=outputs.seed)
    return Given(
        micro_f1=summary.micro_f1,
        macro_f1=summary.macro_f1,
        precision=summary.precision,
        recall=summary.recall,
        served=_served(outputs, predicted, aim, summary),
    )


def _served(outputs: EvaluationOutputs, predicted: Mask, aim: Aim, summary: Summary) -> Estimate:
    known = {
        Goal.F1: summary.micro_f1,
        Goal.PRECISION: summary.recall,
        Goal.RECALL: summary.precision,
    }
    if aim.goal in known:
        return known[aim.goal]
    truth, n = masked_truth(outputs.proba, outputs.truth), _n_usable(outputs)
    score = _served_by(aim)
    point = float(score(*_counted(predicted, truth), n)[0])
    resamples = score(*resampled_counts(predicted, truth, seed=outputs.seed), n)
    if aim.goal is Goal.COST:
        return _estimate_of_cost(point, resamples)
    interval = resampled_interval(point, resamples, n)
    return UNDEFINED if interval is None else Estimate(point, *interval)


def gain(outputs: EvaluationOutputs, predicted: Mask, instead_of: Mask, aim: Aim) -> Estimate:
    """How much better predictions serve the aim than others do, on the same documents.

    The bootstrap draws the same documents for both, so what they have in common
    cancels out. Positive is better, also where less cost is; undefined where
    either is.
    """
    sign = -1.0 if aim.goal is Goal.COST else 1.0
    return _difference(outputs, predicted, instead_of, _served_by(aim), sign=sign)


def macro_gain(outputs: EvaluationOutputs, predicted: Mask, instead_of: Mask) -> Estimate:
    """The same of macro-F1, which counts rare labels as much as frequent ones."""
    return _difference(outputs, predicted, instead_of, _macro_f1)


def _difference(
    outputs: EvaluationOutputs,
    predicted: Mask,
    instead_of: Mask,
    score: _Score,
    *,
    sign: float = 1.0,
) -> Estimate:
    truth, n = masked_truth(outputs.proba, outputs.truth), _n_usable(outputs)
    if n == 0:
        return UNDEFINED
    points, drawn = [], []
    for mask in (predicted, instead_of):
        points.append(float(score(*_counted(mask, truth), n)[0]))
        drawn.append(score(*resampled_counts(mask, truth, seed=outputs.seed), n))
    point, spread = sign * (points[0] - points[1]), sign * (drawn[0] - drawn[1])
    if np.isnan(point) or np.isnan(spread).all():
        return UNDEFINED
    low, high = np.nanpercentile(spread, [2.5, 97.5])
    return Estimate(point, min(float(low), point), max(float(high), point))


def is_gain(difference: Estimate) -> bool:
    """Whether a gain is more than chance explains."""
    return difference.low is not None and difference.low > 0


def folds_of(outputs: EvaluationOutputs) -> NDArray[np.int64]:
    """The documents' folds; drawn by the evaluation's seed where they have none."""
    if outputs.folds is not None and len(np.unique(outputs.folds)) > 1:
        return outputs.folds
    drawn: NDArray[np.int64] = (
        np.random.default_rng(outputs.seed).permutation(len(outputs)) % N_FOLDS
    )
    return drawn


def _n_usable(outputs: EvaluationOutputs) -> int:
    return int(usable_cells(outputs.proba, outputs.truth).any(axis=1).sum())


def _counted(predicted: Mask, truth: Truth) -> tuple[Floats, Floats, Floats]:
    """True positives, false positives, false negatives by label, each (1, labels)."""
    tp, fp, fn = outcome_cells(predicted, truth)
    return tp.sum(axis=0)[None] * 1.0, fp.sum(axis=0)[None] * 1.0, fn.sum(axis=0)[None] * 1.0


def _estimate_of_cost(point: float, resamples: Floats) -> Estimate:
    """Without an interval where no resample differs: then the bootstrap knows nothing."""
    if np.isnan(point):
        return UNDEFINED
    if resamples.size == 0 or np.ptp(resamples) < 1e-12:
        return Estimate(point, None, None)
    low, high = np.percentile(resamples, [2.5, 97.5])
    return Estimate(point, min(float(low), point), max(float(high), point))


def _macro_f1(tp: Floats, fp: Floats, fn: Floats, n: int) -> Floats:
    return mean_of_defined(f1_from_counts(tp, fp, fn), axis=1)


def _precision(tp: Floats, fp: Floats, fn: Floats, n: int) -> Floats:
    return ratio(tp.sum(axis=1), (tp + fp).sum(axis=1))


def _recall(tp: Floats, fp: Floats, fn: Floats, n: int) -> Floats:
    return ratio(tp.sum(axis=1), (tp + fn).sum(axis=1))


def _served_by(aim: Aim) -> _Score:
    """The score of counts (samples, labels) that the aim is about, (samples,)."""
    if aim.goal is Goal.PRECISION:
        return _recall
    if aim.goal is Goal.RECALL:
        return _precision
    if aim.goal is Goal.COST:
        return lambda tp, fp, fn, n: _cost(fp, fn, n, aim)
    weight = 1.0 if aim.goal is Goal.F1 else aim.beta**2
    return lambda tp, fp, fn, n: _f_beta(tp.sum(axis=1), fp.sum(axis=1), fn.sum(axis=1), weight)


def _f_beta(tp: Floats, fp: Floats, fn: Floats, weight: float) -> Floats:
    score = ratio((1 + weight) * tp, (1 + weight) * tp + weight * fn + fp)
    return np.where(tp + fn > 0, score, np.nan)


def _cost(fp: Floats, fn: Floats, n: int, aim: Aim) -> Floats:
    wrong = aim.cost_false_positive * fp + aim.cost_false_negative * fn
    return ratio(PER * wrong.sum(axis=1), n)
