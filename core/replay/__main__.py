"""`python -m core.replay`: the replay command by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.errors import MarginaliaError
from core.replay.command import replay_command
from core.replay.simulate import ReplayConfig


def main(
    data: Annotated[str, typer.Option(help="demo, a CSV file, or a public data set")] = "demo",
    strategy: Annotated[list[str] | None, typer.Option(help="may be given several times")] = None,
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    rounds: Annotated[int, typer.Option(min=1)] = ReplayConfig.n_rounds,
    batch_size: Annotated[int, typer.Option(min=1)] = ReplayConfig.batch_size,
    initial: Annotated[int, typer.Option(min=1)] = ReplayConfig.n_initial,
    results: Annotated[Path, typer.Option(help="folder for the record")] = Path("results"),
) -> None:
    """Play the loop against gold labels and compare strategies."""
    config = ReplayConfig(n_rounds=rounds, batch_size=batch_size, n_initial=initial)
    try:
        replay_command(data, strategy or ["bald", "random"], seeds, config=config, results=results)
    except MarginaliaError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
