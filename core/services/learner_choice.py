"""Which learner a round uses: checked by the catalogue, told in words, ready to be used or not.

A choice is plain data, `{"kind": a learner's name, **what is changed of its options}`,
as a request carries it and a round keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.domain import JobStatus, RoundKind
from core.errors import InputError, NotReady
from core.learners.catalogue import DEFAULT_LEARNER, LEARNERS, learner_info, learners_of
from core.services.projects import get_project
from core.store.tables import Round

KIND = "kind"
EARLIER = {RoundKind.QUICK: "mlp", RoundKind.DEEP: "transformer"}  # rounds that name no learner
STUDENT, WARM_START = "student", "warm_start"


def checked_learner(kind: RoundKind, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Give the choice in full, every option as the learner takes it.

    Without a name the default learner of this kind of round is meant. Raises
    InputError for a learner, option or value that this kind of round does not take.
    """
    options = dict(asked)
    info = learner_info(str(options.pop(KIND, DEFAULT_LEARNER[kind])))
    if info.round_kind is not kind:
        there = ", ".join(learner.name for learner in learners_of(kind))
        meant = "commands and comparisons" if info.round_kind is None else f"{info.round_kind} ones"
        raise InputError(
            f"The learner '{info.name}' is for {meant}, not for {kind} rounds; "
            f"a {kind} round takes {there}."
        )
    return {KIND: info.name, **_plain(info.checked(options))}


def usable_learner(kind: RoundKind, remembered: Mapping[str, Any]) -> dict[str, Any]:
    """A choice made earlier, or none where this version cannot take it any more."""
    try:
        return checked_learner(kind, remembered) if remembered else {}
    except InputError:
        return {}


def learner_name(kind: RoundKind, learner: Mapping[str, Any]) -> str:
    """The learner that a stored round used."""
    return str(learner.get(KIND, EARLIER[kind]))


def learner_title(kind: RoundKind, learner: Mapping[str, Any]) -> str:
    """The same as people know it."""
    name = learner_name(kind, learner)
    return next((info.title for info in LEARNERS if info.name == name), name)


def check_learner_is_ready(
    session: Session, project_id: int, kind: RoundKind, learner: Mapping[str, Any]
) -> None:
    """Raise NotReady where the learner goes by an earlier round, and there is none."""
    active = get_project(session, project_id).active_round_id
    if kind is not RoundKind.DEEP:
        return
    if learner_name(kind, learner) == STUDENT and active is None:
        raise NotReady(
            "A small student is taught by the round in force, and there is none yet; run a "
            "round with another learner first."
        )
    if learner.get(WARM_START) and not _has_tuned(session, project_id):
        raise NotReady(
            "There is no deep round yet whose weights this one could go on from; run one "
            "without 'Go on from the round in force' first."
        )


def _has_tuned(session: Session, project_id: int) -> bool:
    done = select(Round.id).where(
        Round.project_id == project_id,
        Round.kind == RoundKind.DEEP,
        Round.status == JobStatus.DONE,
    )
    return session.scalar(done.limit(1)) is not None


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back: tuples are lists there."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in options.items()
    }
