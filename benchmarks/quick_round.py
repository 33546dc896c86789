"""Seconds of a quick round's numeric core: choose, train, then score 100,000 documents by BALD.

    python -m benchmarks.quick_round [--documents 100000] [--labels 54] [--passes 20]

Prints the seconds per part, the floating-point operations, and their share of
this machine's measured float32 matrix-product rate. Vectors are random: times
do not depend on what they mean.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch

from core.learners.choosing import fit_out_of_fold
from core.learners.dataset import JudgedVectors
from core.learners.logistic import DRAWN_AXES, SKETCH
from core.learners.quick import QuickConfig
from core.strategies.judged import Judged
from core.strategies.recipe import Recipe
from core.strategies.score_pool import score_pool
from core.strategies.selection import choose_batch

BLOCKS = (384, 256)  # meaning, and words
WIDTH = sum(BLOCKS)
Result = TypeVar("Result")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--judged", type=int, default=1000)
    parser.add_argument("--labels", type=int, default=54)
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    rate = matmul_rate(1)
    print(
        f"float32 matrix product measured: {rate / 1e9:.0f} GFLOP/s on one core, which a quick "
        f"round uses; {matmul_rate(os.cpu_count() or 1) / 1e9:.0f} on all {os.cpu_count()}"
    )
    x, truth = made_up(given.documents, given.judged, given.labels)
    print(f"{given.documents} documents x {WIDTH} (float16), {given.labels} labels")
    for repeat in range(given.repeats):
        seconds, flops = one_round(x, truth, n_passes=given.passes)
        wall, cpu = np.sum(list(seconds.values()), axis=0)
        print(f"round {repeat + 1}: {wall:.2f} s, of which the processor worked {cpu:.2f} s")
        for part, (part_wall, part_cpu) in seconds.items():
            line = f"  {part:<12}{part_wall:6.2f} s  {part_cpu:6.2f} s processor"
            if part in flops:
                share = flops[part] / part_cpu / rate
                line += f"  {flops[part] / 1e9:.0f} GFLOP, {share:.0%} of one core's rate"
            print(line)


def one_round(
    x: np.ndarray, truth: np.ndarray, *, n_passes: int
) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    judged = JudgedVectors(x[: len(truth)], truth)
    seconds, rng = {}, np.random.default_rng(0)
    seconds["train"], fitted = timed(
        lambda: fit_out_of_fold(QuickConfig(), judged, blocks=BLOCKS, n_threads=os.cpu_count() or 1)
    )
    learner = fitted.learner
    recipe = Recipe.of("bald", {"n_passes": n_passes})
    known = Judged(judged.x, truth, fitted.proba)
    seconds["score"], scored = timed(lambda: score_pool(learner, x, recipe=recipe, judged=known))
    seconds["choose 50"], _ = timed(
        lambda: choose_batch(
            scored, 50, rng, recipe=recipe, judged=known, read_vectors=x.__getitem__
        )
    )
    n_labels, features = truth.shape[1], DRAWN_AXES + SKETCH
    per_document = WIDTH * (n_labels + features) + features * n_labels * n_passes
    per_document += len(truth) * (DRAWN_AXES + 2 * n_labels)  # the neighbours' vote
    return seconds, {"score": 2.0 * per_document * len(x)}


def made_up(n: int, n_judged: int, n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    parts = [rng.standard_normal((n, width), dtype=np.float32) for width in BLOCKS]
    x = np.hstack([part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts])
    return x.astype(np.float16), (rng.random((n_judged, n_labels)) < 0.05).astype(np.int8)


def matmul_rate(n_threads: int, *, size: int = 2048) -> float:
    torch.set_num_threads(n_threads)
    a = torch.rand(size, size)
    return max(2.0 * size**3 / timed(lambda: a @ a)[0][1] * n_threads for _ in range(5))


def timed(work: Callable[[], Result]) -> tuple[tuple[float, float], Result]:
    """Give (seconds on the clock, seconds of processor) and the result."""
    started, started_cpu = time.perf_counter(), time.process_time()
    result = work()
    return (time.perf_counter() - started, time.process_time() - started_cpu), result


if __name__ == "__main__":
    main()
