"""What a session knew, and daily bars."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from arena_api.documents import research as shapes
from arena_api.reading import articles as article_readers
from arena_api.reading import prices
from arena_api.reading import research as readers
from arena_api.routes.parameters import (
    UNKNOWN,
    Between,
    Listed,
    Read,
    SessionKey,
    SessionPath,
    SymbolName,
    SymbolPath,
)

router = APIRouter(tags=["research"])
Source = Annotated[str | None, Query(min_length=1, max_length=100, description="of one feed or vendor only")]
ArticleId = Annotated[
    str,
    Path(alias="id", pattern=r"^article:[0-9a-f]{64}$", description="article:<sha256 of address and title>"),
]


@router.get("/briefings", response_model=shapes.Briefings, response_model_exclude_unset=True)
def briefings(read: Read, session: SessionKey = None, symbol: SymbolName = None) -> dict[str, Any]:
    """The briefings of a session, the newest unless one is given."""
    return readers.briefings(read, session, symbol)


@router.get(
    "/briefings/{session}/{symbol}",
    response_model=shapes.OneBriefing,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def briefing(read: Read, session: SessionPath, symbol: SymbolPath) -> dict[str, Any]:
    """One briefing: its stance, its points and the facts that they cite."""
    return readers.briefing(read, session, symbol)


@router.get("/articles", response_model=shapes.Articles, response_model_exclude_unset=True)
def articles(read: Read, listed: Listed, symbol: SymbolName = None, source: Source = None) -> dict[str, Any]:
    """Articles, newest first."""
    return article_readers.articles(read, listed, symbol=symbol, source=source)


@router.get(
    "/articles/{id}",
    response_model=shapes.OneArticle,
    response_model_exclude_unset=True,
    responses=UNKNOWN,
)
def article(read: Read, identity: ArticleId) -> dict[str, Any]:
    """One article."""
    return article_readers.article(read, identity)


@router.get("/momentum", response_model=shapes.Momentum, response_model_exclude_unset=True)
def momentum(read: Read, session: SessionKey = None, symbol: SymbolName = None) -> dict[str, Any]:
    """How much news moved each share in a session, the newest unless one is given."""
    return readers.session_table(read, "momentum", session, symbol)


@router.get("/indicators", response_model=shapes.Indicators, response_model_exclude_unset=True)
def indicators(read: Read, session: SessionKey = None, symbol: SymbolName = None) -> dict[str, Any]:
    """The technical indicators of each share in a session, the newest unless one is given."""
    return readers.session_table(read, "indicators", session, symbol)


@router.get("/watchlist", response_model=shapes.Watchlist, response_model_exclude_unset=True)
def watchlist(read: Read, session: SessionKey = None, symbol: SymbolName = None) -> dict[str, Any]:
    """The shares that news and prices moved most in a session, the newest unless one is given."""
    return readers.session_table(read, "watchlist", session, symbol)


@router.get(
    "/bars/{symbol}", response_model=shapes.Bars, response_model_exclude_unset=True, responses=UNKNOWN
)
def bars(read: Read, symbol: SymbolPath, between: Between) -> dict[str, Any]:
    """The daily bars of a share or of the benchmark."""
    return prices.bars(read, symbol, between.first or date.min, between.last or date.max)
