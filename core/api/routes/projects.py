"""Projects: list, open, make."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy.orm import Session

from core.api.backend import AnyCaller, OpenBackend, ProjectCaller
from core.api.schemas import Id, NewProject, ProjectDetail, ProjectLine
from core.errors import NotAllowed
from core.services.exclusive import is_exclusive
from core.services.projects import create_project, get_project, list_projects
from core.store.tables import Project

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("")
def list_(backend: OpenBackend, caller: AnyCaller) -> list[ProjectLine]:
    """The projects that the token covers, the newest first."""
    with backend.store.read() as session:
        projects = list_projects(session)
    return [ProjectLine.model_validate(p) for p in projects if caller.may_touch(p.id)]


@router.post("", status_code=201)
async def create(backend: OpenBackend, caller: AnyCaller, new: NewProject) -> ProjectDetail:
    """Make an empty project; needs a token for all projects."""
    if caller.project_id is not None:
        raise NotAllowed("This token is for one project; making another needs one for all.")

    def run(session: Session) -> ProjectDetail:
        project = create_project(
            session, new.name, description=new.description, exclusive=new.exclusive
        )
        return _detail(project)

    return await backend.write(run)


@router.get("/{project_id}")
def get(project_id: Id, backend: OpenBackend, caller: ProjectCaller) -> ProjectDetail:
    """One project."""
    with backend.store.read() as session:
        return _detail(get_project(session, project_id))


def _detail(project: Project) -> ProjectDetail:
    fields = ProjectDetail.model_fields.keys() - {"exclusive"}
    known = {name: getattr(project, name) for name in fields}
    return ProjectDetail(**known, exclusive=is_exclusive(project))
