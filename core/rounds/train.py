"""Step 3: train the learner, and predict judged documents with learners that did not see them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import EvaluationSource, Proba
from core.evaluation.epochs import EpochScores
from core.learners.cross_validation import out_of_fold
from core.learners.dataset import JudgedVectors
from core.learners.quick import QuickConfig
from core.learners.threads import N_CORES
from core.rounds import files
from core.rounds.learner import new_learner
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, learner_options
from core.rounds.train_deep import train_deep
from core.rounds.unseen import keep_unseen

N_FOLDS = 5


def train(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Train what the round's kind asks for."""
    if task.is_deep:
        return train_deep(workshop, task, progress)
    return train_quick(workshop, task, progress)


def train_quick(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """A head on cached vectors, and out-of-fold predictions.

    Documents that a tuned encoder was trained on get no prediction: the head of
    another fold did not see them, but the encoder did.
    """
    snapshot, use = Snapshot.read(task.folder), EncoderUse.read(task.folder)
    x = use.features(workshop.settings, task.project).rows(snapshot.train_ids)
    truth = snapshot.train_truth
    config = QuickConfig(**learner_options(task.the_round))
    n_epochs = config.epochs * (1 + N_FOLDS)
    losses: list[float] = []
    scores = EpochScores()

    def on_epoch(epoch: int, loss: float) -> None:
        losses.append(round(loss, 6))
        progress.report(epoch / n_epochs, epoch=epoch, n_epochs=config.epochs, loss=loss)

    learner = new_learner(task, config, truth.shape[1])
    is_seen = np.isin(snapshot.train_ids, use.trained_on(workshop.settings))
    n_folds_done = 0

    def fit_predict(fit_rows: NDArray[np.int64], test_rows: NDArray[np.int64]) -> Proba:
        nonlocal n_folds_done
        fold = new_learner(task, config, truth.shape[1])
        test = JudgedVectors(x[test_rows], truth[test_rows])
        unseen = ~is_seen[test_rows]
        fold.fit(
            JudgedVectors(x[fit_rows], truth[fit_rows]),
            on_epoch=lambda epoch, _: scores.add(
                epoch, fold.predict_proba(test)[unseen], test.truth[unseen]
            ),
            should_stop=progress.should_stop,
        )
        n_folds_done += 1
        progress.report((1 + n_folds_done) / (1 + N_FOLDS), fold=n_folds_done, n_folds=N_FOLDS)
        return fold.predict_proba(test)

    with ThreadPoolExecutor(1) as beside:
        whole = JudgedVectors(x, truth)
        fitted = beside.submit(
            learner.fit, whole, on_epoch=on_epoch, should_stop=progress.should_stop
        )
        proba, folds = out_of_fold(
            fit_predict, truth, n_folds=N_FOLDS, seed=config.seed, n_threads=N_CORES
        )
        fitted.result()
    proba[is_seen] = np.nan
    learner.save(task.folder / files.LEARNER)
    keep_unseen(task, proba, folds, source=EvaluationSource.OUT_OF_FOLD)
    history = [
        {"epoch": epoch, "loss": loss, "f1": scores.micro_f1(epoch)}
        for epoch, loss in enumerate(losses, start=1)
    ]
    files.write_json(task.folder / files.HISTORY, history)
    return {"n_trained_on": len(truth), "last_loss": losses[-1]}
