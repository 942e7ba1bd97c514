"""Errors as `application/problem+json` (RFC 9457). What failed inside is for the log, not for the answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from arena_api.security import SECURITY_HEADERS
from arena_pipeline.errors import ArenaError, DataError, LedgerError

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger(__name__)


def problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """An answer of type `about:blank`: its title is the status's own phrase."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(document | more, status, dict(headers or {}), media_type=MEDIA_TYPE)


async def _unknown(_: Request, error: Exception) -> JSONResponse:
    """Reading raises DataError for one thing only: an id that nothing is stored under."""
    return problem(404, str(error))


async def _refused(_: Request, error: Exception) -> JSONResponse:
    refusal = cast(HTTPException, error)
    return problem(refusal.status_code, str(refusal.detail), headers=refusal.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    errors = [
        {"parameter": str(entry["loc"][-1]), "problem": entry["msg"].removeprefix("Value error, ")}
        for entry in cast(RequestValidationError, error).errors()
    ]
    return problem(422, "; ".join(f"{e['parameter']}: {e['problem']}" for e in errors), errors=errors)


async def _unreadable(_: Request, error: Exception) -> JSONResponse:
    log.error("the ledger cannot be read: %s", error)
    return problem(503, "The ledger cannot be read at the moment. The server's log says why.")


async def _failed(_: Request, error: Exception) -> JSONResponse:
    """The outermost handler: no middleware adds headers to its answer."""
    if isinstance(error, ArenaError):
        log.error("%s", error)
    return problem(500, "The server failed. Its log says why.", headers=SECURITY_HEADERS)


def answer_with_problems(app: FastAPI) -> None:
    """Let every error of this app leave as a problem document."""
    app.add_exception_handler(DataError, _unknown)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(LedgerError, _unreadable)
    app.add_exception_handler(Exception, _failed)
