"""Every failure as an HTTP status and one shape of body."""

from __future__ import annotations

import logging
import re
import secrets
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from core.api.schemas import Failure, FailureAnswer
from core.api.tokens import TokenRefused
from core.errors import Conflict, InputError, MarginaliaError, NotAllowed, NotFound, NotReady

log = logging.getLogger(__name__)

STATUS: tuple[tuple[type[MarginaliaError], int], ...] = (
    (TokenRefused, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (NotReady, 409),
    (InputError, 422),
)
HTTP_KINDS = {404: "not_found", 405: "method_not_allowed"}

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": FailureAnswer} for status in (401, 403, 404, 409, 422)
}


def answer(status: int, kind: str, message: str) -> JSONResponse:
    """A failure's body."""
    body = FailureAnswer(error=Failure(kind=kind, message=message))
    return JSONResponse(body.model_dump(), status_code=status)


def handle_failures(api: FastAPI) -> None:
    """Teach the API to answer each kind of failure."""

    @api.exception_handler(MarginaliaError)
    async def _known(_request: Request, error: MarginaliaError) -> JSONResponse:
        status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
        return answer(status, _snake(type(error).__name__), str(error))

    @api.exception_handler(RequestValidationError)
    async def _malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, "input_error", _sentence(error))

    @api.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        kind = HTTP_KINDS.get(error.status_code, "http_error")
        return answer(error.status_code, kind, f"{error.detail}; see /api/docs for what there is.")

    @api.exception_handler(OperationalError)
    async def _database(_request: Request, error: OperationalError) -> JSONResponse:
        log.error("The database did not answer", exc_info=error)
        return answer(503, "database_busy", "The database did not answer in time; send it again.")

    @api.exception_handler(Exception)
    async def _unknown(_request: Request, error: Exception) -> JSONResponse:
        error_id = secrets.token_hex(4)
        log.error("Error %s", error_id, exc_info=error)
        return answer(500, "error", f"Something failed here; look for {error_id} in the log.")


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _sentence(error: RequestValidationError) -> str:
    first, *others = error.errors()
    place = ".".join(str(part) for part in first["loc"])
    more = f" ({len(others)} more like this)" if others else ""
    return f"{place}: {first['msg']}{more}; see /api/docs for the shape."
