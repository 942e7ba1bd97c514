"""One share: prices with averages, news, who holds it, and every model's trades; and the list of shares."""

from __future__ import annotations

import bisect
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from arena_api.reading import Document, Reading, articles, prices, research, uses
from arena_api.reading import decisions as listed
from arena_api.reading.pages import MAX_ROWS, Asked
from arena_pipeline.errors import DataError
from arena_pipeline.market.universe import companies
from arena_pipeline.settings import SYMBOL
from arena_pipeline.warehouse.listings import Span
from dashboards import lines
from dashboards.formats import day as shown_day
from dashboards.formats import moment_of
from dashboards.shell import Shell, ShellOf, chosen

HERE = "/symbols"
RANGES = {"1m": 22, "3m": 64, "6m": 128, "1y": 254, "all": 1600}
"""Trading days that are shown."""

DEFAULT_RANGE = "6m"
CHANGES = (1, 5, 20)
KINDS = ("candles", "line")
NEWS = 300
"""Articles at most, in the chart and in the list."""

STILL = (1100, 320)
"""Width and height of the picture that stands in for the chart where there is no script."""

AVERAGES = {"sma_20": "Mean of 20 days", "sma_50": "of 50", "sma_200": "of 200"}
router = APIRouter()


@router.get("/symbols")
def symbols(shell: ShellOf) -> HTMLResponse:
    reading = shell.reading
    figures = research.session_table(reading, "indicators")
    momentum = research.session_table(reading, "momentum", figures["session"])
    holding: dict[str, list[str]] = defaultdict(list)
    for each in uses.holders(reading):
        holding[each["symbol"]].append(each["model"])
    known = companies(tuple(reading.settings.universe.symbols))
    by_symbol = {row["symbol"]: row for row in figures["indicators"]}
    score = {row["symbol"]: row for row in momentum["momentum"]}
    return shell.page(
        "symbols.html",
        here=HERE,
        session=figures["session"],
        rows=[
            {
                "company": company,
                "figures": by_symbol.get(symbol),
                "momentum": score.get(symbol),
                "holders": holding[symbol],
            }
            for symbol, company in known.items()
        ],
        benchmark_symbol=reading.settings.universe.benchmark,
    )


@router.get("/symbols/{symbol}")
def symbol(shell: ShellOf, symbol: str) -> HTMLResponse:
    reading, asked = shell.reading, shell.request.query_params
    period = chosen(asked.get("range"), RANGES, DEFAULT_RANGE)
    try:
        bars, scale = _bars(reading, symbol, period)
    except DataError:
        return shell.missing(symbol, here=HERE)
    span = _span(bars)
    table = _table(reading, symbol, bars)
    trades = listed.trades(reading, Asked(limit=MAX_ROWS), symbol=symbol)["trades"]
    session = research.session_table(reading, "indicators", symbol=symbol)["session"]
    return shell.page(
        "symbol.html",
        here=HERE,
        symbol=symbol,
        company_of=companies((symbol,))[symbol],
        period=period,
        ranges=list(RANGES),
        kind=chosen(asked.get("kind"), KINDS, KINDS[0]),
        kinds=KINDS,
        bars=bars,
        table=table,
        changes={days: _change(bars, days) for days in CHANGES},
        splits=[split for split in scale.splits if bars and bars[0]["day"] < split.ex_date.isoformat()],
        still=_still(reading, symbol, bars),
        averages=AVERAGES,
        session=session,
        holders=uses.holders(reading, symbol),
        trades=trades,
        news=_news(reading, symbol, span),
    )


@router.get("/dash/symbol.json")
def series(shell: ShellOf, request: Request) -> JSONResponse:
    """The chart's numbers."""
    asked = request.query_params
    symbol, period = asked.get("symbol", ""), chosen(asked.get("range"), RANGES, DEFAULT_RANGE)
    try:
        bars, scale = _bars(shell.reading, symbol, period)
    except DataError:
        return JSONResponse({"days": []}, 404)
    return JSONResponse(_document(shell, symbol, bars, scale), headers={"Cache-Control": "private, no-cache"})


def _document(shell: Shell, symbol: str, bars: list[Document], scale: prices.Scale) -> dict[str, Any]:
    days = [bar["day"] for bar in bars]
    drawn = _lines(shell.reading, symbol, bars)
    first = days[0] if days else ""
    found = listed.trades(shell.reading, Asked(limit=MAX_ROWS), symbol=symbol)["trades"]
    trades = [trade for trade in found if trade["trading_day"] >= first]
    return {
        "days": days,
        **{name: [float(bar[name]) for bar in bars] for name in ("open", "high", "low", "close")},
        "volume": [bar["volume"] for bar in bars],
        **{name: [_rounded(value) for value in line] for name, line in drawn.items()},
        "trades": [
            {
                "at": place,
                "side": trade["side"],
                "model": trade["model"],
                "classes": shell.series(trade["model"]),
                "quantity": round(trade["quantity"] * ratio),
                "price": round(float(trade["price"]) / float(ratio), 4),
            }
            for trade in trades
            if (place := _place(days, trade["trading_day"])) is not None
            for ratio in (scale.ratio(date.fromisoformat(trade["trading_day"])),)
        ],
        "news": [
            {"at": place, "title": each["title"], "sentiment": each["sentiment"]}
            for each in _news(shell.reading, symbol, _span(bars))
            if (place := _place(days, moment_of(each["known_at"]).date().isoformat())) is not None
        ],
    }


def _bars(reading: Reading, symbol: str, period: str) -> tuple[list[Document], prices.Scale]:
    """The last bars of a period on the scale of now. Raises DataError for what is no share of the arena."""
    if not SYMBOL.fullmatch(symbol):
        raise DataError(f"{symbol!r} is no symbol")
    found, scale = prices.bars_on_one_scale(reading, symbol)
    return found["bars"][-RANGES[period] :], scale


def _change(bars: list[Document], days: int) -> float | None:
    """The last close against that so many trading days before, as a fraction."""
    if len(bars) <= days:
        return None
    return float(Decimal(bars[-1]["close"]) / Decimal(bars[-1 - days]["close"]) - 1)


def _span(bars: list[Document]) -> Span:
    """From the first day shown on; all days when there are none."""
    return Span(date.fromisoformat(bars[0]["day"]), None) if bars else Span(None, None)


def _lines(reading: Reading, symbol: str, bars: list[Document]) -> dict[str, list[float | None]]:
    if not bars:
        return {}
    first, last = (date.fromisoformat(bar["day"]) for bar in (bars[0], bars[-1]))
    return prices.indicator_lines(reading, symbol, first, last)


def _news(reading: Reading, symbol: str, span: Span) -> list[Document]:
    found: list[Document] = articles.articles(reading, Asked(span, limit=NEWS), symbol=symbol)["articles"]
    return found


def _table(reading: Reading, symbol: str, bars: list[Document]) -> list[tuple[Document, dict[str, Any]]]:
    """Each bar with the figures after it, the newest first."""
    drawn = _lines(reading, symbol, bars)
    rows = [(bar, {name: line[n] for name, line in drawn.items()}) for n, bar in enumerate(bars)]
    return rows[::-1]


def _still(reading: Reading, symbol: str, bars: list[Document]) -> dict[str, Any] | None:
    """The closes and their averages as a picture; None without two days."""
    if len(bars) < 2:
        return None
    drawn = _lines(reading, symbol, bars)
    closes: list[float | None] = [float(bar["close"]) for bar in bars]
    shown = [closes, *(drawn[name] for name in AVERAGES)]
    low, high = lines.span(shown)
    width, height = STILL
    return {
        "width": width,
        "height": height,
        "paths": [lines.path(lines.thinned(line, 260), low, high, width - 70, height - 24) for line in shown],
        "ticks": [(value, (high - value) / (high - low) * (height - 24)) for value in lines.ticks(low, high)],
        "first": shown_day(bars[0]["day"]),
        "last": shown_day(bars[-1]["day"]),
    }


def _place(days: list[str], day: str) -> int | None:
    """Where a day is among trading days; one without trading is at the next."""
    place = bisect.bisect_left(days, day)
    return place if place < len(days) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
