"""The part of the training documents that tells when to stop, and the score on it.

It is never what published figures are measured on: those documents are kept
out before a learner sees any.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import average_precision_score

from core.domain import PRESENT, UNJUDGED, Proba, Truth
from core.learners.dataset import JudgedTexts

FEWEST = 20  # documents: a score on fewer jumps about, and they are missed in training


def set_apart(
    train_set: JudgedTexts, share: float, *, seed: int
) -> tuple[JudgedTexts, JudgedTexts | None]:
    """Part documents into those to train on and those to stop by, if that gives enough.

    No label loses its last presence, or its last judgement, to the latter.
    """
    n_apart = round(len(train_set) * share)
    if n_apart < FEWEST or n_apart >= len(train_set):
        return train_set, None
    told = [train_set.truth == PRESENT, train_set.truth != UNJUDGED]
    left = [cells.sum(axis=0) for cells in told]
    apart: list[int] = []
    for row in np.random.default_rng(abs(seed)).permutation(len(train_set)):
        if not any((cells[row] & (n == 1)).any() for cells, n in zip(told, left, strict=True)):
            apart.append(int(row))
            left = [n - cells[row] for cells, n in zip(told, left, strict=True)]
        if len(apart) == n_apart:
            break
    if len(apart) < FEWEST:
        return train_set, None
    kept = np.setdiff1d(np.arange(len(train_set)), apart)
    return train_set[kept], train_set[np.sort(apart)]


def validation_score(proba: Proba, truth: Truth) -> float | None:
    """Average precision over all judged cells of (documents, labels) together.

    It needs no threshold, and moves with every cell. None where the cells are
    all alike.
    """
    judged = (truth != UNJUDGED) & np.isfinite(proba)
    present = truth[judged] == PRESENT
    if present.all() or not present.any():
        return None
    return float(average_precision_score(present, proba[judged]))
