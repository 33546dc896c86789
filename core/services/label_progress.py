"""How each label did in each round, read without the rest of what rounds keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.domain import EvaluationSource
from core.evaluation.label_progress import LabelOfRound, RoundOfLabels
from core.store.tables import Round


def labels_of_rounds(session: Session, round_ids: Sequence[int]) -> list[RoundOfLabels]:
    """Scores per label of these rounds, in the order of their numbers; unmeasured ones left out.

    Only that part of each stored evaluation is read. Labels are known by id, so
    that one that was renamed goes on.
    """
    rows = session.execute(
        select(
            Round.id,
            Round.number,
            Round.n_judged,
            Round.label_ids,
            Round.evaluation["labels"],
            Round.evaluation["source"],
        )
        .where(Round.id.in_(round_ids))
        .order_by(Round.number)
    )
    return [
        RoundOfLabels(
            round_id=id_,
            number=number,
            n_judged=n_judged or 0,
            source=EvaluationSource(source or EvaluationSource.NONE),
            labels=_labels(label_ids, labels),
        )
        for id_, number, n_judged, label_ids, labels, source in rows
        if labels
    ]


def _labels(label_ids: list[int] | None, stored: list[dict[str, Any]]) -> dict[str, LabelOfRound]:
    """By id where the round wrote them down, else by name."""
    keys = label_ids if label_ids and len(label_ids) == len(stored) else None
    return {
        str(keys[at] if keys else told["name"]): LabelOfRound(
            name=told["name"],
            f1=told["f1"],
            support=told["support"],
            low=(told["f1_interval"] or [None, None])[0],
            high=(told["f1_interval"] or [None, None])[1],
        )
        for at, told in enumerate(stored)
    }
