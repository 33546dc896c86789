"""Whether the judged documents are like those the model will meet.

Judged documents chosen by a model are not a sample of the pool. A small
classifier that tries to tell the two apart says how much they differ; the
labels' expected shares say in what.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import PRESENT, UNJUDGED, Proba, Truth
from core.evaluation.counts import Floats, Mask, ratio

MOST_DOCUMENTS = 2000  # of each side; more would hardly narrow the interval
FEWEST_DOCUMENTS = 20
N_FOLDS = 5
RIDGE = 1.0  # times the mean variance of a dimension
WIDER = 1.25  # than Hanley and McNeil's: the five classifiers vary too (measured without drift)


@dataclass(frozen=True)
class Drift:
    """How well judged and pool documents are told apart: 0.5 not at all, 1 without fail.

    `low` and `high` are a 95 % interval; all NaN with fewer than 20 documents
    on a side.
    """

    auc: float
    low: float
    high: float
    n_judged: int
    n_pool: int


UNKNOWN = float("nan")


def measure_drift(
    judged: NDArray[np.floating], pool: NDArray[np.floating], *, seed: int = 0
) -> Drift:
    """Tell judged from pool documents by their vectors, each by a model that did not see it.

    A classifier two-sample test (Lopez-Paz and Oquab 2017) whose figure is the
    area under the ROC curve, with Hanley and McNeil's (1982) standard error. The
    classifier is Fisher's discriminant with a ridge: on vectors it ranks as a
    logistic regression does, and the folds share one matrix.

    Parameters
    ----------
    judged, pool : (documents, width); at most 2,000 of each are looked at.
    """
    rng = np.random.default_rng(seed)
    sides = [_some(side, rng) for side in (judged, pool)]
    n_judged, n_pool = (len(side) for side in sides)
    if min(n_judged, n_pool) < FEWEST_DOCUMENTS:
        return Drift(UNKNOWN, UNKNOWN, UNKNOWN, n_judged, n_pool)
    x = np.concatenate(sides).astype(np.float32)
    is_judged = np.arange(len(x)) < n_judged
    score = _cross_fitted_scores(x, is_judged, rng)
    auc = _area(score, is_judged)
    half = 1.96 * WIDER * _standard_error(auc, n_judged, n_pool)
    return Drift(auc, max(0.0, auc - half), min(1.0, auc + half), n_judged, n_pool)


def _cross_fitted_scores(
    x: NDArray[np.float32], is_judged: Mask, rng: np.random.Generator
) -> Floats:
    """How much each document looks like a judged one, to a discriminant that did not see it.

    Scores of one fold are put on the scale of that fold's discriminant: its two
    means lie at 0 and 1.
    """
    fold = np.empty(len(x), dtype=np.int64)
    for side in (is_judged, ~is_judged):
        fold[side] = rng.permutation(int(side.sum())) % N_FOLDS
    balance = np.where(is_judged, 0.5 / is_judged.sum(), 0.5 / (~is_judged).sum())
    y = np.where(is_judged, 1.0, -1.0)
    x = np.column_stack([x - balance @ x, np.ones(len(x))]).astype(np.float32)
    weighed = x * (balance * len(x))[:, None].astype(np.float32)
    gram, moment = (weighed.T @ x).astype(np.float64), weighed.T @ y
    ridge = np.diag(np.full(x.shape[1], RIDGE * np.trace(gram[:-1, :-1]) / max(len(gram) - 1, 1)))
    scores = np.empty(len(x))
    for number in range(N_FOLDS):
        inside = fold == number
        own, seen = weighed[inside], x[~inside]
        left = gram - own.T @ x[inside] + ridge
        towards = np.linalg.solve(left, moment - own.T @ y[inside])
        told = seen @ towards
        low, high = told[~is_judged[~inside]].mean(), told[is_judged[~inside]].mean()
        scores[inside] = (x[inside] @ towards - low) / max(high - low, 1e-12)
    return scores


def _area(score: Floats, is_judged: Mask) -> float:
    """The share of (judged, pool) pairs whose judged document scores higher, ties half."""
    from scipy.stats import rankdata  # slow to import, wanted by the worker only

    n, m = int(is_judged.sum()), int((~is_judged).sum())
    return float((rankdata(score)[is_judged].sum() - n * (n + 1) / 2) / (n * m))


def expected_shares(truth: Truth, pool_proba: Proba) -> tuple[Floats, Floats]:
    """Each label's share among judged documents and expected in the pool, both (labels,).

    Parameters
    ----------
    truth : (judged documents, labels); the share is of the label's judged cells.
    pool_proba : (pool documents, labels), calibrated; NaN is left out.
    """
    n_present, n_judged = (truth == PRESENT).sum(axis=0), (truth != UNJUDGED).sum(axis=0)
    known = np.isfinite(pool_proba)
    expected = np.where(known, pool_proba, 0.0).sum(axis=0, dtype=np.float64)
    return ratio(n_present, n_judged), ratio(expected, known.sum(axis=0))


def _some(side: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.floating]:
    if len(side) <= MOST_DOCUMENTS:
        return side
    return side[np.sort(rng.choice(len(side), MOST_DOCUMENTS, replace=False))]


def _standard_error(auc: float, n_first: int, n_second: int) -> float:
    once, twice = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (n_first - 1) * (once - auc**2) + (n_second - 1) * (twice - auc**2)
    return float(np.sqrt(max(spread, 0.0) / (n_first * n_second)))
