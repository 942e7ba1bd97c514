"""Alpha Vantage (https://www.alphavantage.co/documentation/): overview, earnings, statements and news.

Everything comes with status 200, errors too; the body tells. The free plan allows 25 calls a day, one a
second, and has no figures for many shares outside the United States: not covered is a normal outcome. The
message of the daily limit echoes the key. Indicators are never bought here: they are computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from arena_pipeline.errors import (
    KeyRefused,
    NotCovered,
    PremiumOnly,
    RateLimited,
    SourceError,
    VendorRefused,
)
from arena_pipeline.news.feeds import ParsedFeed
from arena_pipeline.research.coverage import Subject
from arena_pipeline.research.figures import LATEST, Figure
from arena_pipeline.sources.recorder import Recorded
from arena_pipeline.sources.vendor_news import NewsShape, parsed_news
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
    symbol_map,
)

VENDOR = "alphavantage"
BASE_URL = "https://www.alphavantage.co"
CALLS_A_DAY = 25

OVERVIEW = {
    "MarketCapitalization": ("market_cap", "{currency}"),
    "PERatio": ("pe_ratio", "ratio"),
    "ForwardPE": ("forward_pe", "ratio"),
    "PriceToBookRatio": ("pb_ratio", "ratio"),
    "EPS": ("eps", "{currency}/share"),
    "DividendYield": ("dividend_yield", "fraction"),
    "ProfitMargin": ("profit_margin", "fraction"),
    "ReturnOnEquityTTM": ("return_on_equity", "fraction"),
    "RevenueTTM": ("revenue_ttm", "{currency}"),
    "QuarterlyRevenueGrowthYOY": ("revenue_growth", "fraction"),
    "QuarterlyEarningsGrowthYOY": ("earnings_growth", "fraction"),
    "Beta": ("beta", "ratio"),
    "52WeekHigh": ("week52_high", "{currency}/share"),
    "52WeekLow": ("week52_low", "{currency}/share"),
    "AnalystTargetPrice": ("analyst_target", "{currency}/share"),
}
"""Alpha Vantage's field: our name and unit. Margins, yields and growth rates are fractions: 0.05 is 5 %."""

STATEMENTS = {
    "income": (
        "INCOME_STATEMENT",
        {
            "totalRevenue": "revenue_annual",
            "netIncome": "net_income_annual",
            "operatingIncome": "operating_income_annual",
        },
    ),
    "balance": (
        "BALANCE_SHEET",
        {
            "totalAssets": "total_assets",
            "totalLiabilities": "total_liabilities",
            "totalShareholderEquity": "shareholder_equity",
        },
    ),
    "cash_flow": (
        "CASH_FLOW",
        {"operatingCashflow": "operating_cash_flow", "capitalExpenditures": "capital_expenditure"},
    ),
}
"""Our subject: Alpha Vantage's function, and of its annual reports the fields that are read."""

FUNCTIONS = {"overview": "OVERVIEW", "earnings": "EARNINGS"} | {
    subject: function for subject, (function, _) in STATEMENTS.items()
}
SUBJECTS = (
    Subject("overview", timedelta(days=7)),
    Subject("earnings", timedelta(days=30)),
    Subject("income", timedelta(days=90)),
    Subject("cash_flow", timedelta(days=90)),
    Subject("balance", timedelta(days=90)),
)


class _NoArticles(NotCovered):
    """Nobody wrote about the share in the time asked about."""


class AlphaVantage(VendorClient):
    """Alpha Vantage's client."""

    name = VENDOR
    calls_a_day = CALLS_A_DAY
    url = BASE_URL
    offered = SUBJECTS

    def figures(self, symbol: str, subject: str, at: datetime) -> list[Figure]:
        """See `FigureVendor.figures`. RateLimited: today's calls are spent, or too many came at once."""
        asked = self.vendor_symbol(symbol)
        if asked is None:
            raise NotCovered(f"{VENDOR} has no {subject} of {symbol}")
        answer = self._ask(FUNCTIONS[subject], {"symbol": asked}, at)
        body = self._body(symbol, subject, answer)
        named = body.get("Symbol") or body.get("symbol")
        check_share(VENDOR, asked, named)
        if subject == "overview":
            check_name(VENDOR, asked, self._companies.get(symbol), body.get("Name"))
            read = _overview(body, at)
        elif subject == "earnings":
            read = _earnings(symbol, body, at)
        else:
            read = _statement(symbol, subject, body, at)
        return self._figures(symbol, answer, read)

    def news_sentiment(self, symbol: str, since: datetime, at: datetime) -> tuple[Recorded, ParsedFeed]:
        """Articles about one share published from `since` to `at` (UTC); one of the day's calls.

        Where nobody wrote about it the list is empty. Raises as `figures` does: NotCovered for an empty
        object, and, before any call, for a share that is not listed in the United States.
        """
        asked = symbol_map(f"{VENDOR}-news").vendor_symbol(symbol)
        if asked is None:
            raise NotCovered(f"{VENDOR} has no news of {symbol}")
        answer = self._ask(
            "NEWS_SENTIMENT",
            {"tickers": asked, "time_from": f"{since.astimezone(UTC):%Y%m%dT%H%M}", "limit": "200"},
            at,
        )
        try:
            body = self._body(symbol, "news", answer)
        except _NoArticles:
            return answer, ParsedFeed((), ())
        return answer, parse_news(body, fetched_at=answer.fetched_at)

    def ping(self, at: datetime) -> None:
        """One cheap call, to see whether the vendor answers and takes the key. Raises as `figures` does."""
        self._body("IBM", "quote", self._ask("GLOBAL_QUOTE", {"symbol": "IBM"}, at))

    def _ask(self, function: str, params: Mapping[str, str], at: datetime) -> Recorded:
        return self._http.get(
            VENDOR,
            f"{self._base(at)}/query",
            params={"function": function, **params},
            secret_params={"apikey": self._api_key} if self._api_key else None,
        )

    def _body(self, symbol: str, subject: str, answer: Recorded) -> dict[str, Any]:
        check_answer(VENDOR, symbol, answer)
        body = json_object(VENDOR, symbol, json_body(VENDOR, symbol, answer))
        if not body:
            raise NotCovered(f"{VENDOR} has no {subject} of {symbol}")
        for key in ("Error Message", "Information", "Note"):
            if key in body:
                raise self._refusal(symbol, subject, str(body[key]))
        return body

    def _refusal(self, symbol: str, subject: str, text: str) -> SourceError:
        """The error behind a message, in our words: the daily limit's echoes the key."""
        said = text.lower()
        if "detected your api key" in said:
            return RateLimited(f"{VENDOR}: today's calls are used up", remedy="wait until tomorrow")
        if "request per second" in said or "call frequency" in said or "requests per day" in said:
            return RateLimited(f"{VENDOR}: too many calls at once", remedy="try again in some seconds")
        if "premium endpoint" in said:
            return PremiumOnly(f"{VENDOR} has the {subject} of {symbol} for premium plans only")
        if "apikey" in said or "api key" in said:
            return KeyRefused(f"{VENDOR} refused the key", remedy="set ALPHAVANTAGE_API_KEY to a valid one")
        if "no articles found" in said:
            return _NoArticles(f"{VENDOR} has no news of {symbol}")
        return VendorRefused(f"{VENDOR} refused the {subject} of {symbol} with a message of its own")


def _overview(body: dict[str, Any], at: datetime) -> Iterator[Read]:
    """Nothing at all when the newest quarter in it ended after `at`: such an answer is of a later time."""
    currency = currency_of(body.get("Currency"))
    quarter = day_of(body.get("LatestQuarter"))
    if quarter is not None and quarter > at.date():
        return
    for field, (name, unit) in OVERVIEW.items():
        if not is_null(body.get(field)):
            period = LATEST if quarter is None else str(quarter)
            yield name, number(body[field]), unit.format(currency=currency), period


def _earnings(symbol: str, body: dict[str, Any], at: datetime) -> Iterator[Read]:
    """The last quarter that had been reported by `at`. The vendor does not name the currency."""
    quarters = objects(body.get("quarterlyEarnings"))
    if not quarters and not objects(body.get("annualEarnings")):
        raise NotCovered(f"{VENDOR} has no earnings of {symbol}")
    known = [
        (ended, entry)
        for entry in quarters
        if (ended := day_of(entry.get("fiscalDateEnding"))) is not None
        and (reported := day_of(entry.get("reportedDate"))) is not None
        and max(ended, reported) <= at.date()
        and not is_null(entry.get("reportedEPS"))
    ]
    if not known:
        return
    ended, last = max(known, key=lambda entry: entry[0])
    for field, name in (("reportedEPS", "eps_reported"), ("estimatedEPS", "eps_estimated")):
        if not is_null(last.get(field)):
            yield name, number(last[field]), "unknown/share", str(ended)
    if not is_null(last.get("surprisePercentage")):
        percent = number(last["surprisePercentage"])
        yield "eps_surprise", None if percent is None else number(percent / 100), "fraction", str(ended)


def _statement(symbol: str, subject: str, body: dict[str, Any], at: datetime) -> Iterator[Read]:
    """The last fiscal year that had ended by `at`."""
    years = objects(body.get("annualReports"))
    if not years:
        raise NotCovered(f"{VENDOR} has no {subject} of {symbol}")
    known = [
        (ended, entry)
        for entry in years
        if (ended := day_of(entry.get("fiscalDateEnding"))) is not None and ended <= at.date()
    ]
    if not known:
        return
    ended, last = max(known, key=lambda entry: entry[0])
    currency = currency_of(last.get("reportedCurrency"))
    for field, name in STATEMENTS[subject][1].items():
        if not is_null(last.get(field)):
            yield name, number(last[field]), currency, str(ended)


def _published(value: Any) -> datetime | None:
    """`20240102T170245`, which is UTC."""
    for layout in ("%Y%m%dT%H%M%S", "%Y%m%dT%H%M"):
        try:
            return datetime.strptime(str(value), layout).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


NEWS = NewsShape(title="title", published="time_published", moment=_published)


def parse_news(body: Mapping[str, Any], *, fetched_at: datetime) -> ParsedFeed:
    """NEWS_SENTIMENT as feed items. Its own scores are not read: ours is the same for every source."""
    entries = body.get("feed")
    return parsed_news(VENDOR, NEWS, entries if isinstance(entries, list) else [], fetched_at=fetched_at)
