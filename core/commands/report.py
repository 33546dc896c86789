"""`python -m core report`: an evaluation drawn and told from its saved outputs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from core.evaluation.outputs import EvaluationOutputs
    from core.reporting.build import Report

PROJECT = "project:"


def add_to(app: typer.Typer) -> None:
    """Make the command part of `python -m core`."""
    app.command()(report)


def report(
    what: Annotated[
        str,
        typer.Argument(
            help="An eval_outputs.npz or .json, a folder that holds one, a round's id, or "
            "project:<name>:<round's number>."
        ),
    ],
    out: Annotated[Path, typer.Option(help="A folder.")] = Path("results/visualizations"),
    formats: Annotated[
        str, typer.Option("--format", help="Of figures: html, png, json; with commas between.")
    ] = "html,png,json",
    png: Annotated[bool, typer.Option(help="Figures as PNG, by a Chrome on this machine.")] = True,
    labels: Annotated[
        list[str] | None, typer.Option("--label", help="Of this label alone; several times.")
    ] = None,
    title: Annotated[str, typer.Option(help="Above the report.")] = "",
    texts: Annotated[bool, typer.Option(help="--no-texts leaves all texts and words out.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Among files of others.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only where it is.")] = False,
) -> None:
    """Draw every figure, table and picture of an evaluation, and one page with all of them.

    Of a file or folder it reads that alone: neither database nor app is touched.
    """
    from core.reporting.build import Watch, write_report
    from core.reporting.options import Format, ReportOptions

    chosen = ReportOptions.formats_of(formats)
    options = ReportOptions(
        title=title,
        formats=tuple(f for f in chosen if png or f is not Format.PNG),
        labels=tuple(labels or ()),
        with_texts=texts,
        force=force,
    )
    said: list[str] = []

    def on_stage(doing: str, share: float) -> None:
        if not quiet and doing not in said:
            said.append(doing)
            print(f"{doing[0].upper()}{doing[1:]} …", file=sys.stderr)

    made = datetime.now(UTC).astimezone()
    written = write_report(_outputs(what), out, options, made=made, watch=Watch(on_stage))
    _tell(written, quiet=quiet)


def _tell(written: Report, *, quiet: bool) -> None:
    if not quiet:
        for note in written.notes:
            print(f"Note: {note}", file=sys.stderr)
        print(
            f"{written.n_figures} figures and {written.n_tables} tables, "
            f"{written.n_bytes / 1e6:.1f} MB; open {written.page} in a browser.",
            file=sys.stderr,
        )
    print(written.folder)


def _outputs(what: str) -> EvaluationOutputs:
    """Read what is named; the database is opened for rounds alone."""
    from core.evaluation.outputs import read_outputs
    from core.reporting.build import find_outputs

    is_round = what.startswith(PROJECT) or (what.isdecimal() and not Path(what).exists())
    return read_outputs(find_outputs(_folder_of_round(what) if is_round else Path(what)))


def _folder_of_round(what: str) -> Path:
    from core.services.reports import folder_of_named_round
    from core.settings import get_settings
    from core.store.migrate import migrate
    from core.store.store import Store

    settings = get_settings()
    migrate(settings)
    return folder_of_named_round(Store.open(settings), settings, what.removeprefix(PROJECT))
