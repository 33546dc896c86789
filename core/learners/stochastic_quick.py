"""Scores a shortlist with dropout in the encoder as well as in the quick head.

This runs the encoder once per pass, so it is for the few hundred documents a
fast strategy found worth a closer look, not for a pool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.domain import Samples
from core.encoders.encoder import Encoder
from core.encoders.stochastic import stochastic_batches
from core.errors import Cancelled
from core.learners.quick import QuickHead


def rescore(
    texts: Sequence[str],
    learner: QuickHead,
    encoder: Encoder,
    *,
    n_layers: int | None = None,
    n_passes: int = 20,
    beside: NDArray[np.float32] | None = None,
    seed: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], None] | None = None,
) -> Samples:
    """Give posterior draws for texts, each pass with its own encoder and head dropout.

    Parameters
    ----------
    learner
        Trained on this encoder's vectors. Its masks are those of its own
        samples: one per pass, the same for all texts.
    n_layers
        How many of the encoder's last layers are stochastic; 0 is the head
        only, None the whole encoder, the faithful way (Gal and Ghahramani 2016).
    n_passes
        Draws per text; each costs a pass through the stochastic layers.
    beside
        What the head reads beside the encoder's vectors, (texts, width): the
        same in every pass.
    seed
        Of the encoder's dropout; the head's follows from its own.
    should_stop, on_progress
        Asked before, and told after, each batch of texts: how many are done.

    Returns
    -------
    samples
        Shape (texts, passes, labels), in the order of `texts`; NaN for labels
        that were never judged.

    Raises InputError for an encoder without dropout or of unknown build, or where
    it is left out and the head has no posterior either; Cancelled when stopped.
    """
    if n_layers == 0:
        learner.require_posterior()
        vectors = np.repeat(encoder.encode(texts)[:, None], n_passes, axis=1)
        return learner.samples_of(_with(vectors, beside))
    samples = np.empty((len(texts), n_passes, learner.n_labels), dtype=np.float32)
    n_done = 0
    batches = stochastic_batches(encoder, texts, n_layers=n_layers, n_passes=n_passes, seed=seed)
    while n_done < len(texts):
        if should_stop():
            raise Cancelled(f"Scoring stopped after {n_done} of {len(texts)} texts.")
        rows, vectors = next(batches)
        samples[rows] = learner.samples_of(_with(vectors, None if beside is None else beside[rows]))
        n_done += len(rows)
        if on_progress is not None:
            on_progress(n_done)
    return samples


def _with(vectors: NDArray[np.float32], beside: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Lay (texts, width) beside every pass of (texts, passes, width)."""
    if beside is None:
        return vectors
    shape = (*vectors.shape[:2], beside.shape[1])
    return np.concatenate([vectors, np.broadcast_to(beside[:, None], shape)], axis=2)
