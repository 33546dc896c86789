"""From scores to the documents that are asked about. Needs numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.strategies.catalogue import strategy_info
from core.strategies.diversity import ReadVectors, unlike_batch
from core.strategies.scores import Scores


def choose_batch(
    scores: Scores,
    n: int,
    rng: np.random.Generator,
    *,
    strategy: str,
    read_vectors: ReadVectors | None = None,
) -> NDArray[np.int64]:
    """Choose `n` positions as the strategy composes its batches, highest score first.

    Strategies with `is_diverse` need `read_vectors`, which gives the unit
    vectors of some positions; without it, and for the others, the highest
    scores are taken.
    """
    if strategy_info(strategy).is_diverse and read_vectors is not None:
        return unlike_batch(scores, read_vectors, n, rng)
    return top_n(scores, n, rng)


def top_n(scores: Scores, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Give the positions of the `n` highest scores, highest first.

    Equal scores come in an order drawn from `rng`, so that the order of the
    documents in the pool never decides. Where fewer are left, gives them all.
    """
    shuffled = rng.permutation(len(scores))
    best = np.argsort(-scores[shuffled], kind="stable")[: max(n, 0)]
    return np.asarray(shuffled[best], dtype=np.int64)


def selection_probabilities(strategy: str, *, n: int, n_pool: int) -> float | None:
    """Give each pool document's chance of being among the `n` chosen.

    Known for the random strategy alone; None says that the choice followed
    from the scores.
    """
    if strategy != "random" or n_pool == 0:
        return None
    return min(n, n_pool) / n_pool
