"""One training from beginning to end: read, split, learn, choose, measure, keep.

Killed or stopped, the same training started again goes on where it was, and
ends with the same figures.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.domain import EvaluationSource
from core.evaluation.counts import ENOUGH_TO_MEASURE
from core.evaluation.epochs import with_folds
from core.evaluation.in_brief import figures
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.recalibration import Nested
from core.evaluation.report import Evaluation
from core.evaluation.unseen import (
    Chosen,
    Unseen,
    chosen_on,
    measured_on_test,
    measured_on_unseen,
    nested_on,
)
from core.settings import Settings
from core.training.checkpoint import claimed, refuse_bad_name, release, resolve_checkpoint
from core.training.config import TrainConfig
from core.training.data import LabelledTexts, Split, read_training_data, split
from core.training.folds import History, held_out, learn, out_of_fold
from core.training.going_on import (
    Start,
    bring_state,
    find_start,
    keep_state,
    refuse_other,
    with_labels_of,
    without_seen,
)
from core.training.job import Job, Reporter, Stage
from core.training.keeping import described, hash_of, keep
from core.training.learning import Learnt, Materials
from core.training.lesson import find_lesson
from core.training.options import checked_options, usual_folds

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A finished training."""

    folder: Path
    learnt: Learnt
    evaluation: Evaluation
    chosen: Chosen
    data: LabelledTexts
    parts: Split
    seconds: float


def train(config: TrainConfig, settings: Settings, reporter: Reporter | None = None) -> Trained:
    """Train on a file.

    Raises InputError for data or options that cannot be used, NotReady where
    there is too little, Cancelled when stopped; what was done by then is kept.
    """
    began = time.perf_counter()
    reporter = reporter or Reporter()
    checked_options(config, {})
    refuse_bad_name(config.resolved_name)
    reporter.on_stage(Stage("Reading the texts"))
    folder = settings.checkpoints_dir / config.resolved_name
    start = find_start(config, folder)
    data = read_training_data(config)
    if start is not None:
        config, data = start.config, with_labels_of(start, data)
    parts = split(data, config, n_folds=usual_folds(config))
    if start is not None:
        refuse_other(start, hash_of(parts))
    forebears = tuple(_forebears(config, start, settings))
    for forebear in forebears:
        parts = without_seen(forebear, parts)
    lesson = find_lesson(config, data, settings)
    base = " ".join(str(forebear) for forebear in forebears)
    with claimed(folder, config, data_hash=hash_of(parts), base=base) as slot:
        reporter.on_slot(slot)
        log.info("%s %s", "Going on with" if slot.is_resumed else "Training", slot.final)
        if start is not None:
            bring_state(start, slot)
        materials = Materials(
            config=config,
            n_labels=len(data.label_names),
            data_dir=settings.data_dir,
            begin=start.weights if start is not None and config.warm_start else None,
            lesson=lesson,
        )
        job = Job(materials, slot, data, parts, reporter, forebears)
        learnt, outputs, chosen = _learn_and_keep(job)
        keep_state(slot)
        release(slot)
    seconds = time.perf_counter() - began
    return Trained(slot.final, learnt, outputs.evaluate(), chosen, data, parts, seconds)


def _forebears(config: TrainConfig, start: Start | None, settings: Settings) -> Iterator[Path]:
    """Checkpoints that have a part in the new model."""
    if start is not None:
        yield start.folder
    if config.teacher is not None:
        yield resolve_checkpoint(config.teacher, settings.checkpoints_dir)


def _learn_and_keep(job: Job) -> tuple[Learnt, EvaluationOutputs, Chosen]:
    config, parts = job.config, job.parts
    learnt, unseen = _learnt(job)
    job.reporter.on_stage(Stage("Measuring"))
    if unseen is None:
        validation = parts.validation
        unseen = held_out(learnt.raw_proba(validation.texts), validation.truth, seed=config.seed)
    nested = nested_on(unseen, exclusive=config.exclusive, seed=config.seed)
    chosen = chosen_on(unseen, nested, threshold=config.threshold, aim=config.full_aim)
    outputs = _measured(job, learnt, (unseen, nested), chosen)
    keep(job, learnt, unseen, chosen, outputs)
    log.info("Kept with %s", figures(outputs.evaluate()) | {"threshold": chosen.threshold})
    return learnt, outputs, chosen


def _learnt(job: Job) -> tuple[Learnt, Unseen | None]:
    """The learner of all, and predictions out of fold where there are folds."""
    n_folds, fit = usual_folds(job.config), job.parts.fit
    unseen: Unseen | None = None
    histories: list[History] = []
    if n_folds and not job.materials.reads_vectors:
        unseen, histories = out_of_fold(job.materials, fit, n_folds, job.watch, work=job.slot.work)
    state = job.slot.state
    learnt = learn(job.materials, fit, job.watch("Training"), state=state, n_folds=n_folds)
    if n_folds and learnt.out_of_fold is not None:
        proba, folds = learnt.out_of_fold
        unseen = Unseen(proba, fit.truth, folds, EvaluationSource.OUT_OF_FOLD)
    return replace(learnt, history=with_folds(learnt.history, histories)), unseen


def _measured(
    job: Job, learnt: Learnt, choosing: tuple[Unseen, Nested], chosen: Chosen
) -> EvaluationOutputs:
    """On the test texts where there are some, else on those that chose."""
    test, names, seed = job.parts.test, job.data.label_names, job.config.seed
    if len(test) >= ENOUGH_TO_MEASURE:
        proba = learnt.raw_proba(test.texts)
        outputs = measured_on_test(proba, test.truth, chosen, names=names, seed=seed)
        return described(job, outputs, test, learnt.history)
    unseen, nested = choosing
    outputs = measured_on_unseen(unseen, nested, chosen, names=names, seed=seed)
    chose = job.parts.fit if len(job.parts.fit) == len(unseen) else job.parts.validation
    rows = np.flatnonzero(unseen.is_usable)[: len(outputs)]
    return described(job, outputs, chose.take(rows), learnt.history)
