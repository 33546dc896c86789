"""Measure a checkpoint: on a test file as it is, or by training its learner anew in folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.domain import Proba
from core.errors import InputError, NotReady
from core.evaluation.in_brief import figures
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs, write_outputs
from core.evaluation.report import Evaluation
from core.evaluation.unseen import (
    Chosen,
    chosen_on,
    measured_on_test,
    measured_on_unseen,
    nested_on,
)
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
from core.training.model import TEXTS_AT_ONCE, TextModel, read_about

OUTPUTS_AS_JSON, METRICS = "eval_outputs.json", "metrics.json"


@dataclass(frozen=True)
class Measured:
    """An evaluation with all that it was made from."""

    outputs: EvaluationOutputs
    evaluation: Evaluation
    notes: tuple[str, ...]

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels, in the order of every array."""
        return self.outputs.names


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
    raw = np.concatenate(_predicted(model, data, reporter))
    about = read_about(folder)
    chosen = Chosen(about.calibration, about.cuts, is_said=True)
    outputs = measured_on_test(raw, data.truth, chosen, names=model.label_names, seed=config.seed)
    if model.is_exclusive:
        outputs = replace(outputs, predicted=model.chosen(outputs.proba), exclusive=True)
    outputs = _described(folder, outputs, data, learner=about.config.get("learner"))
    return Measured(outputs, outputs.evaluate(), notes + data.left_out)


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

    unseen, _ = out_of_fold(materials, data, n_folds, watch_of, work=None)
    nested = nested_on(unseen, exclusive=config.exclusive, seed=config.seed)
    chosen = chosen_on(unseen, nested, threshold=config.threshold, aim=config.full_aim)
    outputs = measured_on_unseen(unseen, nested, chosen, names=data.label_names, seed=config.seed)
    rows = np.flatnonzero(unseen.is_usable)[: len(outputs)]
    outputs = _described(folder, outputs, data.take(rows), learner=config.learner, folds=n_folds)
    note = "Calibration and thresholds of each fold come from the other folds."
    return Measured(outputs, outputs.evaluate(), (note,))


def write_measured(folder: Path, measured: Measured, *, about: Mapping[str, object]) -> None:
    """Write the figures, and all that reports are made from, twice: as arrays and as JSON."""
    outputs = measured.outputs
    outputs = replace(outputs, about={**outputs.about, **about, "notes": list(measured.notes)})
    write_outputs(folder / OUTPUTS, outputs)
    write_outputs(folder / OUTPUTS_AS_JSON, outputs)
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
    for start in range(0, len(data), TEXTS_AT_ONCE):
        parts.append(model.raw_proba(data.texts[start : start + TEXTS_AT_ONCE]))
        n_done += len(parts[-1])
        reporter.on_stage(Stage("Predicting", n_done / len(data)))
    return parts


def _described(
    folder: Path, outputs: EvaluationOutputs, data: LabelledTexts, **about: object
) -> EvaluationOutputs:
    """With the texts that were measured, and what they were measured of."""
    history = files.read_json(folder / files.HISTORY) if (folder / files.HISTORY).exists() else []
    return replace(
        outputs,
        document_ids=data.ids,
        texts=tuple(data.texts),
        about={"checkpoint": folder.name, "seed": outputs.seed, "history": history, **about},
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
