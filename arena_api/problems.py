"""Errors as `application/problem+json` (RFC 9457). What failed inside is for the log, not for the answer."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, cast

import duckdb
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from arena_api.errors import Conflict, DagsterRefused, DagsterUnreachable
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
    if refusal.status_code == 400 and "parsing the body" in str(
        refusal.detail
    ):  # such as nesting without end
        return problem(422, "body: is no JSON that can be read")
    return problem(refusal.status_code, str(refusal.detail), headers=refusal.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    errors = [
        {"parameter": str(entry["loc"][-1]), "problem": entry["msg"].removeprefix("Value error, ")}
        for entry in cast(RequestValidationError, error).errors()
    ]
    return problem(422, "; ".join(f"{e['parameter']}: {e['problem']}" for e in errors), errors=errors)


async def _unreadable(_: Request, error: Exception) -> JSONResponse:
    log.error("the stores cannot be read: %s", error)
    return problem(503, "The ledger or the lake cannot be read at the moment. The server's log says why.")


async def _failed(_: Request, error: Exception) -> JSONResponse:
    """The outermost handler: no middleware adds headers to its answer."""
    reference = secrets.token_hex(6)
    log.error("%s: %s", reference, error if isinstance(error, ArenaError) else type(error).__name__)
    detail = f"The server failed. Its log says why, under {reference}."
    return problem(500, detail, headers=SECURITY_HEADERS, reference=reference)


async def _conflict(_: Request, error: Exception) -> JSONResponse:
    run_id = cast(Conflict, error).run_id
    more: dict[str, Any] = {"run_id": run_id} if run_id else {}
    return problem(409, str(error), **more)


async def _dagster_refused(_: Request, error: Exception) -> JSONResponse:
    return problem(502, str(error))


async def _dagster_unreachable(_: Request, error: Exception) -> JSONResponse:
    return problem(503, str(error))


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[JSONResponse]]] = {
    DataError: _unknown,
    HTTPException: _refused,
    RequestValidationError: _invalid,
    Conflict: _conflict,
    DagsterRefused: _dagster_refused,
    DagsterUnreachable: _dagster_unreachable,
    LedgerError: _unreadable,
    SQLAlchemyError: _unreadable,
    duckdb.Error: _unreadable,
    Exception: _failed,
}


def answer_with_problems(app: FastAPI, shown: Callable[[Request, JSONResponse], Response]) -> None:
    """Let every error of this app leave as a problem document; `shown` makes a page of it for whoever asked
    for one."""
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, _answering(handler, shown))


def _answering(
    handler: Callable[[Request, Exception], Awaitable[JSONResponse]],
    shown: Callable[[Request, JSONResponse], Response],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        return shown(request, await handler(request, error))

    return answer
