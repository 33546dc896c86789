"""Does BALD beat random sampling? Prints curves, areas, differences and judgements needed.

    MARGINALIA_SHARED=… python -m benchmarks.replay [--seeds 5] [data …]

Ends with 1 when BALD's mean area under the micro-F1 curve does not exceed
random's on every data set. Stopped or killed, the same command goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from core.replay.command import replay_in_terminal
from core.settings import get_settings
from core.strategies.plan import ReplayPlan

DATA = ["nlupp", "stackexchange-robotics"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", default=DATA)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=Path("results"))
    given = parser.parse_args()
    won = {}
    for data in given.data:
        plan = ReplayPlan.of({"data": data, "arms": ["random", "bald"], "seeds": given.seeds})
        started = time.perf_counter()
        found = replay_in_terminal(plan, get_settings(), results=given.results)
        print(f"{time.perf_counter() - started:.0f} s\n", flush=True)
        won[data] = found["differences"]["bald"]["micro_f1"]["area"]["mean"] > 0
    for data, is_won in won.items():
        print(f"{data}: BALD {'beats' if is_won else 'DOES NOT BEAT'} random in area")
    return 0 if all(won.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
