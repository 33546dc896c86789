"""Documents as one round saw them: judged, predicted and with what probability, page by page.

Measured documents come from the round's evaluation outputs, others from its
scores of the pool; texts and today's judgements come from the database.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.domain import PRESENT, UNJUDGED, Truth
from core.evaluation.behind import Ids, rows_of
from core.evaluation.counts import Floats, Mask, predict
from core.evaluation.outputs import EvaluationOutputs
from core.services.documents import DocumentInBrief, documents_in_brief
from core.services.judgement_matrix import LabelSpan, load_events, resolve
from core.services.predictions import DEFAULT_THRESHOLD, LABEL_IDS, POOL_IDS, POOL_PROBA
from core.store.tables import Label


@dataclass(frozen=True, eq=False)
class Seen:
    """Where to look: a round's labels, its measured documents and its folder."""

    project_id: int
    label_ids: tuple[int, ...]
    names: tuple[str, ...]
    colours: tuple[str, ...]
    thresholds: Floats  # (labels,)
    outputs: EvaluationOutputs | None
    folder: Path | None
    exclusive: bool = False


@dataclass(frozen=True, eq=False)
class SeenDocument:
    """One document; every array is (labels,), in the order of the round's labels."""

    brief: DocumentInBrief
    is_measured: bool
    proba: Floats  # NaN: not scored
    predicted: Mask
    truth: Truth  # as judged when the round ran
    truth_now: Truth

    @property
    def judged_present(self) -> list[int]:
        """Positions of the labels judged present."""
        return [int(label) for label in np.flatnonzero(self.truth == PRESENT)]

    @property
    def predicted_present(self) -> list[int]:
        """Positions of the predicted labels, the surest first."""
        order = np.argsort(-np.nan_to_num(self.proba), kind="stable")
        return [int(label) for label in order if self.predicted[label]]

    @property
    def is_judged(self) -> bool:
        """Whether any label was judged when the round ran."""
        return bool((self.truth != UNJUDGED).any())

    @property
    def is_judged_anew(self) -> bool:
        """Whether a label is judged otherwise by now."""
        return bool((self.truth != self.truth_now).any())


def seen_in(
    session: Session,
    project_id: int,
    *,
    outputs: EvaluationOutputs | None,
    folder: Path | None,
    threshold: float | None,
    exclusive: bool = False,
) -> Seen:
    """What a round knows; without outputs, its labels come from its files and the schema."""
    if outputs is not None and outputs.label_ids:
        return Seen(
            project_id,
            outputs.label_ids,
            outputs.names,
            outputs.colours or ("",) * len(outputs.names),
            outputs.thresholds,
            outputs,
            folder,
            exclusive,
        )
    path = None if folder is None else folder / LABEL_IDS
    ids = json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else []
    rows = session.execute(select(Label.id, Label.name, Label.colour).where(Label.id.in_(ids)))
    known = {row.id: row for row in rows}
    return Seen(
        project_id,
        tuple(ids),
        tuple(known[id_].name if id_ in known else f"label {id_}" for id_ in ids),
        tuple(known[id_].colour if id_ in known else "" for id_ in ids),
        np.full(len(ids), DEFAULT_THRESHOLD if threshold is None else threshold),
        None,
        folder,
        exclusive,
    )


def seen_documents(
    session: Session, seen: Seen, document_ids: Sequence[int], *, length: int
) -> list[SeenDocument]:
    """These documents in this order, texts cut to `length`; those that are gone are left out."""
    told = documents_in_brief(session, document_ids, length=length)
    ids = np.array([id_ for id_ in document_ids if id_ in told], dtype=np.int64)
    now = _judged_now(session, seen, ids)
    truth, proba = now.copy(), _pool_proba(seen, ids)
    predicted = _predicted(proba, seen)
    rows = rows_of(seen.outputs, ids)
    measured = rows >= 0
    if seen.outputs is not None:
        truth[measured] = seen.outputs.truth[rows[measured]]
        proba[measured] = seen.outputs.proba[rows[measured]]
        predicted[measured] = seen.outputs.guesses[rows[measured]]
    return [
        SeenDocument(told[id_], bool(measured[i]), proba[i], predicted[i], truth[i], now[i])
        for i, id_ in enumerate(ids.tolist())
    ]


def _judged_now(session: Session, seen: Seen, ids: Ids) -> Truth:
    spans = [
        LabelSpan(row.id, row.added_in, row.retired_in)
        for row in session.execute(
            select(Label.id, Label.added_in, Label.retired_in).where(Label.id.in_(seen.label_ids))
        )
    ]
    column_of = {id_: column for column, id_ in enumerate(seen.label_ids)}
    columns = [column_of[span.id] for span in spans]
    truth: Truth = np.full((len(ids), len(seen.label_ids)), UNJUDGED, dtype=np.int8)
    for row, id_ in enumerate(ids.tolist()):
        events = load_events(session, seen.project_id, document_id=id_)
        if events:
            truth[row, columns] = resolve(events, spans)[1][0]
    return truth


def _pool_proba(seen: Seen, ids: Ids) -> Floats:
    """(documents, labels) as the round scored the pool; NaN for what is not in it."""
    proba: Floats = np.full((len(ids), len(seen.label_ids)), np.nan)
    if seen.folder is None or not (seen.folder / POOL_PROBA).is_file() or not len(ids):
        return proba
    pool_ids = np.load(seen.folder / POOL_IDS, mmap_mode="r", allow_pickle=False)
    scored = np.load(seen.folder / POOL_PROBA, mmap_mode="r", allow_pickle=False)
    if not len(pool_ids) or scored.shape[1] != proba.shape[1]:
        return proba
    at = np.minimum(np.searchsorted(pool_ids, ids), len(pool_ids) - 1)
    is_there = np.asarray(pool_ids[at] == ids)
    proba[is_there] = scored[at[is_there]]
    return proba


def _predicted(proba: Floats, seen: Seen) -> Mask:
    if not seen.exclusive:
        return predict(proba.astype(np.float32), seen.thresholds)
    best = np.zeros(proba.shape, dtype=np.bool_)
    scored = np.isfinite(proba).any(axis=1)
    best[scored, np.nanargmax(proba[scored], axis=1)] = True
    return best
