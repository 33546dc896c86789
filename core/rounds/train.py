"""Step 3: train the learner, and predict judged documents with learners that did not see them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.domain import EvaluationSource
from core.learners.choosing import fit_out_of_fold
from core.learners.dataset import JudgedVectors
from core.learners.threads import N_CORES
from core.rounds import files
from core.rounds.learner import n_members, quick_config
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop
from core.rounds.train_deep import train_deep
from core.rounds.unseen import keep_unseen

N_FOLDS = 5


def train(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Train what the round's kind asks for."""
    if task.is_deep:
        return train_deep(workshop, task, progress)
    return train_quick(workshop, task, progress)


def train_quick(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """A head on cached features, of the variant that does best, and out-of-fold predictions.

    Documents that a tuned encoder was trained on get no prediction: the head of
    another fold did not see them, but the encoder did.
    """
    snapshot, use = Snapshot.read(task.folder), EncoderUse.read(task.folder)
    x = use.features(workshop.settings, task.project).rows(snapshot.train_ids)
    config = quick_config(task)
    telling = _Telling(progress, config.epochs)
    fitted = fit_out_of_fold(
        config,
        JudgedVectors(x, snapshot.train_truth),
        blocks=use.blocks,
        n_folds=N_FOLDS,
        n_threads=N_CORES,
        n_members=n_members(task),
        seen=np.isin(snapshot.train_ids, use.trained_on(workshop.settings)),
        on_progress=telling.of_share,
        on_epoch=telling.of_epoch,
        should_stop=progress.should_stop,
    )
    fitted.learner.save(task.folder / files.LEARNER)
    keep_unseen(task, fitted.proba, fitted.folds, source=EvaluationSource.OUT_OF_FOLD)
    files.write_json(task.folder / files.HISTORY, fitted.history)
    scores = {name: _plain(score) for name, score in fitted.scores.items()}
    choice = {"chosen": fitted.chosen, "scores": scores, "lexical": use.lexical is not None}
    files.write_json(task.folder / files.CHOICE, choice)
    return {"n_trained_on": len(x), **choice}


class _Telling:
    """Shows how far all the work is, and of learners with epochs the last one's loss."""

    def __init__(self, progress: Progress, n_epochs: int) -> None:
        self._progress, self._n_epochs = progress, n_epochs
        self._share = 0.0

    def of_share(self, share: float) -> None:
        self._share = share
        self._progress.report(share)

    def of_epoch(self, epoch: int, loss: float) -> None:
        within = epoch / self._n_epochs / (1 + N_FOLDS)  # one of as many trainings
        share = max(self._share, within)
        self._progress.report(share, epoch=epoch, n_epochs=self._n_epochs, loss=loss)


def _plain(score: float) -> float | None:
    return None if math.isnan(score) else round(float(score), 6)
