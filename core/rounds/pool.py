"""Steps 6 and 7: score every document, then choose which to ask about and say why."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings, QueryKind
from core.encoders.cache import EmbeddingCache
from core.learners.threads import N_CORES
from core.rounds import files
from core.rounds.learner import load_learner
from core.rounds.measure import read_temperature
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, read_texts
from core.services.predictions import POOL_IDS, POOL_PROBA
from core.strategies.reasons import explain, explain_random, nearest_judged
from core.strategies.score_pool import score_pool
from core.strategies.selection import choose_batch, selection_probabilities


def score(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Score the whole pool; keep calibrated probabilities, scores and what each label added."""
    snapshot, use, round_ = Snapshot.read(task.folder), EncoderUse.read(task.folder), task.the_round
    n_documents = len(snapshot.pool_ids)
    scores = score_pool(
        load_learner(task),
        pool_vectors(use.cache(workshop.settings, task.project), snapshot.pool_ids),
        strategy=round_.strategy,
        n_passes=round_.config["n_passes"],
        seed=round_.seed,
        n_threads=N_CORES,
        should_stop=progress.should_stop,
        on_progress=lambda n_done: progress.count(n_done, n_documents),
    )
    calibrated = read_temperature(task).apply(scores.proba)
    files.write_array(task.folder / POOL_IDS, snapshot.pool_ids)
    files.write_array(task.folder / POOL_PROBA, calibrated.astype(np.float16))
    files.write_array(task.folder / files.POOL_SCORE, scores.score)
    files.write_array(
        task.folder / files.POOL_CONTRIBUTIONS, scores.contributions.astype(np.float16)
    )
    return {"n_scored": n_documents}


def pool_vectors(cache: EmbeddingCache, pool_ids: NDArray[np.int64]) -> Embeddings:
    """Vectors in the order of the pool, mapped where the cache has that order already."""
    ids, vectors = cache.view()
    if np.array_equal(ids, pool_ids):
        return vectors
    rows: Embeddings = cache.rows(pool_ids, dtype=np.float16)
    return rows


def choose_queries(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """What the strategy asks about: documents without a complete judgement, never audited ones."""
    snapshot, round_ = Snapshot.read(task.folder), task.the_round
    candidates = np.flatnonzero(~snapshot.is_complete & ~snapshot.is_audited)
    pool_score = files.read_array(task.folder / files.POOL_SCORE)
    n = round_.config["query_size"]
    cache = EncoderUse.read(task.folder).cache(workshop.settings, task.project)
    chosen = candidates[
        choose_batch(
            pool_score[candidates],
            n,
            np.random.default_rng(round_.seed),
            strategy=round_.strategy,
            read_vectors=lambda rows: cache.rows(snapshot.pool_ids[candidates[rows]]),
        )
    ]
    is_random = round_.strategy == "random"
    reasons = (
        [explain_random()] * len(chosen)
        if is_random
        else _reasons(workshop, task, snapshot, chosen)
    )
    probability = selection_probabilities(round_.strategy, n=n, n_pool=len(candidates))
    queries = [
        {
            "document_id": int(snapshot.pool_ids[row]),
            "kind": QueryKind.RANDOM if is_random else QueryKind.MODEL,
            "rank": rank,
            "score": float(pool_score[row]),
            "reason": reason,
            "selection_probability": probability,
        }
        for rank, (row, reason) in enumerate(zip(chosen, reasons, strict=True), start=1)
    ]
    files.write_json(task.folder / files.QUERIES, queries)
    return {"n_queries": len(queries), "n_pool": len(candidates)}


def _reasons(
    workshop: Workshop, task: Task, snapshot: Snapshot, chosen: NDArray[np.int64]
) -> list[str]:
    """In words, with the judged document each is most like."""
    contributions = files.read_array(task.folder / files.POOL_CONTRIBUTIONS, mapped=True)
    proba = files.read_array(task.folder / POOL_PROBA, mapped=True)
    cache = EncoderUse.read(task.folder).cache(workshop.settings, task.project)
    near, _ = nearest_judged(cache.rows(snapshot.pool_ids[chosen]), cache.rows(snapshot.train_ids))
    wanted = snapshot.train_ids[np.unique(near[near >= 0])]
    text_of = dict(zip(wanted.tolist(), read_texts(workshop.store, wanted), strict=True))
    return [
        explain(
            contributions[row].astype(np.float32),
            proba[row].astype(np.float32),
            snapshot.label_names,
            nearest=text_of.get(int(snapshot.train_ids[judged])) if judged >= 0 else None,
        )
        for row, judged in zip(chosen, near, strict=True)
    ]
