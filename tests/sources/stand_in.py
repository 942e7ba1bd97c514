"""Both vendors of figures on loopback, in their wire formats, and arenas that ask them."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.fundamentals import financials
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.settings import load_settings
from arena_pipeline.sources.addresses import PublicRoute, Route
from arena_pipeline.sources.budget import Limit, VendorBudget

CANARY = "CANARY0KEY1234567"
DAILY = {
    "Information": f"We have detected your API key as {CANARY} and our standard API rate limit is 25 "
    "requests per day. Please subscribe to any of the premium plans at https://www.alphavantage.co/premium/"
}
PREMIUM = {"Information": "Thank you for using Alpha Vantage! This is a premium endpoint."}
NO_ACCESS = json.dumps({"error": "You don't have access to this resource."})
NAMES = {"SAP": "SAP SE", "SIE": "Siemens AG", "ALV": "Allianz SE", "BMW": "Bayerische Motoren Werke AG"}


def overview(symbol: str, **fields: str) -> dict[str, str]:
    name = NAMES.get(symbol.split(".")[0], "None")
    return {"Symbol": symbol, "Name": name, "Currency": "EUR", "PERatio": "20.5"} | fields


@dataclass
class StandIn:
    """`answers` by (function or path, symbol) is what is not the usual; a number is a status, with the body
    `forbidden`.

    `limit` is how many calls Alpha Vantage answers before it says that the day's are used up.
    """

    server: HTTPServer
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    limit: int = 10_000
    forbidden: str = NO_ACCESS
    asked: list[tuple[str, str]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.server.expect_request("/av/query").respond_with_handler(self._alphavantage)
        for path in (
            "quote",
            "stock/metric",
            "stock/profile2",
            "stock/recommendation",
            "company-news",
            "news",
        ):
            self.server.expect_request(f"/finnhub/{path}").respond_with_handler(self._finnhub)

    @property
    def calls(self) -> Counter[str]:
        return Counter(what for what, _ in self.asked)

    def _alphavantage(self, request: Request) -> Response:
        function = request.args["function"]
        symbol = request.args.get("symbol") or request.args.get("tickers", "")
        self.asked.append((function, symbol))
        self.keys.add(request.args.get("apikey"))
        if sum(what.isupper() for what, _ in self.asked) > self.limit:
            return self._reply(DAILY)
        usual: Any = overview(symbol) if function == "OVERVIEW" else {}
        return self._reply(self.answers.get((function, symbol), usual))

    def _finnhub(self, request: Request) -> Response:
        path = request.path.removeprefix("/finnhub/")
        symbol = request.args.get("symbol", "")
        self.asked.append((path, symbol))
        self.keys.add(request.headers.get("X-Finnhub-Token"))
        usual = {"symbol": symbol, "metric": {"peTTM": 20.7}} if path == "stock/metric" else 403
        return self._reply(self.answers.get((path, symbol), usual))

    def _reply(self, answer: Any) -> Response:
        if isinstance(answer, int):
            return Response(self.forbidden, answer)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return Response(text, 200, content_type="application/json")


def arena_at(
    folder: Path,
    now: datetime,
    *,
    source: str,
    url: str,
    symbols: tuple[str, ...],
    home: str = "home",
    news: str = 'source = "none"',
    research: str = "",
    strangers: Route | None = None,
) -> Arena:
    """An arena whose figures come from the stand-in below `url`; its prices are never asked for.

    Its budget allows what a test asks in a second and the vendors do not.
    """
    config = folder / "arena.toml"
    config.write_text(
        '[arena]\nstart = "2025-03-03"\n'
        f"[universe]\nsymbols = {json.dumps(symbols)}\n"
        '[prices]\nsource = "yahoo"\n'
        f"[news]\n{news}\n[research]\n{research}\n"
        f'[fundamentals]\nsource = "{source}"\nalphavantage_url = "{url}av"\nfinnhub_url = "{url}finnhub"\n'
        '[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n'
    )
    settings = load_settings(config, home=folder / home)
    arena = Arena(
        settings, open_store(settings), clock=lambda: now, strangers=strangers or PublicRoute(nowhere)
    )
    many = (Limit(100_000, 86_400),)
    arena.vendor_budget = VendorBudget(
        settings.home / "vendor_calls.db", limits={"alphavantage": many, "finnhub": many, "default": many}
    )
    return arena


def nowhere(host: str, port: int) -> list[str]:
    """No address for any name: no test reaches a stranger."""
    raise OSError(f"{host} is not looked up in a test")


def ticking(now: datetime) -> Callable[[], datetime]:
    """A clock that is a second later each time it is read."""
    seconds = itertools.count()
    return lambda: now + timedelta(seconds=next(seconds))


def morning(day: date, hour: int = 7, minute: int = 15) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def collect(arena: Arena, *days: date, run: Run | None = None) -> list[Outcome]:
    return financials(arena, [str(day) for day in days], run or Run("test"))
