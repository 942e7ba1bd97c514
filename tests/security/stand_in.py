"""One loopback server in place of every vendor: a feed, Yahoo's charts, and a model that buys SAP.

What a test wants to go wrong it puts into `feed` or `charts`; everything else answers as on a good day.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from arena_pipeline.market.calendar import BERLIN, TradingCalendar

FIRST, LAST = date(2025, 12, 1), date(2026, 4, 30)
LEVELS = {"SAP.DE": 250.0, "SIE.DE": 180.0, "ALV.DE": 300.0, "^GDAXI": 22000.0}
NAMES = ("open", "high", "low", "close", "volume")


@dataclass
class Quote:
    """One row of a chart. `at` is its time stamp; values may be anything that JSON can hold."""

    at: datetime
    open: Any
    high: Any
    low: Any
    close: Any
    volume: Any = 100_000


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=BERLIN)


def quotes(calendar: TradingCalendar) -> dict[str, list[Quote]]:
    """Daily quotes of every symbol, a seeded walk without large steps."""
    dice = random.Random(11)
    found: dict[str, list[Quote]] = {}
    for symbol, level in LEVELS.items():
        rows = found.setdefault(symbol, [])
        for day in calendar.days(FIRST, LAST):
            opening = round(level * (1 + dice.uniform(-0.01, 0.01)), 2)
            level = round(opening * (1 + dice.uniform(-0.015, 0.0153)), 2)
            high, low = round(max(opening, level) * 1.004, 2), round(min(opening, level) * 0.996, 2)
            rows.append(Quote(midnight(day), opening, high, low, level))
    return found


def chart(symbol: str, rows: list[Quote], *, columns: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """Yahoo's chart answer, with the columns in the order given."""
    period = {"timezone": "CET", "start": 1772438400, "end": 1772469000, "gmtoffset": 3600}
    return {
        "chart": {
            "result": [
                {
                    "meta": {
                        "currency": "EUR",
                        "symbol": symbol,
                        "exchangeName": "GER",
                        "instrumentType": "EQUITY",
                        "exchangeTimezoneName": "Europe/Berlin",
                        "timezone": "CET",
                        "gmtoffset": 3600,
                        "priceHint": 2,
                        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
                        "validRanges": ["1d", "max"],
                    },
                    "timestamp": [int(row.at.timestamp()) for row in rows],
                    "indicators": {
                        "quote": [{name: [getattr(row, name) for row in rows] for name in columns}],
                        "adjclose": [{"adjclose": [row.close for row in rows]}],
                    },
                }
            ],
            "error": None,
        }
    }


NOT_FOUND = {"chart": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}}
BUYS_SAP = {
    "orders": [
        {
            "symbol": "SAP.DE",
            "side": "buy",
            "quantity": 1,
            "confidence": 0.5,
            "reason": "as ever",
            "cites": [],
        }
    ],
    "confidence": 0.5,
    "reasoning": "I buy one share of SAP in every session.",
    "horizon_days": 5,
}

Answer = Callable[[BaseHTTPRequestHandler], None]


def serve(body: bytes, status: int = 200, **headers: str) -> Answer:
    """Answers with these bytes. `headers` are written with underscores."""

    def _answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"content_type": "application/rss+xml", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return _answer


@dataclass
class StandIn:
    """The server. `charts` turns a symbol and its rows into what Yahoo answers; `asked` lists every path."""

    rows: dict[str, list[Quote]]
    feed: Answer = field(default_factory=lambda: serve(b""))
    charts: Callable[[str, list[Quote]], dict[str, Any] | bytes] = chart
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def reset(self, calendar: TradingCalendar) -> None:
        self.rows, self.charts = quotes(calendar), chart
        self.asked.clear()

    def answer_chart(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        symbol, query = unquote(parts.path.rpartition("/")[2]), parse_qs(parts.query)
        if query["interval"] != ["1d"]:
            serve(json.dumps(NOT_FOUND).encode(), 404, content_type="application/json")(handler)
            return
        first, last = int(query["period1"][0]), int(query["period2"][0])
        rows = [row for row in self.rows[symbol] if first - 7200 <= row.at.timestamp() < last]
        body = self.charts(symbol, rows)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        serve(data, content_type="application/json")(handler)


@contextmanager
def standing_in(calendar: TradingCalendar) -> Iterator[StandIn]:
    """The server, while it runs."""
    state = StandIn(quotes(calendar))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if self.path.startswith("/feed.xml"):
                state.feed(self)
            elif self.path.startswith("/v8/finance/chart/"):
                state.answer_chart(self)
            elif self.path.startswith("/v1/test/getcrumb"):
                serve(b"crumb-of-this-visitor")(self)
            else:
                serve(b"", 404)(self)

        def do_POST(self) -> None:
            state.asked.append(self.path)
            self.rfile.read(int(self.headers["content-length"]))
            reply = {
                "id": "gen-1",
                "object": "chat.completion",
                "created": 1772438400,
                "model": "stand-in/buyer",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": json.dumps(BUYS_SAP)},
                    }
                ],
                "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18, "cost": 0.0001},
            }
            serve(json.dumps(reply).encode(), content_type="application/json")(self)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
