"""Step 3 of a deep round: train a network on texts, encode everything anew, a head on that.

The head is a quick round's: the pool is scored from vectors in either case,
and quick rounds go on from the same ones. What is held out is kept out of both
trainings and measured on.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import UNJUDGED, EvaluationSource, Proba, Truth
from core.encoders.encoder import load_encoder
from core.evaluation.epochs import EpochScores
from core.learners.cross_validation import assign_folds
from core.learners.dataset import JudgedTexts, JudgedVectors
from core.learners.finetuning import Outcome
from core.learners.text_learners import MEMORY, STUDENT, TextLearner, new_text_learner
from core.rounds import files
from core.rounds.encode import encode_documents
from core.rounds.held_out import split
from core.rounds.learner import new_learner, quick_config
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, read_texts
from core.rounds.teaching import (
    WARM_START,
    choice_of,
    known_before,
    lesson_of,
    seen_before,
    weights_to_begin_with,
)
from core.rounds.unseen import keep_unseen
from core.store.tables import Round

Rows = NDArray[np.int64]

N_FOLDS = 5  # of the held-out documents, for thresholds that do not flatter themselves
TUNING_SHARE = 0.7  # of this step's time, roughly
TRAINING = "training"  # folder of a training under way, removed when it is done


def train_deep(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Train, encode, train the head; keep held-out predictions."""
    snapshot = Snapshot.read(task.folder)
    seen = seen_before(workshop, task, snapshot)
    fit_rows, held_out = split(len(snapshot.train_ids), seed=task.the_round.seed, seen=seen)
    tune(workshop, task, snapshot, fit_rows, held_out, progress=progress)
    told = files.read_json(task.folder / files.CHOICE)
    use = tuned_use(workshop, task, device=told["device"])
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
    proba = _with_head(workshop, task, use, snapshot, (fit_rows, held_out), progress=progress)
    folds = _folds(snapshot.train_truth, held_out, task.the_round.seed)
    keep_unseen(task, proba, folds, source=EvaluationSource.HELD_OUT)
    files.write_json(task.folder / files.ENCODER, asdict(use))
    if seen.any():
        _correct_counts(workshop, task, len(fit_rows), len(held_out))
    return {"n_trained_on": len(fit_rows), "n_held_out": len(held_out), **told}


def tune(
    workshop: Workshop,
    task: Task,
    snapshot: Snapshot,
    fit_rows: Rows,
    held_out: Rows,
    *,
    progress: Progress,
) -> None:
    """Train the network, unless this round's is already there, whole.

    A training that was killed goes on from its last epoch.
    """
    state = task.folder / TRAINING
    if not (task.folder / files.TUNED).exists():
        learner = _new_learner(workshop, task, len(snapshot.label_names))
        outcome = _fit(workshop, task, snapshot, fit_rows, held_out, learner, progress=progress)
        files.write_json(task.folder / files.HISTORY, outcome.history)
        files.write_json(task.folder / files.CHOICE, _in_brief(outcome))
        files.write_array(
            task.folder / files.TRAINED_ON, _learnt_from(workshop, task, snapshot, fit_rows)
        )
        learner.save(task.folder / files.TUNED)
    shutil.rmtree(state, ignore_errors=True)


def _new_learner(workshop: Workshop, task: Task, n_labels: int) -> TextLearner:
    kind, options = choice_of(task)
    if options.pop(WARM_START, False):
        options[WARM_START] = str(weights_to_begin_with(workshop, task))
    return new_text_learner(
        kind,
        options,
        n_labels,
        encoder=EncoderUse.read(task.folder).base,
        seed=task.the_round.seed,
        exclusive=task.is_exclusive,
    )


def _fit(
    workshop: Workshop,
    task: Task,
    snapshot: Snapshot,
    fit_rows: Rows,
    held_out: Rows,
    learner: TextLearner,
    *,
    progress: Progress,
) -> Outcome:
    scores = EpochScores()
    truth, n_epochs = snapshot.train_truth, learner.config.epochs
    taught = (truth[fit_rows] != UNJUDGED).any(axis=0)
    test = JudgedTexts(
        read_texts(workshop.store, snapshot.train_ids[held_out]),
        np.where(taught, truth[held_out], UNJUDGED).astype(np.int8),
    )

    def on_epoch(epoch: int, loss: float) -> dict[str, Any]:
        scores.add(epoch, np.asarray(learner.predict_proba(test)), test.truth)
        return {"f1": scores.micro_f1(epoch)}

    def on_step(step: int, n_steps: int, loss: float) -> None:
        epoch = 1 + (step - 1) * n_epochs // n_steps
        progress.report(TUNING_SHARE * step / n_steps, epoch=epoch, n_epochs=n_epochs, loss=loss)

    lesson = {}
    if choice_of(task)[0] == STUDENT:
        lesson = lesson_of(workshop, task, snapshot, fit_rows, progress=progress)
    learner.fit(
        JudgedTexts(read_texts(workshop.store, snapshot.train_ids[fit_rows]), truth[fit_rows]),
        state=task.folder / TRAINING,
        memory=workshop.settings.data_dir / MEMORY,
        on_epoch=on_epoch,
        on_step=on_step,
        should_stop=progress.should_stop,
        **lesson,
    )
    assert learner.outcome is not None
    return learner.outcome


def _in_brief(outcome: Outcome) -> dict[str, Any]:
    """What pages tell of the training."""
    return {
        "stopped_because": outcome.stopped_because,
        "messages": outcome.messages,
        "n_epochs": outcome.n_epochs,
        "best_epoch": outcome.best_epoch,
        "resumed_from": outcome.resumed_from,
        "device": outcome.device,
    }


def _learnt_from(
    workshop: Workshop, task: Task, snapshot: Snapshot, fit_rows: Rows
) -> NDArray[np.int64]:
    """Documents the network knows, its own and those of what it began with."""
    return np.union1d(snapshot.train_ids[fit_rows], known_before(workshop, task))


def tuned_use(workshop: Workshop, task: Task, *, device: str | None = None) -> EncoderUse:
    """How this round's encoder is named to later rounds; it is loaded, to be used next."""
    before = EncoderUse.read(task.folder)
    use = replace(before, tuned_in=task.the_round.checkpoint)
    name = use.load_name(workshop.settings)
    if device == "cpu":  # in this process the GPU, if there was one, is lost
        workshop._loaded = {name: load_encoder(name, device=device)}
    encoder = workshop.encoder(name)
    return replace(use, fingerprint=encoder.fingerprint, width=encoder.width)


def _with_head(
    workshop: Workshop,
    task: Task,
    use: EncoderUse,
    snapshot: Snapshot,
    rows: tuple[Rows, Rows],
    *,
    progress: Progress,
) -> Proba:
    """Train and keep the head; give probabilities (train documents, labels) of the held-out."""
    fit_rows, held_out = rows
    x = use.features(workshop.settings, task.project).rows(snapshot.train_ids)
    truth = snapshot.train_truth
    head = new_learner(task, quick_config(task), truth.shape[1], blocks=use.blocks)
    head.fit(JudgedVectors(x[fit_rows], truth[fit_rows]), should_stop=progress.should_stop)
    head.save(task.folder / files.LEARNER)
    proba = np.full(truth.shape, np.nan, dtype=np.float32)
    if len(held_out):
        proba[held_out] = head.predict_proba(JudgedVectors(x[held_out], truth[held_out]))
    return proba


def _correct_counts(workshop: Workshop, task: Task, n_trained_on: int, n_held_out: int) -> None:
    """Tell how many were held out, where the snapshot could not know what was seen before."""
    statistics = files.read_json(task.folder / files.STATISTICS)
    statistics |= {"n_trained_on": n_trained_on, "n_held_out": n_held_out}
    files.write_json(task.folder / files.STATISTICS, statistics)
    with workshop.store.write() as session:
        round_ = session.get(Round, task.the_round.id)
        if round_ is not None:
            round_.n_judged = n_trained_on


def _folds(truth: Truth, held_out: Rows, seed: int) -> NDArray[np.int64]:
    folds = np.full(len(truth), -1, dtype=np.int64)
    if len(held_out):
        folds[held_out] = assign_folds(truth[held_out], n_folds=N_FOLDS, seed=seed)
    return folds
