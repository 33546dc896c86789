"""How F1 grew while a learner trained, gathered epoch by epoch and fold by fold."""

from __future__ import annotations

from collections import defaultdict
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from core.domain import ABSENT, PRESENT, UNJUDGED, Proba, Truth
from core.evaluation.counts import ENOUGH_TO_MEASURE, f1_from_counts, masked_truth

N_BINS = 100  # of the probabilities, so that folds can be added up without keeping them


class EpochScores:
    """Adds up counts of probabilities by true state, per epoch; several threads may add."""

    def __init__(self, *, enough: int = ENOUGH_TO_MEASURE) -> None:
        self.enough = enough  # documents
        self._n_documents: defaultdict[int, int] = defaultdict(int)
        self._counts: defaultdict[int, NDArray[np.int64]] = defaultdict(
            lambda: np.zeros((2, N_BINS), dtype=np.int64)
        )
        self._lock = Lock()

    def add(self, epoch: int, proba: Proba, truth: Truth) -> None:
        """Count cells of (documents, labels) that the learner did not train on."""
        truth = masked_truth(proba, truth)
        bins = np.minimum((np.nan_to_num(proba) * N_BINS).astype(np.int64), N_BINS - 1)
        counts = [
            np.bincount(bins[truth == state], minlength=N_BINS) for state in (ABSENT, PRESENT)
        ]
        with self._lock:
            self._counts[epoch] += counts
            self._n_documents[epoch] += int((truth != UNJUDGED).any(axis=1).sum())

    def micro_f1(self, epoch: int) -> float | None:
        """Micro-F1 after that epoch at its best threshold; None where there is too little.

        One threshold, the best of a hundred, for all labels: made to compare
        epochs, and a little kinder than a threshold chosen elsewhere.
        """
        above = np.cumsum(self._counts[epoch][:, ::-1], axis=1)[:, ::-1]  # at or above each bin
        n_positives = above[PRESENT, 0]
        if n_positives == 0 or self._n_documents[epoch] < self.enough:
            return None
        scores = f1_from_counts(above[PRESENT], above[ABSENT], n_positives - above[PRESENT])
        return float(np.nanmax(scores))
