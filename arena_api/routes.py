"""The routes: each reads one document and answers with it. docs/api.md shows every one."""

from __future__ import annotations

import re
from datetime import date
from importlib.metadata import version
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator

from arena_api import documents
from arena_api.reading import Reading
from arena_pipeline.settings import MODEL_ID
from arena_pipeline.warehouse.views import PAGE

MAX_ROWS = 1000
MAX_DEPTH = 100


def reading(request: Request) -> Reading:
    """The process's one reader."""
    return cast(Reading, request.app.state.reading)


def _day(value: object) -> object:
    """pydantic would also take a number of seconds, or a time, for a date."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("write a day like 2025-10-24")
    return value


Read = Annotated[Reading, Depends(reading)]
AsOf = Annotated[
    date | None, BeforeValidator(_day), Query(description="the last board not after this trading day")
]
ModelName = Annotated[
    str | None, Query(pattern=f"^(?:{MODEL_ID.pattern})$", description="of one contestant only")
]
SessionKey = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$",
        description="of one session only: Europe/Berlin, such as 2025-10-24T08:30",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="the newest so many")]
DecisionId = Annotated[str, Path(alias="id", description="decision:<model>:<session>")]
Depth = Annotated[
    int | None, Query(ge=0, le=MAX_DEPTH, description="how many edges away; all evidence when not given")
]

router = APIRouter(
    responses={
        422: {"model": documents.Problem, "description": "a parameter is wrong"},
        503: {"model": documents.Problem, "description": "the ledger cannot be read"},
    }
)
UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": documents.Problem, "description": "nothing has this id"}
}


@router.get("/health", response_model=documents.Health)
def health(read: Read) -> dict[str, Any]:
    """That the server answers, and how far the arena has come."""
    return {
        "status": "ok",
        "version": version("sentiment-arena"),
        "simulated": read.settings.simulated,
        "newest": read.newest_days(),
    }


@router.get("/api/models", response_model=documents.Models, response_model_exclude_unset=True)
def models(read: Read) -> dict[str, Any]:
    """Every contestant, with the newest value of its book."""
    return read.models()


@router.get("/api/leaderboard", response_model=documents.Leaderboard, response_model_exclude_unset=True)
def leaderboard(read: Read, as_of: AsOf = None) -> dict[str, Any]:
    """The board of a trading day, the newest unless `as_of` is given."""
    return read.board(as_of)


@router.get("/api/decisions", response_model=documents.Decisions, response_model_exclude_unset=True)
def decisions(
    read: Read, model: ModelName = None, session: SessionKey = None, limit: Limit = PAGE
) -> dict[str, Any]:
    """Decisions, newest first."""
    return read.decisions(model=model, session=session, limit=limit)


@router.get(
    "/api/decisions/{id}",
    response_model=documents.Decision,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def decision(read: Read, decision_id: DecisionId) -> dict[str, Any]:
    """One decision with its orders and what became of each."""
    return read.decision(decision_id)


@router.get(
    "/api/decisions/{id}/lineage",
    response_model=documents.Lineage,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def lineage(read: Read, decision_id: DecisionId, depth: Depth = None) -> dict[str, Any]:
    """The evidence below a decision, down to the archived bytes. Without `depth` it is thousands of nodes."""
    return read.lineage(decision_id, depth=depth)


@router.get("/api/trades", response_model=documents.Trades, response_model_exclude_unset=True)
def trades(read: Read, model: ModelName = None, limit: Limit = PAGE) -> dict[str, Any]:
    """Executed orders, newest first."""
    return read.trades(model=model, limit=limit)
