"""Measure a checkpoint: on a test file as it is, or by training its learner anew in folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.domain import EvaluationSource, Proba, Truth
from core.errors import InputError, NotReady
from core.evaluation.in_brief import figures
from core.evaluation.report import Evaluation, evaluate
from core.evaluation.unseen import Chosen, Unseen, choose, measured_on_unseen
from core.known_texts import KnownTexts
from core.rounds import files
from core.settings import Settings
from core.training.checkpoint import CONFIG
from core.training.config import DEMO, TrainConfig, usual_name
from core.training.data import LabelledTexts, read_labelled, read_training_data
from core.training.folds import out_of_fold
from core.training.job import Reporter, Stage
from core.training.layers import COMMAND_LINE, checked
from core.training.learning import Materials, Watch
from core.training.lesson import find_lesson
from core.training.model import TextModel

OUTPUTS, OUTPUTS_ABOUT, METRICS = "eval_outputs.npz", "eval_outputs.json", "metrics.json"


@dataclass(frozen=True)
class Measured:
    """An evaluation with all that it was made from."""

    evaluation: Evaluation
    proba: Proba  # (texts, labels), calibrated
    truth: Truth
    thresholds: NDArray[np.float64]  # (labels,)
    label_names: tuple[str, ...]
    notes: tuple[str, ...]


def evaluate_on_file(
    folder: Path, test: str, settings: Settings, config: TrainConfig, reporter: Reporter
) -> Measured:
    """Measure a checkpoint on a file with labels; `config` says how the file is read.

    Texts that the model was trained on are left out and counted.
    """
    model = TextModel.load(folder, settings=settings)
    reporter.on_stage(Stage("Reading the texts"))
    data = read_labelled(test, config, model.label_names)
    data, notes = without_known(folder, data)
    if not len(data):
        raise NotReady(f"'{test}' has no text with labels that the model was not trained on.")
    proba = np.concatenate(_predicted(model, data, reporter))
    evaluation = evaluate(
        proba,
        data.truth,
        names=model.label_names,
        source=EvaluationSource.HELD_OUT,
        threshold=float(model.thresholds[0]),
        predicted=model.chosen(proba) if model.is_exclusive else None,
        seed=config.seed,
    )
    notes += data.left_out
    return Measured(evaluation, proba, data.truth, model.thresholds, model.label_names, notes)


def evaluate_in_folds(
    folder: Path, n_folds: int, settings: Settings, reporter: Reporter
) -> Measured:
    """Train the checkpoint's learner anew so many times, each text predicted by one that it missed.

    This measures the way of training on this data, not the one model in the folder.
    """
    config = config_of(folder).model_copy(update={"folds": n_folds})
    if n_folds < 2:
        raise InputError(f"{n_folds} folds leave nothing to train on; give 2 or more.")
    data = read_training_data(config)
    materials = Materials(
        config=config,
        n_labels=len(data.label_names),
        data_dir=settings.data_dir,
        lesson=find_lesson(config, data, settings),
    )

    def watch_of(doing: str) -> Watch:
        return Watch(
            on_share=lambda share: reporter.on_stage(Stage(doing, share)),
            should_stop=reporter.should_stop,
        )

    unseen = out_of_fold(materials, data, n_folds, watch_of, work=None)
    chosen = choose(unseen, config.threshold, exclusive=config.exclusive)
    return _out_of_fold(unseen, chosen, data.label_names, config)


def write_measured(folder: Path, measured: Measured, *, about: Mapping[str, object]) -> None:
    """Write the figures, and the arrays that later reports are made from."""
    files.write_arrays(
        folder / OUTPUTS,
        proba=measured.proba,
        truth=measured.truth,
        thresholds=measured.thresholds,
        label_names=np.array(measured.label_names),
    )
    told = {"label_names": list(measured.label_names), "notes": list(measured.notes), **about}
    files.write_json(folder / OUTPUTS_ABOUT, told)
    files.write_json(folder / METRICS, figures(measured.evaluation))
    files.write_json(folder / files.EVALUATION, measured.evaluation.to_json())


def config_of(folder: Path) -> TrainConfig:
    """The configuration that a checkpoint was trained by."""
    if not (folder / CONFIG).exists():
        raise InputError(
            f"'{folder.name}' is a round of a project; its figures stand in its evaluation. "
            "Export the project's labels and train on them, or give a test file."
        )
    stored = files.read_json(folder / CONFIG)
    return TrainConfig(**{key: stored[key] for key in TrainConfig.model_fields if key in stored})


def without_known(folder: Path, data: LabelledTexts) -> tuple[LabelledTexts, tuple[str, ...]]:
    """The texts that had no part in the model, and what is to be said of the others."""
    known = KnownTexts.of(folder)
    if known is None:
        return data, (
            "This round was made by an earlier version and does not say which texts it was "
            "trained on; if some of them are in this file, the figures flatter it.",
        )
    is_new = ~np.isin(data.ids, known.all)
    n_known = int((~is_new).sum())
    notes = (f"{n_known} texts were trained on and are left out.",) if n_known else ()
    return data.take(np.flatnonzero(is_new)), notes


def _predicted(model: TextModel, data: LabelledTexts, reporter: Reporter) -> list[Proba]:
    parts: list[Proba] = []
    n_done = 0
    for texts, proba in model.stream(data.texts):
        parts.append(proba)
        n_done += len(texts)
        reporter.on_stage(Stage("Predicting", n_done / len(data)))
    return parts


def _out_of_fold(
    unseen: Unseen, chosen: Chosen, names: tuple[str, ...], config: TrainConfig
) -> Measured:
    evaluation = measured_on_unseen(unseen, chosen, names=names, seed=config.seed).evaluate()
    return Measured(
        evaluation=evaluation,
        proba=chosen.temperature.apply(unseen.proba),
        truth=unseen.truth,
        thresholds=np.full(len(names), chosen.threshold),
        label_names=names,
        notes=("Calibration and threshold of each fold come from the other folds.",),
    )


def reading_config(folder: Path, said: Mapping[str, str | None]) -> TrainConfig:
    """How a test file is read: as said, else as the training's own file was."""
    values: dict[str, object] = {"data": DEMO}
    if (folder / CONFIG).exists():
        config = config_of(folder)
        values |= {key: getattr(config, key) for key in ("empty_means", "seed")}
    values |= {key: value for key, value in said.items() if value is not None}
    return checked(values, dict.fromkeys(said, COMMAND_LINE))


def usual_folder(folder: Path, test: str | None, folds: int | None) -> Path:
    """Where an evaluation is written: beside the checkpoint, which stays as it is."""
    what = f"{folds}-folds" if test is None else usual_name(test)
    return folder.with_name(f"{folder.name}.evaluation-{what}")
