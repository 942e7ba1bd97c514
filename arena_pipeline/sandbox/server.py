"""The sandbox on loopback: every vendor the arena talks to, behind one port, in the vendor's wire format.

| route | vendor |
|---|---|
| `/v8/finance/chart/SYMBOL`, `/v7/finance/quote`, `/v10/finance/quoteSummary/SYMBOL` | Yahoo |
| `/v1/test/getcrumb`, `/`, `/consent` | Yahoo's crumb, cookie and consent hosts |
| `/rss/SYMBOL` or `/rss/market`, with `from`, `to` (dates) and `lang` | news feeds |
| `/query?function=OVERVIEW` (`EARNINGS`, `NEWS_SENTIMENT`), with `date` for then | Alpha Vantage |
| `/query?function=GLOBAL_QUOTE`, which is empty, as for a share that it does not know | Alpha Vantage |
| `/api/v1/quote`, `/stock/…`, `/company-news`, `/news` below it, with `date` likewise | Finnhub |
| `/v1/chat/completions`, `/v1/models` | an OpenAI-compatible model server |
| `/health` | the sandbox itself |

Before any path, `/on/2025-10-24` is the same as `date=2025-10-24` behind it. Every response carries
`X-Simulated: true`. A malformed request is answered with 400 and a JSON error.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from urllib.parse import parse_qsl, unquote, urlsplit

from arena_pipeline.market.calendar import BERLIN, LAST_YEAR, TradingCalendar
from arena_pipeline.sandbox import feeds, finnhub_wire, fundamentals, yahoo_wire
from arena_pipeline.sandbox.loopback import BadRequest, LoopbackServer, Reply, json_reply
from arena_pipeline.sandbox.market import SandboxMarket
from arena_pipeline.sandbox.returns import EPOCH

FEED_WINDOW = timedelta(days=7)
"""What a feed holds when no window is asked for."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class SandboxServer:
    """A running sandbox, as a context manager or by `start` and `stop`. Binds 127.0.0.1 and a free port.

    `clock` bounds what the vendors know: no bar that has not ended, no article of the future. It must
    return aware UTC. `requests` counts answered requests by route.
    """

    def __init__(
        self,
        seed: int,
        symbols: tuple[str, ...],
        benchmark: str,
        calendar: TradingCalendar,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.market = SandboxMarket(seed, symbols, benchmark, calendar)
        self.requests: Counter[str] = Counter()
        self._clock = clock
        self._counting = threading.Lock()
        self._http = LoopbackServer(self.answer)

    def start(self) -> SandboxServer:
        self._http.start()
        return self

    def stop(self) -> None:
        self._http.stop()

    def __enter__(self) -> SandboxServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        return self._http.url

    @property
    def yahoo_url(self) -> str:
        """What stands for every `https://*.yahoo.com`."""
        return self.base_url

    @property
    def feeds_url(self) -> str:
        """Append `/SYMBOL` or `/market`, and `?from=2025-10-20&to=2025-10-24`."""
        return f"{self.base_url}/rss"

    @property
    def fundamentals_url(self) -> str:
        """What stands for `https://www.alphavantage.co`."""
        return self.base_url

    @property
    def llm_url(self) -> str:
        """The base address of the OpenAI-compatible endpoint."""
        return f"{self.base_url}/v1"

    def answer(self, method: str, target: str, body: bytes) -> Reply:
        """The answer to one request. Raises BadRequest for what cannot be read."""
        try:
            parts = urlsplit(target)
        except ValueError as error:
            raise BadRequest("the address cannot be read") from error
        path, day = _dated(parts.path)
        route, argument = _route(path)
        with self._counting:
            self.requests[route] += 1
        expected = "POST" if route == "chat" else "GET"
        if route == "unknown":
            return json_reply(404, {"error": {"code": 404, "message": f"the sandbox has no {parts.path}"}})
        if method != expected and route != "consent":
            return json_reply(405, {"error": {"code": 405, "message": f"{parts.path} takes {expected}"}})
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if day:
            query["date"] = day
        answer: Callable[[str, dict[str, str], bytes], Reply] = getattr(self, f"_answer_{route}")
        return answer(argument, query, body)

    def _answer_chart(self, symbol: str, query: dict[str, str], body: bytes) -> Reply:
        return json_reply(*yahoo_wire.chart(self.market, symbol, query, self._clock()))

    def _answer_quote(self, argument: str, query: dict[str, str], body: bytes) -> Reply:
        return json_reply(*yahoo_wire.quotes(self.market, query, self._clock()))

    def _answer_summary(self, symbol: str, query: dict[str, str], body: bytes) -> Reply:
        return json_reply(*yahoo_wire.quote_summary(self.market, symbol, self._clock()))

    def _answer_crumb(self, argument: str, query: dict[str, str], body: bytes) -> Reply:
        return Reply(200, "text/plain; charset=utf-8", yahoo_wire.CRUMB.encode())

    def _answer_cookie(self, argument: str, query: dict[str, str], body: bytes) -> Reply:
        """Yahoo's cookie host answers 404 and sets the cookie all the same."""
        return Reply(404, "text/html; charset=utf-8", b"", "A3=sandbox; Path=/; Max-Age=31557600")

    def _answer_consent(self, argument: str, query: dict[str, str], body: bytes) -> Reply:
        return Reply(200, "text/html; charset=utf-8", b"<html><body>No consent is needed here.</body></html>")

    def _answer_rss(self, name: str, query: dict[str, str], body: bytes) -> Reply:
        if name != feeds.MARKET_FEED and name not in self.market.symbols:
            return json_reply(404, {"error": {"code": 404, "message": f"no feed {name[:40]!r}"}})
        now = self._clock()
        last = _date(query, "to", now.astimezone(BERLIN).date())
        first = _date(query, "from", last - FEED_WINDOW)
        language = query.get("lang") or None
        if language not in (None, *feeds.LANGUAGES):
            raise BadRequest(f"lang must be one of {', '.join(feeds.LANGUAGES)}")
        if first > last:
            raise BadRequest("from lies after to")
        document = feeds.feed(self.market, name, first, last, now=now, language=language)
        return Reply(200, "application/rss+xml; charset=utf-8", document)

    def _answer_query(self, argument: str, query: dict[str, str], body: bytes) -> Reply:
        function = query.get("function", "")
        now = self._clock()
        day = _date(query, "date", now.astimezone(BERLIN).date())
        symbol = query.get("symbol", "")
        if function == "OVERVIEW":
            return json_reply(200, fundamentals.overview(self.market, symbol, day))
        if function == "EARNINGS":
            return json_reply(200, fundamentals.earnings(self.market, symbol, day))
        if function == "GLOBAL_QUOTE":
            return json_reply(200, {"Global Quote": {}})
        if function == "NEWS_SENTIMENT":
            ticker = query.get("tickers", "")
            ours = finnhub_wire.market_symbol(self.market, ticker)
            if ours is None:
                return json_reply(200, {"Information": "No articles found. Please adjust the parameters."})
            return json_reply(
                200, fundamentals.news_sentiment(self.market, ours, ticker, day - FEED_WINDOW, now=now)
            )
        return json_reply(200, {"Error Message": f"This API function ({function[:40]}) does not exist."})

    def _answer_finnhub(self, path: str, query: dict[str, str], body: bytes) -> Reply:
        now = self._clock()
        day = _date(query, "date", now.astimezone(BERLIN).date())
        span = _date(query, "from", day - FEED_WINDOW), _date(query, "to", day)
        return json_reply(*finnhub_wire.answer(self.market, path, query, day, span, now=now))

    def _answer_chat(self, argument: str, query: dict[str, str], body: bytes) -> Reply:
        from arena_pipeline.sandbox import policies

        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadRequest("the body is no JSON") from error
        if not isinstance(document, dict):
            raise BadRequest("the body must be a JSON object")
        return json_reply(*policies.answer(document))

    def _answer_models(self, argument: str, query: dict[str, str], body: bytes) -> Reply:
        from arena_pipeline.sandbox import policies

        return json_reply(200, policies.models())

    def _answer_health(self, argument: str, query: dict[str, str], body: bytes) -> Reply:
        return json_reply(200, {"status": "ok", "simulated": True, "seed": self.market.seed})


_FIXED = {
    "/v7/finance/quote": "quote",
    "/v1/test/getcrumb": "crumb",
    "/": "cookie",
    "/consent": "consent",
    "/query": "query",
    "/v1/chat/completions": "chat",
    "/v1/models": "models",
    "/health": "health",
}
_PREFIXES = {
    "/v8/finance/chart/": "chart",
    "/v10/finance/quoteSummary/": "summary",
    "/rss/": "rss",
    "/api/v1/": "finnhub",
}


def _dated(path: str) -> tuple[str, str]:
    """A path without `/on/DATE` before it, and the date."""
    _, on, rest = path.partition("/on/")
    if not on or _:
        return path, ""
    day, _, following = rest.partition("/")
    return f"/{following}", day


def _route(path: str) -> tuple[str, str]:
    """The route of a path, and the symbol or feed in it."""
    if path in _FIXED:
        return _FIXED[path], ""
    for prefix, route in _PREFIXES.items():
        if path.startswith(prefix):
            return route, unquote(path.removeprefix(prefix))
    return "unknown", ""


def _date(query: dict[str, str], name: str, default: date) -> date:
    if name not in query:
        return default
    try:
        day = date.fromisoformat(query[name])
    except ValueError as error:
        raise BadRequest(f"{name} must be a date such as 2025-10-24") from error
    if not EPOCH.year <= day.year <= LAST_YEAR:
        raise BadRequest(f"{name} must lie between {EPOCH.year} and {LAST_YEAR}")
    return day
