"""Batches of typical documents, one from each group of the pool. Needs numpy and scikit-learn.

TypiClust asks for the most typical of each group that holds nothing judged;
plain k-means for the one in the middle of each of as many groups as are asked for.
"""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from core.strategies.likeness import (
    Batch,
    Positions,
    Vectors,
    blocks,
    draw_apart,
    finish_by_lot,
)

MOST_GROUPS = 500  # as in the paper
SMALLEST_GROUP = 5  # what is smaller comes last, as in the authors' code: outliers
NEIGHBOURS = 20  # as in the paper
GROUPING_SAMPLE = 20_000  # documents that centres are fitted on; all are then assigned
SEEDING_SAMPLE = 5_000
MOST_STEPS = 20
MEMBERS_SEEN = 2_000  # of a larger group, so many at random stand for all

Rank = Callable[[int, Positions], Positions]


def typiclust_batch(x: Vectors, judged_x: Vectors, n: int, rng: np.random.Generator) -> Batch:
    """Choose the most typical document of each of the largest groups without a judged one.

    Hacohen et al. (2022), "Active learning on a budget: opposite strategies suit
    high and low budgets". Judged and candidates together are put into as many
    groups as there are judged and asked for, 500 at most; those with the fewest
    judged or chosen come first, of these the largest; those of fewer than five
    come last. Typical is who has the
    smallest mean distance to its 20 nearest in the group. Label-agnostic.

    Centres are fitted on a random 20,000 documents, and in a group of more than
    2,000 members a random 2,000 are compared.

    Parameters
    ----------
    x, judged_x
        Unit vectors (documents, width) and (judged, width), the latter may be empty.

    Returns
    -------
    positions, values
        At most `n`, each once, and the share of the candidates each stands for:
        its group's, divided among the judged and chosen in it.
    """
    if n <= 0 or not len(x):
        return finish_by_lot([], [], 0, rng, n_documents=len(x))
    n_groups = min(len(judged_x) + n, MOST_GROUPS, len(x) + len(judged_x))
    centres = place_centres(_some_of_both(x, judged_x, rng), n_groups, rng)
    group = nearest_centre(x, centres)
    n_known = np.bincount(nearest_centre(judged_x, centres), minlength=len(centres))

    def typical_first(_: int, members: Positions) -> Positions:
        return members[np.argsort(_mean_distance(x[members]), kind="stable")]

    return _take_turns(group, n_known, n, rng, rank=typical_first, smallest=SMALLEST_GROUP)


def embedding_kmeans_batch(x: Vectors, n: int, rng: np.random.Generator) -> Batch:
    """Choose the document nearest to each of `n` k-means centres, the largest group first.

    A baseline since Yuan et al. (2020), "Cold-start active learning through
    self-supervised language modeling". Groups that ran empty are made up for by
    second ones from the largest. Centres are fitted on a random 20,000 documents.

    Returns
    -------
    positions, values
        At most `n`, each once, and the share of the documents each stands for.
    """
    if n <= 0 or not len(x):
        return finish_by_lot([], [], 0, rng, n_documents=len(x))
    centres = place_centres(_some_of_both(x, x[:0], rng), min(n, len(x)), rng)
    group = nearest_centre(x, centres)

    def central_first(of: int, members: Positions) -> Positions:
        return members[np.argsort(-(x[members] @ centres[of]), kind="stable")]

    n_known = np.zeros(len(centres), dtype=np.int64)
    return _take_turns(group, n_known, n, rng, rank=central_first)


def place_centres(x: Vectors, n_groups: int, rng: np.random.Generator) -> Vectors:
    """Give k-means centres (groups, width), fewer where there are fewer unlike rows.

    Seeded by k-means++ on at most 5,000 rows, then at most 20 of Lloyd's steps.
    """
    some = x if len(x) <= SEEDING_SAMPLE else x[rng.choice(len(x), SEEDING_SAMPLE, replace=False)]
    lengths = np.einsum("iw,iw->i", some, some)
    first = int(rng.integers(len(some)))
    seeds, _ = draw_apart(lengths, lambda row: some @ some[row], n_groups, rng, first=first)
    kmeans = KMeans(len(seeds), init=some[seeds], n_init=1, max_iter=MOST_STEPS, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about steps left undone, and threads on Windows
        kmeans.fit(x)
    return np.asarray(kmeans.cluster_centers_, dtype=np.float32)


def nearest_centre(x: Vectors, centres: Vectors) -> NDArray[np.int64]:
    """Give each row's group: the centre at the smallest Euclidean distance."""
    group = np.empty(len(x), dtype=np.int64)
    half_lengths = 0.5 * (centres**2).sum(axis=1)
    for rows in blocks(len(x), len(centres)):
        group[rows] = (x[rows] @ centres.T - half_lengths).argmax(axis=1)
    return group


def _take_turns(
    group: NDArray[np.int64],
    n_known: NDArray[np.int64],
    n: int,
    rng: np.random.Generator,
    *,
    rank: Rank,
    smallest: int = 0,
) -> Batch:
    """Let the groups send one each: fewest known first, then largest; too small ones last."""
    size = np.bincount(group, minlength=len(n_known))
    lot = rng.permutation(len(size))
    turns = [
        (bool(size[g] < smallest), int(n_known[g]), -int(size[g]), int(lot[g]), int(g))
        for g in np.flatnonzero(size)
    ]
    heapq.heapify(turns)
    left: dict[int, list[int]] = {}
    chosen: list[int] = []
    values: list[float] = []
    while turns and len(chosen) < n:
        is_small, known, minus_size, lot_of, g = heapq.heappop(turns)
        if g not in left:
            members = rng.permutation(np.flatnonzero(group == g))[:MEMBERS_SEEN]
            left[g] = rank(g, members)[::-1].tolist()
        chosen.append(left[g].pop())
        values.append(-minus_size / (1 + known) / len(group))
        if left[g]:
            heapq.heappush(turns, (is_small, known + 1, minus_size, lot_of, g))
    return finish_by_lot(chosen, values, n, rng, n_documents=len(group))


def _mean_distance(x: Vectors) -> NDArray[np.float32]:
    """Each row's mean distance to its nearest neighbours among the rows; 0 for one alone."""
    k = min(NEIGHBOURS, len(x) - 1)
    if k == 0:
        return np.zeros(1, dtype=np.float32)
    cosine = x @ x.T
    np.fill_diagonal(cosine, -np.inf)
    nearest = np.partition(cosine, len(x) - k, axis=1)[:, len(x) - k :]
    distance = np.sqrt(np.maximum(2.0 - 2.0 * nearest, 0.0)).mean(axis=1)
    return np.asarray(distance, dtype=np.float32)


def _some_of_both(x: Vectors, judged_x: Vectors, rng: np.random.Generator) -> Vectors:
    """Candidates and judged in one array, a random part of them where they are many."""
    if len(x) + len(judged_x) <= GROUPING_SAMPLE:
        return np.concatenate([x, judged_x])
    drawn = np.sort(rng.choice(len(x) + len(judged_x), GROUPING_SAMPLE, replace=False))
    from_judged = drawn[drawn >= len(x)] - len(x)
    return np.concatenate([x[drawn[drawn < len(x)]], judged_x[from_judged]])
