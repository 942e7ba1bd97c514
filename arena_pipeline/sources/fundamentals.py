"""Company figures from Alpha Vantage's OVERVIEW (https://www.alphavantage.co/documentation/#company-overview).

Everything comes with status 200, errors too; the body tells. The free plan allows 25 calls a day and has no
figures for many shares outside the United States: not covered is a normal outcome. XETRA symbols end in
`.DEX` there, Frankfurt's in `.FRK`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from arena_pipeline.errors import NotCovered, RateLimited, SourceError, VendorRefused
from arena_pipeline.sources.http import REDACTED, Http
from arena_pipeline.sources.recorder import Recorded

VENDOR = "alphavantage"
SUFFIXES = {".DE": ".DEX", ".F": ".FRK"}
NULLS = frozenset({"", "-", "None", "null", "N/A"})
FIGURES = {
    "MarketCapitalization": ("market_cap", "{currency}"),
    "PERatio": ("pe_ratio", "ratio"),
    "ForwardPE": ("forward_pe", "ratio"),
    "EPS": ("eps", "{currency}/share"),
    "DividendYield": ("dividend_yield", "fraction"),
    "ProfitMargin": ("profit_margin", "fraction"),
    "RevenueTTM": ("revenue_ttm", "{currency}"),
    "Beta": ("beta", "ratio"),
    "52WeekHigh": ("week52_high", "{currency}/share"),
    "52WeekLow": ("week52_low", "{currency}/share"),
    "AnalystTargetPrice": ("analyst_target", "{currency}/share"),
}
"""Alpha Vantage's field: our name and unit. A fraction of 0.05 is 5 %."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one company as it was read at `known_at`.

    `period` is the fiscal quarter it belongs to (its last day), or "latest". `value` is None when the vendor
    sent something that is no number; a figure that the vendor does not have is not there at all.
    """

    symbol: str
    name: str
    value: Decimal | None
    unit: str
    period: str
    source: str
    known_at: datetime
    raw: str

    @property
    def id(self) -> str:
        """`figure:SAP.DE:pe_ratio:2025-10-24T06:30`, in UTC."""
        return f"figure:{self.symbol}:{self.name}:{self.known_at:%Y-%m-%dT%H:%M}"


class AlphaVantage:
    """Alpha Vantage's company overview. `base_url` may name a stand-in."""

    name = VENDOR

    def __init__(
        self, http: Http, *, api_key: str | None, base_url: str = "https://www.alphavantage.co"
    ) -> None:
        self._http = http
        self._api_key = api_key
        self._base_url = base_url.rstrip("/")

    def overview(self, symbol: str, at: datetime) -> list[Figure]:
        """The figures known at `at`, which stamps them: the vendor does not say since when they hold.

        Raises NotCovered, RateLimited (today's calls are spent, or too many at once), VendorRefused (key,
        plan or parameters) and SourceError (no answer, or none that can be read).
        """
        if symbol.startswith("^"):
            raise NotCovered(f"alphavantage has no overview of the index {symbol}")
        asked = _vendor_symbol(symbol)
        answer = self._http.get(
            VENDOR,
            f"{self._base_url}/query",
            params={"function": "OVERVIEW", "symbol": asked},
            secret_params={"apikey": self._api_key} if self._api_key else None,
        )
        body = self._body(symbol, answer)
        if body.get("Symbol") != asked:
            raise SourceError(
                f"alphavantage was asked for {asked} and answered for {body.get('Symbol')!r:.40}"
            )
        return _figures(symbol, body, at, answer.sha256)

    def _body(self, symbol: str, answer: Recorded) -> dict[str, Any]:
        if answer.failure is not None:
            raise SourceError(f"alphavantage gave no answer for {symbol}: {answer.failure}")
        if answer.status == 429:
            raise RateLimited("alphavantage refused: too many requests", remedy="try again later")
        if answer.status in {401, 403}:
            raise VendorRefused(f"alphavantage refused {symbol} with status {answer.status}")
        if answer.status != 200:
            raise SourceError(f"alphavantage answered {symbol} with status {answer.status}")
        try:
            body = json.loads(answer.body)
        except ValueError:
            raise SourceError(f"alphavantage's answer for {symbol} is no JSON") from None
        if not isinstance(body, dict):
            raise SourceError(f"alphavantage's answer for {symbol} is no JSON object")
        if not body:
            raise NotCovered(f"alphavantage has no overview of {symbol}")
        for key in ("Error Message", "Information", "Note"):
            if key in body:
                raise self._refusal(symbol, str(body[key]))
        return body

    def _refusal(self, symbol: str, text: str) -> SourceError:
        """The error behind a message. The daily limit's echoes the key, the burst limit's names both."""
        if self._api_key:
            text = text.replace(self._api_key, REDACTED)
        said = text.lower()
        if "detected your api key" in said:
            return RateLimited("alphavantage: today's calls are used up", remedy="wait until tomorrow")
        if "request per second" in said or "call frequency" in said or "requests per day" in said:
            return RateLimited("alphavantage: too many calls at once", remedy="try again in some seconds")
        if "premium" in said:
            return NotCovered(f"alphavantage has {symbol} for premium plans only")
        if "apikey" in said or "api key" in said:
            return VendorRefused(
                "alphavantage refused the key", remedy="set ALPHAVANTAGE_API_KEY to a valid one"
            )
        return VendorRefused(f"alphavantage refused {symbol}: {text[:200]}")


def _vendor_symbol(symbol: str) -> str:
    stem, dot, suffix = symbol.rpartition(".")
    return stem + SUFFIXES.get(dot + suffix, dot + suffix) if stem else symbol


def _figures(symbol: str, body: dict[str, Any], at: datetime, raw: str) -> list[Figure]:
    currency = str(body.get("Currency", ""))
    if not re.fullmatch(r"[A-Z]{3}", currency):
        currency = "unknown"
    quarter = str(body.get("LatestQuarter", ""))
    period = quarter if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", quarter) else "latest"
    figures = []
    for field, (name, unit) in FIGURES.items():
        text = str(body.get(field, "")).strip()
        if text not in NULLS:
            unit = unit.format(currency=currency)
            figures.append(Figure(symbol, name, _number(text), unit, period, VENDOR, at, raw))
    return figures


def _number(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,12})?", text) else None
