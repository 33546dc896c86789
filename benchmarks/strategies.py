"""Does the default strategy save judgements? The table behind docs/decisions/013.

    MARGINALIA_SHARED=… python -m benchmarks.strategies [--seeds 5] [--arm bald …] [data …]

Plays the default strategy and random sampling, with the same quick learner, on
public data, and prints for each set the judgements needed for 90 and 95 % of the
full-data micro-F1, areas under the curves, paired differences with bootstrap
intervals, and macro-F1. `--arm` adds others, in the notation of `python -m core
replay --strategy`. `--whole` adds random sampling with a plain head: the same
network without dropout or weight decay. Stopped or killed, the same command
goes on; more arms or seeds join what is there.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from core.replay.command import replay_in_terminal
from core.settings import get_settings
from core.strategies.catalogue import DEFAULT_STRATEGY
from core.strategies.plan import ReplayPlan

# Batches as long as a round's; enough of them that random sampling comes near 95 % of what
# the whole pool gives.
BUDGETS: dict[str, dict[str, int]] = {
    "nlupp": {"n_initial": 100, "batch_size": 100, "n_rounds": 11},
    "stackexchange-robotics": {"n_initial": 100, "batch_size": 100, "n_rounds": 14},
    "arxiv-cs:8000": {"n_initial": 100, "batch_size": 100, "n_rounds": 12},
    "netflix-genres": {"n_initial": 100, "batch_size": 150, "n_rounds": 15},
    "goemotions:20000": {"n_initial": 200, "batch_size": 400, "n_rounds": 12},
}
OTHER: dict[str, int] = {"n_initial": 100, "batch_size": 100, "n_rounds": 10}
N_FOLDS = 5  # as in rounds: thresholds of learners that saw much less come out too low
PLAIN_OPTIONS = {"dropout": 0.0, "weight_decay": 0.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=list(BUDGETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--arm", action="append", default=[])
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--results", type=Path, default=Path("results/strategies"))
    given = parser.parse_args()
    found = {}
    for data in given.data:
        started = time.perf_counter()
        found[data] = replay_in_terminal(
            plan_for(data, given), get_settings(), results=given.results
        )
        print(f"{time.perf_counter() - started:.0f} s\n", flush=True)
    for data, statistics in found.items():
        print(summary(data, statistics))


def plan_for(data: str, given: argparse.Namespace) -> ReplayPlan:
    arms: list[Any] = ["random", DEFAULT_STRATEGY, *given.arm]
    if given.whole:
        plain = {"strategy": "random", "name": "random, plain head"}
        arms.append({**plain, "learner": "mlp", "learner_options": PLAIN_OPTIONS})
    name = data.partition(":")[0].rpartition("/")[2].split(".")[0]
    return ReplayPlan.of(
        {
            "name": name,
            "data": data,
            "arms": arms,
            "seeds": given.seeds,
            "n_folds": N_FOLDS,
            **BUDGETS.get(data, OTHER),
        }
    )


def summary(data: str, statistics: dict[str, Any]) -> str:
    """Who is ahead of random sampling, by how much, in one line per arm."""
    lines = [f"{data}, full-data micro-F1 {statistics['full_data']['micro_f1']['mean']:.3f}"]
    for arm, about in statistics["arms"].items():
        line = f"  {arm:<24}"
        for share in ("0.9", "0.95"):
            needed = about["micro_f1"]["needed"][share]["by_mean"]
            line += f" {f'{needed:.0f}' if needed else '–':>6}"
        line += f"   area {about['micro_f1']['area']['mean']:.4f}"
        line += f" / {about['macro_f1']['area']['mean']:.4f}"
        if (against := statistics["differences"].get(arm)) is not None:
            for measure in ("micro_f1", "macro_f1"):
                area = against[measure]["area"]
                ends = ("–" if area[at] is None else f"{area[at]:+.4f}" for at in ("low", "high"))
                line += f"   {area['mean']:+.4f} [{', '.join(ends)}]"
            line += f"   saves {saved(against['micro_f1']['saving']['0.95'])}"
        lines.append(line)
    return "\n".join(lines)


def saved(saving: dict[str, Any]) -> str:
    if saving["value"] is None:
        return "unknown: not reached"
    low, high = ("–" if saving[end] is None else f"{saving[end]:.0%}" for end in ("low", "high"))
    at_least = "at least " if saving["is_at_least"] else ""
    return f"{at_least}{saving['value']:.0%} [{low}, {high}]"


if __name__ == "__main__":
    main()
