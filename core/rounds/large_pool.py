"""The part of a large pool that strategies reading every vector look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Task, Workshop
from core.strategies.catalogue import Family, strategy_info
from core.strategies.judged import Judged
from core.strategies.neighbours import NeighbourIndex
from core.strategies.selection import DRAWN_POOL, LARGEST_POOL
from core.strategies.subpool import anchored_subpool

SUBPOOL = 50_000  # documents: neighbours of the judged ones, and a share by lot


def part_to_look_at(
    workshop: Workshop,
    task: Task,
    candidate_ids: NDArray[np.int64],
    *,
    judged: Judged,
    progress: Progress,
) -> NDArray[np.int64] | None:
    """Give positions of the candidates to look at; None is all of them.

    Up to 200,000 candidates, and for strategies that score one document at a
    time or draw their own part, that is all. The index behind a part is kept beside the vectors, so
    the first round on a large pool builds it and later ones add what is new.
    """
    strategy = task.the_round.strategy
    reads_all = strategy_info(strategy).family is Family.BATCH and strategy not in DRAWN_POOL
    if not reads_all or len(candidate_ids) <= LARGEST_POOL:
        return None
    use = EncoderUse.read(task.folder)
    cache = use.cache(workshop.settings, task.project)
    index = NeighbourIndex.open(cache.folder, fingerprint=use.fingerprint, width=use.width)
    ids, vectors = cache.view()
    n_before = len(index)
    progress.report(0.0, n_done=n_before, n_total=len(ids))
    try:
        n_added = index.add(ids, vectors, should_stop=progress.should_stop)
    finally:
        if len(index) > n_before:  # also what was added before somebody cancelled
            index.save()
    progress.report(1.0, n_done=len(index), n_total=len(ids), n_indexed=n_added)
    rng = np.random.default_rng(task.the_round.seed)
    return anchored_subpool(index, candidate_ids, judged, n=SUBPOOL, rng=rng)
