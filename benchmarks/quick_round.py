"""Seconds of a quick round's numeric core: train, then score 100,000 documents by BALD.

    python benchmarks/quick_round.py [--documents 100000] [--labels 54] [--passes 20]

Prints the seconds per part, the floating-point operations, and their share of
this machine's measured float32 matrix-product rate. Vectors are random: times
do not depend on what they mean.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.learners.dataset import JudgedVectors
from core.learners.quick import QuickConfig, QuickLearner
from core.strategies.score_pool import score_pool
from core.strategies.selection import choose_batch

WIDTH = 384
Result = TypeVar("Result")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--judged", type=int, default=1000)
    parser.add_argument("--labels", type=int, default=54)
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rate = matmul_rate()
    print(f"{given.threads} threads, float32 matrix product {rate / 1e9:.0f} GFLOP/s measured")
    x, truth = made_up(given.documents, given.judged, given.labels)
    print(f"{given.documents} documents x {WIDTH} (float16), {given.labels} labels")
    for repeat in range(given.repeats):
        seconds, flops = one_round(x, truth, n_passes=given.passes)
        total = sum(seconds.values())
        print(f"round {repeat + 1}: {total:.2f} s")
        for part, taken in seconds.items():
            share = f", {flops[part] / taken / rate:.0%} of that rate" if part in flops else ""
            work = f"  {flops[part] / 1e9:.0f} GFLOP{share}" if part in flops else ""
            print(f"  {part:<16}{taken:6.2f} s{work}")


def one_round(
    x: np.ndarray, truth: np.ndarray, *, n_passes: int
) -> tuple[dict[str, float], dict[str, float]]:
    config, n_labels = QuickConfig(), truth.shape[1]
    learner = QuickLearner(config, n_labels)
    judged = JudgedVectors(x[: len(truth)], truth)
    seconds, rng = {}, np.random.default_rng(0)
    seconds["train"], _ = timed(lambda: learner.fit(judged))
    seconds["score"], scored = timed(
        lambda: score_pool(learner, x, strategy="bald", n_passes=n_passes)
    )
    seconds["choose 50"], _ = timed(
        lambda: choose_batch(scored.score, 50, rng, strategy="bald", read_vectors=x.__getitem__)
    )
    per_document = 2 * config.hidden * (WIDTH + n_labels)
    steps = config.epochs * config.steps_per_epoch
    passes = 2 * config.hidden * (WIDTH + n_labels * (n_passes + 1))
    return seconds, {
        "train": 3.0 * per_document * steps * min(config.batch_size, len(truth)),
        "score": float(passes) * len(x),
    }


def made_up(n: int, n_judged: int, n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, WIDTH), dtype=np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x.astype(np.float16), (rng.random((n_judged, n_labels)) < 0.05).astype(np.int8)


def matmul_rate(size: int = 2048) -> float:
    a = torch.rand(size, size)
    return max(2.0 * size**3 / timed(lambda: a @ a)[0] for _ in range(5))


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


if __name__ == "__main__":
    main()
