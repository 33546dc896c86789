"""Steps 4 and 5: calibrate, choose the threshold, and measure on documents nobody trained on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from core.domain import EvaluationSource
from core.evaluation.calibration import Temperature
from core.evaluation.in_brief import figures
from core.evaluation.report import Evaluation
from core.evaluation.unseen import (
    Chosen,
    calibrated_on,
    chosen_on,
    measure_on_test,
    measure_on_unseen,
)
from core.learners.dataset import JudgedVectors
from core.rounds import files
from core.rounds.learner import load_learner
from core.rounds.notes import Evidence, audit_judgements_needed, note_on
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop
from core.rounds.unseen import read_unseen


def calibrate(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Fit the temperature on unseen documents."""
    temperature = calibrated_on(read_unseen(task), exclusive=task.is_exclusive)
    files.write_json(task.folder / files.CALIBRATION, asdict(temperature))
    return asdict(temperature)


def choose_threshold(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Choose the threshold on unseen documents; measure on the audit set if it is large enough."""
    unseen, snapshot = read_unseen(task), Snapshot.read(task.folder)
    cut = chosen_on(unseen, read_temperature(task))
    needed = audit_judgements_needed(int(snapshot.is_audited.sum()))
    if needed is not None and len(snapshot.audit_ids) >= needed:
        evaluation = _on_audit_set(workshop, task, cut)
    else:
        evaluation = measure_on_unseen(
            unseen, cut, names=snapshot.label_names, seed=task.the_round.seed
        )
    evidence = Evidence(
        source=evaluation.source,
        n_documents=evaluation.n_documents,
        n_audit_set=int(snapshot.is_audited.sum()),
        n_unseen=len(unseen),
        n_seen_by_encoder=_n_seen_by_encoder(workshop, task, snapshot),
    )
    chosen = {"threshold": cut.threshold, **figures(evaluation), "note": note_on(evidence)}
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


def _on_audit_set(workshop: Workshop, task: Task, cut: Chosen) -> Evaluation:
    snapshot, use = Snapshot.read(task.folder), EncoderUse.read(task.folder)
    x = use.features(workshop.settings, task.project).rows(snapshot.audit_ids)
    return measure_on_test(
        load_learner(task).predict_proba(JudgedVectors(x, snapshot.audit_truth)),
        snapshot.audit_truth,
        cut,
        names=snapshot.label_names,
        seed=task.the_round.seed,
        source=EvaluationSource.AUDIT,
    )
