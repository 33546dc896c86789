"""Step 6: score every document of the pool. Choosing among them is `core.rounds.ask`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings
from core.encoders.cache import EmbeddingCache
from core.learners.threads import N_CORES
from core.rounds import files
from core.rounds.chosen import read_calibration, read_cuts
from core.rounds.known import candidates_of, judged_of, n_judged_labels, recipe_of
from core.rounds.learner import load_learner
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop
from core.services.predictions import POOL_IDS, POOL_PROBA
from core.strategies.score_pool import score_pool


def score(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Score the whole pool; keep calibrated probabilities, scores and what each label added."""
    snapshot, use = Snapshot.read(task.folder), EncoderUse.read(task.folder)
    n_documents = len(snapshot.pool_ids)
    features = use.features(workshop.settings, task.project).of(snapshot.pool_ids)
    scores = score_pool(
        load_learner(task),
        features,
        recipe=recipe_of(task),
        judged=judged_of(workshop, task, snapshot),
        candidates=candidates_of(snapshot),
        read_vectors=features.block(0).__getitem__,  # strategies compare meanings alone
        n_asked=n_judged_labels(snapshot),
        threshold=_plain_thresholds(task, snapshot),
        seed=task.the_round.seed,
        n_threads=N_CORES,
        should_stop=progress.should_stop,
        on_progress=lambda n_done: progress.count(n_done, n_documents),
    )
    calibrated = read_calibration(task.folder).apply(scores.proba)
    files.write_array(task.folder / POOL_IDS, snapshot.pool_ids)
    files.write_array(task.folder / POOL_PROBA, calibrated.astype(np.float16))
    files.write_array(task.folder / files.POOL_SCORE, scores.score)
    files.write_array(
        task.folder / files.POOL_CONTRIBUTIONS, scores.contributions.astype(np.float16)
    )
    if scores.gains is not None:
        files.write_array(task.folder / files.POOL_GAINS, scores.gains.astype(np.float16))
    return {"n_scored": n_documents}


def _plain_thresholds(task: Task, snapshot: Snapshot) -> NDArray[np.float64]:
    """The round's thresholds as they cut probabilities that are not calibrated."""
    chosen = read_cuts(task.folder, snapshot.label_names).thresholds
    if task.is_exclusive:
        return chosen  # predictions are the most probable labels, and go by no threshold
    return read_calibration(task.folder).undo(chosen)


def pool_vectors(cache: EmbeddingCache, pool_ids: NDArray[np.int64]) -> Embeddings:
    """Vectors in the order of the pool, mapped where the cache has that order already."""
    ids, vectors = cache.view()
    if np.array_equal(ids, pool_ids):
        return vectors
    rows: Embeddings = cache.rows(pool_ids, dtype=np.float16)
    return rows
