"""A stand-in Yahoo that knows what was traded and answers as Yahoo does at the hour of asking.

Splits that have taken effect are divided out of all prices and dividends before them and multiplied into the
volumes, in 32-bit floats; a bar that is running is answered too. `now` is its clock.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

import numpy as np
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.market.calendar import trading_calendar

XETR = trading_calendar()
QUARTER = timedelta(minutes=15)
NOT_FOUND = '{"chart": {"result": null, "error": {"code": "Not Found", "description": "No data found"}}}'


@dataclass
class Traded:
    """One day of a share as it was traded."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


@dataclass
class Share:
    """What is true of a share, and what Yahoo gets wrong about it: `unadjusted` splits are reported and not
    worked into the prices, `unreported` ones the reverse."""

    days: dict[date, Traded] = field(default_factory=dict)
    splits: dict[date, Fraction] = field(default_factory=dict)
    dividends: dict[date, Decimal] = field(default_factory=dict)
    unadjusted: bool = False
    unreported: bool = False
    currency: str = "EUR"


class YahooWorld:
    """`shares` by symbol; `asked` counts the requests by path; `broken` answers instead of a chart."""

    def __init__(self, server: HTTPServer, now: Callable[[], datetime]) -> None:
        self.shares: dict[str, Share] = {}
        self.asked: Counter[str] = Counter()
        self.broken: dict[str, tuple[int, str]] = {}
        self.failing: Counter[str] = Counter()
        """How many more requests for a symbol are answered with status 503."""
        self.now = now
        self.url = server.url_for("").rstrip("/")
        server.expect_request(re.compile(".*")).respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        path = unquote(request.path)
        self.asked[path] += 1
        if path == "/v1/test/getcrumb":
            return Response("crumb-of-this-visitor")
        if not path.startswith("/v8/finance/chart/"):
            return Response("", 404)
        symbol = path.rpartition("/")[2]
        if self.failing[symbol] > 0:
            self.failing[symbol] -= 1
            return Response("busy", 503)
        if symbol in self.broken:
            status, body = self.broken[symbol]
            return Response(body, status)
        if symbol not in self.shares:
            return Response(NOT_FOUND, 404, content_type="application/json")
        first, last = (datetime.fromtimestamp(int(request.args[f"period{n}"]), UTC) for n in (1, 2))
        body = self._chart(symbol, self.shares[symbol], request.args["interval"], first, last)
        return Response(body, content_type="application/json")

    def _chart(self, symbol: str, share: Share, interval: str, first: datetime, last: datetime) -> str:
        now = self.now()
        rows = [
            (start, [_single(value / self._ratio(share, start.date())) for value in prices], volume)
            for day, traded in sorted(share.days.items())
            for start, prices, volume in self._bars(day, traded, interval)
            if first <= start < last and start <= now
        ]
        names = ("open", "high", "low", "close")
        columns = {name: [prices[n] for _, prices, _ in rows] for n, name in enumerate(names)}
        volumes = [int(volume * self._ratio(share, start.date())) for start, _, volume in rows]
        period = {"timezone": "CET", "start": 0, "end": 0, "gmtoffset": 3600}
        days = sorted({start.date() for start, _, _ in rows})
        result = {
            "meta": {
                "currency": share.currency,
                "symbol": symbol,
                "instrumentType": "EQUITY",
                "exchangeTimezoneName": "Europe/Berlin",
                "timezone": "CET",
                "gmtoffset": 3600,
                "currentTradingPeriod": dict.fromkeys(("pre", "regular", "post"), period),
                "tradingPeriods": [
                    [
                        period
                        | {
                            "start": _seconds(XETR.hours(day).opens_at),
                            "end": _seconds(XETR.hours(day).closes_at),
                        }
                    ]
                    for day in days
                ],
                "validRanges": ["max"],
            },
            "timestamp": [_seconds(start) for start, _, _ in rows],
            "indicators": {
                "quote": [{**columns, "volume": volumes} if rows else {}],
                "adjclose": [{"adjclose": columns["close"]}],
            },
            "events": self._events(share, first, last),
        }
        return json.dumps({"chart": {"result": [result], "error": None}})

    def _bars(self, day: date, traded: Traded, interval: str) -> list[tuple[datetime, list[Decimal], int]]:
        hours = XETR.hours(day)
        prices = [traded.open, traded.high, traded.low, traded.close]
        if interval == "1d":
            return [(hours.opens_at, prices, traded.volume)]
        count = (hours.closes_at - hours.opens_at) // QUARTER
        return [(hours.opens_at + n * QUARTER, prices, traded.volume // count) for n in range(count)]

    def _events(self, share: Share, first: datetime, last: datetime) -> dict[str, Any]:
        def at(day: date) -> datetime:
            return XETR.hours(day).opens_at

        splits = {} if share.unreported else share.splits
        return {
            "splits": {
                str(_seconds(at(day))): {
                    "date": _seconds(at(day)),
                    "numerator": float(ratio.numerator),
                    "denominator": float(ratio.denominator),
                    "splitRatio": f"{ratio.numerator}:{ratio.denominator}",
                }
                for day, ratio in splits.items()
                if first <= at(day) < last and at(day) <= self.now()
            },
            "dividends": {
                str(_seconds(at(day))): {
                    "date": _seconds(at(day)),
                    "amount": _single(amount / self._ratio(share, day)),
                }
                for day, amount in share.dividends.items()
                if first <= at(day) < last and at(day) <= self.now()
            },
        }

    def _ratio(self, share: Share, day: date) -> Decimal:
        """By how much Yahoo has divided the prices of a day."""
        ratio = Decimal(1)
        for ex_date, split in share.splits.items():
            if day < ex_date and XETR.hours(ex_date).opens_at <= self.now() and not share.unadjusted:
                ratio *= Decimal(split.numerator) / split.denominator
        return ratio


def _single(value: Decimal) -> float:
    return float(np.float32(value))


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def walk(first: date, last: date, level: str, *, seed: int) -> dict[date, Traded]:
    """A random walk in steps of two cents, so that half of every price is one too."""
    dice = np.random.default_rng(seed)
    cents = int(Decimal(level) * 50)
    days = {}
    for day in XETR.days(first, last):
        opening, closing = (max(cents + int(dice.integers(-60, 61)), 100) for _ in range(2))
        high, low = max(opening, closing) + 5, min(opening, closing) - 5
        values = (Decimal(value) / 50 for value in (opening, high, low, closing))
        days[day] = Traded(*values, volume=int(dice.integers(1000, 9000)) * 34)
        cents = closing
    return days


def split(days: dict[date, Traded], ex_date: date, ratio: int) -> dict[date, Traded]:
    """The same days, as they are traded with a split."""
    return {
        day: traded
        if day < ex_date
        else Traded(
            traded.open / ratio,
            traded.high / ratio,
            traded.low / ratio,
            traded.close / ratio,
            traded.volume * ratio,
        )
        for day, traded in days.items()
    }
