"""What commands print when they are done, or instead of working."""

from __future__ import annotations

from core.evaluation.in_brief import figures
from core.learners.catalogue import learner_info
from core.training.data import read_training_data, split
from core.training.evaluate import Measured
from core.training.info import figure_lines
from core.training.layers import Resolved
from core.training.options import checked_options, usual_folds
from core.training.predict import Predicted
from core.training.run import Trained
from core.training.sizes import Sizes, sizes_of
from core.training.terminal import Terminal

GIB = 1024**3
SHOWN = 5


def view(resolved: Resolved) -> None:
    """Print the configuration, and what it would train on what; nothing is trained."""
    config = resolved.config
    checked_options(config, resolved.origins)
    print(resolved.as_yaml(), end="")
    if config.is_project:
        print(f"# A round of {config.data}: its size follows from the judgements.")
        return
    data = read_training_data(config)
    parts = split(data, config, n_folds=usual_folds(config))
    print(
        f"# {len(data)} texts with {len(data.label_names)} labels: {len(parts.fit)} to train on, "
        f"{len(parts.validation)} to choose by, {len(parts.test)} to measure on"
    )
    info = learner_info(config.learner)
    print(f"# {info.title}: {info.description}")
    _sizes(sizes_of(config, len(data.label_names)))


def _sizes(sizes: Sizes) -> None:
    for part in sizes.parts:
        frozen = "" if part.n_trained else "  (frozen)"
        print(f"# {part.n_parameters:>12,}  {part.name}{frozen}")
    note = f"; {sizes.note}" if sizes.note else ""
    print(f"# {sizes.n_parameters:>12,}  parameters, {sizes.n_trained:,} of them trained{note}")
    print(f"# {sizes.training_bytes / GIB:>12.2f}  GiB to train, by estimate")


def trained(result: Trained, terminal: Terminal) -> None:
    """Print what came of a training."""
    data = result.data
    for bad in data.rejected[:SHOWN]:
        terminal.say(f"row {bad.number}: {bad.reason}")
    if data.rejected:
        terminal.say(f"{len(data.rejected)} of {data.n_rows} rows could not be used.")
    if data.n_unjudged:
        terminal.say(
            f"{data.n_unjudged} rows have no labels and were left out; if no label applies to "
            "them, say --empty-means no_label_applies."
        )
    for note in (*data.notes, *result.parts.notes):
        terminal.say(f"Note: {note}")
    parts = result.parts
    print(f"Trained on {len(parts.fit)} texts in {result.seconds:.0f} s.")
    print("\n".join(figure_lines(figures(result.evaluation))))
    n_own = int(result.chosen.cuts.is_own.sum())
    own = f", {n_own} labels with one of their own" if n_own else ""
    print(f"Threshold {result.chosen.threshold:.2f}{own}")
    print(f"Kept in {result.folder}")


def measured(result: Measured, folder: object, terminal: Terminal) -> None:
    """Print an evaluation: all labels, then each."""
    for note in result.notes:
        terminal.say(f"Note: {note}")
    print("\n".join(figure_lines(figures(result.evaluation))))
    for name, scores in zip(result.label_names, result.evaluation.labels, strict=True):
        value = scores.f1
        print(f"  {'undefined' if value is None else f'{value:.3f}'}  {name}")
    print(f"Written to {folder}")


def predicted(result: Predicted, target: str, terminal: Terminal) -> None:
    """Say what became of the rows; on standard error, as the output may be standard output."""
    for bad in result.first_rejected:
        terminal.say(f"row {bad.number}: {bad.reason}")
    if result.rejected_file is not None:
        terminal.say(f"All rows that could not be used: {result.rejected_file}")
    terminal.say(
        f"{result.n_rows} rows: {result.n_predicted} predicted, {result.n_rejected} could not be "
        f"used{'' if target == '-' else f'; written to {target}'}."
    )
