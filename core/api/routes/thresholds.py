"""The thresholds in force for a round: look at, set, put the round's own back."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy.orm import Session

from core.api.backend import OpenBackend, ProjectCaller
from core.api.schemas import Id, NewThresholds, OperatingPointBody
from core.evaluation.operating_points import Aim
from core.services.operating_points import (
    OperatingPoint,
    operating_point,
    operating_point_history,
    reset_operating_point,
    set_operating_point,
)

router = APIRouter(prefix="/projects/{project_id}/rounds/{round_id}/thresholds", tags=["rounds"])


@router.get("")
def get(
    project_id: Id, round_id: Id, backend: OpenBackend, caller: ProjectCaller
) -> OperatingPointBody:
    """What is in force for this round: its own thresholds, or those set since."""
    with backend.store.read() as session:
        return _body(operating_point(session, project_id, round_id))


@router.get("/history")
def history(
    project_id: Id, round_id: Id, backend: OpenBackend, caller: ProjectCaller
) -> list[OperatingPointBody]:
    """All that was ever in force for this round, the newest first."""
    with backend.store.read() as session:
        return [_body(one) for one in operating_point_history(session, project_id, round_id)]


@router.put("")
async def put(
    project_id: Id, round_id: Id, backend: OpenBackend, caller: ProjectCaller, new: NewThresholds
) -> OperatingPointBody:
    """Put thresholds in force; suggestions, exports and predictions follow at once.

    Labels that are not named in `own` have the shared threshold. Sending the same again is
    harmless. 422 for labels that the round does not have, 409 for a round that is not done.
    """
    aim = None if new.aim is None else Aim.from_json(new.aim)

    def run(session: Session) -> OperatingPointBody:
        return _body(
            set_operating_point(
                session,
                project_id,
                round_id,
                shared=new.shared,
                own=new.own,
                aim=aim,
                annotator=caller.annotator,
            )
        )

    return await backend.write(run)


@router.delete("")
async def delete(
    project_id: Id, round_id: Id, backend: OpenBackend, caller: ProjectCaller
) -> OperatingPointBody:
    """Put the thresholds in force again that the round chose itself."""

    def run(session: Session) -> OperatingPointBody:
        return _body(
            reset_operating_point(session, project_id, round_id, annotator=caller.annotator)
        )

    return await backend.write(run)


def _body(point: OperatingPoint) -> OperatingPointBody:
    return OperatingPointBody(
        thresholds=point.thresholds,
        shared=point.shared,
        own=point.own,
        aim=None if point.aim is None else point.aim.to_json(),
        set_by=point.set_by,
        set_at=point.set_at,
        is_own_of_round=point.is_own_of_round,
    )
