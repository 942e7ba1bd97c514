"""Domain objects to rows of the lake and back. Names are the same on both sides; types differ where said."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.news.articles import Article
from arena_pipeline.news.health import FeedAnswer
from arena_pipeline.research.figures import Figure
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction

Row = dict[str, Any]


def utc(moment: datetime) -> datetime:
    """A time in plain UTC: Arrow hands back its own zone objects, which compare slowly."""
    return moment.astimezone(UTC)


def bar_row(bar: Bar) -> Row:
    return {
        "id": bar.id,
        "symbol": bar.symbol,
        "interval": bar.interval.value,
        "day": bar.day,
        "start": bar.start,
        "end": bar.end,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "adjustment": bar.adjustment.value,
        "stale": bar.stale,
        "known_at": bar.known_at,
        "vintage": bar.vintage,
        "source": bar.source,
        "raw": bar.raw,
    }


def bar_from(row: Row) -> Bar:
    return Bar(
        symbol=row["symbol"],
        interval=Interval(row["interval"]),
        day=row["day"],
        start=utc(row["start"]),
        end=utc(row["end"]),
        open=row["open"],
        high=row["high"],
        low=row["low"],
        close=row["close"],
        volume=row["volume"],
        adjustment=Adjustment(row["adjustment"]),
        stale=row["stale"],
        known_at=utc(row["known_at"]),
        vintage=row["vintage"],
        source=row["source"],
        raw=row["raw"],
    )


def action_row(action: CorporateAction) -> Row:
    return {
        "id": action.id,
        "kind": action.kind.value,
        "symbol": action.symbol,
        "ex_date": action.ex_date,
        "ratio": None if action.ratio is None else str(action.ratio),
        "amount": action.amount,
        "pay_date": action.pay_date,
        "known_at": action.known_at,
        "source": action.source,
        "raw": action.raw,
    }


def action_from(row: Row) -> CorporateAction:
    return CorporateAction(
        kind=ActionKind(row["kind"]),
        symbol=row["symbol"],
        ex_date=row["ex_date"],
        ratio=None if row["ratio"] is None else Fraction(row["ratio"]),
        amount=row["amount"],
        pay_date=row["pay_date"],
        known_at=utc(row["known_at"]),
        source=row["source"],
        raw=row["raw"],
    )


def article_row(article: Article) -> Row:
    return {**asdict(article), "symbols": list(article.symbols)}


def article_from(row: Row) -> Article:
    return Article(
        id=row["id"],
        title=row["title"],
        summary=row["summary"],
        url=row["url"],
        source=row["source"],
        language=row["language"],
        published_at=None if row["published_at"] is None else utc(row["published_at"]),
        known_at=utc(row["known_at"]),
        symbols=tuple(row["symbols"]),
        sentiment=row["sentiment"],
        copies=row["copies"],
        raw=row["raw"],
    )


def figure_row(figure: Figure, note: str | None) -> Row:
    return {**asdict(figure), "id": figure.id, "note": note}


def figure_from(row: Row) -> Figure:
    return Figure(
        symbol=row["symbol"],
        name=row["name"],
        value=row["value"],
        unit=row["unit"],
        period=row["period"],
        source=row["source"],
        known_at=utc(row["known_at"]),
        raw=row["raw"],
    )


def iso(day: date) -> str:
    return day.isoformat()


def feed_answer_from(row: Row) -> FeedAnswer:
    return FeedAnswer(
        feed=row["feed"],
        symbol=row["symbol"],
        status=row["status"],
        items=row["items"],
        rejected=row["rejected"],
        newest=utc(row["newest"]) if row["newest"] is not None else None,
        broken=row["broken"],
        asked_at=utc(row["asked_at"]),
        known_at=utc(row["known_at"]),
    )
