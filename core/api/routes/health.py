"""Whether the app is well. The only endpoint that asks for no token."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter

from core.api.backend import OpenBackend
from core.api.schemas import Health
from core.rounds.heartbeat import worker_is_alive

router = APIRouter(tags=["health"])

HEAVY = ("torch", "transformers", "small_text")  # each slows every page of the server down


@router.get("/health")
def health(backend: OpenBackend) -> Health:
    """The version, whether a worker is there, and what should not be loaded but is."""
    return Health(
        version=_version(),
        is_worker_alive=worker_is_alive(backend.settings),
        heavy_modules=[name for name in HEAVY if name in sys.modules],
    )


def _version() -> str:
    try:
        return version("marginalia")
    except PackageNotFoundError:  # run from a checkout
        return "development"
