"""How judged documents came to be judged: by lot, by a choice that was certain, or otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from core.domain import QueryKind, SubmissionKind
from core.evaluation.counts import ENOUGH_TO_MEASURE
from core.store.tables import Query, Submission

IDS_PER_READ = 500
FEWEST_BY_LOT = ENOUGH_TO_MEASURE  # fewer stand for a pool by their own accidents
BY_MODEL = (QueryKind.MODEL, QueryKind.RARE, QueryKind.COVERAGE)


@dataclass(frozen=True, eq=False)
class Selection:
    """Of some documents: how many of the pool each stands for, and who chose them.

    `weights` is (documents,), as `weights_of` has them; None, for `reason`, where too
    few were drawn by lot.
    """

    weights: NDArray[np.float64] | None
    reason: str
    n_by_lot: int
    n_by_model: int
    n_documents: int


@dataclass(frozen=True)
class Asked:
    """The question that a document was first judged for."""

    kind: QueryKind | None = None
    round_id: int | None = None
    probability: float | None = None  # None: not drawn by lot

    @property
    def lottery(self) -> tuple[object, ...] | None:
        """Drawn from the same documents at once; draws of one are a lottery each."""
        if self.probability is None:
            return None
        is_even = self.kind is QueryKind.RANDOM
        return self.kind, self.round_id, self.probability if is_even else None


def selection_of(
    session: Session, document_ids: Sequence[int], *, up_to_submission: int
) -> Selection:
    """How these documents were chosen, by the question that the first answer in force is to."""
    asked = _asked(session, document_ids, up_to_submission)
    n_by_lot = sum(one.probability is not None for one in asked.values())
    n_by_model = sum(one.probability is None and one.kind in BY_MODEL for one in asked.values())
    reason = ""
    if n_by_lot < FEWEST_BY_LOT:
        reason = (
            f"{n_by_lot} of the {len(document_ids)} measured documents were drawn by lot; from "
            f"{FEWEST_BY_LOT} on they can stand for the pool. Give a share of each batch to chance."
        )
    weights = None
    if not reason:
        found = dict(zip(asked, weights_of(list(asked.values())), strict=True))
        weights = np.array([found.get(id_, 1.0) for id_ in document_ids])
    return Selection(
        weights=weights,
        reason=reason,
        n_by_lot=n_by_lot,
        n_by_model=n_by_model,
        n_documents=len(document_ids),
    )


def weights_of(asked: Sequence[Asked]) -> NDArray[np.float64]:
    """How many documents each stands for, (documents,), in the order they were first judged.

    A lottery estimates the whole by itself: what was judged before it counts one, and
    what it drew 1/π, so that it also speaks for what was judged after. The weights are
    the mean over all lotteries, by how many documents each drew; where rounds take the
    hard documents out of the pool, later lotteries alone would flatter (Farquhar, Gal
    and Rainforth 2021). One that was chosen after the last lottery counts nothing.
    """
    starts: dict[int | None, int] = {}  # where each round's answers begin
    drawn: dict[tuple[object, ...], list[int]] = {}
    for at, one in enumerate(asked):
        starts.setdefault(one.round_id, at)
        if one.lottery is not None:
            drawn.setdefault(one.lottery, []).append(at)
    weights, n_by_lot = np.zeros(len(asked)), sum(map(len, drawn.values()))
    for places in drawn.values():
        share, first = len(places) / n_by_lot, asked[places[0]]
        # several are a round's, drawn before its answers; one is drawn when it is asked
        is_batch = len(places) > 1 and first.round_id is not None
        weights[: starts[first.round_id] if is_batch else places[0]] += share
        chances = np.array([asked[at].probability for at in places], dtype=np.float64)
        weights[places] += share / chances
    return weights


def _asked(session: Session, document_ids: Sequence[int], last: int) -> dict[int, Asked]:
    """By document, in the order of their first answers: what each was first judged for."""
    undo = aliased(Submission)
    asked: dict[int, Asked] = {}
    order: dict[int, int] = {}
    for start in range(0, len(document_ids), IDS_PER_READ):
        rows = session.execute(
            select(
                Submission.id,
                Submission.document_id,
                Query.kind,
                Query.round_id,
                Query.selection_probability,
            )
            .outerjoin(Query, Query.id == Submission.query_id)
            .where(
                Submission.document_id.in_(document_ids[start : start + IDS_PER_READ]),
                Submission.id <= last,
                Submission.kind.in_([SubmissionKind.COMPLETE, SubmissionKind.PARTIAL]),
                ~exists().where(undo.undoes_id == Submission.id, undo.id <= last),
            )
            .order_by(Submission.id)
        )
        for submission_id, document_id, kind, round_id, probability in rows:
            if document_id not in asked:
                asked[document_id] = Asked(kind, round_id, probability)
                order[document_id] = submission_id
    return {id_: asked[id_] for id_ in sorted(asked, key=order.__getitem__)}
