"""What a session knew: articles, momentum, indicators, watchlist, briefings; and daily bars."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from arena_api.documents.common import DAY, FRACTION, SESSION, TIME, Day, Document, Moment, Page, Price, Shape

UNTRUSTED = "other people's words: plain text, never markup"


class Article(Shape):
    id: str = Field(description="article:<sha256 of address and title>")
    title: str = Field(description=UNTRUSTED)
    summary: str = Field(description=UNTRUSTED)
    url: str = Field(description="as the feed gave it, unchecked: do not follow it blindly")
    source: str = Field(description="the feed, or the vendor")
    language: str | None
    published_at: Moment | None = Field(description=f"by its own account: {TIME}")
    known_at: Moment = Field(description=f"when it was first seen here: {TIME}")
    symbols: list[str] = Field(description="the shares that it is about")
    sentiment: float | None = Field(description="-1 to 1")
    copies: int | None = Field(description="how often it was syndicated")
    raw: str | None = Field(description="sha256 of the archived bytes it was read from")
    trading_day: Day = Field(description=f"{DAY}, that it was collected for")


class Articles(Page):
    articles: list[Article]


class OneArticle(Article):
    simulated: bool
    as_of: str | None
    provenance: str | None


class SessionDocument(Document):
    """As of a session."""

    session: str | None = Field(description=f"{SESSION}; null before the first")


class Watched(Shape):
    id: str
    symbol: str
    rank: int
    score: float | None
    why: str = Field(description="in words")


class Watchlist(SessionDocument):
    watchlist: list[Watched]


class MomentumLine(Shape):
    id: str
    symbol: str
    articles: int | None = Field(description="in the 24 hours before the session")
    distinct_sources: int | None
    mean_sentiment: float | None = Field(description="-1 to 1")
    volume_ratio: float | None = Field(description="articles over the usual number")
    score: float | None
    reason: str | None = Field(description="why a figure is null")


class Momentum(SessionDocument):
    momentum: list[MomentumLine]


class IndicatorLine(Shape):
    """One column per indicator beside these; names and definitions in docs/architecture.md."""

    id: str
    symbol: str
    day: Day = Field(description="of the last bar used")
    bars_used: int | None
    close: float | None = Field(description="in the arena's currency; a statistic, no price to trade at")
    change_1d: float | None = Field(description=FRACTION)
    rsi_14: float | None = Field(description="0 to 100")
    reason: str | None = Field(description="why a figure is null")


class Indicators(SessionDocument):
    indicators: list[IndicatorLine]


class Point(Shape):
    text: str = Field(description="the research model's words, checked against the facts it cites")
    cites: list[str] = Field(description="ids of facts")


class Briefing(Shape):
    id: str = Field(description="briefing:<session>:<symbol>")
    session: str = Field(description=SESSION)
    symbol: str
    stance: str = Field(description="bullish, bearish or neutral")
    strength: float = Field(description="0 to 1")
    points: list[Point]
    facts: dict[str, Any] = Field(description="technical, news and figures, each with its evidence")
    problems: list[str]
    confidence_penalty: float = Field(description="0 to 1, off the confidence of what rests on it")
    author_model: str
    llm: list[str] = Field(description="ids of the model calls behind it")
    ok: bool = Field(description="false: no usable synthesis, so the facts stand alone")
    held: bool = Field(description="written because a model holds the share")
    quality_score: int | None = Field(default=None, description="0 to 100")
    quality_parts: dict[str, Any] | None = None
    contradictions: list[dict[str, Any]] | None = None
    quality_passed: bool | None = None
    review: bool | None = Field(default=None, description="a person should look at it before anybody buys")


class Briefings(SessionDocument):
    briefings: list[Briefing]


class OneBriefing(Briefing):
    simulated: bool
    as_of: str | None
    provenance: str | None


class BarLine(Shape):
    id: str
    day: Day
    open: Price
    high: Price
    low: Price
    close: Price
    volume: int = Field(description="shares")
    adjustment: str = Field(description="what is worked into the prices: raw, split or total")
    stale: bool = Field(description="the vendor repeats the day before: never filled at")
    vintage: int = Field(description="1 is as first known")
    known_at: Moment
    source: str


class Bars(Document):
    symbol: str
    currency: str
    bars: list[BarLine] = Field(description="in order, each in its last vintage")
