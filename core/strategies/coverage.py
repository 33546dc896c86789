"""Batches that cover the pool, whatever the model thinks of it. Needs numpy and scikit-learn.

Core-set asks about what is furthest from everything known, ProbCover about what
has the most unknown documents around it. Both are given the candidates' and the
judged documents' unit vectors.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.strategies.likeness import (
    Batch,
    Vectors,
    blocks,
    finish_by_lot,
    highest_by_lot,
    nearest_similarity,
)
from core.strategies.typiclust import nearest_centre, place_centres

COPY = np.float32(1.0 - 1e-6)  # cosine of what counts as the same vector in float32
COVER_SAMPLE = 20_000  # documents among which ProbCover counts neighbours
PURITY = 0.95  # as in the paper
PURITY_GROUPS = 20  # pseudo-labels: coarse topics, for label sets are many and overlap
PURITY_SAMPLE = 2_000  # balls that are looked into


def core_set_batch(x: Vectors, judged_x: Vectors, n: int, rng: np.random.Generator) -> Batch:
    """Choose `n` documents, each the furthest from all that is judged or chosen before it.

    The greedy k-centre of Sener & Savarese (2018), "Active learning for
    convolutional neural networks: a core-set approach", by Euclidean distance of
    unit vectors. Label-agnostic. Where nothing is judged the first comes by lot,
    as do equals and, in the end, copies of what is there.

    Parameters
    ----------
    x, judged_x
        Unit vectors (documents, width) and (judged, width), the latter may be empty.

    Returns
    -------
    positions, values
        At most `n`, each once, and the distance (0 to 2) of each from the nearest
        judged or chosen before it.
    """
    nearest = np.minimum(nearest_similarity(x, judged_x), COPY)
    chosen: list[int] = []
    values: list[float] = []
    while len(chosen) < min(n, len(x)):
        newest = highest_by_lot(-nearest, rng)
        values.append(float(np.sqrt(2.0 * (COPY - nearest[newest]))))
        np.maximum(nearest, np.minimum(x @ x[newest], COPY), out=nearest)
        nearest[newest] = np.inf
        chosen.append(newest)
    return finish_by_lot(chosen, values, n, rng, n_documents=len(x))


def prob_cover_batch(
    x: Vectors,
    judged_x: Vectors,
    n: int,
    rng: np.random.Generator,
    *,
    radius: float | None = None,
) -> Batch:
    """Choose `n` documents around which the most documents lie that nothing covers yet.

    Yehuda et al. (2022), "Active learning through a covering lens": a document
    covers those within `radius` of it, and greedily the one that covers the
    most uncovered comes next, the judged having covered theirs. Equals come by
    lot, and so do the rest once everything is covered. Above 20,000 documents it
    works on a random 20,000, from which it then also chooses.

    Parameters
    ----------
    x, judged_x
        Unit vectors (documents, width) and (judged, width), the latter may be empty.
    radius
        Euclidean distance of unit vectors, 0 to 2; by default `pure_radius`.

    Returns
    -------
    positions, values
        At most `n`, each once, and the share of the documents worked on that each
        newly covers.
    """
    if n <= 0 or not len(x):
        return finish_by_lot([], [], 0, rng, n_documents=len(x))
    sample = _sample(len(x), COVER_SAMPLE, rng)
    among = x[sample]
    cosine = _cosine(pure_radius(among, rng) if radius is None else radius)
    is_open = nearest_similarity(among, judged_x) < cosine
    covers = _count_within(among, among[is_open], cosine)
    chosen: list[int] = []
    values: list[float] = []
    while len(chosen) < n and covers.max() > 0:
        newest = highest_by_lot(covers, rng)
        chosen.append(newest)
        values.append(float(covers[newest]) / len(among))
        covered = is_open & (among @ among[newest] >= cosine)
        covered[newest] = is_open[newest]
        covers -= _count_within(among, among[covered], cosine)
        covers[chosen] = 0  # rounding at the rim must not bring one back
        is_open &= ~covered
    positions = sample[chosen].tolist()
    return finish_by_lot(positions, values, n, rng, n_documents=len(x))


def pure_radius(
    x: Vectors,
    rng: np.random.Generator,
    *,
    n_groups: int = PURITY_GROUPS,
    purity: float = PURITY,
) -> float:
    """Give the largest radius at which a share `purity` of balls holds one group alone.

    The heuristic of Yehuda et al. (2022), with k-means groups for labels: a ball
    is pure as long as it ends before the nearest document of another group, so
    the radius is a low quantile of those distances. No more groups than the
    root of the number of documents; 2, the whole sphere, where there is one
    group only.
    """
    n_groups = max(min(n_groups, math.isqrt(len(x))), 1)
    group = nearest_centre(x, place_centres(x, n_groups, rng))
    rows = _sample(len(x), PURITY_SAMPLE, rng)
    nearest = np.full(len(rows), -1.0, dtype=np.float32)
    for block in blocks(len(rows), len(x)):
        cosine = x[rows[block]] @ x.T
        cosine[group[rows[block], None] == group] = -1.0
        nearest[block] = cosine.max(axis=1)
    distance = np.sqrt(np.maximum(2.0 - 2.0 * nearest, 0.0))
    return float(np.quantile(distance, 1.0 - purity))


def _sample(n_rows: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """All rows, or so many at random, in ascending order."""
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, most, replace=False))


def _cosine(radius: float) -> np.float32:
    return np.float32(max(1.0 - radius**2 / 2.0, -1.0)) - np.float32(1e-6)


def _count_within(x: Vectors, others: Vectors, cosine: np.float32) -> NDArray[np.int64]:
    """How many of the others each row has within a cosine."""
    counts = np.zeros(len(x), dtype=np.int64)
    for rows in blocks(len(x), len(others)):
        counts[rows] = np.count_nonzero(x[rows] @ others.T >= cosine, axis=1)
    return counts
