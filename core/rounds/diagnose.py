"""Step 9: which judgements to look at again, and whether the judged documents are like others.

Reads what the round has made so far and writes its files into its folder; nothing
is decided by them. Documents of the audit set are left out: judged again with the
model's opinion beside them, they would flatter it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from core.domain import UNJUDGED, Proba, SubmissionKind, Truth
from core.errors import Cancelled
from core.evaluation.calibration import cross_fitted_calibration
from core.evaluation.copies import find_conflicts, near_copies, same_words
from core.evaluation.counts import ENOUGH_TO_MEASURE
from core.evaluation.drift import MOST_DOCUMENTS, Drift, expected_shares, measure_drift
from core.evaluation.intervals import wilson_interval
from core.evaluation.pair_review import find_pairs
from core.evaluation.shifts import Renamed, Shifted, find_shifts
from core.evaluation.suspects import (
    ErrorRates,
    askable,
    estimate_error_rates,
    find_suspects,
)
from core.rounds import files
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, read_texts
from core.rounds.unseen import read_kept
from core.services.diagnoses import COMPANIONS, COPIES, DRIFT, PAIRS, SUSPECTS, Cells
from core.services.predictions import LABEL_IDS, POOL_PROBA
from core.store.store import Store
from core.store.tables import Submission

MOST_SUSPECTS = 5000
LEAST_SUSPICION = 0.05  # one in twenty is wrong: below, looking again is wasted
MOST_COPIES = 2000
MOST_PAIRS = 2000
MOST_COMPARED = 4000  # documents, the newest: pairs grow with the square
MOST_OF_POOL = 20_000  # probabilities averaged for a label's expected share

Ids = NDArray[np.int64]


def diagnose(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Write suspects, copies judged differently, and drift."""
    snapshot = Snapshot.read(task.folder)
    proba = honest_proba(task)
    asked = askable(proba, snapshot.train_truth, exclusive=task.is_exclusive)
    rates = estimate_error_rates(proba, asked.truth)
    suspects = _suspects(task, snapshot, proba, asked.truth, rates)
    _write(task, SUSPECTS, suspects)
    _go_on(progress, 0.2)
    copies = _copies(workshop, task, snapshot, proba, rates, progress)
    _write(task, COPIES, copies)
    _write(task, PAIRS, _pairs(task, snapshot, proba, is_companion=False))
    _write(task, COMPANIONS, _pairs(task, snapshot, proba, is_companion=True))
    _go_on(progress, 0.6)
    told = _drift(workshop, task, snapshot, proba)
    told |= {
        "error_rates": {"left_out": rates.left_out, "given": rates.given},
        "n_suspects": len(suspects),
        "expected_wrong": float(suspects.suspicion.sum()),
        "n_rare": asked.n_rare,
        "n_rare_labels": asked.n_rare_labels,
    }
    files.write_json(task.folder / DRIFT, told)
    return {"n_suspects": len(suspects), "n_copies": len(copies)}


def honest_proba(task: Task) -> Proba:
    """Calibrated probabilities of the train documents by what did not see them; else NaN."""
    kept = read_kept(task)
    usable = kept.usable
    proba = np.full(kept.proba.shape, np.nan, dtype=np.float32)
    if len(usable) >= ENOUGH_TO_MEASURE:
        proba[kept.is_usable] = cross_fitted_calibration(
            usable.proba, usable.truth, usable.folds, exclusive=task.is_exclusive
        )
    return proba


def _suspects(
    task: Task, snapshot: Snapshot, proba: Proba, judged: Truth, rates: ErrorRates
) -> Cells:
    found = find_suspects(proba, judged, rates=rates, most=MOST_SUSPECTS)
    is_worth = found.suspicion >= LEAST_SUSPICION
    rows, labels = found.rows[is_worth], found.labels[is_worth]
    label_ids = _label_ids(task)
    return Cells(
        document_ids=snapshot.train_ids[rows],
        label_ids=label_ids[labels],
        suspicion=found.suspicion[is_worth],
        is_present=found.is_present[is_worth],
        proba=proba[rows, labels],
        others=np.zeros(len(rows), dtype=np.int64),
        alternatives=_alternatives(task, proba[rows], labels, label_ids),
        with_ids=np.zeros(len(rows), dtype=np.int64),
        cosine=np.full(len(rows), np.nan),
    )


def _copies(
    workshop: Workshop,
    task: Task,
    snapshot: Snapshot,
    proba: Proba,
    rates: ErrorRates,
    progress: Progress,
) -> Cells:
    newest = np.arange(max(len(snapshot.train_ids) - MOST_COMPARED, 0), len(snapshot.train_ids))
    ids = snapshot.train_ids[newest]
    pairs = same_words(read_texts(workshop.store, ids))
    cosines = np.ones(len(pairs))
    use = EncoderUse.read(task.folder)
    if use.tuned_in is None:  # a tuned encoder brings all documents of a label together
        vectors = use.cache(workshop.settings, task.project).rows(ids)
        near, likeness = near_copies(vectors, should_stop=progress.should_stop)
        known = set(map(tuple, pairs.tolist()))
        is_new = np.array([pair not in known for pair in map(tuple, near.tolist())], dtype=bool)
        pairs = np.concatenate([pairs, near[is_new]])
        cosines = np.concatenate([cosines, likeness[is_new]])
    found = find_conflicts(
        pairs,
        cosines,
        proba[newest],
        snapshot.train_truth[newest],
        rates=rates,
        exclusive=task.is_exclusive,
        most=MOST_COPIES,
    )
    rows, labels, label_ids = newest[found.rows], found.labels, _label_ids(task)
    return Cells(
        document_ids=snapshot.train_ids[rows],
        label_ids=label_ids[labels],
        suspicion=found.suspicion,
        is_present=found.is_present,
        proba=proba[rows, labels],
        others=snapshot.train_ids[newest[found.others]],
        alternatives=_alternatives(task, proba[rows], labels, label_ids),
        with_ids=np.zeros(len(rows), dtype=np.int64),
        cosine=found.cosine,
    )


def _pairs(task: Task, snapshot: Snapshot, proba: Proba, *, is_companion: bool) -> Cells:
    """Labels together that hardly ever are, or labels missing beside their companion."""
    truth = snapshot.train_truth
    if task.is_exclusive:  # no two labels meet
        truth = truth[:0]
    found = find_pairs(truth, proba[: len(truth)], most=MOST_PAIRS)
    places = np.flatnonzero(found.is_companion == is_companion)
    rows, labels, label_ids = found.rows[places], found.labels[places], _label_ids(task)
    return Cells(
        document_ids=snapshot.train_ids[rows],
        label_ids=label_ids[labels],
        suspicion=found.surprise[places],
        is_present=np.full(len(rows), not is_companion),
        proba=proba[rows, labels],
        others=np.zeros(len(rows), dtype=np.int64),
        alternatives=np.zeros(len(rows), dtype=np.int64),
        with_ids=label_ids[found.others[places]],
        cosine=np.full(len(rows), np.nan),
    )


def _alternatives(task: Task, proba: Proba, labels: Ids, label_ids: Ids) -> Ids:
    """Where one label applies, the most probable other one; elsewhere 0."""
    if not task.is_exclusive or not len(labels):
        return np.zeros(len(labels), dtype=np.int64)
    others = np.where(np.isfinite(proba), proba, -1.0)
    others[np.arange(len(labels)), labels] = -2.0
    alternatives: Ids = label_ids[others.argmax(axis=1)]
    return alternatives


def _drift(workshop: Workshop, task: Task, snapshot: Snapshot, proba: Proba) -> dict[str, Any]:
    rng = np.random.default_rng(task.the_round.seed)
    is_open = ~snapshot.is_complete & ~snapshot.is_audited
    is_open &= ~np.isin(snapshot.pool_ids, snapshot.train_ids)
    waiting = np.flatnonzero(is_open)
    cache = EncoderUse.read(task.folder).cache(workshop.settings, task.project)
    drift = measure_drift(
        cache.rows(_some(snapshot.train_ids, MOST_DOCUMENTS, rng)),
        cache.rows(snapshot.pool_ids[_some(waiting, MOST_DOCUMENTS, rng)]),
        seed=task.the_round.seed,
    )
    stored = files.read_array(task.folder / POOL_PROBA, mapped=True)
    expected_of = np.asarray(stored[_some(waiting, MOST_OF_POOL, rng)], dtype=np.float32)
    order = judged_at(workshop.store, task, snapshot)
    renamed, shifted = find_shifts(proba, snapshot.train_truth, order)
    found: list[Renamed | Shifted] = [*renamed, *shifted]
    label_ids = _label_ids(task)
    return {
        **_of_drift(drift),
        "n_waiting": len(waiting),
        "labels": _shares(snapshot, expected_of, label_ids),
        "findings": [_finding(one, snapshot.label_names, label_ids) for one in found],
    }


def judged_at(store: Store, task: Task, snapshot: Snapshot) -> Ids:
    """The first submission about each train document that judged something, (documents,)."""
    last = files.read_json(task.folder / files.SNAPSHOT_ABOUT)["up_to_submission"]
    judging = (SubmissionKind.COMPLETE, SubmissionKind.PARTIAL)
    with store.read() as session:
        first = dict(
            session.execute(
                select(Submission.document_id, func.min(Submission.id))
                .where(
                    Submission.project_id == task.project.id,
                    Submission.id <= last,
                    Submission.kind.in_(judging),
                )
                .group_by(Submission.document_id)
            ).all()
        )
    return np.array([first.get(id_, 0) for id_ in snapshot.train_ids.tolist()], dtype=np.int64)


def _of_drift(drift: Drift) -> dict[str, Any]:
    return {
        "auc": _plain(drift.auc),
        "low": _plain(drift.low),
        "high": _plain(drift.high),
        "n_judged": drift.n_judged,
        "n_pool": drift.n_pool,
    }


def _shares(snapshot: Snapshot, expected_of: Proba, label_ids: Ids) -> list[dict[str, Any]]:
    truth = snapshot.train_truth
    judged, expected = expected_shares(truth, expected_of)
    n_judged = (truth != UNJUDGED).sum(axis=0)
    low, high = wilson_interval((truth == 1).sum(axis=0), n_judged)
    return [
        {
            "label_id": int(label_ids[i]),
            "name": name,
            "n_judged": int(n_judged[i]),
            "judged": _plain(judged[i]),
            "low": _plain(low[i]),
            "high": _plain(high[i]),
            "expected": _plain(expected[i]),
        }
        for i, name in enumerate(snapshot.label_names)
    ]


def _finding(found: Renamed | Shifted, names: tuple[str, ...], label_ids: Ids) -> dict[str, Any]:
    of = (found.before, found.after) if isinstance(found, Renamed) else (found.label,)
    return {
        "kind": "renamed" if isinstance(found, Renamed) else "shifted",
        "label_ids": [int(label_ids[label]) for label in of],
        "at": found.at,
        "strength": _plain(found.strength),  # None: one of them was not asked for on one side
        "sentence": found.sentence(names),
    }


def _label_ids(task: Task) -> Ids:
    return np.array(files.read_json(task.folder / LABEL_IDS), dtype=np.int64)


def _some(values: Ids, most: int, rng: np.random.Generator) -> Ids:
    return values if len(values) <= most else np.sort(rng.choice(values, most, replace=False))


def _write(task: Task, name: str, cells: Cells) -> None:
    files.write_arrays(task.folder / name, **cells.arrays())


def _go_on(progress: Progress, fraction: float) -> None:
    if progress.should_stop():
        raise Cancelled("Cancelled while looking for doubtful judgements.")
    progress.report(fraction)


def _plain(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
