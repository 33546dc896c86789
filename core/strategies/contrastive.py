"""Contrastive scores: documents predicted unlike the judged ones beside them. Needs numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings, Proba
from core.strategies.likeness import blocks

Contributions = NDArray[np.float32]  # (documents, labels)
Scores = NDArray[np.float32]  # (documents,)

CLIP = np.float32(1e-6)  # probabilities are kept this far from 0 and 1, so that logs are finite


def contrastive_scores(
    x: Embeddings, proba: Proba, judged_x: Embeddings, judged_proba: Proba, *, k: int = 10
) -> tuple[Scores, Contributions]:
    """Score how much predictions differ from those of the nearest judged documents.

    Margatina et al. (2021), "Active learning by acquiring contrastive examples",
    with a Bernoulli per label: the mean over the `k` nearest judged documents of
    KL(their p ‖ the candidate's p), summed over labels, in nats. Probabilities
    are clipped to 1e-6 from 0 and 1, so a label adds less than 13.9.

    Parameters
    ----------
    x
        Unit vectors (documents, width) in float16 or float32; read in blocks, so
        it may be mapped from disk.
    proba
        Shape (documents, labels); NaN cells add nothing.
    judged_x, judged_proba
        Unit vectors (judged, width) and predictions (judged, labels). Rows of
        nothing but NaN are not neighbours; a NaN cell leaves its label to the
        other neighbours.

    Returns
    -------
    scores, contributions
        Shapes (documents,) and (documents, labels), not negative; all zero where
        nothing judged has a prediction.
    """
    contributions = np.zeros(proba.shape, dtype=np.float32)
    usable = ~np.isnan(judged_proba).all(axis=1)
    judged = np.ascontiguousarray(judged_x[usable], dtype=np.float32)
    if not len(judged) or not contributions.size:
        return contributions.sum(axis=1), contributions
    neighbours = _Predictions(judged_proba[usable])
    for rows in blocks(len(x), max(len(judged), 4 * proba.shape[1])):
        cosine = np.asarray(x[rows], dtype=np.float32) @ judged.T
        contributions[rows] = neighbours.mean_divergence(_nearest(cosine, k), proba[rows])
    return contributions.sum(axis=1), contributions


class _Predictions:
    """The judged documents' predictions, prepared so that neighbours need only be added up.

    The mean of KL(q ‖ p) over several q depends on them by the means of q and
    of its negative entropy alone.
    """

    def __init__(self, proba: Proba) -> None:
        self.is_known = ~np.isnan(proba)
        q = np.clip(np.nan_to_num(proba, nan=0.5), CLIP, 1.0 - CLIP).astype(np.float32)
        self.present = np.where(self.is_known, q, np.float32(0.0))
        inside = q * np.log(q) + (1.0 - q) * np.log1p(-q)
        self.inside = np.where(self.is_known, inside, np.float32(0.0))

    def mean_divergence(self, nearest: NDArray[np.int64], proba: Proba) -> Contributions:
        """Mean KL to predictions (documents, labels), over neighbours (documents, k)."""
        count = np.zeros(proba.shape, dtype=np.float32)
        present, inside = np.zeros_like(count), np.zeros_like(count)
        for neighbour in nearest.T:
            count += self.is_known[neighbour]
            present += self.present[neighbour]
            inside += self.inside[neighbour]
        p = np.clip(proba, CLIP, 1.0 - CLIP, dtype=np.float32)
        divergence = inside - present * np.log(p) - (count - present) * np.log1p(-p)
        divergence /= np.maximum(count, 1.0)
        divergence[np.isnan(divergence)] = 0.0
        return np.asarray(np.maximum(divergence, 0.0), dtype=np.float32)


def _nearest(cosine: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """The columns of the `k` highest of each row, in no order."""
    n_columns = cosine.shape[1]
    if k >= n_columns:
        return np.broadcast_to(np.arange(n_columns), cosine.shape)
    return np.argpartition(cosine, n_columns - k, axis=1)[:, n_columns - k :]
