"""Suggestions and an order before the first judgement, from label names alone.

Documents and label descriptions are compared as vectors of the same encoder.
The results are similarities dressed as probabilities, nothing measured: good
for a first order, never for thresholds or metrics. Needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings, Proba
from core.strategies.scores import Scores

SPREAD_EVERY = 4  # each fourth document is chosen for being unlike those before it
SPREAD_CANDIDATES = 1000
USUAL_Z = 1.5  # standard deviations above a label's average similarity that read as one half
SLOPE = 2.0


def label_similarity(documents: Embeddings, labels: Embeddings) -> Proba:
    """Give pseudo-probabilities of shape (documents, labels) from cosine similarity.

    Parameters
    ----------
    documents
        Unit vectors (documents, width).
    labels
        Unit vectors (labels, width) of "name: description".

    Returns
    -------
    proba
        A logistic curve over each label's standardised similarity: one half
        where a document lies 1.5 standard deviations above the average
        document. Not calibrated: a similarity, whatever its shape.
    """
    cosine = np.asarray(documents, dtype=np.float32) @ np.asarray(labels, dtype=np.float32).T
    if not cosine.size:
        return cosine
    spread = np.maximum(cosine.std(axis=0), np.float32(1e-3))
    z = (cosine - cosine.mean(axis=0)) / spread
    return np.asarray(1.0 / (1.0 + np.exp(-SLOPE * (z - USUAL_Z))), dtype=np.float32)


def cold_start_order(
    documents: Embeddings, labels: Embeddings, *, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Scores]:
    """Choose the first documents to judge, so that every label soon has candidates.

    Labels take turns, in an order drawn anew each time round, and each takes
    the document most similar to it that is left; every fourth document is the
    one least like those already chosen among a random thousand.

    Returns
    -------
    indices, scores
        At most `n` positions, each once, and the pseudo-probability of the
        label that chose it (0 for those chosen for being unlike).
    """
    n = min(n, len(documents))
    proba = label_similarity(documents, labels)
    ranked = np.argsort(-proba, axis=0, kind="stable")[:n]  # n chosen cannot exhaust n ranked
    chosen: list[int] = []
    scores: list[float] = []
    taken = np.zeros(len(documents), dtype=bool)
    turns = _turns(proba.shape[1], rng)
    while len(chosen) < n:
        label = None if len(chosen) % SPREAD_EVERY == SPREAD_EVERY - 1 else next(turns, None)
        if label is None:
            document = _least_like(documents, chosen, taken, rng)
        else:
            document = int(ranked[(~taken[ranked[:, label]]).argmax(), label])
        scores.append(0.0 if label is None else float(proba[document, label]))
        chosen.append(document)
        taken[document] = True
    return np.array(chosen, dtype=np.int64), np.array(scores, dtype=np.float32)


def _turns(n_labels: int, rng: np.random.Generator) -> Iterator[int]:
    while n_labels:
        yield from rng.permutation(n_labels).tolist()


def _least_like(
    documents: Embeddings, chosen: list[int], taken: NDArray[np.bool_], rng: np.random.Generator
) -> int:
    left = np.flatnonzero(~taken)
    candidates = rng.permutation(left)[:SPREAD_CANDIDATES]
    if not chosen:
        return int(candidates[0])
    near = np.asarray(documents[candidates], dtype=np.float32)
    nearest = (near @ np.asarray(documents[chosen], dtype=np.float32).T).max(axis=1)
    return int(candidates[nearest.argmin()])
