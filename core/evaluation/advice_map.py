"""What the map of documents shows, and what this one suggests: where nobody has looked yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.counts import Mask
from core.evaluation.wording import counted

MOST_SQUARES = 12  # of the map's width
PER_SQUARE = 10  # documents of a square, on average, where there are fewer
FEWEST_IN_REGION = 10  # fewer unjudged documents in a square are no region


@dataclass(frozen=True)
class Unvisited:
    """Squares of the map without a judged document."""

    n_regions: int  # squares that join are one
    n_documents: int  # in them
    n_all: int  # on the map


def how_to_read_map() -> str:
    """The same for every map."""
    return (
        "Each point is a document; near ones read alike to the encoder. Directions, axes and the "
        "distance between far groups mean nothing. Draw around points to choose them."
    )


def what_it_suggests_map(xy: NDArray[np.float32], is_judged: Mask) -> str:
    """Where to look next."""
    n_judged = int(is_judged.sum())
    if n_judged == 0:
        return (
            "None of these documents is judged yet: draw around a group, open some of its "
            "documents, and judge what they have in common."
        )
    if n_judged == len(is_judged):
        return "Every document shown is judged: look for single colours within other ones."
    found = unvisited(xy, is_judged)
    if found.n_regions == 0:
        return (
            "Judged documents lie in every part of the map, so no kind of text has been "
            "left out altogether."
        )
    share = found.n_documents / found.n_all
    return (
        f"{counted(found.n_regions, 'region')} with {counted(found.n_documents, 'document')} "
        f"({share:.0%}) {'has' if found.n_regions == 1 else 'have'} no judged document: draw "
        "around the largest and judge a few of its documents."
    )


def unvisited(xy: NDArray[np.float32], is_judged: Mask) -> Unvisited:
    """Lay squares over the map, and join those without a judged document that touch.

    Squares with fewer than ten documents are left out, as is a region's shape: this counts.
    """
    low, extent = xy.min(axis=0), float(np.ptp(xy, axis=0).max()) or 1.0
    n = int(np.clip(np.sqrt(len(xy) / PER_SQUARE), 2, MOST_SQUARES))
    square = np.minimum(((xy - low) / extent * n).astype(np.int64), n - 1)
    n_all = np.zeros((n, n), dtype=np.int64)
    n_judged = np.zeros_like(n_all)
    np.add.at(n_all, (square[:, 0], square[:, 1]), 1)
    np.add.at(n_judged, (square[is_judged, 0], square[is_judged, 1]), 1)
    is_empty = (n_all >= FEWEST_IN_REGION) & (n_judged == 0)
    return Unvisited(_n_joined(is_empty), int(n_all[is_empty].sum()), len(xy))


def _n_joined(mask: Mask) -> int:
    """How many pieces the squares make; corners that touch join."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    n_pieces = 0
    while left:
        n_pieces += 1
        edge = [left.pop()]
        while edge:
            row, column = edge.pop()
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            edge.extend(near)
    return n_pieces
