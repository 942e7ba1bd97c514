"""Finnhub (https://finnhub.io/docs/api): quote, profile, metrics, recommendations, and news.

The free plan allows 60 calls a minute and covers listings in the United States only; anything else comes back
as 403. An unknown symbol is a quote of zeros or an empty object, with status 200. Its metrics are percent
where ours are fractions, and its amounts are millions; both are converted here. An amount whose currency the
answer does not name is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from arena_pipeline.errors import KeyRefused, NotCovered, PremiumOnly, SourceError
from arena_pipeline.market.universe import Company
from arena_pipeline.news.feeds import FUTURE_TOLERANCE, ParsedFeed
from arena_pipeline.research.coverage import Subject
from arena_pipeline.research.figures import LATEST, Figure
from arena_pipeline.sources.recorder import Recorded
from arena_pipeline.sources.vendor_news import NewsShape, moment_of_seconds, parsed_news
from arena_pipeline.sources.vendors import (
    Read,
    VendorClient,
    check_answer,
    check_name,
    check_share,
    currency_of,
    day_of,
    is_null,
    json_body,
    json_object,
    number,
    objects,
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


class Finnhub(VendorClient):
    """Finnhub's client."""

    name = VENDOR
    calls_a_day = CALLS_A_DAY
    url = BASE_URL
    offered = SUBJECTS

    def figures(self, symbol: str, subject: str, at: datetime) -> list[Figure]:
        """See `FigureVendor.figures`. RateLimited: more than 60 calls in a minute."""
        asked = self._vendor_symbol(symbol, subject)
        params = {"symbol": asked} | ({"metric": "all"} if subject == "metrics" else {})
        answer = self._ask(PATHS[subject], params, at)
        body = _body(symbol, subject, answer)
        if subject == "recommendations":
            read = _recommendations(symbol, asked, body, at)
        elif subject == "quote":
            read = _quote(symbol, json_object(VENDOR, symbol, body), at)
        elif subject == "profile":
            read = _profile(symbol, asked, self._companies.get(symbol), json_object(VENDOR, symbol, body))
        else:
            read = _metrics(symbol, asked, json_object(VENDOR, symbol, body))
        return self._figures(symbol, answer, read)

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
        headers = {"X-Finnhub-Token": self._api_key} if self._api_key else {}
        return self._http.get(VENDOR, self._base(at) + path, params=params, headers=headers)


def _body(symbol: str, subject: str, answer: Recorded) -> Any:
    if answer.status in {401, 403} and "access" in _error(symbol, answer):
        raise PremiumOnly(f"{VENDOR} gives no access to the {subject} of {symbol} on this plan")
    if answer.status == 401:
        raise KeyRefused(f"{VENDOR} refused the key", remedy="set FINNHUB_API_KEY to a valid one")
    check_answer(VENDOR, symbol, answer)
    return json_body(VENDOR, symbol, answer)


def _error(symbol: str, answer: Recorded) -> str:
    """What the `error` of a refusal says, lower case; empty for a body that is not Finnhub's."""
    try:
        body = json_body(VENDOR, symbol, answer)
    except SourceError:
        return ""
    said = body.get("error") if isinstance(body, dict) else None
    return said.lower() if isinstance(said, str) else ""


def _quote(symbol: str, body: Mapping[str, Any], at: datetime) -> Iterator[Read]:
    """In dollars; `t` is seconds since 1970, UTC. Zeros in every field mean an unknown symbol."""
    price, seconds = number(body.get("c")), number(body.get("t"))
    if not price or not seconds:
        raise NotCovered(f"{VENDOR} has no quote of {symbol}")
    quoted_at = moment_of_seconds(seconds)
    if quoted_at is None:
        raise SourceError(f"{VENDOR}'s quote of {symbol} has no time")
    if quoted_at > at + FUTURE_TOLERANCE:
        return
    yield "us_price", price, "USD/share", str(quoted_at.date())
    percent = number(body.get("dp"))
    if percent is not None:
        yield "us_change", number(percent / 100), "fraction", str(quoted_at.date())


def _profile(symbol: str, asked: str, company: Company | None, body: Mapping[str, Any]) -> Iterator[Read]:
    if not body:
        raise NotCovered(f"{VENDOR} has no profile of {symbol}")
    check_share(VENDOR, asked, body.get("ticker"))
    check_name(VENDOR, asked, company, body.get("name"))
    millions = number(body.get("marketCapitalization"))
    currency = currency_of(body.get("currency"))
    if millions is not None and currency != "unknown":
        yield "market_cap", number(millions * MILLION), currency, LATEST


def _metrics(symbol: str, asked: str, body: Mapping[str, Any]) -> Iterator[Read]:
    metric = body.get("metric")
    if not isinstance(metric, dict) or not metric:
        raise NotCovered(f"{VENDOR} has no metrics of {symbol}")
    check_share(VENDOR, asked, body.get("symbol"))
    for field, (name, unit) in METRICS.items():
        if is_null(metric.get(field)):
            continue
        value = number(metric[field])
        if unit == "percent":
            yield name, None if value is None else number(value / 100), "fraction", LATEST
        else:
            yield name, value, unit, LATEST


def _recommendations(symbol: str, asked: str, body: Any, at: datetime) -> Iterator[Read]:
    """The newest month that had begun by `at`: how many analysts say what."""
    entries = objects(body)
    if not entries:
        raise NotCovered(f"{VENDOR} has no recommendations of {symbol}")
    for entry in entries:
        check_share(VENDOR, asked, entry.get("symbol"))
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


NEWS = NewsShape(title="headline", published="datetime", moment=moment_of_seconds)


def parse_news(body: Any, *, fetched_at: datetime) -> ParsedFeed:
    """Company or general news as feed items; `datetime` is seconds since 1970, UTC."""
    if not isinstance(body, list):
        raise SourceError(f"{VENDOR}'s answer is no list of articles")
    return parsed_news(VENDOR, NEWS, body, fetched_at=fetched_at)
