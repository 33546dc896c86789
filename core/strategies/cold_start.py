"""Suggestions and an order before the first round, from label names and from what is typical.

Documents and label descriptions are compared as vectors of the same encoder.
The results are similarities dressed as probabilities, nothing measured: good
for a first order, never for thresholds or metrics. Needs numpy and scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings, Proba
from core.strategies.scores import Scores
from core.strategies.typiclust import typiclust_batch

COVER_EVERY = 4  # each fourth document is typical of a region nobody has read
ENOUGH = 5  # documents a label is present in before it needs no turns
TURNS_EACH = 3  # turns for each that is missing: names find about every second or third
COVER_SAMPLE = 50_000  # of a larger pool, so many at random stand for all
USUAL_Z = 1.5  # standard deviations above a label's average similarity that read as one half
SLOPE = 2.0
NO_LABEL = -1


class FirstOrder(NamedTuple):
    """The first documents to judge, best first."""

    positions: NDArray[np.int64]  # (chosen,), each once
    scores: Scores  # (chosen,) pseudo-probability of the label that chose it, or 0
    labels: NDArray[np.int64]  # (chosen,) column of that label, or -1: chosen for coverage


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
    documents: Embeddings,
    labels: Embeddings,
    *,
    n: int,
    rng: np.random.Generator,
    n_present: NDArray[np.int64] | None = None,
    judged: Embeddings | None = None,
) -> FirstOrder:
    """Choose the first documents to judge, so that every label soon has examples.

    Labels take turns, in an order drawn anew each time round, and each takes
    the document most similar to it that is left: three turns for each example
    that it lacks of five. Every fourth document, and all of them when no label
    has a turn left, is the most typical of a region that nobody has read
    (TypiClust: Hacohen et al. 2022, "Active learning on a budget").

    Parameters
    ----------
    documents, labels
        Unit vectors (documents, width) of the candidates and (labels, width).
    n_present
        How many documents each label is judged present in already, shape
        (labels,); zero where not given.
    judged
        Unit vectors (judged, width) of what is judged already.

    Returns
    -------
    order
        At most `n` documents.
    """
    n = min(n, len(documents))
    proba = label_similarity(documents, labels)
    turns = _turns(np.zeros(len(labels)) if n_present is None else n_present, rng)
    by_label = [_most_similar(proba[:, label], n) for label in range(len(labels))]
    typical = _typical(documents, judged, n, rng)
    taken: set[int] = set()
    chosen: list[tuple[int, float, int]] = []
    while len(chosen) < n:
        is_covering = len(chosen) % COVER_EVERY == COVER_EVERY - 1
        label = NO_LABEL if is_covering else next(turns, NO_LABEL)
        offers = typical if label == NO_LABEL else by_label[label]
        document = next(at for at in offers if at not in taken)
        chosen.append((document, float(proba[document, label]) if label >= 0 else 0.0, label))
        taken.add(document)
    return FirstOrder(
        positions=np.array([document for document, _, _ in chosen], dtype=np.int64),
        scores=np.array([score for _, score, _ in chosen], dtype=np.float32),
        labels=np.array([label for _, _, label in chosen], dtype=np.int64),
    )


def _turns(
    n_present: NDArray[np.int64] | NDArray[np.float64], rng: np.random.Generator
) -> Iterator[int]:
    left = TURNS_EACH * np.maximum(ENOUGH - n_present, 0)
    while left.any():
        waiting = np.flatnonzero(left)
        yield from rng.permutation(waiting).tolist()
        left[waiting] -= 1


def _most_similar(proba: NDArray[np.float32], n: int) -> Iterator[int]:
    """The best `n`, best first: as many as are ever chosen in all, so they cannot run out."""
    best = np.arange(len(proba))
    if n < len(proba):
        best = np.sort(np.argpartition(-proba, n)[:n])
    return iter(best[np.argsort(-proba[best], kind="stable")].tolist())


def _typical(
    documents: Embeddings, judged: Embeddings | None, n: int, rng: np.random.Generator
) -> Iterator[int]:
    """Typical documents first, then the others by lot: computed when the first is wanted."""
    some = np.arange(len(documents))
    if len(some) > COVER_SAMPLE:
        some = np.sort(rng.choice(len(documents), max(COVER_SAMPLE, n), replace=False))
    x = np.asarray(documents[some], dtype=np.float32)
    known = np.empty((0, x.shape[1])) if judged is None else judged
    positions, _ = typiclust_batch(x, np.asarray(known, dtype=np.float32), n, rng)
    yield from some[positions].tolist()
