"""The points of a learning curve: heads trained on nested parts of the judgements.

They are of the variant that the round has chosen. A network takes its own number
of steps on any part, so a part costs as much as the whole and there are few: two
sizes, once. The third and largest size is free, as the round has it already. Where
the round trained ensembles, single heads of three sizes stand in for them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.domain import Posterior, Proba
from core.evaluation.forecast import CurvePoints
from core.evaluation.thresholds import predict_exclusive
from core.learners.cross_validation import assign_folds
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.quick import new_quick
from core.learners.threads import N_CORES
from core.rounds import files
from core.rounds.known import recipe_of
from core.rounds.learner import load_learner
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop
from core.rounds.train import N_FOLDS

REPETITIONS = 1  # a second would double the time, and its interval covered no better
PARTS = (0.2, 0.4)  # beside the folds' own 1 - 1 / N_FOLDS
PARTS_ALONE = (0.2, 0.4, 0.6)
AUDIT_PARTS = (0.25, 0.5)  # beside the round's head, trained on all
AUDIT_PARTS_ALONE = (0.25, 0.5, 1.0)
MOST_MEASURED = 2000  # documents; more would cost time and hardly narrow an interval

Rows = NDArray[np.int64]


def out_of_fold_points(
    workshop: Workshop, task: Task, snapshot: Snapshot, *, progress: Progress
) -> CurvePoints:
    """Measure on judged documents that neither part of a repetition holds."""
    unseen, n = files.read_arrays(task.folder / files.UNSEEN), len(snapshot.train_ids)
    rng = np.random.default_rng(task.the_round.seed)
    measured = np.sort(rng.permutation(n)[:MOST_MEASURED])
    orders = [rng.permutation(n) for _ in range(REPETITIONS)]
    sizes = [round(part * n) for part in (PARTS_ALONE if _is_ensemble(task) else PARTS)]
    x, truth = _features(workshop, task, snapshot.train_ids), snapshot.train_truth[measured]
    proba = _train_parts(task, snapshot, x, x[measured], orders, sizes, progress=progress)
    if not _is_ensemble(task):
        whole = np.broadcast_to(unseen["proba"][measured], (REPETITIONS, 1, *truth.shape))
        proba = np.concatenate([proba, whole], axis=1)
    for repetition, order in enumerate(orders):
        proba[repetition][:, np.isin(measured, order[: sizes[-1]])] = np.nan
    largest = [] if _is_ensemble(task) else [round((1 - 1 / N_FOLDS) * n)]
    return CurvePoints(
        n_trained=np.array([*sizes, *largest]),
        proba=_predicted(proba) if task.is_exclusive else proba,
        truth=truth,
        folds=unseen["folds"][measured],
    )


def audit_points(
    workshop: Workshop, task: Task, snapshot: Snapshot, *, progress: Progress
) -> CurvePoints:
    """Measure on the audit set, which no head ever trains on."""
    n = len(snapshot.train_ids)
    rng = np.random.default_rng(task.the_round.seed)
    orders = [rng.permutation(n) for _ in range(REPETITIONS)]
    sizes = [round(part * n) for part in (AUDIT_PARTS_ALONE if _is_ensemble(task) else AUDIT_PARTS)]
    rows = np.sort(rng.permutation(len(snapshot.audit_ids))[:MOST_MEASURED])
    audit, truth = _features(workshop, task, snapshot.audit_ids[rows]), snapshot.audit_truth[rows]
    x = _features(workshop, task, snapshot.train_ids)
    proba = _train_parts(task, snapshot, x, audit, orders, sizes, progress=progress)
    if not _is_ensemble(task):
        whole = load_learner(task).predict_proba(JudgedVectors(audit, truth))
        whole = np.broadcast_to(whole, (REPETITIONS, 1, *truth.shape))
        proba, sizes = np.concatenate([proba, whole], axis=1), [*sizes, n]
    return CurvePoints(
        n_trained=np.array(sizes),
        proba=_predicted(proba) if task.is_exclusive else proba,
        truth=truth,
        folds=assign_folds(truth, n_folds=N_FOLDS, seed=task.the_round.seed),
    )


def _is_ensemble(task: Task) -> bool:
    return recipe_of(task).posterior is Posterior.ENSEMBLE


def _features(workshop: Workshop, task: Task, ids: Rows) -> NDArray[np.float32]:
    return EncoderUse.read(task.folder).features(workshop.settings, task.project).rows(ids)


def _predicted(proba: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 for each document's most probable label and 0 for the others: no threshold decides."""
    flat = proba.reshape(-1, proba.shape[-1])
    certain = np.where(np.isfinite(flat), predict_exclusive(flat), np.nan)
    return certain.reshape(proba.shape).astype(np.float32)


def _train_parts(
    task: Task,
    snapshot: Snapshot,
    x: NDArray[np.float32],
    test: NDArray[np.float32],
    orders: list[Rows],
    sizes: list[int],
    *,
    progress: Progress,
) -> NDArray[np.float32]:
    """Probabilities of `test` by heads of every order's first so many.

    Shape (repetitions, sizes, documents, labels).
    """
    config, truth = load_learner(task).config, snapshot.train_truth
    blocks = EncoderUse.read(task.folder).blocks
    shape = (len(orders), len(sizes), len(test), truth.shape[1])
    n_done = 0

    def fit_predict(at: tuple[int, ...]) -> Proba:
        nonlocal n_done
        repetition, size = at
        rows = orders[repetition][: sizes[size]]
        seeded = replace(config, seed=config.seed + 1 + repetition)
        head = new_quick(seeded, truth.shape[1], blocks=blocks)
        head.fit(JudgedVectors(x[rows], truth[rows]), should_stop=progress.should_stop)
        n_done += 1
        progress.count(n_done, len(orders) * len(sizes))
        return head.predict_proba(JudgedVectors(test, unjudged(len(test), truth.shape[1])))

    with ThreadPoolExecutor(N_CORES) as threads:
        found = list(threads.map(fit_predict, np.ndindex(shape[:2])))
    return np.array(found, dtype=np.float32).reshape(shape)
