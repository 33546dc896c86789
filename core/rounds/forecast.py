"""Step 8: have predictions settled since earlier rounds, and what would more judgements bring?

Reads this round's and earlier rounds' files, trains a few small heads on parts
of the judgements, and writes one JSON file. Nothing is decided by it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from core.domain import PRESENT, EvaluationSource, JobStatus
from core.errors import CorruptArtefact
from core.evaluation.counts import predict
from core.evaluation.forecast import Forecast, look_ahead
from core.evaluation.outlook import FEW, Outlook, label_outlooks
from core.evaluation.report import Evaluation
from core.evaluation.stopping import WINDOW, Predicted, StoppingState, stop_set, stopping_state
from core.evaluation.thresholds import predict_exclusive
from core.rounds import files
from core.rounds.chosen import read_cuts
from core.rounds.curve import audit_points, out_of_fold_points
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop
from core.services.operating_points import thresholds_chosen
from core.services.predictions import LABEL_IDS, POOL_IDS, POOL_PROBA
from core.store.tables import Round

ENOUGH_JUDGED = 60  # a fifth of fewer teaches a head nothing worth a point on a curve
ENOUGH_AUDITED = 100  # with fewer, chance in the audit set outweighs every gain
MORE_JUDGED, MORE_JUDGED_SHARE = 10, 0.02  # between rounds worth comparing

TOO_FEW = (
    "There is no forecast yet: its curve needs {needed} judged documents outside the audit set, "
    "and there are {n}."
)
TUNED = (
    "There is no forecast: the encoder itself has learnt from these judgements, so what fewer of "
    "them would have taught cannot be tried out."
)


def forecast(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Write what this round knows of the way done and the way ahead."""
    snapshot = Snapshot.read(task.folder)
    evaluation = Evaluation.from_json(files.read_json(task.folder / files.EVALUATION))
    agreement = compare_with_earlier(workshop, task, snapshot)
    ahead, note = _look_ahead(workshop, task, snapshot, progress=progress)
    n_present = (snapshot.train_truth == PRESENT).sum(axis=0)
    outlook = Outlook(
        agreement=agreement,
        forecast=ahead,
        note=note,
        n_labels=len(snapshot.label_names),
        n_few=int((n_present < FEW).sum()),
        labels=label_outlooks(
            snapshot.label_names,
            n_present.tolist(),
            [label.f1 for label in evaluation.labels],
            agreement=agreement,
            forecast=ahead,
        ),
    )
    files.write_json(task.folder / files.OUTLOOK, outlook.to_json())
    return {"n_compared": agreement.n_steps, "has_forecast": ahead is not None}


def compare_with_earlier(workshop: Workshop, task: Task, snapshot: Snapshot) -> StoppingState:
    """Compare this round's predictions of the stop set with those of earlier rounds.

    A round counts only where judgements lie between it and the next: two
    rounds on the same judgements agree whatever they have learnt.
    """
    label_ids = files.read_json(task.folder / LABEL_IDS)
    ids = snapshot.pool_ids[~snapshot.is_audited]
    ids = ids[stop_set(ids)]
    cuts = read_cuts(task.folder, snapshot.label_names)
    proba = _read_proba(task.folder, ids, label_ids)
    n_known = [len(snapshot.train_ids)]
    rounds = [_predicted(task, proba, cuts.thresholds)]
    for round_ in _earlier_rounds(workshop, task):
        n = (round_.n_judged or 0) + int((round_.metrics or {}).get("n_held_out") or 0)
        if n_known[0] - n < max(MORE_JUDGED, MORE_JUDGED_SHARE * n) or round_.threshold is None:
            continue
        folder = workshop.settings.checkpoints_dir / str(round_.checkpoint)
        try:
            earlier = _read_proba(folder, ids, label_ids)
        except CorruptArtefact:
            continue  # its files were cleared away: there is nothing to compare with
        n_known.insert(0, n)
        chosen = thresholds_chosen(round_)
        cut = np.array([chosen.of(id_) for id_ in label_ids])
        rounds.insert(0, _predicted(task, earlier, cut))
        if len(rounds) > WINDOW:
            break
    return stopping_state(rounds, n_known=n_known, proba=proba)


def _predicted(
    task: Task, proba: NDArray[np.float32], thresholds: NDArray[np.float64]
) -> Predicted:
    if not task.is_exclusive:
        return Predicted(present=predict(proba, thresholds), known=np.isfinite(proba))
    return Predicted(present=predict_exclusive(proba), known=np.isfinite(proba))


def _earlier_rounds(workshop: Workshop, task: Task) -> list[Round]:
    """Finished rounds of the project before this one, the latest first."""
    with workshop.store.read() as session:
        rounds = session.scalars(
            select(Round)
            .where(
                Round.project_id == task.project.id,
                Round.number < task.the_round.number,
                Round.status == JobStatus.DONE,
            )
            .order_by(Round.number.desc())
        ).all()
        session.expunge_all()
    return list(rounds)


def _read_proba(folder: Path, ids: NDArray[np.int64], label_ids: list[int]) -> NDArray[np.float32]:
    """A round's probabilities of these documents and labels; NaN for what it did not know."""
    pool_ids = files.read_array(folder / POOL_IDS)
    stored = files.read_array(folder / POOL_PROBA, mapped=True)
    column_of = {id_: column for column, id_ in enumerate(files.read_json(folder / LABEL_IDS))}
    proba = np.full((len(ids), len(label_ids)), np.nan, dtype=np.float32)
    rows = np.flatnonzero(np.isin(ids, pool_ids))
    taken = np.asarray(stored[np.searchsorted(pool_ids, ids[rows])], dtype=np.float32)
    for column, id_ in enumerate(label_ids):
        if id_ in column_of:
            proba[rows, column] = taken[:, column_of[id_]]
    return proba


def _look_ahead(
    workshop: Workshop, task: Task, snapshot: Snapshot, *, progress: Progress
) -> tuple[Forecast | None, str]:
    """The forecast, or why there is none."""
    n_judged = len(snapshot.train_ids)
    if EncoderUse.read(task.folder).tuned_in is not None:
        return None, TUNED
    if n_judged < ENOUGH_JUDGED:
        return None, TOO_FEW.format(needed=ENOUGH_JUDGED, n=n_judged)
    source = EvaluationSource.OUT_OF_FOLD
    if len(snapshot.audit_ids) >= ENOUGH_AUDITED:
        source = EvaluationSource.AUDIT
    measure = audit_points if source is EvaluationSource.AUDIT else out_of_fold_points
    return (
        look_ahead(
            measure(workshop, task, snapshot, progress=progress),
            n_judged=n_judged,
            n_present=(snapshot.train_truth == PRESENT).sum(axis=0),
            names=snapshot.label_names,
            source=source,
            seed=task.the_round.seed,
        ),
        "",
    )
