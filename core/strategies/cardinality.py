"""Strategies that look at how many labels a document seems to have.

Label cardinality inconsistency, adaptive active learning, MMC and AUDI, each
from the pool's probabilities and what is judged; choosing a batch from their
scores is left to others. A label without a probability (NaN) is not predicted
and adds nothing. Scores are as published; contributions say which labels a
document hangs on, and add up to the score only where that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from core.domain import PRESENT, UNJUDGED, Proba
from core.evaluation.counts import predict
from core.strategies.judged import Judged
from core.strategies.scores import Contributions, Scores

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]
Retrain = Callable[[int, Mask], Proba]

BLOCK = 16_384  # documents held in working copies at a time
BETAS = tuple(step / 10 for step in range(11))
SURE = 1e-6  # probabilities are read as within [SURE, 1 - SURE], so that logits are finite
LEAST_MARGIN = 1e-6  # logits; bounds the uncertainty 1 / margin
UNASKED = 0.5  # what a document without a judgement counts for in AUDI
MOST_JUDGED = 2000  # documents that MMC learns from


def mean_cardinality(judged: Judged) -> float:
    """Average number of labels present per judged document.

    Summed from each label's share among the documents where it was judged, so
    that unjudged cells do not count as absent; with every cell judged this is
    the plain mean. 0 before the first judgement.
    """
    n_judged = np.maximum(judged.n_present + judged.n_absent, 1)
    return float((judged.n_present / n_judged).sum())


def lci_scores(
    proba: Proba, judged: Judged, *, threshold: ArrayLike = 0.5
) -> tuple[Scores, Contributions]:
    """Label cardinality inconsistency: |labels predicted - mean cardinality judged|.

    Li, Guo (2013), "Active learning with multi-label SVM classification",
    IJCAI. The score is as published, so ties are many. Before the first
    judgement the pool's own mean takes the place of the judged documents'.

    Parameters
    ----------
    proba
        Shape (documents, labels).
    threshold
        From which probability a label is predicted: one number or one per label.

    Returns
    -------
    scores, contributions
        In labels; and each label's closeness to its threshold, within [0, 1].
    """
    scores = _inconsistency(proba, judged, threshold)
    return np.asarray(scores, dtype=np.float32), _closeness(proba, threshold)


def adaptive_scores(
    proba: Proba, judged: Judged, *, beta: float = 0.5, threshold: ArrayLike = 0.5
) -> tuple[Scores, Contributions]:
    """Adaptive active learning: uncertainty^β · label cardinality inconsistency^(1-β).

    Li, Guo (2013), as in `lci_scores`. Uncertainty is 1 / (lowest decision value
    among predicted labels - highest among the others). As published, but for
    two choices: the decision value of a probability is the distance of its
    logit from the threshold's; and where all labels or none are predicted the
    missing side is taken to be as far from the threshold as the other.

    `beta` weighs the two, from 0 (cardinality alone) to 1 (uncertainty alone);
    the paper's way to find it is `choose_beta`. Contributions as in `lci_scores`.
    """
    uncertainty = 1.0 / _separation_margin(proba, threshold)
    scores = uncertainty**beta * _inconsistency(proba, judged, threshold) ** (1.0 - beta)
    return np.asarray(scores, dtype=np.float32), _closeness(proba, threshold)


def choose_beta(
    proba: Proba,
    judged: Judged,
    *,
    retrain: Retrain,
    betas: Sequence[float] = BETAS,
    rng: np.random.Generator,
    threshold: ArrayLike = 0.5,
) -> float:
    """Choose β for `adaptive_scores` by approximate generalisation error, as published.

    Each β names the document it would ask about (of equals, one by lot). Each
    distinct candidate is added to the judged documents with the labels that are
    predicted for it, the learner is trained again, and the candidate after which
    the pool is predicted with the widest margins wins: the least sum over the
    pool of the largest hinge loss among predicted labels and the largest among
    the others. Where several β name the winner, the middle one is taken.

    Parameters
    ----------
    retrain
        Given a position in the pool and its predicted labels (labels,), gives
        the retrained learner's probabilities of the whole pool. Called once per
        distinct candidate, at most `len(betas)` times.

    Returns
    -------
    beta
        One of `betas`; the middle one for an empty pool.
    """
    if len(proba) == 0:
        return betas[len(betas) // 2]
    tie_breaks = rng.permutation(len(proba))
    named: dict[int, list[float]] = {}
    for beta in betas:
        scores, _ = adaptive_scores(proba, judged, beta=beta, threshold=threshold)
        named.setdefault(int(np.lexsort((tie_breaks, scores))[-1]), []).append(beta)
    if len(named) == 1:
        return betas[len(betas) // 2]
    errors = {
        position: _approximate_error(
            retrain(position, predict(proba[position], threshold)), threshold
        )
        for position in named
    }
    winner = named[min(errors, key=errors.__getitem__)]
    return winner[len(winner) // 2]


def mmc_scores(proba: Proba, judged: Judged) -> tuple[Scores, Contributions]:
    """Maximum loss reduction with maximal confidence: Σ over labels of (1 - ŷ f) / 2.

    Yang, Sun, Wang, Chen (2009), "Effective multi-label active learning for text
    classification", KDD. f = 2p - 1 is the decision value; ŷ is +1 for as many of
    the likeliest labels as a logistic regression expects from the document's
    sorted probabilities, normalised to sum 1, and -1 for the others.

    Choices: probabilities in place of SVM outputs; the regression learns from
    judged documents predicted by learners that did not see them, from at most
    2,000 evenly spaced ones, an unjudged label counting as probability 0. With
    nothing to learn from, as many labels are expected as reach one half.

    Returns
    -------
    scores, contributions
        Scores are the sums of the contributions, each within [0, 1].
    """
    expect = _learn_cardinality(judged)
    contributions = np.zeros(proba.shape, dtype=np.float32)
    for rows, block in _blocks(proba):
        known = np.nan_to_num(block)
        n_expected = expect(_sorted_shares(known), known)
        order = np.argsort(np.where(np.isnan(block), 1.0, -known), axis=1, kind="stable")
        rank = np.argsort(order, axis=1)
        loss = np.where(rank < n_expected[:, None], np.float32(1) - known, known)
        contributions[rows] = np.where(np.isnan(block), 0.0, loss)
    return _row_sums(contributions), contributions


def audi_scores(
    proba: Proba,
    judged: Judged,
    *,
    n_asked: NDArray[np.integer[Any]] | None = None,
    threshold: ArrayLike = 0.5,
) -> tuple[Scores, Contributions]:
    """AUDI's choice of a document: inconsistency / max(labels already judged of it, ½).

    Huang, Zhou (2013), "Active query driven by uncertainty and diversity for
    incremental multi-label learning", ICDM. As published, but that a label is
    predicted by its threshold rather than by a ranking against a dummy label.
    `n_asked` (documents,) counts each document's judged labels; without it none
    is, and the order is that of `lci_scores`. Contributions as there; the label
    to ask about is for `audi_labels`.
    """
    asked = np.zeros(len(proba)) if n_asked is None else n_asked
    scores = _inconsistency(proba, judged, threshold) / np.maximum(asked, UNASKED)
    return np.asarray(scores, dtype=np.float32), _closeness(proba, threshold)


def audi_labels(
    proba: Proba, *, is_judged: Mask | None = None, threshold: ArrayLike = 0.5
) -> Positions:
    """AUDI's choice of a label per document: the open one closest to its threshold.

    The distance is between logits. Gives positions (documents,), -1 where no
    label is open: all are judged (`is_judged`, (documents, labels)) or without a
    probability. Of equals the first is taken.
    """
    distance = np.abs(_decision_values(proba, threshold))
    is_open = np.isfinite(proba) if is_judged is None else np.isfinite(proba) & ~is_judged
    if proba.shape[1] == 0:
        return np.full(len(proba), -1, dtype=np.int64)
    closest = np.where(is_open, distance, np.inf).argmin(axis=1)
    return np.where(is_open.any(axis=1), closest, -1)


def _inconsistency(proba: Proba, judged: Judged, threshold: ArrayLike) -> NDArray[np.float64]:
    n_predicted = predict(proba, threshold).sum(axis=1)
    usual = mean_cardinality(judged) if len(judged) else n_predicted.sum() / max(len(proba), 1)
    return np.asarray(np.abs(n_predicted - usual), dtype=np.float64)


def _closeness(proba: Proba, threshold: ArrayLike) -> Contributions:
    """1 at the threshold, falling to 0 at the probability farthest from it."""
    cut = np.asarray(threshold, dtype=np.float32)
    closeness = np.abs(proba - cut)
    closeness /= -np.maximum(cut, np.float32(1) - cut)
    closeness += np.float32(1)
    closeness[np.isnan(closeness)] = 0.0
    return np.asarray(closeness, dtype=np.float32)


def _decision_values(proba: Proba, threshold: ArrayLike) -> Floats:
    """Distance of each logit from its threshold's; NaN stays NaN."""
    cut = _logit(np.asarray(threshold, dtype=np.float32))
    return np.asarray(_logit(proba) - cut, dtype=np.float32)


def _logit(proba: Floats) -> Floats:
    inside = np.clip(proba, np.float32(SURE), np.float32(1 - SURE))
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float32)


def _separation_margin(proba: Proba, threshold: ArrayLike) -> NDArray[np.float64]:
    """Lowest decision value of predicted labels less the highest of the others, (documents,).

    Endless for a document without a probability.
    """
    margin = np.empty(len(proba))
    for rows, block in _blocks(proba):
        values, predicted = _decision_values(block, threshold), predict(block, threshold)
        others = ~predicted & np.isfinite(block)
        lowest = np.where(predicted, values, np.inf).min(axis=1, initial=np.inf)
        highest = np.where(others, values, -np.inf).max(axis=1, initial=-np.inf)
        lowest, highest = (
            np.where(np.isinf(lowest), -highest, lowest),
            np.where(np.isinf(highest), -lowest, highest),
        )
        margin[rows] = lowest - highest
    return np.maximum(margin, LEAST_MARGIN)


def _approximate_error(proba: Proba, threshold: ArrayLike) -> float:
    """Sum over documents of the largest hinge loss on either side of the threshold."""
    error = 0.0
    for _, block in _blocks(proba):
        values, predicted = _decision_values(block, threshold), predict(block, threshold)
        values = np.nan_to_num(values, nan=-np.inf, posinf=None, neginf=-np.inf)
        error += np.where(predicted, 1 - values, 0.0).max(axis=1, initial=0.0).sum()
        error += np.where(predicted, 0.0, 1 + values).max(axis=1, initial=0.0).sum()
    return float(error)


def _learn_cardinality(judged: Judged) -> Callable[[Floats, Proba], NDArray[np.int64]]:
    """How to tell the number of labels from sorted shares, or else from probabilities."""
    predicted = np.flatnonzero(np.isfinite(judged.proba).any(axis=1))
    usable = predicted[(judged.truth[predicted] != UNJUDGED).any(axis=1)]
    usable = usable[_evenly_spaced(len(usable), MOST_JUDGED)]
    if len(usable) == 0:
        return lambda _, proba: np.asarray(predict(proba, 0.5).sum(axis=1), dtype=np.int64)
    truth = judged.truth[usable]
    proba = np.where(truth == UNJUDGED, 0.0, np.nan_to_num(judged.proba[usable]))
    n_present = (truth == PRESENT).sum(axis=1)
    if (n_present == n_present[0]).all():
        return lambda shares, _: np.full(len(shares), n_present[0], dtype=np.int64)
    learner = LogisticRegression(max_iter=5000).fit(_sorted_shares(proba), n_present)
    return lambda shares, _: np.asarray(learner.predict(shares), dtype=np.int64)


def _sorted_shares(proba: Floats) -> Floats:
    """Each row from its highest value to its lowest, normalised to sum 1; zeros stay zeros."""
    shares = -np.sort(-proba, axis=1)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.float32(SURE))
    return np.asarray(shares, dtype=np.float32)


def _evenly_spaced(n: int, most: int) -> Positions:
    return np.linspace(0, max(n - 1, 0), min(n, most)).round().astype(np.int64)


def _row_sums(cells: Floats) -> Scores:
    return np.asarray(cells.sum(axis=1, dtype=np.float64), dtype=np.float32)


def _blocks(proba: Proba) -> Iterator[tuple[slice, Proba]]:
    for start in range(0, len(proba), BLOCK):
        rows = slice(start, start + BLOCK)
        yield rows, proba[rows]
