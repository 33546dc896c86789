"""Vectors laid out in the plane, near ones near: UMAP (McInnes, Healy and Melville 2018).

Neighbours are found exactly, in blocks, rather than by UMAP's own approximate search: at the
sizes drawn here that takes seconds, needs nothing compiled, and tells how far it is. Documents
are not read here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.evaluation.counts import Floats

N_NEIGHBOURS = 15
FEWEST_FOR_UMAP = N_NEIGHBOURS + 1
MIN_DIST = 0.1
BLOCK = 512  # rows compared with all others at a time: 40 MB at 20,000
NEIGHBOURS_SHARE, GRAPH_SHARE = 0.4, 0.5  # of the whole, when each is done

Points = NDArray[np.float32]  # (documents, 2)
Vectors = NDArray[np.float32]  # (documents, width)
OnProgress = Callable[[float], None]  # told a fraction of one


def project(
    vectors: Vectors,
    *,
    seed: int,
    on_progress: OnProgress = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Points:
    """Lay out vectors by the angles between them, shape (documents, 2).

    The same vectors and seed give the same points with the same versions of numpy and UMAP on
    the same machine. Fewer than 16 are laid out by their two principal components, for UMAP has
    nothing to weigh there. Axes and distances between far groups mean nothing. Raises Cancelled
    when `should_stop` says so.
    """
    x = unit_length(vectors)
    start = principal_plane(x)
    if len(x) < FEWEST_FOR_UMAP:
        on_progress(1.0)
        return start

    def step(share: float) -> None:
        if should_stop():
            raise Cancelled("Drawing the map was cancelled.")
        on_progress(share)

    indices, distances = nearest(x, N_NEIGHBOURS, step=lambda f: step(NEIGHBOURS_SHARE * f))
    return _lay_out(x, start, indices, distances, seed=seed, step=step)


def unit_length(vectors: Vectors) -> Vectors:
    """The directions of vectors, (documents, width); one of length zero stays as it is."""
    x = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def principal_plane(x: Vectors) -> Points:
    """The two principal components, (documents, 2); each points to where its weights are largest.

    That fixes the signs, which the decomposition leaves open.
    """
    if len(x) < 2:
        return np.zeros((len(x), 2), dtype=np.float32)
    centred = x - x.mean(axis=0)
    _, components = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes: Floats = components[:, ::-1][:, :2]
    if axes.shape[1] < 2:
        axes = np.hstack([axes, np.zeros_like(axes)])
    largest = axes[np.abs(axes).argmax(axis=0), [0, 1]]
    signs = np.where(largest < 0, -1.0, 1.0)
    return np.asarray(centred @ (axes * signs), dtype=np.float32)


def nearest(
    x: Vectors, n: int, *, step: OnProgress = lambda fraction: None
) -> tuple[NDArray[np.int64], Floats]:
    """The `n` nearest of every row by cosine distance, itself first: (indices, distances).

    Both have shape (documents, n); `x` has rows of unit length. Ties go to any of the tied.
    """
    indices = np.empty((len(x), n), dtype=np.int64)
    distances = np.empty((len(x), n), dtype=np.float32)
    for start in range(0, len(x), BLOCK):
        step(start / len(x))
        block = slice(start, min(start + BLOCK, len(x)))
        away = 1.0 - x[block] @ x.T
        away[np.arange(len(away)), np.arange(block.start, block.stop)] = -1.0  # itself, always
        found = np.argpartition(away, n - 1, axis=1)[:, :n]
        order = np.argsort(np.take_along_axis(away, found, 1), axis=1, kind="stable")
        indices[block] = np.take_along_axis(found, order, 1)
        distances[block] = np.take_along_axis(away, indices[block], 1)
    return indices, np.maximum(distances, 0.0)


def _lay_out(
    x: Vectors,
    start: Points,
    indices: NDArray[np.int64],
    distances: Floats,
    *,
    seed: int,
    step: OnProgress,
) -> Points:
    umap = _umap()
    random = np.random.RandomState(seed)
    graph, _, _ = umap.fuzzy_simplicial_set(
        x, N_NEIGHBOURS, random, "cosine", knn_indices=indices, knn_dists=distances
    )
    step(GRAPH_SHARE)
    a, b = umap.find_ab_params(1.0, MIN_DIST)
    points, _ = umap.simplicial_set_embedding(
        x,
        graph,
        n_components=2,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=None,  # 500, and 200 from 10,000 documents on
        init=_shaken(start, seed),
        random_state=random,
        metric="cosine",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        parallel=False,  # in parallel, two runs would differ
        tqdm_kwds=_told_to(lambda f: step(GRAPH_SHARE + (1.0 - GRAPH_SHARE) * f)),
    )
    return np.asarray(points, dtype=np.float32)


def _shaken(start: Points, seed: int) -> Points:
    """Nothing lies exactly on something else, nor all on one line: UMAP divides by the extent."""
    extent = float(np.ptp(start, axis=0).max()) or 1.0
    noise = np.random.default_rng(seed).normal(scale=1e-4 * extent, size=start.shape)
    return np.asarray(start + noise, dtype=np.float32)


def _umap() -> Any:
    """UMAP loads a compiler, for seconds, so it is imported when a map is drawn and not before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # of a part that we do not use
        import umap.umap_
    return umap.umap_


class _Bar:
    """Where UMAP's progress bar is written; it tells of its epochs nowhere else."""

    def __init__(self, step: OnProgress) -> None:
        self._step = step
        self._has_stopped = False

    def write(self, text: str) -> None:
        """Take what the bar shows, "12/500"."""
        done, _, total = text.strip().partition("/")
        if self._has_stopped or not (done.isdigit() and total.isdigit()):
            return  # the bar says goodbye, also after it was stopped
        try:
            self._step(int(done) / max(int(total), 1))
        except Cancelled:
            self._has_stopped = True
            raise

    def flush(self) -> None:
        """Nothing waits."""


def _told_to(step: OnProgress) -> dict[str, Any]:
    return {"disable": False, "file": _Bar(step), "bar_format": "{n}/{total}", "mininterval": 0.1}
