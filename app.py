"""The ASGI app: Streamlit's pages, the API beside them, and what lives as long as both.

Run it with `streamlit run app.py` (or `uvicorn app:app`).
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import streamlit as st
from starlette.routing import Mount

from core.api.app import build_api
from core.api.backend import open_backend
from core.api.sockets import answer_at_once
from core.rounds.supervisor import Supervisor
from core.services.projects import list_projects
from core.settings import Settings, get_settings
from core.store.migrate import migrate
from core.store.store import Store

api = build_api()


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Bring the database up to date, open it, keep a worker alive; put all away at the end."""
    settings = get_settings()
    migrate(settings)
    with open_backend(settings) as backend, worker_beside(settings):
        api.state.backend = backend
        answer_at_once()  # before the freeze, which hides sockets from it
        warm_up(backend.store)
        yield


@contextmanager
def worker_beside(settings: Settings) -> Iterator[None]:
    """A worker for as long as the server lives, unless somebody else starts it."""
    supervisor = Supervisor(settings) if settings.start_worker else None
    if supervisor is not None:
        supervisor.start()
    try:
        yield
    finally:
        if supervisor is not None:
            supervisor.stop()


def warm_up(store: Store) -> None:
    """Load what every page uses, and keep the collector from looking through it at every run."""
    import pandas  # noqa: F401
    import plotly.graph_objects  # noqa: F401

    with store.read() as session:
        list_projects(session)  # the first statement pays for the mapping of all tables
    gc.collect()
    gc.freeze()


app = st.App("pages/shell.py", lifespan=lifespan, routes=[Mount("/api", app=api)])
