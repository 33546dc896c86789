"""How the doubts about single labels make one score for a document.

Reductions over labels and the weights two of them need; where the doubts come
from is in `scores` and its neighbours. Needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.domain import PRESENT, UNJUDGED, Aggregation
from core.errors import InputError
from core.strategies.judged import Judged
from core.strategies.scores import Contributions, Scores

Weights = NDArray[np.float32]  # (labels,), positive, mean 1

BLOCK = 65_536  # documents partitioned at a time
RAREST = 10.0  # times a label of average frequency: what a never-seen label weighs at most
PRIOR_DOCUMENTS = 10.0  # judgements that a label's own frequency has to outweigh
PRIOR_ERRORS = 2.0  # errors every label is taken to have made besides those seen
LEAST_NEED = 0.05  # a label predicted without a fault still counts a little


def aggregate(
    contributions: Contributions,
    how: Aggregation,
    *,
    weights: NDArray[np.floating] | None = None,
    n_top: int = 3,
) -> Scores:
    """Reduce what each label adds to one score per document.

    Parameters
    ----------
    contributions
        Shape (documents, labels), finite.
    weights
        Shape (labels,), positive: needed by RARITY and NEED, left aside by the
        others; from `label_weights`.
    n_top
        How many of the largest TOP averages; all, where there are fewer labels.

    Returns
    -------
    scores
        Shape (documents,), in the unit of the contributions. Without labels, 0.

    Raises InputError when weights are missing or do not fit.
    """
    n_documents, n_labels = contributions.shape
    if n_labels == 0:
        return np.zeros(n_documents, dtype=np.float32)
    if how in WEIGHTS:
        return _weighted_mean(contributions, _checked(weights, how, n_labels))
    if how is Aggregation.TOP:
        return _mean_of_largest(contributions, min(n_top, n_labels))
    if how is Aggregation.MAX:
        return _scores(contributions.max(axis=1))
    reduce = np.sum if how is Aggregation.SUM else np.mean
    return _scores(reduce(contributions, axis=1, dtype=np.float64))


def label_weights(how: Aggregation, judged: Judged) -> Weights | None:
    """What each label weighs, with mean 1; None for reductions without weights."""
    weigh = WEIGHTS.get(how)
    return None if weigh is None else _mean_one(weigh(judged))


def rarity_weights(judged: Judged) -> NDArray[np.float64]:
    """Inverse frequency of presence, smoothed and bounded, shape (labels,).

    A label's frequency is drawn towards the average label's as if ten more
    documents had been judged, so that chance decides little while few are. A
    label never seen weighs at most `RAREST` times a label of average frequency.
    """
    n_judged = judged.n_present + judged.n_absent
    average = judged.n_present.sum() / max(int(n_judged.sum()), 1)
    if average == 0:
        return np.ones(judged.truth.shape[1])
    drawn = (judged.n_present + PRIOR_DOCUMENTS * average) / (n_judged + PRIOR_DOCUMENTS)
    inverse: NDArray[np.float64] = 1.0 / (drawn + average / (RAREST - 1.0))
    return inverse


def need_weights(judged: Judged) -> NDArray[np.float64]:
    """How far each label falls short of perfect prediction: 1 - F1, shape (labels,).

    F1 is that of the judged documents' own predictions at the label's best
    threshold, 2 tp / (2 tp + errors), with two more errors than were seen so that
    one lucky hit does not pass for skill. A label never present, or never
    predicted, falls short by 1; none by less than 0.05.
    """
    shortfall = [
        1.0 - _best_f1(proba, truth)
        for proba, truth in zip(judged.proba.T, judged.truth.T, strict=True)
    ]
    return np.maximum(np.array(shortfall, dtype=np.float64), LEAST_NEED)


WEIGHTS: dict[Aggregation, Callable[[Judged], NDArray[np.float64]]] = {
    Aggregation.RARITY: rarity_weights,
    Aggregation.NEED: need_weights,
}


def _best_f1(proba: NDArray[np.float32], truth: NDArray[np.int8]) -> float:
    """Smoothed F1 of one label at its best threshold, within [0, 1)."""
    counts = np.isfinite(proba) & (truth != UNJUDGED)
    proba, is_present = proba[counts], truth[counts] == PRESENT
    if not is_present.any():
        return 0.0
    order = np.argsort(-proba, kind="stable")
    true_positives = np.cumsum(is_present[order])
    n_predicted = np.arange(1, len(order) + 1)
    f1 = 2.0 * true_positives / (n_predicted + is_present.sum() + PRIOR_ERRORS)
    falls = np.append(np.diff(proba[order]) < 0, True)  # a threshold cannot part equals
    return float(f1[falls].max())


def _weighted_mean(contributions: Contributions, weights: Weights) -> Scores:
    return _scores(contributions @ (weights / weights.sum()))


def _mean_of_largest(contributions: Contributions, n_top: int) -> Scores:
    scores = np.empty(len(contributions), dtype=np.float32)
    for start in range(0, len(contributions), BLOCK):
        block = contributions[start : start + BLOCK]
        largest = np.partition(block, -n_top, axis=1)[:, -n_top:]
        largest.sort(axis=1)
        scores[start : start + BLOCK] = largest.mean(axis=1, dtype=np.float64)
    return scores


def _checked(weights: NDArray[np.floating] | None, how: Aggregation, n_labels: int) -> Weights:
    if weights is None or weights.shape != (n_labels,) or not (weights > 0).all():
        given = "none" if weights is None else f"an array of shape {weights.shape}"
        raise InputError(
            f"Aggregation '{how}' needs one positive weight for each of {n_labels} labels; "
            f"{given} was given. Take them from label_weights."
        )
    return np.asarray(weights, dtype=np.float32)


def _mean_one(weights: NDArray[np.float64]) -> Weights:
    return np.asarray(weights / weights.mean() if weights.size else weights, dtype=np.float32)


def _scores(values: NDArray[np.floating]) -> Scores:
    return np.asarray(values, dtype=np.float32)
