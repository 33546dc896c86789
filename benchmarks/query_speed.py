"""Seconds and memory of a query of 50 from a large pool, for every strategy.

    python -m benchmarks.query_speed [--documents 100000] [--strategy bald …] [--small-text]

From cached vectors (384 wide, float16, mapped from disk) and a trained quick
learner over 54 labels to the chosen documents: probabilities, passes, scores and
batch. Every line is a process of its own, so that its peak memory is its own.
`--small-text` times the library's strategies on the same pool and learner. The
index that strategies reading all vectors need above 200,000 documents is built
once, is kept by rounds, and is timed by itself. Times do not depend on what
vectors mean, so they are drawn around 2,000 random centres.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, CENTRES = 384, 2_000
SMALL_TEXT = (
    *("BALD", "PredictionEntropy", "LeastConfidence", "LabelCardinalityInconsistency"),
    *("CategoryVectorInconsistencyAndRanking", "AdaptiveActiveLearning"),
    *("EmbeddingKMeans", "GreedyCoreset", "ContrastiveActiveLearning"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, nargs="+", default=[100_000])
    parser.add_argument("--judged", type=int, default=1000)
    parser.add_argument("--labels", type=int, default=54)
    parser.add_argument("--strategy", action="append")
    parser.add_argument("--small-text", action="store_true")
    parser.add_argument("--limit-s", type=float, default=300.0, help="for each of small-text's")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(json.loads(given.one))))
        return
    from core.strategies.catalogue import STRATEGIES
    from core.strategies.selection import LARGEST_POOL

    names = given.strategy or [info.name for info in STRATEGIES]
    with tempfile.TemporaryDirectory() as folder:
        for n_documents in given.documents:
            make_vectors(Path(folder) / "vectors.f16", n_documents)
            print(f"{n_documents} documents, {given.judged} judged, {given.labels} labels, of 50:")
            task = {"folder": folder, "n": n_documents, "judged": given.judged}
            task["labels"] = given.labels
            if n_documents > LARGEST_POOL and any(map(reads_every_vector, names)):
                tell("the index, once", {**task, "kind": "index"}, None)
            for name in names:
                tell(name, {**task, "kind": "ours", "name": name}, None)
            for name in SMALL_TEXT if given.small_text else ():
                tell(
                    f"small-text {name}",
                    {**task, "kind": "small-text", "name": name},
                    given.limit_s,
                )


def tell(title: str, task: dict[str, Any], limit_s: float | None) -> None:
    """Run one in a process of its own and print its line."""
    run = [sys.executable, "-m", "benchmarks.query_speed", "--one", json.dumps(task)]
    try:
        done = subprocess.run(run, capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        print(f"  {title:<55} more than {limit_s:.0f} s", flush=True)
        return
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["killed"])[-1]
        print(f"  {title:<55} fails: {why[:100]}", flush=True)
        return
    found = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"  {title:<55}{found['seconds']:8.2f} s{found['peak_mb']:8.0f} MB peak", flush=True)


def one(task: dict[str, Any]) -> dict[str, float]:
    """Prepare what a round has, then time the query alone."""
    x = np.memmap(Path(task["folder"]) / "vectors.f16", dtype=np.float16, mode="r")
    x = x.reshape(-1, WIDTH)[: task["n"]]
    query = {"ours": ours, "small-text": small_text, "index": index}[task["kind"]]
    ready = query(x, task)
    started = time.perf_counter()
    ready()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "peak_mb": peak / (1024 if sys.platform != "darwin" else 1024**2)}


def ours(x: np.ndarray, task: dict[str, Any]) -> Any:
    from core.learners.threads import N_CORES
    from core.strategies.judged import Judged
    from core.strategies.neighbours import NeighbourIndex
    from core.strategies.recipe import Recipe
    from core.strategies.score_pool import score_pool
    from core.strategies.selection import LARGEST_POOL, choose_batch
    from core.strategies.subpool import anchored_subpool

    learner, truth = trained(x, task)
    n_judged, recipe = task["judged"], Recipe.of(task["name"])
    judged_x = np.asarray(x[:n_judged], dtype=np.float32)
    judged = Judged(judged_x, truth, np.full(truth.shape, 0.5, dtype=np.float32))
    pool, rng = x[n_judged:], np.random.default_rng(0)
    is_large = reads_every_vector(recipe.strategy) and len(pool) > LARGEST_POOL

    def query() -> None:
        part = None
        if is_large:
            near = NeighbourIndex.open(Path(task["folder"]), fingerprint="bench", width=WIDTH)
            part = anchored_subpool(near, np.arange(len(pool)), judged, n=50_000, rng=rng)
        scores = score_pool(learner, pool, recipe=recipe, judged=judged, n_threads=N_CORES)
        batch = choose_batch(
            scores,
            50,
            rng,
            recipe=recipe,
            judged=judged,
            read_vectors=lambda rows: np.asarray(pool[rows], dtype=np.float32),
            subpool=part,
        )
        assert len(set(batch.positions.tolist())) == 50

    return query


def reads_every_vector(name: str) -> bool:
    from core.strategies.catalogue import Family, strategy_info
    from core.strategies.selection import DRAWN_POOL

    return strategy_info(name).family is Family.BATCH and name not in DRAWN_POOL


def small_text(x: np.ndarray, task: dict[str, Any]) -> Any:
    import small_text as library
    from scipy.sparse import csr_matrix

    from core.learners.dataset import JudgedVectors, unjudged

    learner, truth = trained(x, task)
    n, n_judged = len(x), task["judged"]
    dataset = JudgedVectors(np.asarray(x, dtype=np.float32), unjudged(n, task["labels"]))
    learner.embed = lambda data_set, return_proba=False, **_: (
        (data_set.x, learner.predict_proba(data_set)) if return_proba else data_set.x
    )
    strategy = getattr(library, task["name"])()
    y = csr_matrix((truth > 0).astype(np.int64))
    rows = np.arange(n)
    return lambda: strategy.query(learner, dataset, rows[n_judged:], rows[:n_judged], y, n=50)


def index(x: np.ndarray, task: dict[str, Any]) -> Any:
    from core.strategies.neighbours import NeighbourIndex

    near = NeighbourIndex.open(Path(task["folder"]), fingerprint="bench", width=WIDTH)
    pool = x[task["judged"] :]

    def build() -> None:
        near.add(np.arange(len(pool)), pool)
        near.save()

    return build


def trained(x: np.ndarray, task: dict[str, Any]) -> tuple[Any, np.ndarray]:
    from core.learners.dataset import JudgedVectors
    from core.learners.quick import QuickConfig, new_quick

    rng, n_labels = np.random.default_rng(1), task["labels"]
    judged = np.asarray(x[: task["judged"]], dtype=np.float32)
    directions = rng.standard_normal((WIDTH, n_labels)).astype(np.float32)
    truth = (judged @ directions > 1.5).astype(np.int8)
    learner = new_quick(QuickConfig(), n_labels).fit(JudgedVectors(judged, truth))
    return learner, truth


def make_vectors(path: Path, n: int) -> None:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CENTRES, WIDTH)).astype(np.float32)
    with path.open("wb") as file:
        for start in range(0, n, 50_000):
            size = min(50_000, n - start)
            x = centres[rng.integers(CENTRES, size=size)]
            x = x + 0.7 * rng.standard_normal((size, WIDTH)).astype(np.float32)
            x /= np.linalg.norm(x, axis=1, keepdims=True)
            file.write(x.astype(np.float16).tobytes())


if __name__ == "__main__":
    main()
