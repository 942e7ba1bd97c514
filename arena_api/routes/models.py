"""Contestants, their books, and the board."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from arena_api.documents import boards, books, decisions
from arena_api.reading import books as book_readers
from arena_api.reading import decisions as decision_readers
from arena_api.reading import models as readers
from arena_api.routes.parameters import (
    UNKNOWN,
    AsOf,
    Between,
    Listed,
    ModelId,
    OneDay,
    Read,
    Side,
    SymbolName,
)

router = APIRouter(tags=["models"])
Fee = Annotated[
    Literal["0", "1", "5", "10"] | None,
    Query(description="with the ranks under this fee per order, in the arena's currency"),
]
Slippage = Annotated[
    Literal["0", "5", "10"] | None, Query(description="with the ranks under this slippage, in basis points")
]
Wait = Annotated[
    Literal["now", "next_bar", "next_open"] | None,
    Query(description="with the ranks when orders fill from this bar on"),
]


@router.get("/models", response_model=boards.Models, response_model_exclude_unset=True)
def models(read: Read) -> dict[str, Any]:
    """Every contestant, with the newest value of its book."""
    return readers.models(read)


@router.get("/models/{id}", response_model=boards.Model, response_model_exclude_unset=True, responses=UNKNOWN)
def model(read: Read, identity: ModelId) -> dict[str, Any]:
    """One contestant."""
    return readers.model(read, identity)


@router.get(
    "/models/{id}/portfolio",
    response_model=books.Portfolio,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def portfolio(read: Read, identity: ModelId, as_of: AsOf = None) -> dict[str, Any]:
    """A model's book at the end of a trading day, the last unless `as_of` is given."""
    return book_readers.portfolio(read, identity, as_of)


@router.get(
    "/models/{id}/positions",
    response_model=books.Positions,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def positions(read: Read, identity: ModelId, as_of: AsOf = None) -> dict[str, Any]:
    """What a model holds, and the newest 15-minute mark of each holding."""
    return book_readers.position_list(read, identity, as_of)


@router.get(
    "/models/{id}/marks", response_model=books.Marks, response_model_exclude_unset=True, responses=UNKNOWN
)
def marks(read: Read, identity: ModelId, day: OneDay) -> dict[str, Any]:
    """The 15-minute marks of a model's holdings on one trading day."""
    return book_readers.marks(read, identity, day)


@router.get(
    "/models/{id}/trades",
    response_model=decisions.Trades,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def trades(
    read: Read, identity: ModelId, listed: Listed, symbol: SymbolName = None, side: Side = None
) -> dict[str, Any]:
    """A model's executed orders, newest first."""
    return decision_readers.trades_of(read, identity, listed, symbol=symbol, side=side)


@router.get(
    "/models/{id}/performance",
    response_model=books.Performance,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def performance(read: Read, identity: ModelId, between: Between) -> dict[str, Any]:
    """A model's value day by day beside the benchmark, and its figures from the last board in the span."""
    return book_readers.performance(read, identity, between)


@router.get(
    "/models/{id}/reasoning",
    response_model=decisions.Reasoning,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def reasoning(read: Read, identity: ModelId, listed: Listed) -> dict[str, Any]:
    """A model's decisions in full, newest first: its words, its orders and what became of each."""
    return decision_readers.reasoning(read, identity, listed)


@router.get(
    "/leaderboard", response_model=boards.Leaderboard, response_model_exclude_unset=True, responses=UNKNOWN
)
def leaderboard(
    read: Read,
    as_of: AsOf = None,
    days: Annotated[
        Literal["clean", "all"],
        Query(description="over the days whose outcome no model may have known, or over all"),
    ] = "clean",
    fee: Fee = None,
    slippage_bp: Slippage = None,
    wait: Wait = None,
) -> dict[str, Any]:
    """The board of a trading day, the newest unless `as_of` is given."""
    terms = {"fee": fee, "slippage_bp": slippage_bp, "wait": wait}
    return readers.board(
        read, as_of, days=days, terms={name: value for name, value in terms.items() if value is not None}
    )
