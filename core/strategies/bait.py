"""Batches that would pin the model down where the pool is: BAIT for several labels.

For a head that is linear in the vectors, how much a judged document tells is known
without its answer: the Fisher information w·xxᵀ, w its doubt. A batch is chosen
so that, after it, the uncertainty left over is smallest on average over the pool.
That minds doubt, likeness within the batch, and how many others a text stands
for, in one quantity. Doubt counts only as far as it has foretold mistakes: where
the model errs no more where it doubts than elsewhere, its doubt is no guide and the
batch covers the pool. What was measured with it is in
docs/decisions/013-the-default-strategy.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import PRESENT, UNJUDGED, Proba
from core.strategies.judged import Judged
from core.strategies.likeness import Batch, Vectors, blocks

RIDGE = 0.1  # information there is before any judgement, in documents of average doubt
DAMPING = 0.5  # power of a trusted doubt: at 1 texts win on which people would disagree
FEWEST_TO_TRUST = 30  # judged documents with predictions
FULL_TRUST = 0.05  # so much more loss where the doubt is than anywhere
TINY = 0.005  # probabilities nearer to 0 or 1 count as this near

Doubts = NDArray[np.float64]  # (documents,), 1 on average over the candidates
Matrix = NDArray[np.float64]  # (width, width)


def bait_batch(x: Vectors, proba: Proba, judged: Judged, n: int, rng: np.random.Generator) -> Batch:
    """Choose the documents that leave least uncertainty over the pool.

    The greedy forward selection of Ash, Goel, Krishnamurthy and Kakade (2021),
    "Gone fishing: neural active learning with Fisher embeddings", NeurIPS. Not
    theirs: all labels share one Fisher matrix (width, width) instead of one
    each; its weights are `doubts`, damped, with rare labels counting more; and
    nothing is chosen first to be dropped again. A document's gain on the trace
    is updated by two products of a vector with `x` per choice, so that nothing
    of size (documents, width) is made besides `x`.

    Parameters
    ----------
    x
        Unit vectors of the candidates (documents, width).
    proba
        Their probabilities (documents, labels), NaN where nothing is known.
    rng
        Draws among equals.

    Returns
    -------
    positions, values
        Each candidate once; the value is what choosing it took off the mean
        predictive variance of the pool, in units of a document of average
        doubt, and falls from one to the next.
    """
    n = min(n, len(x))
    weight, known_weight = doubts(proba, judged)
    state = _State(x, weight, judged, known_weight)
    tie = rng.random(len(x)) * 1e-9  # relative: only equals feel it
    free = np.ones(len(x), dtype=bool)
    positions, values = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.float32)
    for at in range(n):
        gain = state.gain()
        best = int(np.where(free, gain * (1.0 + tie) + 1e-12 * tie, -1.0).argmax())
        positions[at], values[at] = best, gain[best]
        free[best] = False
        state.judge(best)
    return positions, np.minimum.accumulate(values)


def doubts(proba: Proba, judged: Judged) -> tuple[Doubts, Doubts]:
    """How much an answer on each candidate and each judged document tells.

    The Bernoulli variances p(1-p) summed over labels, rarely present labels
    counting by 1/√(1 + documents they are present in), brought to 1 on average
    over the candidates, and damped by a power: at 1 the logistic model's own
    information, at 0 no doubt counts and the batch covers the pool. The power
    is `DAMPING` times `trust`. Judged documents without a prediction count as
    average.
    """
    rarity = 1.0 / np.sqrt(1.0 + judged.n_present)
    rarity /= rarity.mean() if len(rarity) else 1.0
    candidates = _variance(proba, rarity)
    mean = float(candidates.mean()) if len(candidates) else 0.0
    if mean <= 0.0:  # nothing is known, or nothing is in doubt
        return np.ones(len(proba)), np.ones(len(judged))
    power = DAMPING * trust(judged)
    known = np.ones(len(judged))
    is_predicted = np.isfinite(judged.proba).any(axis=1)
    known[is_predicted] = (_variance(judged.proba[is_predicted], rarity) / mean) ** power
    return (candidates / mean) ** power, known


def trust(judged: Judged) -> float:
    """How far the model's doubt foretells its mistakes, from 0, not at all, to 1.

    The log-loss of the judged documents, drawn in proportion to their doubt (the
    summed variances p(1-p) of their judged cells), over that of documents drawn
    by lot: from 1.05 on the trust is full, from 1 down there is none. This
    finds a model that does not know what it does not know, as with many labels
    and few examples; doubt that is calibrated but irreducible passes. The
    predictions must be of learners that did not see the documents. Under 30
    such documents there is none: the first judgements are best spent on
    covering the pool.
    """
    cells = (judged.truth != UNJUDGED) & np.isfinite(judged.proba)
    usable = cells.any(axis=1)
    if usable.sum() < FEWEST_TO_TRUST:
        return 0.0
    cells, is_present = cells[usable], judged.truth[usable] == PRESENT
    proba = np.clip(np.nan_to_num(judged.proba[usable], nan=0.5), TINY, 1.0 - TINY)
    loss = (np.where(is_present, -np.log(proba), -np.log1p(-proba)) * cells).sum(axis=1)
    doubt = (proba * (1.0 - proba) * cells).sum(axis=1)
    ratio = float((doubt @ loss) / (doubt.sum() * loss.mean()))
    return float(np.clip((ratio - 1.0) / FULL_TRUST, 0.0, 1.0))


def _variance(proba: Proba, rarity: Doubts) -> Doubts:
    variance = np.nan_to_num(proba * (1.0 - proba)) @ rarity.astype(np.float32)
    return np.asarray(variance, dtype=np.float64)


class _State:
    """The inverse information M⁻¹, and for every candidate xᵀM⁻¹x and xᵀM⁻¹FM⁻¹x.

    F is the pool's own mean information. Judging a document of doubt w adds
    w·xxᵀ to M, so that M⁻¹ loses a rank-one part (Sherman and Morrison 1950) and
    both quantities follow.
    """

    def __init__(self, x: Vectors, weight: Doubts, judged: Judged, known_weight: Doubts) -> None:
        self._x, self._weight = x, weight
        width = x.shape[1]
        self._pool = _information(x, weight) / max(len(x), 1)
        known = np.asarray(judged.x, dtype=np.float32).reshape(-1, width)
        self._inverse = np.linalg.inv(RIDGE * np.eye(width) + _information(known, known_weight))
        self._own, self._shared = np.empty(len(x)), np.empty(len(x))
        for rows in blocks(len(x), width):
            part = x[rows] @ self._inverse.astype(np.float32)
            self._own[rows] = np.einsum("ij,ij->i", part, x[rows])
            self._shared[rows] = np.einsum("ij,ij->i", part @ self._pool.astype(np.float32), part)

    def gain(self) -> NDArray[np.float64]:
        """What judging each candidate would take off trace(M⁻¹F)."""
        gain = self._weight * self._shared / (1.0 + self._weight * self._own)
        return np.asarray(np.maximum(gain, 0.0), dtype=np.float64)

    def judge(self, position: int) -> None:
        """Take one candidate as judged."""
        vector = self._x[position].astype(np.float64)
        a = self._inverse @ vector
        c = self._weight[position] / (1.0 + self._weight[position] * self._own[position])
        on_pool = self._pool @ a
        along = self._x @ a.astype(np.float32)
        across = self._x @ (self._inverse @ on_pool).astype(np.float32)
        self._shared += c * along * (c * along * float(a @ on_pool) - 2.0 * across)
        self._own -= c * along.astype(np.float64) ** 2
        self._inverse -= c * np.outer(a, a)


def _information(x: Vectors, weight: Doubts) -> Matrix:
    """Σ w·xxᵀ, shape (width, width)."""
    total = np.zeros((x.shape[1], x.shape[1]))
    for rows in blocks(len(x), x.shape[1]):
        total += (x[rows] * weight[rows, None].astype(np.float32)).T @ x[rows]
    return total
