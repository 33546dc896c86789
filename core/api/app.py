"""Puts the API together: versioned endpoints, one shape of failure, documentation offline."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from core.api.failures import RESPONSES, handle_failures
from core.api.routes import (
    documents,
    exports,
    health,
    judging,
    labels,
    projects,
    reviews,
    rounds,
    search,
    thresholds,
)

VERSION = "1"
DESCRIPTION = """
Everything the pages do, for scripts and other tools.

Send a token with every call: `Authorization: Bearer <token>`. A failure answers with
`{"error": {"kind": …, "message": …}}`; the message says what happened and the way out.
"""

# The browser's part of the documentation page, which FastAPI would take from the internet.
SWAGGER_DIR = Path(fastapi_offline.__file__).parent / "static"


def build_api() -> FastAPI:
    """The API, to be mounted under /api; `api.state.backend` is set when the app starts."""
    api = FastAPI(
        title="Marginalia",
        description=DESCRIPTION,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        responses=RESPONSES,
    )
    for module in (
        health,
        projects,
        documents,
        labels,
        judging,
        reviews,
        search,
        rounds,
        thresholds,
        exports,
    ):
        api.include_router(module.router, prefix="/v1")
    handle_failures(api)
    _serve_docs(api)
    return api


def _serve_docs(api: FastAPI) -> None:
    api.mount("/docs-assets", StaticFiles(directory=SWAGGER_DIR))

    @api.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title="Marginalia API",
            swagger_js_url="docs-assets/swagger-ui-bundle.js",
            swagger_css_url="docs-assets/swagger-ui.css",
            swagger_favicon_url="docs-assets/favicon.png",
        )
