"""Does BALD beat random sampling? Prints both curves and who wins, seed by seed.

    MARGINALIA_SHARED=… python -m benchmarks.replay [--seeds 5] [data …]

Ends with 1 when BALD's mean area under the learning curve does not exceed
random's on every data set.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from core.replay.command import replay_command
from core.replay.report import paired_differences

DATA = ["nlupp", "stackexchange-robotics"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=DATA)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--strategy", action="append", default=None)
    parser.add_argument("--results", type=Path, default=Path("results"))
    given = parser.parse_args()
    strategies = given.strategy or ["random", "bald"]
    won = {}
    for name in given.data:
        started = time.perf_counter()
        runs = replay_command(name, strategies, given.seeds, results=given.results)
        print(f"{time.perf_counter() - started:.0f} s\n", flush=True)
        won[name] = np.mean(list(paired_differences(runs)["bald"].values())) > 0
    for name, is_won in won.items():
        print(f"{name}: BALD {'beats' if is_won else 'DOES NOT BEAT'} random in area")
    return 0 if all(won.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
