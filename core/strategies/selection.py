"""From scores to the documents that are asked about: one door for rounds, replays and loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.domain import Proba, QueryKind
from core.strategies.badge import badge_batch
from core.strategies.bait import bait_batch, trust
from core.strategies.batches import Batch, Candidates, Pick, compose
from core.strategies.besra import besra_batch
from core.strategies.catalogue import Family, strategy_info
from core.strategies.coverage import core_set_batch, prob_cover_batch
from core.strategies.discriminative import discriminative_batch
from core.strategies.diversity import ReadVectors
from core.strategies.judged import Judged
from core.strategies.recipe import Recipe
from core.strategies.score_pool import PoolScores
from core.strategies.typiclust import embedding_kmeans_batch, typiclust_batch

LARGEST_POOL = 200_000  # documents whose vectors a batch strategy looks at: 307 MB at width 384
DRAWN_POOL = {"bait": 20_000}  # it weighs the pool as a whole, which a fair sample shows as well

Vectors = NDArray[np.float32]
Chosen = tuple[NDArray[np.int64], NDArray[np.float32]]
ChooseByVectors = Callable[[Vectors, Proba, Judged, int, np.random.Generator], Chosen]


def known(judged: Judged) -> Vectors:
    """The judged documents' vectors, (documents, width), as the batch strategies take them."""
    return np.asarray(judged.x, dtype=np.float32)


BY_VECTORS: dict[str, ChooseByVectors] = {
    "bait": lambda x, proba, judged, n, rng: bait_batch(x, proba, judged, n, rng),
    "badge": lambda x, proba, _, n, rng: badge_batch(x, proba, n, rng),
    "core-set": lambda x, _, judged, n, rng: core_set_batch(x, known(judged), n, rng),
    "prob-cover": lambda x, _, judged, n, rng: prob_cover_batch(x, known(judged), n, rng),
    "typiclust": lambda x, _, judged, n, rng: typiclust_batch(x, known(judged), n, rng),
    "embedding-kmeans": lambda x, _, __, n, rng: embedding_kmeans_batch(x, n, rng),
    "discriminative": lambda x, _, judged, n, rng: discriminative_batch(x, known(judged), n, rng),
}
LOOKS_AT_PREDICTIONS = {"badge", "bait"}  # of the strategies that compose their own batches


def choose_batch(
    scores: PoolScores,
    n: int,
    rng: np.random.Generator,
    *,
    recipe: Recipe,
    judged: Judged,
    read_vectors: ReadVectors,
    expected_seconds: NDArray[np.float32] | None = None,
    subpool: NDArray[np.int64] | None = None,
) -> Batch:
    """Choose `n` of the candidates as the recipe says.

    Parameters
    ----------
    scores
        Of the candidates alone, in their order.
    read_vectors
        Gives the unit vectors (positions, width) of some positions.
    expected_seconds
        Of reading and judging each, for recipes with `per_second`.
    subpool
        Positions that strategies reading all vectors look at; by default all,
        or 200,000 (BAIT: 20,000) drawn by lot where there are more.
    """
    candidates = Candidates(scores.score, scores.proba, read_vectors, expected_seconds)
    pick = _pick(recipe.strategy, scores, judged, read_vectors, subpool)
    batch = compose(candidates, judged, recipe, n, rng, pick=pick)
    return _covering(batch) if _is_blind(recipe.strategy, judged) else batch


def _is_blind(strategy: str, judged: Judged) -> bool:
    """Whether no prediction had a say in the batch."""
    if strategy == "bait":
        return trust(judged) == 0.0
    is_of_vectors = strategy_info(strategy).family is Family.BATCH
    return is_of_vectors and strategy not in LOOKS_AT_PREDICTIONS


def _covering(batch: Batch) -> Batch:
    """What no prediction decided was chosen for coverage."""
    kinds = (QueryKind.COVERAGE if kind is QueryKind.MODEL else kind for kind in batch.kinds)
    return replace(batch, kinds=tuple(kinds))


def _pick(
    strategy: str,
    scores: PoolScores,
    judged: Judged,
    read_vectors: ReadVectors,
    subpool: NDArray[np.int64] | None,
) -> Pick | None:
    """How the strategy composes its own batch; None where its scores do it."""
    if strategy == "besra":
        return lambda n, is_free, rng: _by_gains(scores, n, is_free, rng)
    if strategy_info(strategy).family is not Family.BATCH:
        return None
    choose = BY_VECTORS.get(strategy) or partial(_borrowed, strategy)

    def pick(n: int, is_free: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
        rows = np.flatnonzero(is_free) if subpool is None else subpool[is_free[subpool]]
        most = DRAWN_POOL.get(strategy, LARGEST_POOL)
        if len(rows) > most:
            rows = np.sort(rng.permutation(rows)[:most])
        x = np.asarray(read_vectors(rows), dtype=np.float32)
        positions, _ = choose(x, scores.proba[rows], judged, n, rng)
        return np.asarray(rows[positions], dtype=np.int64)

    return pick


def _borrowed(
    strategy: str, x: Vectors, _: Proba, judged: Judged, n: int, rng: np.random.Generator
) -> Chosen:
    from core.strategies.borrowed import borrowed_batch  # small_text and torch: only when wanted

    return borrowed_batch(strategy, x, judged, n, rng)


def _by_gains(
    scores: PoolScores, n: int, is_free: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    rows = np.flatnonzero(is_free)
    if scores.gains is None:
        raise ValueError("BESRA's gains are missing; score the pool by the same recipe.")
    return np.asarray(
        rows[besra_batch(scores.score[rows], scores.gains[rows], n, rng)], dtype=np.int64
    )
