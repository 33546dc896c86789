"""Which judged documents a deep round keeps out of training, to be measured on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.evaluation.counts import ENOUGH_TO_MEASURE

HELD_OUT_SHARE = 0.2


def split(
    n_documents: int, *, seed: int, seen: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to train on and rows kept out, both ascending.

    A fifth is kept out, but enough to measure on, and never more than half. Of
    documents that earlier weights were trained on (`seen`, one per document)
    none is kept out, as nothing true could be measured on them.
    """
    wanted = max(round(n_documents * HELD_OUT_SHARE), ENOUGH_TO_MEASURE)
    n_held_out = min(wanted, n_documents // 2)
    order = np.random.default_rng(seed).permutation(n_documents)
    held_out = order if seen is None else order[~seen[order]]
    held_out = np.sort(held_out[:n_held_out])
    return np.setdiff1d(np.arange(n_documents), held_out), held_out
