"""Searches: have texts like a sentence put first in the queue."""

from __future__ import annotations

from fastapi import APIRouter

from core.api.backend import OpenBackend, ProjectCaller
from core.api.schemas import Id, NewSearch, SearchBody
from core.errors import NotFound
from core.services.projects import get_project
from core.services.seeding import latest_search, request_search

router = APIRouter(prefix="/projects/{project_id}/search", tags=["judging"])


@router.post("", status_code=202)
def start(
    project_id: Id, backend: OpenBackend, caller: ProjectCaller, new: NewSearch
) -> SearchBody:
    """Ask the worker for unjudged texts like this one; what it finds is served before all else."""
    search = request_search(backend.store, backend.settings, project_id, text=new.text, n=new.n)
    return SearchBody.model_validate(search)


@router.get("")
def get(project_id: Id, backend: OpenBackend, caller: ProjectCaller) -> SearchBody:
    """The search asked for last: whether it is done, and how many texts it found."""
    with backend.store.read() as session:
        get_project(session, project_id)
        search = latest_search(session, project_id)
    if search is None:
        raise NotFound("Nobody has searched in this project yet; post a text to look for.")
    return SearchBody.model_validate(search)
