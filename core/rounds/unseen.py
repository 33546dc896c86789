"""Predictions of judged documents by learners that did not see them, as the rounds keep them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import UNJUDGED, EvaluationSource, Proba, Truth
from core.rounds import files
from core.rounds.task import Snapshot, Task


@dataclass(frozen=True)
class Unseen:
    """Documents that have both a judgement and an honest prediction."""

    proba: Proba  # (documents, labels), uncalibrated
    truth: Truth
    folds: NDArray[np.int64]
    source: EvaluationSource

    def __len__(self) -> int:
        return len(self.proba)


def keep_unseen(
    task: Task, proba: Proba, folds: NDArray[np.int64], *, source: EvaluationSource
) -> None:
    """Write predictions of the train documents (documents, labels), NaN where they were seen."""
    files.write_arrays(
        task.folder / files.UNSEEN, proba=proba, folds=folds, source=np.array(str(source))
    )


def read_unseen(task: Task) -> Unseen:
    """Read what the train step wrote, without the documents that tell nothing."""
    stored, snapshot = files.read_arrays(task.folder / files.UNSEEN), Snapshot.read(task.folder)
    usable = (np.isfinite(stored["proba"]) & (snapshot.train_truth != UNJUDGED)).any(axis=1)
    return Unseen(
        proba=stored["proba"][usable],
        truth=snapshot.train_truth[usable],
        folds=stored["folds"][usable],
        source=EvaluationSource(str(stored["source"])),
    )
