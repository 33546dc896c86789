"""What a round knows already, in the shape that strategies look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import UNJUDGED
from core.rounds import files
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop
from core.strategies.judged import Judged
from core.strategies.recipe import Recipe


def recipe_of(task: Task) -> Recipe:
    """How this round chooses its questions."""
    return Recipe(**task.the_round.config["recipe"])


def judged_of(workshop: Workshop, task: Task, snapshot: Snapshot) -> Judged:
    """The judged documents with vectors, truth, and predictions of learners that missed them."""
    cache = EncoderUse.read(task.folder).cache(workshop.settings, task.project)
    return Judged(
        x=cache.rows(snapshot.train_ids),
        truth=snapshot.train_truth,
        proba=files.read_arrays(task.folder / files.UNSEEN)["proba"],
    )


def candidates_of(snapshot: Snapshot) -> NDArray[np.int64]:
    """Rows of the pool that may be asked about: neither judged whole nor audited."""
    return np.flatnonzero(~snapshot.is_complete & ~snapshot.is_audited)


def n_judged_labels(snapshot: Snapshot) -> NDArray[np.int64]:
    """How many labels of each document of the pool are judged, shape (pool,)."""
    n_labels = np.zeros(len(snapshot.pool_ids), dtype=np.int64)
    rows = np.searchsorted(snapshot.pool_ids, snapshot.train_ids)
    n_labels[rows] = (snapshot.train_truth != UNJUDGED).sum(axis=1)
    return n_labels
