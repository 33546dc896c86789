"""What the API works with while the app runs, and how requests reach it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from core.api.group_commit import GroupCommit
from core.api.schemas import Id
from core.api.tokens import Caller, TokenRefused, read_token
from core.errors import NotAllowed, NotReady
from core.settings import Settings
from core.store.store import Store

T = TypeVar("T")


@dataclass(frozen=True)
class Backend:
    """The open parts behind the API."""

    settings: Settings
    store: Store
    commits: GroupCommit

    async def write(self, run: Callable[[Session], T], *, can_wait: bool = False) -> T:
        """Do this work in a transaction; returns once it is committed."""
        return await asyncio.wrap_future(self.commits.submit(run, can_wait=can_wait))


@contextmanager
def open_backend(settings: Settings) -> Iterator[Backend]:
    """The backend on the settings' database, which has been migrated already."""
    store = Store.open(settings)
    commits = GroupCommit(store)
    try:
        yield Backend(settings, store, commits)
    finally:
        commits.close()
        store.close()


_bearer = HTTPBearer(auto_error=False, description="A token made for an annotator.")


async def _backend(request: Request) -> Backend:
    backend: Backend | None = getattr(request.app.state, "backend", None)
    if backend is None:
        raise NotReady("The app is still starting; try again in a moment.")
    return backend


async def _caller(
    backend: Annotated[Backend, Depends(_backend)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    if credentials is None:
        raise TokenRefused("No token was sent; add the header 'Authorization: Bearer <token>'.")
    return read_token(backend.settings, credentials.credentials)


async def _project_caller(project_id: Id, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    if not caller.may_touch(project_id):
        raise NotAllowed(
            f"This token is for project {caller.project_id}, not for project {project_id}; "
            "open that project and use its token."
        )
    return caller


OpenBackend = Annotated[Backend, Depends(_backend)]
AnyCaller = Annotated[Caller, Depends(_caller)]
ProjectCaller = Annotated[Caller, Depends(_project_caller)]
