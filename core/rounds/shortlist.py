"""A closer look at the few documents that the fast score found worth one.

Dropout in the encoder costs an encoder pass per draw, so only a shortlist is
scored that way. The rest of the pool stays out of the score's choice, but not out
of those that look at no score: what is drawn by lot speaks for all candidates.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.learners.ensemble import QuickEnsemble
from core.learners.stochastic_quick import rescore
from core.rounds.known import judged_of, recipe_of
from core.rounds.learner import load_learner
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, read_texts
from core.strategies.batches import SHORTLIST
from core.strategies.diversity import highest
from core.strategies.recipe import ALL_LAYERS
from core.strategies.score_pool import PoolScores, rescore_samples

PER_QUERY = 5  # documents looked at closely for each that is asked about, at the least
FEWEST = 200


def rescored(
    workshop: Workshop,
    task: Task,
    candidates: NDArray[np.int64],
    scores: PoolScores,
    *,
    progress: Progress,
) -> tuple[NDArray[np.int64], PoolScores]:
    """Give the candidates again, scored with the encoder's dropout on; 0 outside the shortlist."""
    recipe, learner = recipe_of(task), load_learner(task)
    if isinstance(learner, QuickEnsemble):
        raise InputError(
            "Dropout in the encoder needs a head with a posterior of its own; choose 'dropout' as "
            "the source of several opinions, or the head alone as what stays stochastic."
        )
    per_query = max(PER_QUERY, SHORTLIST.get(recipe.batching, 1))
    n = max(per_query * task.the_round.config["query_size"], FEWEST)
    best = np.sort(highest(scores.score, n, np.random.default_rng(task.the_round.seed)))
    snapshot, use = Snapshot.read(task.folder), EncoderUse.read(task.folder)
    rows = candidates[best]
    words = use.lexical_cache(workshop.settings, task.project)
    samples = rescore(
        read_texts(workshop.store, snapshot.pool_ids[rows]),
        learner,
        workshop.encoder(use.load_name(workshop.settings)),
        n_layers=None if recipe.stochastic_layers == ALL_LAYERS else recipe.stochastic_layers,
        n_passes=recipe.n_passes,
        beside=None if words is None else _floats(words.rows(snapshot.pool_ids[rows])),
        seed=task.the_round.seed,
        should_stop=progress.should_stop,
        on_progress=lambda n_done: progress.count(n_done, len(rows)),
    )
    judged = judged_of(workshop, task, snapshot)
    closer = rescore_samples(scores.take(best), samples, recipe=recipe, judged=judged)
    score, contributions = np.zeros_like(scores.score), scores.contributions.copy()
    score[best], contributions[best] = closer.score, closer.contributions
    return candidates, replace(scores, score=score, contributions=contributions)


def _floats(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(vectors, dtype=np.float32)
