"""How long documents took to read and judge, from what was logged.

The card measures the seconds from showing a document to handing its judgement in;
those are used where they were sent. Otherwise the time runs from serving the query.
Several documents are served ahead, so it begins later where the same annotator
handed something else in since. What to make of times that cannot be one sitting's
reading is left to `core.strategies.cost`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Subquery, func, or_, select
from sqlalchemy.orm import Session, aliased

from core.domain import JudgementState, SubmissionKind, SubmissionSource
from core.store.tables import Document, Judgement, Query, Submission, UtcDateTime

MOST_TIMES = 20_000  # the newest; a regression on two features needs no more


@dataclass(frozen=True)
class ReadingTimes:
    """One row per document that an annotator judged whole at first sight, oldest first."""

    n_chars: NDArray[np.int64]  # (judged,)
    n_present: NDArray[np.int64]  # (judged,), labels judged present
    seconds: NDArray[np.float64]  # (judged,)

    def __len__(self) -> int:
        return len(self.seconds)


def reading_times(session: Session, project_id: int) -> ReadingTimes:
    """The times of complete judgements made on the card, at most the newest 20,000.

    Only an annotator's first submission about a document counts, and only while
    it is not undone: who sees a text again has read it before.
    """
    said = _submissions_of_annotators(project_id)
    undo = aliased(Submission)
    n_present = (
        select(func.count())
        .where(Judgement.submission_id == said.c.id, Judgement.state == JudgementState.PRESENT)
        .scalar_subquery()
    )
    newest_first = (
        select(
            func.length(Document.text),
            n_present,
            said.c.seconds,
            said.c.created_at,
            said.c.previous_at,
            Query.served_at,
        )
        .join(Document, Document.id == said.c.document_id)
        .outerjoin(Query, (Query.id == said.c.query_id) & (Query.served_at <= said.c.created_at))
        .outerjoin(undo, undo.undoes_id == said.c.id)
        .where(
            said.c.project_id == project_id,
            said.c.kind == SubmissionKind.COMPLETE,
            said.c.source == SubmissionSource.CARD,
            said.c.turn == 1,
            undo.id.is_(None),
            or_(said.c.seconds.is_not(None), Query.served_at.is_not(None)),
        )
        .order_by(said.c.id.desc())
        .limit(MOST_TIMES)
    )
    rows = [
        (n_chars, present, seconds if seconds is not None else _gap(at, served, previous))
        for n_chars, present, seconds, at, previous, served in session.execute(newest_first)
    ]
    columns = np.array(rows[::-1], dtype=np.float64).reshape(-1, 3).T
    return ReadingTimes(columns[0].astype(np.int64), columns[1].astype(np.int64), columns[2])


def _submissions_of_annotators(project_id: int) -> Subquery:
    """All that the project's annotators ever handed in, and when each had done so before.

    Other projects count too: who worked there meanwhile was not reading here.
    """
    annotators = select(Submission.annotator_id).where(Submission.project_id == project_id)
    of_document = [Submission.annotator_id, Submission.document_id]
    previous_at = func.lag(Submission.created_at, type_=UtcDateTime).over(
        partition_by=Submission.annotator_id, order_by=Submission.id
    )
    turn = func.row_number().over(partition_by=of_document, order_by=Submission.id)
    return (
        select(Submission, previous_at.label("previous_at"), turn.label("turn"))
        .where(Submission.annotator_id.in_(annotators))
        .subquery()
    )


def _gap(at: datetime, served_at: datetime, previous_at: datetime | None) -> float:
    """Seconds to the submission from serving, or from the one before where that came later."""
    since = served_at if previous_at is None else max(served_at, previous_at)
    return (at - since).total_seconds()
