"""Which thresholds are in force: a round's own, or those that somebody set for it since.

The one place that says so; suggestions, exports and models that leave ask here.
Nothing of a round is changed: what people set is a history beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from core.domain import JobStatus
from core.errors import Conflict, InputError, NotFound
from core.evaluation.operating_points import Aim
from core.evaluation.thresholds import DEFAULT_THRESHOLD
from core.services.judgements import annotator_named
from core.services.projects import get_project
from core.store.tables import Annotator, Label, Round
from core.store.tables import OperatingPoint as Stored

CUTS = "cuts"  # in a round's metrics: what it chose itself


@dataclass(frozen=True)
class Thresholds:
    """The probability from which each label is predicted."""

    shared: float = DEFAULT_THRESHOLD
    own: dict[int, float] = field(default_factory=dict)  # by label id, of labels that have one

    def of(self, label_id: int) -> float:
        """A label's own, or the shared one."""
        return self.own.get(label_id, self.shared)


@dataclass(frozen=True)
class OperatingPoint:
    """The thresholds of one round that hold, or once held, and where they come from."""

    thresholds: dict[int, float]  # by label id, every label of the round
    shared: float
    own: dict[int, float] = field(default_factory=dict)  # those that differ from the shared one
    aim: Aim | None = None  # None: set by hand
    set_by: str | None = None
    set_at: datetime | None = None
    is_own_of_round: bool = True  # nobody set others, or they were taken back


def operating_point(
    session: Session, project_id: int, round_id: int | None = None
) -> OperatingPoint:
    """The thresholds of a round, by default of the one in force; 0.5 before the first."""
    if round_id is None:
        round_id = get_project(session, project_id).active_round_id
    if round_id is None:
        return OperatingPoint({}, DEFAULT_THRESHOLD)
    round_ = _round(session, project_id, round_id)
    newest = session.execute(_history(round_id).limit(1)).first()
    return _own(round_) if newest is None else _point(round_, newest[0], newest[1])


def set_operating_point(
    session: Session,
    project_id: int,
    round_id: int,
    *,
    shared: float,
    own: Mapping[int, float],
    aim: Aim | None,
    annotator: str,
) -> OperatingPoint:
    """Put other thresholds in force for a round; setting the same again stores nothing.

    `own` is by label id, of labels whose threshold is not the shared one; `aim` says
    what they were chosen for, None that they were set by hand. Raises InputError for
    labels that the round does not have and for numbers that are no probabilities,
    Conflict for a round that is not done or whose labels exclude each other.
    """
    round_ = _done(session, project_id, round_id)
    _check(round_, shared, own, _names(session, project_id))
    kept = {id_: float(value) for id_, value in own.items() if value != shared}
    before = operating_point(session, project_id, round_id)
    if not before.is_own_of_round and (before.shared, before.own, before.aim) == (
        shared,
        kept,
        aim,
    ):
        return before
    return _store(session, round_, annotator, shared=float(shared), own=kept, aim=aim)


def reset_operating_point(
    session: Session, project_id: int, round_id: int, *, annotator: str
) -> OperatingPoint:
    """Put the round's own thresholds in force again."""
    round_ = _done(session, project_id, round_id)
    before = operating_point(session, project_id, round_id)
    if before.is_own_of_round:
        return before
    return _store(session, round_, annotator, shared=None, own={}, aim=None)


def operating_point_history(
    session: Session, project_id: int, round_id: int
) -> list[OperatingPoint]:
    """All that was ever set for a round, the newest first, and last the round's own."""
    round_ = _round(session, project_id, round_id)
    set_since = session.execute(_history(round_id)).all()
    return [*(_point(round_, stored, name) for stored, name in set_since), _own(round_)]


def thresholds_in_force(session: Session, project_id: int) -> Thresholds:
    """The thresholds of the round in force, as people set them; 0.5 before the first round."""
    point = operating_point(session, project_id)
    return Thresholds(point.shared, point.own)


def thresholds_chosen(round_: Round) -> Thresholds:
    """The thresholds that a round chose itself, whatever people set since."""
    point = _own(round_)
    return Thresholds(point.shared, point.own)


def thresholds_of_round(session: Session, round_: Round) -> Thresholds:
    """The thresholds in force for this round, be it the one in force or not."""
    point = operating_point(session, round_.project_id, round_.id)
    return Thresholds(point.shared, point.own)


def thresholds_by_name(session: Session, round_: Round) -> dict[str, float] | None:
    """Those that people set for a round, by label name; None where its own are in force."""
    point = operating_point(session, round_.project_id, round_.id)
    if point.is_own_of_round:
        return None
    names = _names(session, round_.project_id)
    return {names[id_]: value for id_, value in point.thresholds.items() if id_ in names}


def changed_at(session: Session, round_id: int) -> datetime | None:
    """When thresholds were last set for a round, or taken back."""
    newest = session.execute(_history(round_id).limit(1)).first()
    return None if newest is None else newest[0].created_at


def _history(round_id: int) -> Any:
    return (
        select(Stored, Annotator.name)
        .outerjoin(Annotator, Annotator.id == Stored.annotator_id)
        .where(Stored.round_id == round_id)
        .order_by(Stored.id.desc())
    )


def _own(
    round_: Round, *, set_by: str | None = None, set_at: datetime | None = None
) -> OperatingPoint:
    """What the round chose itself."""
    cuts = (round_.metrics or {}).get(CUTS) or {}
    chosen = DEFAULT_THRESHOLD if round_.threshold is None else round_.threshold
    own = {int(id_): float(value) for id_, value in (cuts.get("own") or {}).items()}
    aim = cuts.get("aim")
    return OperatingPoint(
        thresholds={id_: own.get(id_, chosen) for id_ in round_.label_ids or []},
        shared=chosen,
        own=own,
        aim=Aim() if aim is None else Aim.from_json(aim),
        set_by=set_by,
        set_at=set_at or round_.finished_at,
    )


def _point(round_: Round, stored: Stored, name: str | None) -> OperatingPoint:
    if stored.shared is None:
        return _own(round_, set_by=name, set_at=stored.created_at)
    own = {int(id_): float(value) for id_, value in stored.own.items()}
    return OperatingPoint(
        thresholds={id_: own.get(id_, stored.shared) for id_ in round_.label_ids or []},
        shared=stored.shared,
        own=own,
        aim=None if stored.aim is None else Aim.from_json(stored.aim),
        set_by=name,
        set_at=stored.created_at,
        is_own_of_round=False,
    )


def _store(
    session: Session,
    round_: Round,
    annotator: str,
    *,
    shared: float | None,
    own: Mapping[int, float],
    aim: Aim | None,
) -> OperatingPoint:
    person = annotator_named(session, annotator)
    stored = Stored(
        project_id=round_.project_id,
        round_id=round_.id,
        annotator_id=person.id,
        shared=shared,
        own={str(id_): value for id_, value in own.items()},
        aim=None if aim is None else aim.to_json(),
    )
    session.add(stored)
    session.flush()
    return _point(round_, stored, person.name)


def _round(session: Session, project_id: int, round_id: int) -> Round:
    round_ = session.get(Round, round_id, options=[defer(Round.evaluation)])  # large, not needed
    if round_ is None or round_.project_id != project_id:
        raise NotFound(
            f"Round {round_id} is not in this project; list its rounds to see which are."
        )
    return round_


def _done(session: Session, project_id: int, round_id: int) -> Round:
    round_ = _round(session, project_id, round_id)
    if round_.status is not JobStatus.DONE:
        raise Conflict(
            f"Round {round_.number} is {round_.status}, so it has no thresholds to change; "
            "choose one that is done."
        )
    if round_.config.get("exclusive"):
        raise Conflict(
            f"In round {round_.number} exactly one label applies to each document: the most "
            "probable one is predicted, and no threshold is asked."
        )
    return round_


def _names(session: Session, project_id: int) -> dict[int, str]:
    rows = session.execute(select(Label.id, Label.name).where(Label.project_id == project_id))
    return dict(rows.all())


def _check(
    round_: Round, shared: float, own: Mapping[int, float], names: Mapping[int, str]
) -> None:
    known = set(round_.label_ids or [])
    _check_probability("The shared threshold", shared)
    for id_, value in own.items():
        name = f"'{names[id_]}'" if id_ in names else str(id_)
        if id_ not in known:
            raise InputError(
                f"Label {name} is not in round {round_.number}; it came later or was never part "
                "of it. Leave it out, or run a round that knows it."
            )
        _check_probability(f"The threshold of {name}", value)


def _check_probability(what: str, value: float) -> None:
    if not (math.isfinite(value) and 0.0 <= value <= 1.0):
        raise InputError(f"{what} is {value:g}; give a number from 0 to 1.")
