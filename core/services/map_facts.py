"""What is known of every document on the map, from stored results: nothing is computed anew.

People's judgements are those of this moment, the model's say that of one round.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core.domain import PRESENT, UNJUDGED, SubmissionKind, Truth
from core.evaluation.counts import Floats, Mask
from core.services.judgement_matrix import judgement_matrix
from core.services.labels import active_labels
from core.services.predictions import LABEL_IDS, POOL_IDS, POOL_PROBA
from core.store.tables import Document, Round, Submission

POOL_SCORE = "pool_score.npy"
NOT_JUDGED, BEFORE_ROUNDS = -1, 0  # in place of a round's number
IDS_PER_READ = 5_000  # fewer than the parameters that every database takes
WORDS = 120  # characters of a text that the map shows

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MapFacts:
    """One row per document on the map, in its order.

    Documents that were deleted since are not `is_there`, and nothing is known of them.
    """

    document_ids: Ids
    label_ids: tuple[int, ...]
    names: tuple[str, ...]
    colours: tuple[str, ...]
    truth: Truth  # (documents, labels), active labels in schema order
    is_there: Mask
    is_complete: Mask
    is_audited: Mask
    judged_in: NDArray[np.int32]  # round in force when first judged; 0 before the first, -1 never
    uncertainty: Floats  # (documents,) the strategy's score in the round; NaN where not scored
    proba: Floats  # (documents, labels) of the round; NaN where there is none

    @property
    def is_judged(self) -> Mask:
        """Whether anybody judged any label."""
        judged: Mask = (self.truth != UNJUDGED).any(axis=1) | self.is_complete
        return judged

    @property
    def n_present(self) -> NDArray[np.int64]:
        """How many labels were judged present."""
        counts: NDArray[np.int64] = (self.truth == PRESENT).sum(axis=1)
        return counts


def map_facts(
    session: Session, project_id: int, document_ids: Ids, *, folder: Path | None
) -> MapFacts:
    """Look everything up; `folder` is the round's, whose scores and probabilities are shown."""
    labels = active_labels(session, project_id)
    ids = np.asarray(document_ids, dtype=np.int64)
    label_ids = tuple(label.id for label in labels)
    truth: Truth = np.full((len(ids), len(labels)), UNJUDGED, dtype=np.int8)
    is_complete = np.zeros(len(ids), dtype=np.bool_)
    matrix = judgement_matrix(session, project_id)
    _, here, there = np.intersect1d(ids, matrix.document_ids, return_indices=True)
    truth[here], is_complete[here] = matrix.truth[there], matrix.is_complete[there]
    audited, gone = _audited_and_gone(session, project_id, ids)
    scores, proba = _scores_of(folder, ids, label_ids)
    return MapFacts(
        document_ids=ids,
        label_ids=label_ids,
        names=tuple(label.name for label in labels),
        colours=tuple(label.colour for label in labels),
        truth=truth,
        is_there=~gone,
        is_complete=is_complete,
        is_audited=audited,
        judged_in=_judged_in(session, project_id, ids),
        uncertainty=scores,
        proba=proba,
    )


def beginnings(session: Session, project_id: int, document_ids: Ids) -> list[str]:
    """How the texts begin, in the order of the ids; empty for what is gone."""
    begins = func.substr(Document.text, 1, WORDS + 1)
    texts: dict[int, str] = {}
    for part in _parts(document_ids):
        of_part = select(Document.id, begins).where(
            Document.project_id == project_id, Document.id.in_(part)
        )
        texts.update(session.execute(of_part).all())
    return [texts.get(id_, "") for id_ in document_ids.tolist()]


def facts_revision(session: Session, project_id: int) -> int:
    """A number that grows with every submission: what facts were read at."""
    newest = select(func.max(Submission.id)).where(Submission.project_id == project_id)
    return session.scalar(newest) or 0


def _parts(document_ids: Ids) -> Iterator[list[int]]:
    for start in range(0, len(document_ids), IDS_PER_READ):
        yield document_ids[start : start + IDS_PER_READ].tolist()


def _audited_and_gone(session: Session, project_id: int, ids: Ids) -> tuple[Mask, Mask]:
    is_audited: dict[int, bool] = {}
    for part in _parts(ids):
        of_part = select(Document.id, Document.is_audited).where(
            Document.project_id == project_id, Document.id.in_(part)
        )
        is_audited.update(session.execute(of_part).all())
    audited = np.array([is_audited.get(id_, False) for id_ in ids.tolist()], dtype=np.bool_)
    gone = np.array([id_ not in is_audited for id_ in ids.tolist()], dtype=np.bool_)
    return audited, gone


def _judged_in(session: Session, project_id: int, ids: Ids) -> NDArray[np.int32]:
    undo = aliased(Submission)
    rows = session.execute(
        select(Submission.document_id, func.coalesce(Round.number, BEFORE_ROUNDS))
        .outerjoin(undo, undo.undoes_id == Submission.id)
        .outerjoin(Round, Round.id == Submission.round_id)
        .where(
            Submission.project_id == project_id,
            Submission.kind.in_([SubmissionKind.COMPLETE, SubmissionKind.PARTIAL]),
            undo.id.is_(None),
        )
        .order_by(Submission.id.desc())  # so that the first is written last
    )
    first = dict(rows.all())
    judged = np.array([first.get(id_, NOT_JUDGED) for id_ in ids.tolist()], dtype=np.int32)
    return judged


def _scores_of(folder: Path | None, ids: Ids, label_ids: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Scores (documents,) and probabilities (documents, labels) of a round; NaN where none is."""
    scores: Floats = np.full(len(ids), np.nan)
    proba: Floats = np.full((len(ids), len(label_ids)), np.nan)
    if folder is None or not (folder / POOL_IDS).is_file():
        return scores, proba
    pool_ids = np.load(folder / POOL_IDS, mmap_mode="r", allow_pickle=False)
    _, here, there = np.intersect1d(ids, pool_ids, return_indices=True)
    if (folder / POOL_SCORE).is_file():
        stored = np.load(folder / POOL_SCORE, mmap_mode="r", allow_pickle=False)
        scores[here] = stored[there]
    if (folder / POOL_PROBA).is_file() and (folder / LABEL_IDS).is_file():
        columns = json.loads((folder / LABEL_IDS).read_text(encoding="utf-8"))
        stored = np.load(folder / POOL_PROBA, mmap_mode="r", allow_pickle=False)[there]
        for column, label_id in enumerate(columns):
            if label_id in label_ids:
                proba[here, label_ids.index(label_id)] = stored[:, column]
    return scores, proba
