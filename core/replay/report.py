"""What replays found, as a table for people and as files for the record."""

from __future__ import annotations

import csv
import dataclasses
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from core.replay.data import ReplayData
from core.replay.simulate import ReplayConfig, RoundResult, area_under_curve

PACKAGES = ("numpy", "torch", "transformers", "small-text", "scikit-learn", "scipy")


@dataclass(frozen=True)
class Run:
    """One loop that was played."""

    strategy: str
    seed: int
    results: list[RoundResult]


def curves_table(runs: list[Run]) -> str:
    """Give micro-F1, mean ± standard deviation over seeds, by judged documents and strategy."""
    strategies = _strategies(runs)
    by_strategy = {name: [run for run in runs if run.strategy == name] for name in strategies}
    n_judged = [result.n_judged for result in runs[0].results]
    lines = ["judged  " + "".join(f"{name:>18}" for name in strategies)]
    for at, n in enumerate(n_judged):
        cells = [_spread([run.results[at].micro_f1 for run in by_strategy[s]]) for s in strategies]
        lines.append(f"{n:>6}  " + "".join(f"{cell:>18}" for cell in cells))
    areas = [_spread([area_under_curve(r.results) for r in by_strategy[s]]) for s in strategies]
    lines.append("  area  " + "".join(f"{cell:>18}" for cell in areas))
    return "\n".join(lines)


def paired_differences(runs: list[Run], *, baseline: str = "random") -> dict[str, dict[int, float]]:
    """Give each strategy's area less the baseline's, seed by seed; empty without a baseline."""
    areas = {(run.strategy, run.seed): area_under_curve(run.results) for run in runs}
    return {
        strategy: {
            seed: area - areas[baseline, seed]
            for (name, seed), area in areas.items()
            if name == strategy and (baseline, seed) in areas
        }
        for strategy in _strategies(runs)
        if strategy != baseline and any(run.strategy == baseline for run in runs)
    }


def differences_table(runs: list[Run], *, baseline: str = "random") -> str:
    """Say for each strategy in which seeds its area beats the baseline's."""
    lines = []
    for strategy, by_seed in paired_differences(runs, baseline=baseline).items():
        values = list(by_seed.values())
        n_won = sum(value > 0 for value in values)
        each = ", ".join(f"{seed}: {value:+.4f}" for seed, value in by_seed.items())
        lines.append(
            f"{strategy} against {baseline}: {np.mean(values):+.4f} in area on average, "
            f"ahead in {n_won} of {len(values)} seeds ({each})"
        )
    return "\n".join(lines)


def write_results(
    folder: Path, runs: list[Run], *, data: ReplayData, config: ReplayConfig, encoder: str
) -> Path:
    """Write statistics.json and rounds.csv under `folder`/<name of the data>."""
    target = folder / data.name
    target.mkdir(parents=True, exist_ok=True)
    about = {
        "data": {
            "name": data.name,
            "sha256": data.sha256,
            "n_pool": len(data.texts),
            "n_test": len(data.test_texts),
            "n_labels": len(data.labels),
        },
        "config": dataclasses.asdict(config),
        "encoder": encoder,
        "seeds": sorted({run.seed for run in runs}),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "area_under_curve": {
            name: {str(r.seed): area_under_curve(r.results) for r in runs if r.strategy == name}
            for name in _strategies(runs)
        },
        "paired_differences": paired_differences(runs),
    }
    text = json.dumps(about, indent=2)
    (target / "statistics.json").write_text(text + "\n", encoding="utf-8")
    with (target / "rounds.csv").open("w", encoding="utf-8", newline="") as file:
        _write_rounds(csv.writer(file), runs)
    return target


def _write_rounds(writer: Any, runs: list[Run]) -> None:
    columns = [field.name for field in dataclasses.fields(RoundResult)]
    writer.writerow(["strategy", "seed", *columns])
    for run in runs:
        for result in run.results:
            writer.writerow([run.strategy, run.seed, *dataclasses.astuple(result)])


def _strategies(runs: list[Run]) -> list[str]:
    return list(dict.fromkeys(run.strategy for run in runs))


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.4f} ± {np.std(values):.4f}"
