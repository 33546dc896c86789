"""Step 3 of a deep round: fine-tune the encoder, encode everything anew, train a head on that.

The head is the quick round's: the pool is scored from vectors in either case,
and quick rounds go on from the same ones. What is held out is kept out of both
trainings and measured on.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import UNJUDGED, EvaluationSource, Truth
from core.encoders.encoder import fingerprint_of
from core.evaluation.epochs import EpochScores
from core.learners.cross_validation import assign_folds
from core.learners.dataset import JudgedTexts, JudgedVectors
from core.learners.deep import DeepConfig, DeepLearner
from core.learners.quick import QuickConfig
from core.rounds import files
from core.rounds.encode import encode_documents
from core.rounds.held_out import split
from core.rounds.learner import new_learner
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, learner_options, read_texts
from core.rounds.unseen import keep_unseen

N_FOLDS = 5  # of the held-out documents, for thresholds that do not flatter themselves
TUNING_SHARE = 0.7  # of this step's time, roughly


def train_deep(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Tune, encode, train the head; keep held-out predictions."""
    snapshot = Snapshot.read(task.folder)
    fit_rows, held_out = split(len(snapshot.train_ids), seed=task.the_round.seed)
    tune(workshop, task, snapshot, fit_rows, held_out, progress=progress)
    use = tuned_use(task)
    encode_documents(
        workshop,
        task,
        use,
        snapshot.pool_ids,
        on_progress=lambda n_done, n_total: progress.report(
            TUNING_SHARE + (1 - TUNING_SHARE) * n_done / n_total, n_done=n_done, n_total=n_total
        ),
        should_stop=progress.should_stop,
    )
    x, truth = (
        use.cache(workshop.settings, task.project).rows(snapshot.train_ids),
        (snapshot.train_truth),
    )
    head = new_learner(task, QuickConfig(seed=task.the_round.seed), truth.shape[1])
    head.fit(JudgedVectors(x[fit_rows], truth[fit_rows]), should_stop=progress.should_stop)
    head.save(task.folder / files.LEARNER)
    proba = np.full(truth.shape, np.nan, dtype=np.float32)
    proba[held_out] = head.predict_proba(JudgedVectors(x[held_out], truth[held_out]))
    keep_unseen(
        task, proba, _folds(truth, held_out, task.the_round.seed), source=EvaluationSource.HELD_OUT
    )
    files.write_json(task.folder / files.ENCODER, asdict(use))
    return {"n_trained_on": len(fit_rows), "n_held_out": len(held_out)}


def tune(
    workshop: Workshop,
    task: Task,
    snapshot: Snapshot,
    fit_rows: NDArray[np.int64],
    held_out: NDArray[np.int64],
    *,
    progress: Progress,
) -> None:
    """Fine-tune the base encoder, unless this round's is already there, whole."""
    if (task.folder / files.TUNED).exists():
        return
    fit_ids = snapshot.train_ids[fit_rows]
    config = DeepConfig(
        encoder=EncoderUse.read(task.folder).base, **learner_options(task.the_round)
    )
    history: list[dict[str, float | None]] = []
    scores = EpochScores()
    taught = (snapshot.train_truth[fit_rows] != UNJUDGED).any(axis=0)
    test = JudgedTexts(
        read_texts(workshop.store, snapshot.train_ids[held_out]),
        np.where(taught, snapshot.train_truth[held_out], UNJUDGED).astype(np.int8),
    )
    learner = DeepLearner(config, n_labels=len(snapshot.label_names))

    def on_epoch(epoch: int, loss: float) -> None:
        scores.add(epoch, learner.predict_proba(test), test.truth)
        history.append({"epoch": epoch, "loss": round(loss, 6), "f1": scores.micro_f1(epoch)})

    def on_step(step: int, n_steps: int, loss: float) -> None:
        epoch = 1 + (step - 1) * config.epochs // n_steps
        progress.report(
            TUNING_SHARE * step / n_steps, epoch=epoch, n_epochs=config.epochs, loss=loss
        )

    learner.fit(
        JudgedTexts(read_texts(workshop.store, fit_ids), snapshot.train_truth[fit_rows]),
        on_epoch=on_epoch,
        on_step=on_step,
        should_stop=progress.should_stop,
    )
    files.write_json(task.folder / files.HISTORY, history)
    files.write_array(task.folder / files.TRAINED_ON, fit_ids)
    learner.save(task.folder / files.TUNED)


def tuned_use(task: Task) -> EncoderUse:
    """How this round's encoder is named to later rounds."""
    before = EncoderUse.read(task.folder)
    return EncoderUse(
        base=before.base,
        fingerprint=fingerprint_of(task.folder / files.TUNED_ENCODER),
        width=before.width,
        tuned_in=task.the_round.checkpoint,
    )


def _folds(truth: Truth, held_out: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    folds = np.full(len(truth), -1, dtype=np.int64)
    folds[held_out] = assign_folds(truth[held_out], n_folds=N_FOLDS, seed=seed)
    return folds
