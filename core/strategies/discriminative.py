"""Discriminative batches: what most surely looks unjudged. Needs numpy and scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

from core.strategies.likeness import Batch, Positions, Values, Vectors, finish_by_lot

SUB_BATCHES = 10  # the paper's mini-queries
UNJUDGED_PER_JUDGED = 10  # unjudged rows to train on, for each judged one
MOST_ROWS = 5_000  # of either kind to train on; more are drawn by lot
FEWEST_UNJUDGED = 500
INVERSE_PENALTY = 10.0  # unit vectors have small entries


def discriminative_batch(
    x: Vectors,
    judged_x: Vectors,
    n: int,
    rng: np.random.Generator,
    *,
    n_sub_batches: int = SUB_BATCHES,
) -> Batch:
    """Choose the documents that a classifier most surely tells from the judged ones.

    Gissin & Shalev-Shwartz (2019), "Discriminative active learning", on
    embeddings: a logistic regression learns judged against unjudged, the surest
    "unjudged" are chosen, join the judged, and it learns again, so often as there
    are sub-batches. Label-agnostic: no judgement is looked at.

    Each training takes at most 5,000 judged rows and ten unjudged for each
    (500 to 5,000), drawn by lot. Where nothing is judged the first document
    comes by lot; between equals a lot decides.

    Parameters
    ----------
    x, judged_x
        Unit vectors (documents, width) and (judged, width), the latter may be empty.

    Returns
    -------
    positions, values
        At most `n`, each once, and the probability of being unjudged when each
        was chosen, made never to rise.
    """
    n = min(max(n, 0), len(x))
    if not n:
        return finish_by_lot([], [], 0, rng, n_documents=len(x))
    chosen: list[int] = []
    values: list[float] = []
    if not len(judged_x):
        chosen, values = [int(rng.integers(len(x)))], [1.0]
    n_each = -(-n // max(n_sub_batches, 1))
    while len(chosen) < n:
        is_left = np.ones(len(x), dtype=bool)
        is_left[chosen] = False
        left = np.flatnonzero(is_left)
        proba = _proba_unjudged(x, left, np.concatenate([judged_x, x[chosen]]), rng)
        surest = np.lexsort((rng.random(len(left)), -proba))[: min(n_each, n - len(chosen))]
        chosen += left[surest].tolist()
        values += proba[surest].tolist()
    return finish_by_lot(chosen, values, n, rng, n_documents=len(x))


def _proba_unjudged(
    x: Vectors, left: Positions, judged_x: Vectors, rng: np.random.Generator
) -> Values:
    """How surely each of those left is told from the judged, by a classifier just trained."""
    judged = judged_x[rng.permutation(len(judged_x))[:MOST_ROWS]]
    n_unjudged = min(max(UNJUDGED_PER_JUDGED * len(judged), FEWEST_UNJUDGED), MOST_ROWS)
    unjudged = x[rng.permutation(left)[:n_unjudged]]
    learner = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an order is wanted, not the last digit of convergence
        learner.fit(
            np.concatenate([judged, unjudged]),
            np.repeat([0, 1], [len(judged), len(unjudged)]),
        )
    logits = x[left] @ learner.coef_[0].astype(np.float32) + np.float32(learner.intercept_[0])
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -80.0, 80.0))), dtype=np.float32)
