"""One training from beginning to end: read, split, learn, choose, measure, keep.

Killed or stopped, the same training started again goes on where it was, and
ends with the same figures.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import EvaluationSource
from core.evaluation.counts import ENOUGH_TO_MEASURE
from core.evaluation.report import Evaluation
from core.learners.artefacts import partial_folder, put_in_place
from core.manifest import seal
from core.rounds import files
from core.rounds.measure import figures
from core.settings import Settings
from core.training.checkpoint import (
    CONFIG,
    TRAINED_TEXTS,
    Slot,
    claimed,
    refuse_bad_name,
    release,
    resolve_checkpoint,
)
from core.training.config import TrainConfig
from core.training.data import LabelledTexts, Split, read_training_data, split
from core.training.folds import learn, out_of_fold
from core.training.going_on import (
    Start,
    bring_state,
    find_start,
    keep_state,
    refuse_other_data,
    seen_by,
    with_labels_of,
    without_seen,
)
from core.training.learning import Learnt, Materials, Watch
from core.training.lesson import find_lesson
from core.training.measure import (
    Chosen,
    Unseen,
    choose,
    held_out,
    measure_on_test,
    measure_on_unseen,
)
from core.training.options import checked_options, learner_options, usual_folds
from core.versions import code_version, package_versions

log = logging.getLogger(__name__)

FORMAT = "marginalia-training-1"


@dataclass(frozen=True)
class Stage:
    """What is going on, for a progress bar; `share` None where it cannot be told."""

    sentence: str
    share: float | None = None


@dataclass(frozen=True)
class Reporter:
    """Who hears of a training, and who may stop it."""

    on_stage: Callable[[Stage], None] = lambda stage: None
    on_slot: Callable[[Slot], None] = lambda slot: None
    should_stop: Callable[[], bool] = lambda: False


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


@dataclass(frozen=True)
class _Job:
    """One training under way."""

    materials: Materials
    slot: Slot
    data: LabelledTexts
    parts: Split
    reporter: Reporter
    start: Start | None

    @property
    def config(self) -> TrainConfig:
        """What is trained."""
        return self.materials.config

    def watch(self, doing: str) -> Watch:
        """Tell the reporter and the log how something goes."""

        def on_epoch(epoch: int, loss: float) -> None:
            log.info("%s: epoch %d, loss %.4f", doing, epoch, loss)

        return Watch(
            on_epoch=on_epoch,
            on_share=lambda share: self.reporter.on_stage(Stage(doing, share)),
            should_stop=self.reporter.should_stop,
        )


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
        refuse_other_data(start, _hash(parts))
        parts = without_seen(start.folder, parts)
    if config.teacher is not None:
        parts = without_seen(resolve_checkpoint(config.teacher, settings.checkpoints_dir), parts)
    base = start.folder.name if start is not None else ""
    with claimed(folder, config, data_hash=_hash(parts), base=base) as slot:
        reporter.on_slot(slot)
        log.info("%s %s", "Going on with" if slot.is_resumed else "Training", slot.final)
        if start is not None:
            bring_state(start, slot)
        materials = Materials(
            config=config,
            n_labels=len(data.label_names),
            data_dir=settings.data_dir,
            begin=start.weights if start is not None and config.warm_start else None,
            lesson=find_lesson(config, data, settings),
        )
        job = _Job(materials, slot, data, parts, reporter, start)
        learnt, evaluation, chosen = _learn_and_keep(job)
        keep_state(slot)
        release(slot)
    seconds = time.perf_counter() - began
    return Trained(slot.final, learnt, evaluation, chosen, data, parts, seconds)


def _learn_and_keep(job: _Job) -> tuple[Learnt, Evaluation, Chosen]:
    config, parts = job.config, job.parts
    learnt, unseen = _learnt(job)
    job.reporter.on_stage(Stage("Measuring"))
    if unseen is None:
        validation = parts.validation
        unseen = held_out(learnt.raw_proba(validation.texts), validation.truth, seed=config.seed)
    chosen = choose(unseen, config.threshold, exclusive=config.exclusive)
    evaluation = _measured(job, learnt, unseen, chosen)
    _keep(job, learnt, unseen, chosen, evaluation)
    return learnt, evaluation, chosen


def _learnt(job: _Job) -> tuple[Learnt, Unseen | None]:
    """The learner of all, and predictions out of fold where there are folds."""
    n_folds, fit = usual_folds(job.config), job.parts.fit
    unseen = None
    if n_folds and not job.materials.reads_vectors:
        unseen = out_of_fold(job.materials, fit, n_folds, job.watch, work=job.slot.work)
    state = job.slot.state
    learnt = learn(job.materials, fit, job.watch("Training"), state=state, n_folds=n_folds)
    if n_folds and learnt.out_of_fold is not None:
        proba, folds = learnt.out_of_fold
        unseen = Unseen(proba, fit.truth, folds, EvaluationSource.OUT_OF_FOLD)
    return learnt, unseen


def _measured(job: _Job, learnt: Learnt, unseen: Unseen, chosen: Chosen) -> Evaluation:
    """On the test texts where there are some, else on those that chose."""
    test, names, seed = job.parts.test, job.data.label_names, job.config.seed
    if len(test) >= ENOUGH_TO_MEASURE:
        proba = learnt.raw_proba(test.texts)
        return measure_on_test(proba, test.truth, chosen, names=names, seed=seed)
    return measure_on_unseen(unseen, chosen, names=names, seed=seed)


def _keep(
    job: _Job, learnt: Learnt, unseen: Unseen, chosen: Chosen, evaluation: Evaluation
) -> None:
    """Write the checkpoint beside its name, then give it the name."""
    partial = partial_folder(job.slot.final)
    learnt.save(partial)
    files.write_json(partial / CONFIG, {"format": FORMAT, **_config(job)})
    files.write_json(partial / files.SNAPSHOT_ABOUT, {"label_names": list(job.data.label_names)})
    files.write_json(partial / files.CALIBRATION, asdict(chosen.temperature))
    threshold = {"threshold": chosen.threshold, **figures(evaluation), "note": ""}
    files.write_json(partial / files.THRESHOLD, threshold)
    files.write_json(partial / files.EVALUATION, evaluation.to_json())
    files.write_json(partial / files.HISTORY, learnt.history)
    files.write_json(partial / files.CHOICE, learnt.told)
    files.write_json(partial / files.STATISTICS, _statistics(job))
    files.write_arrays(partial / TRAINED_TEXTS, **_trained_texts(job))
    files.write_arrays(
        partial / files.UNSEEN,
        proba=unseen.proba,
        truth=unseen.truth,
        folds=unseen.folds,
        source=np.array(str(unseen.source)),
    )
    seal(partial)
    put_in_place(partial, job.slot.final)


def _statistics(job: _Job) -> dict[str, Any]:
    parts = job.parts
    return {
        "data_hash": _hash(parts),
        "code_version": code_version(),
        "packages": package_versions(),
        "platform": platform.platform(),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_documents": len(job.data),
        "n_trained_on": len(parts.fit),
        "n_held_out": len(parts.validation),
        "n_tested_on": len(parts.test),
        "n_rows": job.data.n_rows,
        "n_rejected": len(job.data.rejected),
        "n_unjudged": job.data.n_unjudged,
        "config": _config(job),
        "learner_options": learner_options(job.config),
        "begun_with": job.start.folder.name if job.start else None,
    }


def _config(job: _Job) -> dict[str, Any]:
    """What it was trained by in the end; where it began is told beside it."""
    began = {"resume": False, "warm_start": False, "extra_epochs": None}
    return {**job.config.model_dump(mode="json"), **began}


def _hash(parts: Split) -> str:
    return " ".join(part.sha256 for part in (parts.fit, parts.validation, parts.test))


def _trained_texts(job: _Job) -> dict[str, NDArray[np.int64]]:
    """Texts that had a part in the weights, those of the checkpoint it began with among them."""
    fitted, chosen_by = job.parts.fit.ids, job.parts.validation.ids
    if job.start is not None:
        before, also = seen_by(job.start.folder)
        fitted, chosen_by = np.union1d(fitted, before), np.union1d(chosen_by, also)
    return {"fit": np.unique(fitted), "validation": np.unique(chosen_by)}
