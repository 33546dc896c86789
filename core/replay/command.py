"""Replays from the command line: load, encode, play every strategy and seed, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from core.encoders.encoder import load_encoder
from core.errors import InputError
from core.replay.data import ReplayData, embeddings, load_dataset
from core.replay.report import Run, curves_table, differences_table, write_results
from core.replay.simulate import ReplayConfig, replay
from core.settings import Settings, get_settings
from core.strategies.catalogue import strategy_info


def replay_command(
    data: str,
    strategies: Sequence[str],
    seeds: int,
    *,
    config: ReplayConfig | None = None,
    settings: Settings | None = None,
    results: Path | None = None,
    say: Callable[[str], None] = print,
) -> list[Run]:
    """Play `seeds` loops per strategy and print micro-F1 by number of judged documents.

    Parameters
    ----------
    data
        "demo", a CSV file, or the name of a public data set.
    strategies
        Names from the catalogue; "random" among them gives the comparison.
    seeds
        Seeds 0, 1, … so many; each draws the same initial documents for all strategies.
    results
        Where statistics.json and rounds.csv go, in a folder named for the
        data; None writes nothing.

    Raises InputError for unknown data or strategies, before anything runs.
    """
    settings = settings or get_settings()
    config = config or ReplayConfig()
    names = [strategy_info(name).name for name in dict.fromkeys(strategies)]
    if not names or seeds < 1:
        raise InputError("Give at least one strategy and one seed.")
    loaded = load_dataset(data, shared=settings.shared)
    say(
        f"{loaded.name}: {len(loaded.texts)} documents to ask about, "
        f"{len(loaded.test_texts)} to test on, {len(loaded.labels)} labels"
    )
    runs = play(loaded, names, range(seeds), config=config, settings=settings, say=say)
    say(curves_table(runs))
    if differences := differences_table(runs):
        say(differences)
    if results is not None:
        target = write_results(results, runs, data=loaded, config=config, encoder=settings.encoder)
        say(f"Written to {target}")
    return runs


def play(
    data: ReplayData,
    strategies: Sequence[str],
    seeds: Sequence[int],
    *,
    config: ReplayConfig,
    settings: Settings,
    say: Callable[[str], None],
) -> list[Run]:
    """Encode once, then play every strategy with every seed."""
    encoder = load_encoder(settings.encoder)
    folder = settings.data_dir / "replay-embeddings"
    x = embeddings(data.texts, encoder, folder=folder)
    test_x = embeddings(data.test_texts, encoder, folder=folder)
    runs = []
    for seed in seeds:
        for strategy in strategies:
            rounds = replay(
                x,
                data.truth,
                test_x=test_x,
                test_truth=data.test_truth,
                strategy=strategy,
                seed=seed,
                config=config,
            )
            last = rounds[-1]
            say(f"  seed {seed} {strategy}: {last.micro_f1:.4f} at {last.n_judged} judged")
            runs.append(Run(strategy=strategy, seed=seed, results=rounds))
    return runs
