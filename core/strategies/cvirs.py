"""CVIRS: unsure by rank among the pool, and unlike the judged documents by label set.

Reyes, Morell, Ventura (2018), "Effective active learning strategy for
multi-label learning", Neurocomputing 273:494-508, as published: with entropy
distances, counted contingency tables and margins of Bernoulli labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.domain import ABSENT, PRESENT, UNJUDGED, Proba
from core.evaluation.counts import predict
from core.strategies.judged import Judged
from core.strategies.scores import Contributions, Scores

Floats = NDArray[np.float32]

MOST_JUDGED = 2000  # documents that a label set is compared with
PAIRS = 2**17  # of label sets compared at a time: a working copy that stays in cache


def cvirs_scores(
    proba: Proba, judged: Judged, *, threshold: ArrayLike = 0.5
) -> tuple[Scores, Contributions]:
    """Give s(x) · v(x): Borda points for small margins, times the label set's inconsistency.

    s(x) sums over labels the points of the margin |2p - 1| ranked over the pool,
    from 1 for the smallest to 0 for the largest. v(x) averages over judged
    documents the distance between the predicted and the judged label set: the
    normalised entropy distance (2 H(x,u) - H(x) - H(u)) / H(x,u), and 1 where
    the two sets differ in every label.

    Choices where the paper is silent: equal margins share the mean of their
    ranks; identical constant label sets (0/0) are at distance 0; cells that are
    unjudged or without a probability are left out of the table; with more than
    2,000 judged documents as many evenly spaced ones are compared; before the
    first judgement v = 1.

    Parameters
    ----------
    proba
        Shape (documents, labels), the whole pool: ranks are relative to it.
    threshold
        From which probability a label is predicted: one number or one per label.

    Returns
    -------
    scores, contributions
        Scores within [0, labels] are the sums of the contributions.
    """
    contributions = borda_points(proba)
    contributions *= inconsistency(proba, judged, threshold=threshold)[:, None]
    return np.asarray(contributions.sum(axis=1, dtype=np.float64), np.float32), contributions


def borda_points(proba: Proba) -> Contributions:
    """Per label, 1 for the pool's smallest margin |2p - 1| to 0 for its largest; NaN gives 0."""
    points = np.empty(proba.shape, dtype=np.float32)
    most = max(len(proba) - 1, 1)
    for label, column in enumerate(proba.T):
        margin = np.nan_to_num(np.abs(2.0 * column - 1.0), nan=2.0)
        points[:, label] = np.where(np.isnan(column), 0.0, 1.0 - _ranks(margin) / most)
    return points


def _ranks(values: Floats) -> NDArray[np.float64]:
    """Rank of each value from 0 for the smallest; equals share the mean of theirs."""
    order = np.argsort(values)
    ordered = values[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))[: len(values)]
    counts = np.diff(np.append(first, len(values)))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(first + (counts - 1) / 2, counts)
    return ranks


def inconsistency(proba: Proba, judged: Judged, *, threshold: ArrayLike = 0.5) -> Scores:
    """v(x): mean distance of the predicted label set to those judged, within [0, 1]."""
    truth, share = _compared(judged)
    if len(truth) == 0:
        return np.ones(len(proba), dtype=np.float32)
    predicted = predict(proba, threshold).astype(np.int8)
    predicted[np.isnan(proba)] = UNJUDGED
    sets, which, _ = _distinct(predicted)
    return _mean_distances(sets, truth, share)[which]


def entropy_distances(predicted: NDArray[np.int8], truth: NDArray[np.int8]) -> Floats:
    """Distance of each predicted to each judged label set, (predictions, judgements).

    Both have one column per label, 1 present, 0 absent, -1 left out. From the
    table a (present in both), b (predicted alone), c (judged alone), d (absent in
    both) and q = a + b + c + d: entropies times q, with x ln x in place of shares.
    """
    yes, no = _float(predicted == PRESENT), _float(predicted == ABSENT)
    present, absent = _float(truth == PRESENT).T, _float(truth == ABSENT).T
    if (predicted != UNJUDGED).all() and (truth != UNJUDGED).all():
        n_yes, n_no = yes.sum(axis=1, keepdims=True), no.sum(axis=1, keepdims=True)
        n_present, n_absent = present.sum(axis=0), absent.sum(axis=0)
    else:
        n_yes, n_no = yes @ (present + absent), no @ (present + absent)
        n_present, n_absent = (yes + no) @ present, (yes + no) @ absent
    a = yes @ present
    b, c, d = n_yes - a, n_present - a, n_absent - n_yes + a
    whole = 2 * _x_ln_x(n_yes + n_no)
    apart = whole - _x_ln_x(n_yes) - _x_ln_x(n_no) - _x_ln_x(n_present) - _x_ln_x(n_absent)
    joint = whole / 2 - _x_ln_x(a) - _x_ln_x(b) - _x_ln_x(c) - _x_ln_x(d)
    distance = 2 - np.divide(apart, joint, out=np.full_like(a, 2), where=joint > 0)
    distance[a + d == 0] = 1
    return np.asarray(np.clip(distance, 0, 1), dtype=np.float32)


def _compared(judged: Judged) -> tuple[NDArray[np.int8], Floats]:
    """The judged label sets compared with, each once, and the share that each holds."""
    rows = np.flatnonzero((judged.truth != UNJUDGED).any(axis=1))
    spaced = np.linspace(0, max(len(rows) - 1, 0), min(len(rows), MOST_JUDGED))
    sets, _, counts = _distinct(judged.truth[rows[spaced.round().astype(np.int64)]])
    return sets, (counts / max(counts.sum(), 1)).astype(np.float32)


def _distinct(
    states: NDArray[np.int8],
) -> tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.int64]]:
    """Each different row once, which of them every row is, and how often each came."""
    bits = np.packbits(np.concatenate([states == PRESENT, states == ABSENT], axis=1), axis=1)
    _, first, which, counts = np.unique(
        bits, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    return states[first], which.ravel(), counts


def _mean_distances(predicted: NDArray[np.int8], truth: NDArray[np.int8], share: Floats) -> Scores:
    means = np.empty(len(predicted), dtype=np.float32)
    step = max(PAIRS // len(truth), 1)
    for start in range(0, len(predicted), step):
        rows = slice(start, start + step)
        means[rows] = entropy_distances(predicted[rows], truth) @ share
    return means


def _x_ln_x(counts: Floats) -> Floats:
    logs = np.log(np.maximum(counts, np.float32(1)))
    logs *= counts
    return logs


def _float(cells: NDArray[np.bool_]) -> Floats:
    return cells.astype(np.float32)
