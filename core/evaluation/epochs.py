"""How loss and F1 went while a learner trained, epoch by epoch, over all folds and in each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import ABSENT, PRESENT, UNJUDGED, Proba, Truth
from core.evaluation.counts import ENOUGH_TO_MEASURE, f1_from_counts, masked_truth

FOLDS = "folds"  # of an epoch's entry: loss and f1 of each fold's own learner
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


class FoldRuns:
    """Keeps loss and F1 of every fold's learner; several threads may add."""

    def __init__(self) -> None:
        self._runs: defaultdict[int, dict[int, dict[str, float | None]]] = defaultdict(dict)

    def add(self, fold: int, epoch: int, *, loss: float, proba: Proba, truth: Truth) -> None:
        """One fold's mean loss after that epoch, and F1 on the documents it did not see."""
        alone = EpochScores()
        alone.add(epoch, proba, truth)
        f1 = alone.micro_f1(epoch)
        self._runs[fold][epoch] = {
            "loss": round(loss, 6),
            "f1": None if f1 is None else round(f1, 6),
        }

    def beside(self, history: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The entries, each with what the folds had at that epoch; unchanged without folds."""
        if not self._runs:
            return history
        runs = [self._runs[fold] for fold in sorted(self._runs)]
        return _beside(history, runs)


def with_folds(
    history: list[dict[str, Any]], folds: Sequence[Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """The entries of one training, each with loss and score that the folds had at that epoch."""
    runs = [
        {
            int(entry["epoch"]): {name: entry.get(name) for name in ("loss", "score")}
            for entry in fold
        }
        for fold in folds
        if fold
    ]
    return _beside(history, runs) if runs else history


def _beside(
    history: list[dict[str, Any]], runs: Sequence[Mapping[int, Mapping[str, float | None]]]
) -> list[dict[str, Any]]:
    return [
        {**entry, FOLDS: [dict(run[entry["epoch"]]) for run in runs if entry["epoch"] in run]}
        for entry in history
    ]


@dataclass(frozen=True)
class Band:
    """The lowest, mean and highest value of several runs at each epoch that any reached."""

    epochs: tuple[int, ...]
    low: tuple[float, ...]
    mean: tuple[float, ...]
    high: tuple[float, ...]
    n_runs: tuple[int, ...]

    @property
    def is_one_line(self) -> bool:
        """Whether no epoch has two runs to lie between."""
        return max(self.n_runs, default=0) < 2


def band(histories: Sequence[Sequence[Mapping[str, Any]]], measure: str) -> Band:
    """Gather several histories, each of entries with "epoch", where they have `measure`.

    Runs that stopped early count for the epochs that they had.
    """
    values: defaultdict[int, list[float]] = defaultdict(list)
    for history in histories:
        for entry in history:
            if entry.get(measure) is not None:
                values[int(entry["epoch"])].append(float(entry[measure]))
    epochs = sorted(values)
    return Band(
        epochs=tuple(epochs),
        low=tuple(min(values[epoch]) for epoch in epochs),
        mean=tuple(float(np.mean(values[epoch])) for epoch in epochs),
        high=tuple(max(values[epoch]) for epoch in epochs),
        n_runs=tuple(len(values[epoch]) for epoch in epochs),
    )


def runs_within(history: Sequence[Mapping[str, Any]]) -> list[list[dict[str, Any]]]:
    """The folds' own histories, as `FoldRuns.beside` put them in; none for a single run."""
    n_runs = max((len(entry.get(FOLDS) or ()) for entry in history), default=0)
    return [
        [
            {"epoch": entry["epoch"], **entry[FOLDS][run]}
            for entry in history
            if run < len(entry.get(FOLDS) or ())
        ]
        for run in range(n_runs)
    ]
