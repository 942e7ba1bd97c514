"""The exchange's hours."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from arena_api.documents import operations as shapes
from arena_api.reading import market as readers
from arena_api.routes.parameters import Day, Read, uncached

router = APIRouter(tags=["market"])


@router.get("/market/status", response_model=shapes.MarketStatus, dependencies=[Depends(uncached)])
def market_status(read: Read) -> dict[str, Any]:
    """Whether the exchange trades now, and when it does next."""
    return readers.status(read)


@router.get("/market/days", response_model=shapes.MarketDays)
def market_days(
    read: Read,
    first: Annotated[Day, Query(alias="from", description="the first day")],
    last: Annotated[Day, Query(alias="to", description="the last; at most 800 days after the first")],
) -> dict[str, Any]:
    """The trading days in a span, with their hours and sessions."""
    return readers.days(read, first, last)
