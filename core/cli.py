"""What `python -m core` offers: one thin function per command, which imports what it needs."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from core.errors import MarginaliaError
from core.settings import get_settings

app = typer.Typer(
    help="Label texts with several labels each, and learn from it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
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


def main() -> None:
    """Run a command; an error meant for people is shown as a sentence."""
    try:
        app(prog_name="python -m core")
    except MarginaliaError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
