"""The routes, one module per subject: each reads one document and answers with it. docs/api.md shows all.

The same routes answer under `/api/v1` and, as the version in force, under `/api`.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from arena_api.documents.common import Problem
from arena_api.routes import admin, decisions, exports, live, market, models, operations, research
from arena_api.routes.parameters import only_known_parameters

PREFIXES = {"/api": True, "/api/v1": False}
"""Where the routes answer, and whether the OpenAPI document lists them there."""

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, **({} if status == 304 else {"model": Problem})}
    for status, text in {
        304: "what the client has still holds",
        400: "the request is malformed, or for a name that this server does not answer to",
        401: "a key is needed, or the one given is not valid",
        403: "the key's scopes do not reach this far",
        414: "the address is too long",
        413: "the request's body is too large",
        422: "a parameter is wrong",
        431: "the request's headers are too large",
        429: "too many requests; Retry-After says when to come back, in seconds",
        503: "the ledger cannot be read",
    }.items()
}

PARTS = (models, decisions, research, market, operations, exports, live, admin)


def mount(app: FastAPI) -> None:
    """Add every route to an app."""
    app.include_router(operations.probes, responses=REFUSALS, dependencies=[Depends(only_known_parameters)])
    app.include_router(live.sockets)
    for prefix, listed in PREFIXES.items():
        router = APIRouter(
            prefix=prefix,
            responses=REFUSALS,
            dependencies=[Depends(only_known_parameters)],
            include_in_schema=listed,
        )
        for part in PARTS:
            router.include_router(part.router)
        app.include_router(router)
