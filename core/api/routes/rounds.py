"""Rounds: list, look at, start, cancel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.api.backend import OpenBackend, ProjectCaller
from core.api.schemas import Id, NewRound, RoundLine
from core.errors import NotFound
from core.services.jobs import ACTIVE
from core.services.rounds import (
    RoundInfo,
    cancel_job,
    list_rounds,
    request_round,
    usual_request,
)
from core.store.tables import Job

router = APIRouter(prefix="/projects/{project_id}/rounds", tags=["rounds"])


@router.get("")
def list_(project_id: Id, backend: OpenBackend, caller: ProjectCaller) -> list[RoundLine]:
    """All rounds, the newest first."""
    with backend.store.read() as session:
        return [RoundLine.model_validate(info) for info in list_rounds(session, project_id)]


@router.get("/{round_id}")
def get(project_id: Id, round_id: Id, backend: OpenBackend, caller: ProjectCaller) -> RoundLine:
    """One round."""
    with backend.store.read() as session:
        return RoundLine.model_validate(_round(session, project_id, round_id))


@router.post("", status_code=202)
def start(project_id: Id, backend: OpenBackend, caller: ProjectCaller, new: NewRound) -> RoundLine:
    """Ask the worker for a round; what is left out follows the project's settings.

    Another strategy than the project's comes with its own recipe, not the project's changes.
    """
    with backend.store.read() as session:
        usual = usual_request(session, project_id, new.kind)
    changes: dict[str, Any] = new.model_dump(exclude_none=True, exclude={"kind"})
    if new.strategy not in (None, usual.strategy):
        changes.setdefault("recipe", {})
    info = request_round(backend.store, backend.settings, project_id, replace(usual, **changes))
    return RoundLine.model_validate(info)


@router.post("/{round_id}/cancel", status_code=202)
def cancel(project_id: Id, round_id: Id, backend: OpenBackend, caller: ProjectCaller) -> RoundLine:
    """Ask a round to stop; the round in force stays in force."""
    with backend.store.read() as session:
        _round(session, project_id, round_id)
        job_id = session.scalar(
            select(Job.id).where(Job.round_id == round_id, Job.status.in_(ACTIVE))
        )
    if job_id is not None:
        cancel_job(backend.store, backend.settings, job_id)
    with backend.store.read() as session:
        return RoundLine.model_validate(_round(session, project_id, round_id))


def _round(session: Session, project_id: int, round_id: int) -> RoundInfo:
    for info in list_rounds(session, project_id):
        if info.id == round_id:
            return info
    raise NotFound(f"Round {round_id} is not in this project; list its rounds to see which are.")
