"""The label schema: list, add."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from sqlalchemy.orm import Session

from core.api.backend import OpenBackend, ProjectCaller
from core.api.schemas import Id, LabelBody, LabelSchema, NewLabelBody
from core.services.exclusive import is_exclusive
from core.services.labels import NewLabel, active_labels, add_labels
from core.services.projects import get_project

router = APIRouter(prefix="/projects/{project_id}/labels", tags=["labels"])


@router.get("")
def list_(project_id: Id, backend: OpenBackend, caller: ProjectCaller) -> LabelSchema:
    """The labels that count now."""
    with backend.store.read() as session:
        return _schema(session, project_id)


@router.post("", status_code=201)
async def add(
    project_id: Id,
    backend: OpenBackend,
    caller: ProjectCaller,
    labels: Annotated[list[NewLabelBody], Body(min_length=1, max_length=1000)],
) -> LabelSchema:
    """Add labels at the end of the schema, all or none."""

    def run(session: Session) -> LabelSchema:
        new = [NewLabel(label.name, label.description) for label in labels]
        add_labels(session, project_id, new)
        return _schema(session, project_id)

    return await backend.write(run)


def _schema(session: Session, project_id: int) -> LabelSchema:
    project = get_project(session, project_id)
    return LabelSchema(
        schema_version=project.schema_version,
        exclusive=is_exclusive(project),
        labels=[LabelBody.model_validate(label) for label in active_labels(session, project_id)],
    )
