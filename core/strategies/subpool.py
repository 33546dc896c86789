"""The part of a large pool that is worth scoring. Needs numpy and the index of `neighbours`.

What lies near judged examples of each label, rare ones as much as common ones,
and a share by lot. What is done with it is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.domain import PRESENT, UNJUDGED, Embeddings
from core.strategies.judged import Judged
from core.strategies.likeness import Positions, draw_apart
from core.strategies.neighbours import NOT_THERE, NeighbourIndex

ANCHORS_PER_LABEL = 10  # as in AnchorAL
ANCHOR_CANDIDATES = 1_000  # positives of a label that its anchors are drawn from
OVERFETCH = 2  # anchors share neighbours, and judged documents are among them


def anchored_subpool(
    index: NeighbourIndex,
    candidate_ids: NDArray[np.int64],
    judged: Judged,
    *,
    n: int,
    rng: np.random.Generator,
    random_share: float = 0.2,
) -> Positions:
    """Choose the `n` candidates of a large pool that are worth scoring.

    After SEALS (Coleman et al. 2022, "Similarity search for efficient active
    learning and search of rare concepts"), which scores neighbours of judged
    documents only, and AnchorAL (Lesci & Vlachos 2024), which takes few anchors
    per class, so that a rare one brings as much as a common one. Each label's
    judged positives, and those judged to have no label, send at most 10 anchors
    unlike each other; labels take turns, and within a label its anchors, each
    bringing its next nearest candidate.

    The rest is drawn by lot from all others, so that every candidate has a
    chance, also one the index lacks: the random share, and what the anchors
    left free.

    Returns
    -------
    positions
        Into `candidate_ids`, at most `n`, each once, ascending.
    """
    n = min(max(n, 0), len(candidate_ids))
    n_near = n - round(n * random_share)
    anchors = _anchors(judged, rng)
    near = np.empty(0, dtype=np.int64)
    if anchors and n_near and len(index) and n < len(candidate_ids):
        near = _by_turns(index, candidate_ids, judged.x, anchors, n=n_near, rng=rng)
    is_left = np.ones(len(candidate_ids), dtype=bool)
    is_left[near] = False
    by_lot = rng.choice(np.flatnonzero(is_left), n - len(near), replace=False)
    return np.sort(np.concatenate([near, by_lot])).astype(np.int64)


def _anchors(judged: Judged, rng: np.random.Generator) -> list[Positions]:
    """For each label with a judged positive, and for none at all, some unlike documents."""
    is_present = judged.truth == PRESENT
    has_none = ~is_present.any(axis=1) & (judged.truth != UNJUDGED).any(axis=1)
    kinds = [*is_present.T, has_none]
    return [_unlike(judged.x, np.flatnonzero(kind), rng) for kind in kinds if kind.any()]


def _unlike(x: Embeddings, rows: Positions, rng: np.random.Generator) -> Positions:
    some = rng.permutation(rows)[:ANCHOR_CANDIDATES]
    vectors = np.asarray(x[some], dtype=np.float32)
    lengths = np.einsum("iw,iw->i", vectors, vectors)
    drawn, _ = draw_apart(
        lengths, lambda of: vectors @ vectors[of], ANCHORS_PER_LABEL, rng, first=0
    )
    unlike: Positions = some[drawn]
    return unlike


def _by_turns(
    index: NeighbourIndex,
    candidate_ids: NDArray[np.int64],
    x: Embeddings,
    anchors: Sequence[Positions],
    *,
    n: int,
    rng: np.random.Generator,
) -> Positions:
    """Give at most `n` candidates near the anchors, each kind's turn after the other's."""
    order_of_ids = np.argsort(candidate_ids, kind="stable")
    found, turns = [], []
    for of_kind in anchors:
        k = -(-OVERFETCH * n // (len(anchors) * len(of_kind))) + 1
        ids, similarity = index.search(x[of_kind], k)
        positions = _positions(candidate_ids, order_of_ids, ids)
        turn = np.cumsum(positions != NOT_THERE, axis=1)  # an anchor's first candidate, second …
        order = np.lexsort((-similarity.ravel(), turn.ravel()))
        found.append(_first_of_each(positions.ravel()[order]))
        turns.append(np.arange(len(found[-1])))
    order = np.lexsort((rng.random(sum(map(len, found))), np.concatenate(turns)))
    return _first_of_each(np.concatenate(found)[order])[:n]


def _positions(
    candidate_ids: NDArray[np.int64], order: Positions, ids: NDArray[np.int64]
) -> Positions:
    """Where each id is among the candidates, given their order; -1 for those that are none."""
    places = np.searchsorted(candidate_ids, ids, sorter=order)
    at = order[np.minimum(places, len(order) - 1)]
    return np.where(candidate_ids[at] == ids, at, NOT_THERE).astype(np.int64)


def _first_of_each(positions: Positions) -> Positions:
    """Each position once, where it comes first; without those that are not there."""
    _, first = np.unique(positions, return_index=True)
    once = positions[np.sort(first)]
    return np.asarray(once[once != NOT_THERE], dtype=np.int64)
