"""A batch that is worth asking about and not fifty times the same. Needs numpy alone.

Scores alone fill a batch with near-copies. Candidates are drawn by lot, likelier
the higher their score, then grouped by likeness; each group sends its best. The
figures behind both halves are in docs/decisions/011-batches-of-unlike-documents.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings
from core.strategies.scores import Scores

CANDIDATES_PER_CHOICE = 5
MAX_STEPS = 20
TINY = 1e-12

ReadVectors = Callable[[NDArray[np.int64]], Embeddings]


def unlike_batch(
    scores: Scores, read_vectors: ReadVectors, n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Choose `n` documents of high score that are unlike each other.

    Parameters
    ----------
    scores
        Shape (documents,), not negative.
    read_vectors
        Gives the unit vectors (positions, width) of some positions.

    Returns
    -------
    indices
        At most `n` positions, each once, the highest score first.
    """
    drawn = draw_by_score(scores, CANDIDATES_PER_CHOICE * n, rng)
    if len(drawn) <= n:
        chosen = drawn
    else:
        x = np.asarray(read_vectors(drawn), dtype=np.float32)
        group = group_by_likeness(x, scores[drawn], n_groups=n, rng=rng)
        chosen = _best_of_each(drawn, scores, group, n)
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def draw_by_score(scores: Scores, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `n` positions without replacement, each in proportion to its score.

    By the Gumbel trick, as in Kirsch et al. (2023), "Stochastic batch
    acquisition: a simple baseline for deep active learning". The first drawn
    comes first.
    """
    keys = np.log(np.asarray(scores, dtype=np.float64) + TINY) + rng.gumbel(size=len(scores))
    return np.argsort(-keys, kind="stable")[:n]


def group_by_likeness(
    x: NDArray[np.float32], weights: Scores, *, n_groups: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Group unit vectors (rows, width) by k-means with weights; give each row's group.

    Begins from `n_groups` random rows; groups that run empty stay empty.
    """
    weights = np.maximum(weights, np.float32(TINY))
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


def _best_of_each(
    drawn: NDArray[np.int64], scores: Scores, group: NDArray[np.int64], n: int
) -> NDArray[np.int64]:
    """Take each group's highest score; where groups ran empty, the highest of the rest."""
    best_first = np.argsort(-scores[drawn], kind="stable")
    _, first = np.unique(group[best_first], return_index=True)
    is_best = np.zeros(len(drawn), dtype=bool)
    is_best[first] = True
    ordered = np.concatenate([best_first[is_best], best_first[~is_best]])
    best: NDArray[np.int64] = drawn[ordered[:n]]
    return best
