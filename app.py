"""The ASGI app: Streamlit's pages, the API beside them, and what lives as long as both.

Run it with `streamlit run app.py` (or `uvicorn app:app`).
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.routing import Mount

from core.api.app import build_api
from core.api.backend import open_backend
from core.services.projects import list_projects
from core.settings import get_settings
from core.store.migrate import migrate

api = build_api()


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Bring the database up to date, open it, keep a worker alive; put all away at the end."""
    settings = get_settings()
    migrate(settings)
    with open_backend(settings) as backend:
        api.state.backend = backend
        with backend.store.read() as session:
            list_projects(session)  # the first statement pays for the mapping of all tables
        gc.collect()
        gc.freeze()  # what is loaded by now stays: a page run need not look through it again
        yield


app = st.App("pages/shell.py", lifespan=lifespan, routes=[Mount("/api", app=api)])
