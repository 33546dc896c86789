"""`python -m core train | evaluate | predict | info`: models without the app.

Each command imports what it needs, so that asking for help costs nothing.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import InputError
from core.settings import get_settings

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")]
Checkpoint = Annotated[
    str,
    typer.Argument(help="A checkpoint's folder, the name it was trained under, or project:<name>."),
]
TextColumn = Annotated[str | None, typer.Option(help="The text column, if not as guessed.")]
LabelColumn = Annotated[str | None, typer.Option(help="The label column (a list).")]
Separator = Annotated[str | None, typer.Option(help="Between the labels of a cell.")]
EmptyMeans = Annotated[
    str | None, typer.Option(help="An empty label cell: unjudged or no_label_applies.")
]


def add_to(app: typer.Typer) -> None:
    """Make the commands part of `python -m core`."""
    for command in (train, evaluate, predict, info):
        app.command()(command)


def train(
    data: Annotated[
        str | None,
        typer.Argument(help="A CSV or JSON Lines file (.gz too), demo, or project:<id or name>."),
    ] = None,
    text: TextColumn = None,
    labels: LabelColumn = None,
    separator: Separator = None,
    empty_means: EmptyMeans = None,
    test: Annotated[str | None, typer.Option(help="A file to measure on.")] = None,
    test_share: Annotated[float | None, typer.Option(help="Or so much, by lot.")] = None,
    folds: Annotated[int | None, typer.Option(help="Trainings that choose; 0: none.")] = None,
    subsample: Annotated[float | None, typer.Option(help="Train on this share.")] = None,
    learner: Annotated[str | None, typer.Option(help="As the catalogue names it.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="An option of the learner: name=value.")
    ] = None,
    teacher: Annotated[str | None, typer.Option(help="A student's: a checkpoint.")] = None,
    encoder: Annotated[str | None, typer.Option(help="bundled, a folder, or a name.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longer texts are cut here.")] = None,
    exclusive: Annotated[
        bool | None, typer.Option("--exclusive", help="Exactly one label per text.")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="Instead of choosing one.")] = None,
    aim: Annotated[
        str | None, typer.Option(help="Of thresholds: f1, f-beta, precision, recall, cost.")
    ] = None,
    scope: Annotated[str | None, typer.Option(help="shared or per-label.")] = None,
    beta: Annotated[float | None, typer.Option(help="Of f-beta.")] = None,
    floor: Annotated[float | None, typer.Option(help="Of precision and recall.")] = None,
    cost_false_positive: Annotated[float | None, typer.Option("--cost-fp")] = None,
    cost_false_negative: Annotated[float | None, typer.Option("--cost-fn")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all that is drawn.")] = None,
    name: Annotated[str | None, typer.Option(help="The checkpoints' folder.")] = None,
    strategy: Annotated[str | None, typer.Option(help="In the checkpoint's name.")] = None,
    resume: Annotated[
        bool | None, typer.Option("--resume", help="Go on with the latest, optimiser and all.")
    ] = None,
    warm_start: Annotated[
        bool | None, typer.Option("--warm-start", help="Begin with the latest's weights.")
    ] = None,
    extra_epochs: Annotated[int | None, typer.Option(help="On top, with either.")] = None,
    preset: Annotated[str | None, typer.Option(help="fast or paper.")] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file.")] = None,
    view: Annotated[bool, typer.Option("--view", help="Show all, train nothing.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train a model on texts with labels, and keep it in one folder.

    What is said here counts before MARGINALIA_TRAIN_… in the environment, that
    before the YAML file, the preset and the defaults. Killed or stopped, the
    same command goes on.
    """
    given = {
        key: value
        for key, value in locals().items()
        if key not in {"option", "preset", "config", "view", "quiet", "verbose"}
    }
    given["options"] = _options(option or []) or None
    from core.training.layers import resolve
    from core.training.terminal import Terminal, Verbosity

    settings = get_settings()
    resolved = resolve(
        given,
        environment=os.environ,
        preset=preset,
        file=config,
        defaults={"encoder": settings.encoder},
    )
    from core.training import show

    if view:
        show.view(resolved)
        return
    terminal = Terminal(Verbosity.of(quiet=quiet, verbose=verbose))
    if resolved.config.is_project:
        from core.training.on_project import train_on_project

        train_on_project(resolved, settings, terminal)
        return
    from core.training.run import train as run_training

    with terminal.at_work():
        trained = run_training(resolved.config, settings, terminal.reporter)
    show.trained(trained, terminal)


def evaluate(
    checkpoint: Checkpoint,
    test: Annotated[str | None, typer.Option(help="A file with labels to measure on.")] = None,
    folds: Annotated[int | None, typer.Option(help="Or train anew so many times.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for figures and outputs.")] = None,
    text: TextColumn = None,
    labels: LabelColumn = None,
    separator: Separator = None,
    empty_means: EmptyMeans = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Measure a checkpoint on a test file, or its way of training in folds."""
    if (test is None) == (folds is None):
        raise typer.BadParameter("Give either --test FILE or --folds K.")
    from core.training import evaluate as measuring
    from core.training import show
    from core.training.terminal import Terminal, Verbosity

    settings = get_settings()
    folder = _folder_of(checkpoint)
    terminal = Terminal(Verbosity.of(quiet=quiet, verbose=verbose))
    said = {
        "text": text, "labels": labels, "separator": separator, "empty_means": empty_means
    }  # fmt: skip
    with terminal.at_work():
        if folds is not None:
            measured = measuring.evaluate_in_folds(folder, folds, settings, terminal.reporter)
        else:
            reading = measuring.reading_config(folder, said)
            measured = measuring.evaluate_on_file(
                folder, str(test), settings, reading, terminal.reporter
            )
    about = {"checkpoint": folder.name, "test": test, "folds": folds}
    where = out or measuring.usual_folder(folder, test, folds)
    measuring.write_measured(where, measured, about=about)
    show.measured(measured, where, terminal)


def predict(
    checkpoint: Checkpoint,
    file: Annotated[str, typer.Argument(help="CSV or JSON Lines; - is standard input.")],
    out: Annotated[str, typer.Option(help="A CSV file; - is standard output.")] = "-",
    text: TextColumn = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, …")] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Give every text of a file its labels and their probabilities."""
    from core.training import show
    from core.training.job import Stage
    from core.training.model import TextModel
    from core.training.predict import predict_file
    from core.training.terminal import Terminal, Verbosity

    settings = get_settings()
    terminal = Terminal(Verbosity.of(quiet=quiet, verbose=verbose))
    folder = _folder_of(checkpoint)
    with terminal.at_work():
        model = TextModel.load(folder, device, settings=settings)
        if (thresholds := _thresholds_set(checkpoint)) is not None:
            terminal.say("Note: cut at the thresholds that people set for this round.")
            model = model.cut_at(thresholds)
        predicted = predict_file(
            model,
            file,
            out,
            text_column=text,
            on_rows=lambda n, share: terminal.on_stage(Stage("Predicting", share)),
            should_stop=terminal.should_stop,
        )
    show.predicted(predicted, out, terminal)


def info(
    checkpoint: Checkpoint,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Say what a checkpoint is: architecture, sizes, labels, figures, history, versions."""
    from core.training.info import checkpoint_info, info_lines

    folder = _folder_of(checkpoint)
    told = checkpoint_info(folder)
    if as_json:
        json.dump(told, sys.stdout, indent=1, ensure_ascii=False)
        print()
    else:
        print("\n".join(info_lines(told)))


def _folder_of(checkpoint: str) -> Path:
    from core.training.checkpoint import resolve_checkpoint
    from core.training.config import PROJECT

    settings = get_settings()
    if checkpoint.startswith(PROJECT):
        from core.training.on_project import checkpoint_in_force

        return checkpoint_in_force(settings, checkpoint)
    return resolve_checkpoint(checkpoint, settings.checkpoints_dir)


def _thresholds_set(checkpoint: str) -> dict[str, float] | None:
    """Of a project's round in force, where people set others than its own."""
    from core.training.config import PROJECT

    if not checkpoint.startswith(PROJECT):
        return None
    from core.training.on_project import thresholds_set

    return thresholds_set(get_settings(), checkpoint)


def _options(words: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name.strip():
            raise InputError(f"'{word}' sets nothing; write --set name=value.")
        options[name.strip()] = value.strip()
    return options
