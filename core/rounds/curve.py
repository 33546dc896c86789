"""The points of a learning curve: heads trained on nested parts of the judgements.

Every head takes the round's own number of steps, so a part costs as much as the
whole and there are few: two sizes, once. The third and largest size is free, as
the round has it already. Where the round trained ensembles, single heads of three
sizes stand in for them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.domain import Posterior, Proba
from core.evaluation.forecast import CurvePoints
from core.learners.cross_validation import assign_folds
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.quick import QuickConfig, QuickLearner
from core.learners.threads import N_CORES
from core.rounds import files
from core.rounds.known import recipe_of
from core.rounds.learner import load_learner
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, learner_options
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
        proba=proba,
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
        proba=proba,
        truth=truth,
        folds=assign_folds(truth, n_folds=N_FOLDS, seed=task.the_round.seed),
    )


def _is_ensemble(task: Task) -> bool:
    return recipe_of(task).posterior is Posterior.ENSEMBLE


def _features(workshop: Workshop, task: Task, ids: Rows) -> NDArray[np.float32]:
    return EncoderUse.read(task.folder).features(workshop.settings, task.project).rows(ids)


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
    config = QuickConfig(**learner_options(task.the_round))
    truth = snapshot.train_truth
    shape = (len(orders), len(sizes), len(test), truth.shape[1])
    n_done = 0

    def fit_predict(at: tuple[int, ...]) -> Proba:
        nonlocal n_done
        repetition, size = at
        rows = orders[repetition][: sizes[size]]
        head = QuickLearner(replace(config, seed=config.seed + 1 + repetition), truth.shape[1])
        head.fit(JudgedVectors(x[rows], truth[rows]), should_stop=progress.should_stop)
        n_done += 1
        progress.count(n_done, len(orders) * len(sizes))
        return head.predict_proba(JudgedVectors(test, unjudged(len(test), truth.shape[1])))

    with ThreadPoolExecutor(N_CORES) as threads:
        found = list(threads.map(fit_predict, np.ndindex(shape[:2])))
    return np.array(found, dtype=np.float32).reshape(shape)
