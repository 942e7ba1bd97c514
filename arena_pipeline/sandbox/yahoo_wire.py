"""The simulated market in Yahoo's wire format: chart (v8), quote (v7) and quoteSummary (v10).

Yahoo publishes no specification; the shapes are those that yfinance 1.7 reads. Only bars that have ended
are answered. Timestamps are unix seconds of a bar's opening, prices have two decimals, `adjclose` takes
every dividend known by then out of the earlier closes. Intraday history is not cut off at 60 days.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from arena_pipeline.sandbox.market import SandboxMarket
from arena_pipeline.sandbox.paths import Bars
from arena_pipeline.sandbox.returns import EPOCH, Floats

Answer = tuple[int, dict[str, Any]]

CRUMB = "sandbox"
INTERVALS = ("15m", "1d")
RANGES = {
    "5d": timedelta(days=7),
    "1mo": timedelta(days=31),
    "3mo": timedelta(days=92),
    "6mo": timedelta(days=183),
    "1y": timedelta(days=366),
    "2y": timedelta(days=731),
    "5y": timedelta(days=1827),
    "10y": timedelta(days=3653),
}
VALID_RANGES = ["1d", *RANGES, "ytd", "max"]


def not_found() -> Answer:
    error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
    return 404, {"chart": {"result": None, "error": error}}


def bad_request(description: str) -> Answer:
    error = {"code": "Bad Request", "description": description}
    return 400, {"chart": {"result": None, "error": error}}


def chart(market: SandboxMarket, symbol: str, query: Mapping[str, str], now: datetime) -> Answer:
    """Answer `/v8/finance/chart/{symbol}`: status and body. `now` bounds what is known."""
    if not market.covers(symbol):
        return not_found()
    interval = query.get("interval", "1d")
    if interval not in INTERVALS:
        valid = ", ".join(INTERVALS)
        return bad_request(
            f"Invalid input - interval={interval} is not supported. Valid intervals: [{valid}]"
        )
    if "period1" in query or "period2" in query:
        try:
            begin = int(query.get("period1", "0"))
            end = int(query.get("period2", str(int(now.timestamp()))))
        except ValueError:
            return bad_request("Invalid input - period1 and period2 must be unix seconds")
        if begin >= end:
            return bad_request("Invalid input - start date cannot be after end date")
        first_bar = datetime.combine(EPOCH, datetime.min.time(), market.calendar.zone).timestamp()
        if end <= first_bar or begin > now.timestamp():
            return bad_request(f"Data doesn't exist for startDate = {begin}, endDate = {end}")
        begin, end, span = max(begin, 0), min(end, int(now.timestamp()) + 1), "1d"
    else:
        span = query.get("range", "1mo")
        if span not in VALID_RANGES:
            valid = ", ".join(VALID_RANGES)
            return bad_request(f"Invalid input - range={span} is not supported. Valid ranges: [{valid}]")
        begin, end = _range_bounds(market, span, now), int(now.timestamp())
    return 200, {
        "chart": {"result": [_result(market, symbol, interval, span, begin, end, now)], "error": None}
    }


def _range_bounds(market: SandboxMarket, span: str, now: datetime) -> int:
    """The first second of a `range=`."""
    today = now.astimezone(market.calendar.zone).date()
    if span == "max":
        return 0
    if span == "ytd":
        start = date(today.year, 1, 1)
    elif span == "1d":
        start = _last_closed_day(market, now)
    else:
        start = today - RANGES[span]
    return int(datetime.combine(start, datetime.min.time(), market.calendar.zone).timestamp())


def _last_closed_day(market: SandboxMarket, now: datetime) -> date:
    calendar = market.calendar
    day = calendar.previous_day(now.astimezone(calendar.zone).date() + timedelta(days=1))
    return day if calendar.hours(day).closes_at <= now else calendar.previous_day(day)


def _local_day(market: SandboxMarket, seconds: int, now: datetime) -> date:
    """The market's date of a moment, brought into the simulated range."""
    earliest = datetime.combine(EPOCH, datetime.min.time(), UTC).timestamp()
    bounded = min(max(seconds, earliest), now.timestamp())
    return datetime.fromtimestamp(bounded, market.calendar.zone).date()


def _result(
    market: SandboxMarket, symbol: str, interval: str, span: str, begin: int, end: int, now: datetime
) -> dict[str, Any]:
    first, last = _local_day(market, begin, now), _local_day(market, end, now)
    bars = (market.intraday if interval == "15m" else market.daily)(symbol, first, last)
    bars = bars.select((bars.starts >= begin) & (bars.starts < end) & (bars.ends <= int(now.timestamp())))
    meta = _meta(market, symbol, interval, span, now)
    if interval == "15m":
        meta["tradingPeriods"] = [[_period(market, day)] for day in market.calendar.days(first, last)]
    if not len(bars):
        return {"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}}
    quote = {name: (getattr(bars, name) / 100).tolist() for name in ("open", "high", "low", "close")} | {
        "volume": bars.volume.tolist()
    }
    indicators: dict[str, Any] = {"quote": [quote]}
    if interval == "1d":
        adjusted = _adjusted_closes(market, symbol, bars, now)
        indicators["adjclose"] = [{"adjclose": adjusted.tolist()}]
    result = {"meta": meta, "timestamp": bars.starts.tolist(), "indicators": indicators}
    events = _actions(market, symbol, first, last, int(bars.starts[0]), int(bars.ends[-1]))
    if events:
        result["events"] = events
    return result


def _opening(market: SandboxMarket, day: date) -> int:
    return int(market.calendar.hours(day).opens_at.timestamp())


def _actions(
    market: SandboxMarket, symbol: str, first: date, last: date, begin: int, end: int
) -> dict[str, Any]:
    dividends, splits = {}, {}
    for dividend in market.dividends(symbol, first, last):
        at = _opening(market, dividend.ex_date)
        if begin <= at < end:
            dividends[str(at)] = {"amount": dividend.cents / 100, "date": at}
    for split in market.splits(symbol, first, last):
        at = _opening(market, split.ex_date)
        if begin <= at < end:
            new, old = split.ratio.as_integer_ratio()
            splits[str(at)] = {
                "date": at,
                "numerator": float(new),
                "denominator": float(old),
                "splitRatio": f"{new}:{old}",
            }
    return {name: found for name, found in (("dividends", dividends), ("splits", splits)) if found}


def _adjusted_closes(market: SandboxMarket, symbol: str, bars: Bars, now: datetime) -> Floats:
    adjusted: Floats = bars.close / 100
    first = datetime.fromtimestamp(int(bars.starts[0]), market.calendar.zone).date()
    for dividend in market.dividends(symbol, first, now.astimezone(market.calendar.zone).date()):
        at = _opening(market, dividend.ex_date)
        if at > now.timestamp():
            continue
        before = market.calendar.previous_day(dividend.ex_date)
        close = int(market.daily(symbol, before, before).close[0])
        adjusted = np.where(bars.starts < at, adjusted * (1 - dividend.cents / close), adjusted)
    rounded: Floats = np.round(adjusted, 6)
    return rounded


def _period(market: SandboxMarket, day: date) -> dict[str, Any]:
    hours = market.calendar.hours(day)
    opens_at = hours.opens_at.astimezone(market.calendar.zone)
    return {
        "timezone": opens_at.tzname(),
        "start": int(hours.opens_at.timestamp()),
        "end": int(hours.closes_at.timestamp()),
        "gmtoffset": _offset(market, opens_at),
    }


def _offset(market: SandboxMarket, moment: datetime) -> int:
    return int((moment.astimezone(market.calendar.zone).utcoffset() or timedelta()).total_seconds())


def _meta(market: SandboxMarket, symbol: str, interval: str, span: str, now: datetime) -> dict[str, Any]:
    day = _last_closed_day(market, now)
    year = market.daily(symbol, day - timedelta(days=365), day)
    period = _period(market, day)
    prices: dict[str, Any] = {}
    if len(year):
        prices = {
            "regularMarketTime": int(year.ends[-1]),
            "regularMarketPrice": int(year.close[-1]) / 100,
            "regularMarketDayHigh": int(year.high[-1]) / 100,
            "regularMarketDayLow": int(year.low[-1]) / 100,
            "regularMarketVolume": int(year.volume[-1]),
            "fiftyTwoWeekHigh": int(year.high.max()) / 100,
            "fiftyTwoWeekLow": int(year.low.min()) / 100,
        }
    return {
        "currency": market.calendar.profile.currency,
        "symbol": symbol,
        **_names(market, symbol),
        "firstTradeDate": _opening(market, market.calendar.next_day(EPOCH - timedelta(days=1))),
        "hasPrePostMarketData": False,
        "gmtoffset": _offset(market, now),
        "timezone": now.astimezone(market.calendar.zone).tzname(),
        "exchangeTimezoneName": market.calendar.zone.key,
        **prices,
        "priceHint": 2,
        "currentTradingPeriod": {name: dict(period) for name in ("pre", "regular", "post")},
        "dataGranularity": interval,
        "range": span,
        "validRanges": VALID_RANGES,
    }


def _names(market: SandboxMarket, symbol: str) -> dict[str, str]:
    index = symbol == market.benchmark
    name = "Simulated index" if index else f"{market.company(symbol).name} (simulated)"
    return {
        "exchangeName": market.calendar.code,
        "fullExchangeName": market.calendar.profile.exchange,
        "instrumentType": "INDEX" if index else "EQUITY",
        "longName": name,
        "shortName": name,
    }


def quotes(market: SandboxMarket, query: Mapping[str, str], now: datetime) -> Answer:
    """Answer `/v7/finance/quote?symbols=A,B`; symbols that are not covered are left out, as Yahoo does."""
    wanted = [symbol.strip().upper() for symbol in query.get("symbols", "").split(",") if symbol.strip()]
    if not wanted:
        error = {"code": "argument-error", "description": 'Missing value for the "symbols" argument'}
        return 400, {"quoteResponse": {"result": None, "error": error}}
    covered = [symbol for symbol in itertools.islice(wanted, 100) if market.covers(symbol)]
    return 200, {
        "quoteResponse": {"result": [_quote(market, symbol, now) for symbol in covered], "error": None}
    }


def quote_summary(market: SandboxMarket, symbol: str, now: datetime) -> Answer:
    """Answer `/v10/finance/quoteSummary/{symbol}` with the module `quoteType`, whichever are asked for."""
    if not market.covers(symbol):
        error = {"code": "Not Found", "description": f"Quote not found for symbol: {symbol}"}
        return 404, {"quoteSummary": {"result": None, "error": error}}
    return 200, {"quoteSummary": {"result": [{"quoteType": _quote(market, symbol, now)}], "error": None}}


def _quote(market: SandboxMarket, symbol: str, now: datetime) -> dict[str, Any]:
    meta = _meta(market, symbol, "1d", "1d", now)
    kept = ("symbol", "currency", "longName", "shortName", "regularMarketPrice", "regularMarketTime")
    return {name: meta[name] for name in kept if name in meta} | {
        "quoteType": meta["instrumentType"],
        "exchange": meta["exchangeName"],
        "exchangeTimezoneName": meta["exchangeTimezoneName"],
        "timeZoneFullName": meta["exchangeTimezoneName"],
        "gmtOffSetMilliseconds": meta["gmtoffset"] * 1000,
    }
