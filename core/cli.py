"""What `python -m core` offers: one thin function per command, which imports what it needs."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from core.commands import report, training
from core.errors import (
    Cancelled,
    CorruptArtefact,
    InputError,
    MarginaliaError,
    NotReady,
)
from core.settings import get_settings
from core.store.store import Store

app = typer.Typer(
    help="Label texts with several labels each, and learn from it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
training.add_to(app)
report.add_to(app)

# What a failure is to a script; 2 is a usage that does not exist, by typer.
EXIT_CODES: tuple[tuple[type[MarginaliaError], int], ...] = (
    (CorruptArtefact, 3),
    (NotReady, 4),
    (Cancelled, 130),
    (MarginaliaError, 1),
)


@app.callback()
def prepare() -> None:
    """Label texts with several labels each, and learn from it."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


@app.command()
def worker(
    watch_parent: Annotated[
        bool, typer.Option("--watch-parent", help="End when standard input is closed.")
    ] = False,
) -> None:
    """Run rounds until stopped."""
    from core.rounds.worker import run_worker

    run_worker(get_settings(), watch_parent=watch_parent)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from core.store.migrate import migrate as migrate_database

    settings = get_settings()
    migrate_database(settings)
    print(f"The database {settings.resolved_database_url} has the newest schema.")


@app.command()
def demo(
    n: Annotated[int, typer.Option(help="Documents the demo annotator judges.")] = 150,
) -> None:
    """Make the demo project, let a demo annotator judge, and ask for a first round."""
    from core.services.demo import open_demo, play_annotator
    from core.services.rounds import request_preparation, request_round, usual_request

    settings, store = get_settings(), _open_store()
    project_id = open_demo(store, settings)
    request_preparation(store, settings, project_id)
    n_judged = play_annotator(store, project_id, n=n, settings=settings)
    with store.read() as session:
        request = usual_request(session, project_id)
    info = request_round(store, settings, project_id, request)
    print(
        f"The demo annotator judged {n_judged} documents; round {info.number} waits for a worker."
    )


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    project: Annotated[str, typer.Option(help="Its name; made when there is none.")],
    text: Annotated[str | None, typer.Option(help="The text column, if not as guessed.")] = None,
    labels: Annotated[str | None, typer.Option(help="The label column (a list).")] = None,
    empty_means: Annotated[
        str, typer.Option(help="An empty label cell: unjudged or no_label_applies.")
    ] = "unjudged",
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="Exactly one label per document.")
    ] = False,
) -> None:
    """Bring a file of texts in; prints what became of its rows."""
    from core.services.importing import import_named

    report, guessed = import_named(
        _open_store(),
        get_settings(),
        file,
        project_name=project,
        text_column=text,
        label_column=labels,
        empty_means=empty_means,
        exclusive=exclusive,
    )
    for reason in guessed.reasons.values():
        print(reason)
    for bad in report.rejections:
        print(f"row {bad.number}: {bad.reason}")
    for warning in report.warnings:
        print(f"Note: {warning}")
    print(
        f"{report.n_rows} rows: {report.n_accepted} imported, {report.n_rejected} rejected; "
        f"{report.n_judged} came with labels, {report.n_audited} drawn into the audit set."
    )


@app.command()
def export(
    project: Annotated[str, typer.Option(help="The project's name.")],
    out: Annotated[Path, typer.Option(help="Where to; .csv or .jsonl.")],
    unjudged: Annotated[bool, typer.Option(help="Also documents nobody judged.")] = False,
) -> None:
    """Write a project's labels to a file."""
    from core.services.exporting import export_rows, write_csv, write_jsonl
    from core.services.projects import project_named

    if out.suffix not in {".csv", ".jsonl"}:
        raise InputError(f"'{out.name}' is neither .csv nor .jsonl; choose one of these endings.")
    with (
        _open_store().read() as session,
        out.open("w", encoding="utf-8", newline="") as file,
    ):
        project_id = project_named(session, project).id
        rows = export_rows(session, project_id, include_unjudged=unjudged)
        (write_csv if out.suffix == ".csv" else write_jsonl)(rows, file)
    print(f"Written to {out}.")


@app.command()
def export_model(
    checkpoint: Annotated[
        str,
        typer.Argument(
            help="A checkpoint's folder, the name it was trained under, or a round's id."
        ),
    ],
    out: Annotated[Path, typer.Option(help="A new folder.")],
    onnx: Annotated[bool, typer.Option(help="Write ONNX too.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only where it is.")] = False,
) -> None:
    """Write a trained model as a folder that other programs load."""
    from core.model_export.command import export_in_terminal

    store = _open_store() if checkpoint.isdecimal() else None
    if store is None:
        from core.training.checkpoint import resolve_checkpoint

        checkpoint = str(resolve_checkpoint(checkpoint, get_settings().checkpoints_dir))
    export_in_terminal(
        checkpoint, out, settings=get_settings(), store=store, with_onnx=onnx, quiet=quiet
    )


@app.command()
def token(
    annotator: Annotated[str, typer.Option(help="In whose name the API is used.")],
    project: Annotated[str | None, typer.Option(help="Only for this project.")] = None,
) -> None:
    """Print a token for the API."""
    from core.api.tokens import issue_token
    from core.services.projects import project_named

    project_id = None
    if project is not None:
        with _open_store().read() as session:
            project_id = project_named(session, project).id
    print(issue_token(get_settings(), annotator=annotator, project_id=project_id))


@app.command()
def replay(
    data: Annotated[
        str | None,
        typer.Option(
            help="demo, a CSV file with text and labels, a data set in MARGINALIA_SHARED, or "
            "project:<id>; ':8000' after it keeps so many documents to ask about."
        ),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="A name, or name:batching=groups,random_share=.2; may be given several times."
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many.")] = None,
    initial: Annotated[int | None, typer.Option(min=1, help="Documents judged first.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Documents asked per round.")] = None,
    rounds: Annotated[int | None, typer.Option(min=0, help="Batches asked.")] = None,
    learner: Annotated[str | None, typer.Option(help="quick, ensemble or deep.")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="bundled, a local folder, or a Hugging Face name.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="fast or paper.")] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file with a plan.")] = None,
    results: Annotated[Path, typer.Option(help="The folder for the record.")] = Path("results"),
    name: Annotated[str | None, typer.Option(help="Its folder in there.")] = None,
    view: Annotated[bool, typer.Option("--view", help="Print the plan and play nothing.")] = False,
) -> None:
    """Compare strategies by playing the loop against gold labels.

    What is said here counts before the YAML file, that before the preset, and
    that before the defaults. Stopped or killed, the same command goes on.
    """
    from core.replay.command import replay_in_terminal
    from core.replay.config import as_yaml, resolve_plan
    from core.strategies.plan import PROJECT

    given: dict[str, Any] = {
        "data": data,
        "arms": strategy,
        "seeds": seeds,
        "n_initial": initial,
        "batch_size": batch,
        "n_rounds": rounds,
        "learner": learner,
        "encoder": encoder,
        "name": name,
    }
    settings = get_settings()
    plan = resolve_plan(given, settings=settings, preset=preset, config=config)
    if view:
        print(as_yaml(plan), end="")
        return
    store = _open_store() if plan.data.startswith(PROJECT) else None
    replay_in_terminal(plan, settings, results=results, store=store)


def _open_store() -> Store:
    from core.store.migrate import migrate as migrate_database

    migrate_database(get_settings())
    return Store.open(get_settings())


def main() -> None:
    """Run a command; an error meant for people is shown as a sentence."""
    try:
        app(prog_name="python -m core")
    except MarginaliaError as error:
        print(error, file=sys.stderr)
        raise SystemExit(exit_code(error)) from None


def exit_code(error: MarginaliaError) -> int:
    """What the shell is told of an error."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
