"""Inner products, draws and lots that the strategies over vectors share. Needs numpy alone.

Documents are unit vectors in memory; a batch is their positions, the most wanted
first, and beside them values that never rise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # (documents, width), unit length
Values = NDArray[np.float32]  # (documents,)
Positions = NDArray[np.int64]
Batch = tuple[Positions, Values]

BLOCK_CELLS = 2**24  # 64 MB of float32 at a time
ROUNDING = np.float32(2e-6)  # relative; less than this between two squared lengths is noise


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Cut rows so that one block of (rows, columns) stays within 64 MB."""
    step = max(BLOCK_CELLS // max(n_columns, 1), 1)
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def nearest_similarity(x: Vectors, others: Vectors) -> Values:
    """Give each row's highest cosine with any of the others; -1, the least, where there are none.

    Parameters
    ----------
    x, others
        Unit vectors (rows, width) and (others, width).
    """
    nearest = np.full(len(x), -1.0, dtype=np.float32)
    if len(others):
        for rows in blocks(len(x), len(others)):
            nearest[rows] = (x[rows] @ others.T).max(axis=1)
    return nearest


def highest_by_lot(values: NDArray[np.number], rng: np.random.Generator) -> int:
    """Give the position of the highest value; a lot decides between equals, up to rounding."""
    highest = float(values.max())
    return int(rng.choice(np.flatnonzero(values >= highest - ROUNDING * abs(highest))))


def draw_apart(
    squared_lengths: Values,
    products: Callable[[int], Values],
    n: int,
    rng: np.random.Generator,
    *,
    first: int,
) -> tuple[list[int], list[float]]:
    """Draw up to `n` rows far from each other, by the seeding of k-means++.

    Each is drawn in proportion to its squared distance from the nearest of
    those before (Arthur & Vassilvitskii 2007). The vectors themselves are never
    needed: `products` gives the inner products of one row with all. Ends early
    when nothing is left but copies of the drawn.

    Returns
    -------
    positions, values
        In the order of drawing, and the squared distance each had when drawn,
        for `first` its squared length.
    """
    chosen, values = [first], [float(squared_lengths[first])]
    distance = np.full(len(squared_lengths), np.inf, dtype=np.float32)
    while len(chosen) < n:
        newest = chosen[-1]
        lengths = squared_lengths + squared_lengths[newest]
        gap = lengths - 2.0 * products(newest)
        gap[gap < ROUNDING * lengths] = 0.0
        gap[newest] = 0.0
        np.minimum(distance, gap, out=distance)
        below = np.cumsum(distance, dtype=np.float64)
        if below[-1] <= 0.0:
            break
        drawn = int(np.searchsorted(below, rng.random() * below[-1], side="right"))
        chosen.append(drawn)
        values.append(float(distance[drawn]))
    return chosen, values


def finish_by_lot(
    chosen: Sequence[int],
    values: Sequence[float],
    n: int,
    rng: np.random.Generator,
    *,
    n_documents: int,
) -> Batch:
    """Fill a batch up to `n` from those left, by lot and with value 0; values may not rise."""
    first = np.asarray(chosen[: max(n, 0)], dtype=np.int64)
    is_left = np.ones(n_documents, dtype=bool)
    is_left[first] = False
    rest = rng.permutation(np.flatnonzero(is_left))[: max(n - len(first), 0)]
    falling = np.zeros(len(first) + len(rest), dtype=np.float32)
    falling[: len(first)] = np.minimum.accumulate(np.asarray(values[: len(first)], np.float32))
    return np.concatenate([first, rest]).astype(np.int64), falling
