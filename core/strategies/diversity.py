"""Ways to choose documents of high score that are not fifty times the same. Needs numpy alone.

Scores alone fill a batch with near-copies. Here are the ways to draw and spread
documents, over plain arrays; which of them makes which part of a batch is told in
`batches`. The figures behind soft draws and groups are in
docs/decisions/011-batches-of-unlike-documents.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings
from core.strategies.scores import Scores

Vectors = NDArray[np.float32]  # (rows, width), unit length
Positions = NDArray[np.int64]
Weights = NDArray[np.float32] | NDArray[np.float64]  # (documents,), not negative

CANDIDATES_PER_CHOICE = 5
MAX_STEPS = 20
TINY = 1e-12

ReadVectors = Callable[[Positions], Embeddings]


def highest(
    values: NDArray[np.float32] | NDArray[np.float64], n: int, rng: np.random.Generator
) -> Positions:
    """Give the positions of the `n` highest values, highest first, in linear time.

    Which of several equal values come, and in which order, is drawn from `rng`.
    Where fewer are left, gives them all.
    """
    n = min(max(n, 0), len(values))
    if n == 0:
        return np.empty(0, dtype=np.int64)
    last = np.partition(values, len(values) - n)[len(values) - n]
    above, level = np.flatnonzero(values > last), np.flatnonzero(values == last)
    taken = np.concatenate([above, rng.choice(level, n - len(above), replace=False)])
    taken = rng.permutation(taken)
    return np.asarray(taken[np.argsort(-values[taken], kind="stable")], dtype=np.int64)


def not_negative(scores: Scores) -> NDArray[np.float64]:
    """Make scores into weights: as they are where none is negative, else less the lowest.

    So the lowest of scores with negative ones among them gets weight 0.
    """
    return scores.astype(np.float64) - min(float(scores.min(initial=0.0)), 0.0)


def draw_keys(weights: Weights, rng: np.random.Generator) -> NDArray[np.float64]:
    """Give random keys whose highest are drawn without replacement in proportion to weights."""
    return _log_shares(weights) + rng.gumbel(size=len(weights))


def draw_with_chances(
    scores: Weights, n: int, rng: np.random.Generator
) -> tuple[Positions, NDArray[np.float64]]:
    """Draw without replacement, each in proportion to its score, and tell how likely each was.

    By the Gumbel trick, as in Kirsch et al. (2023), "Stochastic batch
    acquisition: a simple baseline for deep active learning". The first drawn
    comes first.

    Parameters
    ----------
    scores
        Shape (documents,), not negative. What scores 0 is drawn only when
        nothing else is left; when all score 0, each is as likely as the next.

    Returns
    -------
    positions, chances
        At most `n` each. A chance is the probability that the document beats
        the highest key that was not drawn, 1 - exp(-exp(φ - κ)), where φ is the
        log of its score: weights of one over it make unbiased sums over all
        documents with a score (Vieira 2017, "Estimating means in a finite
        universe"; Kool, van Hoof and Welling 2019, "Stochastic beams and where
        to find them").
    """
    logs = _log_shares(scores)
    keys = logs + rng.gumbel(size=len(logs))
    drawn = highest(keys, max(n, 0) + 1, rng)
    if len(drawn) <= n:
        return drawn, np.ones(len(drawn))
    threshold, drawn = keys[drawn[-1]], drawn[:-1]
    return drawn, -np.expm1(-np.exp(logs[drawn] - threshold))


def best_of_groups(x: Vectors, scores: Weights, n: int, rng: np.random.Generator) -> Positions:
    """Take the highest score of each of `n` groups; where groups run empty, of the rest."""
    group = group_by_likeness(x, scores, n_groups=n, rng=rng)
    best_first = np.argsort(-scores, kind="stable")
    _, first = np.unique(group[best_first], return_index=True)
    is_best = np.zeros(len(x), dtype=bool)
    is_best[first] = True
    ordered = np.concatenate([best_first[is_best], best_first[~is_best]])
    return np.asarray(ordered[:n], dtype=np.int64)


def group_by_likeness(
    x: Vectors, weights: Weights, *, n_groups: int, rng: np.random.Generator
) -> Positions:
    """Group unit vectors (rows, width) by k-means with weights; give each row's group.

    Begins from `n_groups` random rows; groups that run empty stay empty.
    """
    weights = np.maximum(weights, TINY).astype(np.float32)
    centres = x[rng.permutation(len(x))[:n_groups]]
    group = np.full(len(x), -1)
    for _ in range(MAX_STEPS):
        nearest = (x @ centres.T - 0.5 * (centres**2).sum(axis=1)).argmax(axis=1)
        if (nearest == group).all():
            break
        group = nearest
        members = (group[:, None] == np.arange(len(centres))) * weights[:, None]
        total = members.sum(axis=0)
        held = total > 0
        centres[held] = (members.T @ x)[held] / total[held, None]
    return np.asarray(group, dtype=np.int64)


def spread_out(
    x: Vectors, scores: Weights, n: int, rng: np.random.Generator, *, taken: Vectors
) -> Positions:
    """Draw `n` rows, each by its score times its squared distance from what is taken.

    k-means++ seeding with weights (Arthur and Vassilvitskii 2007). `taken`
    (rows, width) are vectors chosen before; with none, the score alone draws
    the first. Where no weight is left, the score draws, and at last the lot.
    """
    nearness, is_left, chosen = _nearness(x, taken), np.ones(len(x), dtype=bool), []
    for _ in range(min(n, len(x))):
        distance = np.minimum(1.0 - nearness, 2.0)  # half of the squared one
        weights = is_left * np.maximum(distance, 0.0) * scores.astype(np.float64)
        for instead in (is_left * scores, is_left):
            if weights.sum() <= 0:
                weights = instead.astype(np.float64)
        drawn = int(rng.choice(len(x), p=weights / weights.sum()))
        chosen.append(drawn)
        is_left[drawn] = False
        nearness = np.maximum(nearness, x @ x[drawn])
    return np.array(chosen, dtype=np.int64)


def least_redundant(x: Vectors, scores: Weights, n: int, *, taken: Vectors) -> Positions:
    """Take `n` rows greedily, the score times one less the likeness to the nearest taken.

    Maximal marginal relevance (Carbonell and Goldstein 1998) with a product;
    likeness is the cosine, 0 where it is negative. `scores` are not negative.
    """
    nearness, is_left, chosen = _nearness(x, taken), np.ones(len(x), dtype=bool), []
    for _ in range(min(n, len(x))):
        worth = scores * (1.0 - np.clip(nearness, 0.0, 1.0))
        best = int(np.where(is_left, worth, -1.0).argmax())
        chosen.append(best)
        is_left[best] = False
        nearness = np.maximum(nearness, x @ x[best])
    return np.array(chosen, dtype=np.int64)


def _log_shares(weights: Weights) -> NDArray[np.float64]:
    """Logs of the weights as parts of the highest; finite for a weight of 0."""
    parts = np.asarray(weights, dtype=np.float64) / (float(weights.max(initial=0.0)) or 1.0)
    return np.asarray(np.log(parts + TINY), dtype=np.float64)


def _nearness(x: Vectors, taken: Vectors) -> NDArray[np.float32]:
    """The highest cosine of each row to the taken ones; -1 where there are none."""
    found = (x @ taken.T).max(axis=1, initial=-1.0) if len(taken) else np.full(len(x), -1.0)
    return np.asarray(found, dtype=np.float32)
