"""small-text's own strategies that are right for several labels: they look at vectors alone.

They run on at most 20,000 candidates drawn by lot (ProbCover and GreedyCoreset
on 1,000, beside 500 judged ones): that is as far as they are quick. Imports
small_text (and so torch) when first used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.strategies.judged import Judged

LARGEST = 20_000
SLOW = {"core-set", "prob-cover"}  # one compares all with all for every choice, one by one
LARGEST_FOR_SLOW = 1_000
MOST_JUDGED = 500  # that these two see, drawn by lot
PREFIX = "small-text-"
DRAWING = Lock()  # these strategies draw from numpy's one global generator

Vectors = NDArray[np.float32]
Chosen = tuple[NDArray[np.int64], NDArray[np.float32]]


def borrowed_batch(
    name: str, x: Vectors, judged: Judged, n: int, rng: np.random.Generator
) -> Chosen:
    """Choose `n` rows of `x` by the small-text strategy of that name.

    Parameters
    ----------
    x
        Unit vectors (candidates, width).

    Returns
    -------
    positions, values
        Each row once, most wanted first; values are 1 for the first down to
        1/n, as these strategies give no score. Where the library names a row
        twice or one that is judged already, rows drawn by lot take its place.
    """
    named = _asked(name.removeprefix(PREFIX), x, judged, min(n, len(x)), rng)
    others = rng.permutation(np.setdiff1d(np.arange(len(x)), named))
    positions = np.concatenate([named, others])[:n].astype(np.int64)
    values = 1.0 - np.arange(len(positions)) / max(len(positions), 1)
    return positions, values.astype(np.float32)


def _asked(
    name: str, x: Vectors, judged: Judged, n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """What the library names, each row once, without judged ones."""
    if n == 0 or (name.endswith("core-set") and not len(judged)):  # measures from what is judged
        return np.empty(0, dtype=np.int64)
    rows = np.sort(rng.permutation(len(x))[: LARGEST_FOR_SLOW if name in SLOW else LARGEST])
    known_x = np.asarray(judged.x, dtype=np.float32).reshape(-1, x.shape[1])
    if name in SLOW:
        known_x = known_x[rng.permutation(len(known_x))[:MOST_JUDGED]]
    both = np.concatenate([x[rows], known_x])
    free, known = np.arange(len(rows)), np.arange(len(rows), len(both))
    with _drawing_from(rng):
        asked = MAKE[name](len(both)).sample(None, None, free, known, None, min(n, len(rows)), both)
    named = [row for row in dict.fromkeys(np.asarray(asked).tolist()) if row < len(rows)]
    return rows[np.array(named, dtype=np.int64)]


def _kmeans(_: int) -> Any:
    from small_text import EmbeddingKMeans

    return EmbeddingKMeans()


def _core_set(_: int) -> Any:
    from small_text import GreedyCoreset

    return GreedyCoreset()


def _light_core_set(_: int) -> Any:
    from small_text import LightweightCoreset

    return LightweightCoreset()


def _prob_cover(n_rows: int) -> Any:
    from small_text import ProbCover
    from small_text.vector_indexes.base import VectorIndexFactory
    from small_text.vector_indexes.knn import KNNIndex

    return ProbCover(VectorIndexFactory(KNNIndex), k=min(100, n_rows))


MAKE: dict[str, Callable[[int], Any]] = {
    "kmeans": _kmeans,
    "core-set": _core_set,
    "light-core-set": _light_core_set,
    "prob-cover": _prob_cover,
}


@contextmanager
def _drawing_from(rng: np.random.Generator) -> Iterator[None]:
    """Make numpy's global generator follow `rng` for a while, and put it back."""
    with DRAWING:
        before = np.random.get_state()  # noqa: NPY002
        np.random.seed(int(rng.integers(2**32)))  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
