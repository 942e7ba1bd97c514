"""Finnhub (https://finnhub.io/docs/api): quote, profile, metrics, recommendations, and news.

The free plan allows 60 calls a minute and covers listings in the United States only; anything else comes back
as 403. An unknown symbol is a quote of zeros or an empty object, with status 200. Its metrics are percent
where ours are fractions, and its amounts are millions; both are converted here. An amount whose currency the
answer does not name is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from arena_pipeline.errors import (
    KeyRefused,
    NotCovered,
    PremiumOnly,
    RateLimited,
    SourceError,
    VendorRefused,
)
from arena_pipeline.market.universe import Company
from arena_pipeline.news.feeds import FUTURE_TOLERANCE, FeedItem, ParsedFeed
from arena_pipeline.research.coverage import Subject
from arena_pipeline.research.figures import Figure
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import Recorded, unanswered
from arena_pipeline.sources.vendor_news import vendor_item
from arena_pipeline.sources.vendors import (
    LATEST,
    check_name,
    currency_of,
    day_of,
    is_null,
    json_body,
    number,
    symbol_map,
)

VENDOR = "finnhub"
BASE_URL = "https://finnhub.io/api/v1"
CALLS_A_DAY = 60
"""Planned for figures: one minute's worth, far more than the few shares that it covers need."""

MILLION = Decimal(10**6)
METRICS = {
    "peTTM": ("pe_ratio", "ratio"),
    "forwardPE": ("forward_pe", "ratio"),
    "pbQuarterly": ("pb_ratio", "ratio"),
    "beta": ("beta", "ratio"),
    "dividendYieldIndicatedAnnual": ("dividend_yield", "percent"),
    "netProfitMarginTTM": ("profit_margin", "percent"),
    "roeTTM": ("return_on_equity", "percent"),
    "revenueGrowthQuarterlyYoy": ("revenue_growth", "percent"),
    "epsGrowthQuarterlyYoy": ("earnings_growth", "percent"),
}
"""Finnhub's metric: our name, and its unit. Percent (5 is 5 %) becomes a fraction."""

PATHS = {
    "metrics": "/stock/metric",
    "profile": "/stock/profile2",
    "recommendations": "/stock/recommendation",
    "quote": "/quote",
}
SUBJECTS = (
    Subject("metrics", timedelta(days=7)),
    Subject("recommendations", timedelta(days=7)),
    Subject("profile", timedelta(days=7)),
    Subject("quote", timedelta(days=1)),
)


class Finnhub:
    """Finnhub's client. `base_url` may name a stand-in; `{day}` in it becomes the day asked about.

    `companies` are those of the universe, by our symbol: an answer about another one is refused.
    """

    name = VENDOR
    calls_a_day = CALLS_A_DAY

    def __init__(
        self,
        http: Http,
        *,
        api_key: str | None,
        base_url: str = BASE_URL,
        companies: Mapping[str, Company] | None = None,
        subjects: tuple[Subject, ...] = SUBJECTS,
    ) -> None:
        self._http = http
        self._headers = {"X-Finnhub-Token": api_key} if api_key else {}
        self._base_url = base_url.rstrip("/")
        self._companies = companies or {}
        self.subjects = subjects

    def vendor_symbol(self, symbol: str) -> str | None:
        return symbol_map(VENDOR).vendor_symbol(symbol)

    def figures(self, symbol: str, subject: str, at: datetime) -> list[Figure]:
        """See `FigureVendor.figures`. RateLimited: more than 60 calls in a minute."""
        asked = self._vendor_symbol(symbol, subject)
        params = {"symbol": asked} | ({"metric": "all"} if subject == "metrics" else {})
        answer = self._ask(PATHS[subject], params, at)
        body = _body(symbol, subject, answer)
        if subject == "recommendations":
            read = _recommendations(symbol, asked, body, at)
        elif not isinstance(body, dict):
            raise SourceError(f"{VENDOR}'s answer for {symbol} is no JSON object")
        elif subject == "quote":
            read = _quote(symbol, body, at)
        elif subject == "profile":
            read = _profile(symbol, asked, self._companies.get(symbol), body)
        else:
            read = _metrics(symbol, asked, body)
        return [
            Figure(symbol, name, value, unit, period, VENDOR, answer.fetched_at, answer.sha256)
            for name, value, unit, period in read
        ]

    def company_news(self, symbol: str, first: date, last: date, at: datetime) -> tuple[Recorded, ParsedFeed]:
        """Articles about one share, published from `first` to `last` (dates, both included)."""
        asked = self._vendor_symbol(symbol, "news")
        answer = self._ask("/company-news", {"symbol": asked, "from": str(first), "to": str(last)}, at)
        return answer, parse_news(_body(symbol, "news", answer), fetched_at=answer.fetched_at)

    def general_news(self, at: datetime) -> tuple[Recorded, ParsedFeed]:
        """The newest articles about the markets as a whole; which shares they name is found out later."""
        answer = self._ask("/news", {"category": "general"}, at)
        return answer, parse_news(_body("the market", "news", answer), fetched_at=answer.fetched_at)

    def ping(self, at: datetime) -> None:
        """One cheap call, to see whether the vendor answers and takes the key. Raises as `figures` does."""
        _body("SAP", "quote", self._ask(PATHS["quote"], {"symbol": "SAP"}, at))

    def _vendor_symbol(self, symbol: str, subject: str) -> str:
        asked = self.vendor_symbol(symbol)
        if asked is None:
            raise NotCovered(f"{VENDOR} has no {subject} of {symbol}: no listing in the United States")
        return asked

    def _ask(self, path: str, params: Mapping[str, str], at: datetime) -> Recorded:
        base = self._base_url.replace("{day}", str(at.date()))
        return self._http.get(VENDOR, base + path, params=params, headers=self._headers)


_Read = tuple[str, Decimal | None, str, str]


def _body(symbol: str, subject: str, answer: Recorded) -> Any:
    if answer.failure is not None:
        raise unanswered(f"{VENDOR} for {symbol}", answer)
    if answer.status == 429:
        raise RateLimited(f"{VENDOR}: more than 60 calls in a minute", remedy="try again in a minute")
    if answer.status in {401, 403} and "access" in _error(symbol, answer):
        raise PremiumOnly(f"{VENDOR} gives no access to the {subject} of {symbol} on this plan")
    if answer.status == 401:
        raise KeyRefused(f"{VENDOR} refused the key", remedy="set FINNHUB_API_KEY to a valid one")
    if 400 <= answer.status < 500:
        raise VendorRefused(f"{VENDOR} refused {symbol} with status {answer.status}")
    if answer.status != 200:
        raise SourceError(f"{VENDOR} answered {symbol} with status {answer.status}")
    return json_body(VENDOR, symbol, answer)


def _error(symbol: str, answer: Recorded) -> str:
    """What the `error` of a refusal says, lower case; empty for a body that is not Finnhub's."""
    try:
        body = json_body(VENDOR, symbol, answer)
    except SourceError:
        return ""
    said = body.get("error") if isinstance(body, dict) else None
    return said.lower() if isinstance(said, str) else ""


def _quote(symbol: str, body: Mapping[str, Any], at: datetime) -> Iterator[_Read]:
    """In dollars; `t` is seconds since 1970, UTC. Zeros in every field mean an unknown symbol."""
    price, seconds = number(body.get("c")), number(body.get("t"))
    if not price or not seconds:
        raise NotCovered(f"{VENDOR} has no quote of {symbol}")
    try:
        quoted_at = datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        raise SourceError(f"{VENDOR}'s quote of {symbol} has no time") from None
    if quoted_at > at + FUTURE_TOLERANCE:
        return
    yield "us_price", price, "USD/share", str(quoted_at.date())
    percent = number(body.get("dp"))
    if percent is not None:
        yield "us_change", number(percent / 100), "fraction", str(quoted_at.date())


def _profile(symbol: str, asked: str, company: Company | None, body: Mapping[str, Any]) -> Iterator[_Read]:
    if not body:
        raise NotCovered(f"{VENDOR} has no profile of {symbol}")
    if body.get("ticker") != asked:
        raise SourceError(f"{VENDOR} was asked for {asked} and answered for another share")
    check_name(VENDOR, asked, company, body.get("name"))
    millions = number(body.get("marketCapitalization"))
    currency = currency_of(body.get("currency"))
    if millions is not None and currency != "unknown":
        yield "market_cap", number(millions * MILLION), currency, LATEST


def _metrics(symbol: str, asked: str, body: Mapping[str, Any]) -> Iterator[_Read]:
    metric = body.get("metric")
    if not isinstance(metric, dict) or not metric:
        raise NotCovered(f"{VENDOR} has no metrics of {symbol}")
    if body.get("symbol") != asked:
        raise SourceError(f"{VENDOR} was asked for {asked} and answered for another share")
    for field, (name, unit) in METRICS.items():
        if is_null(metric.get(field)):
            continue
        value = number(metric[field])
        if unit == "percent":
            yield name, None if value is None else number(value / 100), "fraction", LATEST
        else:
            yield name, value, unit, LATEST


def _recommendations(symbol: str, asked: str, body: Any, at: datetime) -> Iterator[_Read]:
    """The newest month that had begun by `at`: how many analysts say what."""
    entries = [entry for entry in body if isinstance(entry, dict)] if isinstance(body, list) else []
    if not entries:
        raise NotCovered(f"{VENDOR} has no recommendations of {symbol}")
    if any(entry.get("symbol") != asked for entry in entries):
        raise SourceError(f"{VENDOR} was asked for {asked} and answered for another share")
    known = [
        (period, entry)
        for entry in entries
        if (period := day_of(entry.get("period"))) is not None and period <= at.date()
    ]
    if not known:
        return
    period, last = max(known, key=lambda entry: entry[0])
    for name, fields in (
        ("analysts_buy", ("strongBuy", "buy")),
        ("analysts_hold", ("hold",)),
        ("analysts_sell", ("sell", "strongSell")),
    ):
        counts = [number(last.get(field)) for field in fields]
        total = sum((count for count in counts if count is not None), Decimal(0))
        yield name, None if None in counts else total, "analysts", str(period)


def parse_news(body: Any, *, fetched_at: datetime) -> ParsedFeed:
    """Company or general news as feed items; `datetime` is seconds since 1970, UTC."""
    if not isinstance(body, list):
        raise SourceError(f"{VENDOR}'s answer is no list of articles")
    items: list[FeedItem] = []
    rejected: list[str] = []
    for place, entry in enumerate(body, start=1):
        fields = entry if isinstance(entry, dict) else {}
        item = vendor_item(
            title=fields.get("headline"),
            summary=fields.get("summary"),
            url=fields.get("url"),
            published_at=_published(fields.get("datetime"), fetched_at),
            feed=VENDOR,
        )
        if item is None:
            rejected.append(f"item {place} has neither a title nor a usable link")
        else:
            items.append(item)
    return ParsedFeed(tuple(items), tuple(rejected))


def _published(value: Any, fetched_at: datetime) -> datetime | None:
    seconds = number(value)
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year >= 1990 and moment <= fetched_at + FUTURE_TOLERANCE else None
