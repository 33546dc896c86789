"""Steps 4 and 5: calibrate, choose the threshold, and measure on documents nobody trained on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from core.domain import EvaluationSource
from core.evaluation.calibration import (
    Temperature,
    cross_fitted_calibration,
    fit_temperature,
)
from core.evaluation.counts import ENOUGH_TO_MEASURE
from core.evaluation.in_brief import figures
from core.evaluation.report import Evaluation, evaluate
from core.evaluation.thresholds import (
    DEFAULT_THRESHOLD,
    best_threshold,
    cross_fitted_predictions,
    predict_exclusive,
    sweep,
)
from core.learners.dataset import JudgedVectors
from core.rounds import files
from core.rounds.learner import load_learner
from core.rounds.notes import Evidence, audit_judgements_needed, note_on
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop
from core.rounds.unseen import Unseen, read_unseen


def calibrate(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Fit the temperature on unseen documents."""
    unseen = read_unseen(task)
    temperature = fit_temperature(unseen.proba, unseen.truth, exclusive=task.is_exclusive)
    files.write_json(task.folder / files.CALIBRATION, asdict(temperature))
    return asdict(temperature)


def choose_threshold(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Choose the threshold on unseen documents; measure on the audit set if it is large enough."""
    unseen, temperature = read_unseen(task), read_temperature(task)
    threshold = DEFAULT_THRESHOLD
    if len(unseen) >= ENOUGH_TO_MEASURE:
        threshold = best_threshold(sweep(temperature.apply(unseen.proba), unseen.truth))
    snapshot = Snapshot.read(task.folder)
    needed = audit_judgements_needed(int(snapshot.is_audited.sum()))
    if needed is not None and len(snapshot.audit_ids) >= needed:
        evaluation = _on_audit_set(workshop, task, threshold=threshold)
    else:
        evaluation = _on_unseen(task, unseen, threshold=threshold)
    evidence = Evidence(
        source=evaluation.source,
        n_documents=evaluation.n_documents,
        n_audit_set=int(snapshot.is_audited.sum()),
        n_unseen=len(unseen),
        n_seen_by_encoder=_n_seen_by_encoder(workshop, task, snapshot),
    )
    chosen = {"threshold": threshold, **figures(evaluation), "note": note_on(evidence)}
    if (task.folder / files.CHOICE).exists():
        chosen["learner"] = files.read_json(task.folder / files.CHOICE)  # for lists of rounds
    files.write_json(task.folder / files.THRESHOLD, chosen)
    files.write_json(task.folder / files.EVALUATION, evaluation.to_json())
    return chosen


def _n_seen_by_encoder(workshop: Workshop, task: Task, snapshot: Snapshot) -> int:
    """Judged documents that an earlier round tuned the encoder on; a deep round has its own."""
    if task.is_deep:
        return 0
    seen = EncoderUse.read(task.folder).trained_on(workshop.settings)
    return int(np.isin(snapshot.train_ids, seen).sum())


def read_temperature(task: Task) -> Temperature:
    """What the calibrate step found."""
    return Temperature(**files.read_json(task.folder / files.CALIBRATION))


def _on_audit_set(workshop: Workshop, task: Task, *, threshold: float) -> Evaluation:
    snapshot, use = Snapshot.read(task.folder), EncoderUse.read(task.folder)
    x = use.features(workshop.settings, task.project).rows(snapshot.audit_ids)
    plain = load_learner(task).predict_proba(JudgedVectors(x, snapshot.audit_truth))
    proba = read_temperature(task).apply(plain)
    return evaluate(
        proba,
        snapshot.audit_truth,
        names=snapshot.label_names,
        source=EvaluationSource.AUDIT,
        threshold=threshold,
        predicted=predict_exclusive(proba) if task.is_exclusive else None,
        uncalibrated_proba=plain,
        seed=task.the_round.seed,
    )


def _on_unseen(task: Task, unseen: Unseen, *, threshold: float) -> Evaluation:
    """Temperatures and thresholds of the other folds, so that none is judged by its own choice."""
    names, seed = Snapshot.read(task.folder).label_names, task.the_round.seed
    if len(unseen) < ENOUGH_TO_MEASURE:
        nothing = np.full(unseen.proba.shape, np.nan, dtype=np.float32)
        return evaluate(
            nothing,
            unseen.truth,
            names=names,
            source=EvaluationSource.NONE,
            threshold=threshold,
            seed=seed,
        )
    # A temperature keeps the order, so predicting needs none; one fitted on all would be a leak.
    if task.is_exclusive:
        predicted = predict_exclusive(unseen.proba)
    else:
        predicted, _ = cross_fitted_predictions(unseen.proba, unseen.truth, unseen.folds)
    return evaluate(
        cross_fitted_calibration(
            unseen.proba, unseen.truth, unseen.folds, exclusive=task.is_exclusive
        ),
        unseen.truth,
        names=names,
        source=unseen.source,
        threshold=threshold,
        predicted=predicted,
        uncalibrated_proba=unseen.proba,
        seed=seed,
    )
