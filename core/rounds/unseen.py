"""Predictions of judged documents by learners that did not see them, as the rounds keep them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import EvaluationSource, Proba
from core.evaluation.unseen import Unseen
from core.rounds import files
from core.rounds.task import Snapshot, Task


def keep_unseen(
    task: Task, proba: Proba, folds: NDArray[np.int64], *, source: EvaluationSource
) -> None:
    """Write predictions of the train documents (documents, labels), NaN where they were seen."""
    files.write_arrays(
        task.folder / files.UNSEEN, proba=proba, folds=folds, source=np.array(str(source))
    )


def read_unseen(task: Task) -> Unseen:
    """Read what the train step wrote, without the documents that tell nothing."""
    return read_kept(task).usable


def read_kept(task: Task) -> Unseen:
    """Read what the train step wrote, one row per train document."""
    stored, snapshot = files.read_arrays(task.folder / files.UNSEEN), Snapshot.read(task.folder)
    return Unseen(
        proba=stored["proba"],
        truth=snapshot.train_truth,
        folds=stored["folds"],
        source=EvaluationSource(str(stored["source"])),
    )
