"""Decisions, trades, and the evidence below."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from arena_api.documents import decisions as shapes
from arena_api.reading import decisions as readers
from arena_api.routes.parameters import (
    UNKNOWN,
    AnyId,
    DecisionId,
    Depth,
    Kinds,
    Listed,
    ModelName,
    Outcome,
    Read,
    SessionKey,
    Side,
    SymbolName,
)

router = APIRouter(tags=["decisions"])


@router.get("/decisions", response_model=shapes.Decisions, response_model_exclude_unset=True)
def decisions(
    read: Read,
    listed: Listed,
    model: ModelName = None,
    session: SessionKey = None,
    outcome: Outcome = None,
) -> dict[str, Any]:
    """Decisions, newest first."""
    return readers.decisions(read, listed, model=model, session=session, outcome=outcome)


@router.get(
    "/decisions/{id}",
    response_model=shapes.Decision,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def decision(read: Read, identity: DecisionId) -> dict[str, Any]:
    """One decision with its orders and what became of each."""
    return readers.decision(read, identity)


@router.get(
    "/decisions/{id}/lineage",
    response_model=shapes.Lineage,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def lineage_of_decision(
    read: Read, identity: DecisionId, depth: Depth = None, kinds: Kinds = ""
) -> JSONResponse:
    """The evidence below a decision, down to the archived bytes. Without `depth` it is thousands of nodes."""
    return _walk(readers.lineage(read, identity, depth=depth, kinds=_kinds(kinds), of="decision"))


@router.get(
    "/lineage/{id}", response_model=shapes.Lineage, response_model_exclude_unset=True, responses=UNKNOWN
)
def lineage(read: Read, identity: AnyId, depth: Depth = None, kinds: Kinds = "") -> JSONResponse:
    """The evidence below anything that is stored: a line of the board, a snapshot, a fill, a briefing."""
    return _walk(readers.lineage(read, identity, depth=depth, kinds=_kinds(kinds)))


@router.get("/trades", response_model=shapes.Trades, response_model_exclude_unset=True)
def trades(
    read: Read, listed: Listed, model: ModelName = None, symbol: SymbolName = None, side: Side = None
) -> dict[str, Any]:
    """Executed orders, newest first."""
    return readers.trades(read, listed, model=model, symbol=symbol, side=side)


def _walk(document: dict[str, Any]) -> JSONResponse:
    """Thousands of nodes of many kinds are not validated one by one."""
    return JSONResponse(document)


def _kinds(text: str) -> frozenset[str]:
    return frozenset(text.split(",")) - {""}
