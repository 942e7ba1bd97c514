"""What the vendors of company figures share: a client's parts, their names for our shares, numbers, and
answers read as JSON.

A vendor is one small class over `Http`. It asks, classifies what came back into the errors below
`SourceError`, and turns the rest into figures. No text of a vendor leaves it: names of companies are compared
and dropped, descriptions are never read.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, ClassVar, Protocol

from rapidfuzz import fuzz

from arena_pipeline.errors import RateLimited, SourceError, VendorRefused
from arena_pipeline.market.universe import Company
from arena_pipeline.news.articles import match_symbols, normalised_title
from arena_pipeline.research.coverage import Subject
from arena_pipeline.research.figures import Figure
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import Recorded, unanswered

SAME_NAME = 75.0
"""rapidfuzz token_set_ratio from which a vendor's name of a company is ours. "Saputo Inc" has 46 with SAP,
"Merck & Co., Inc." 67 with Merck KGaA; the lowest that is right, Munich Re's full name, 77."""

NULLS = frozenset({"", "-", "none", "null", "n/a"})
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,40})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_MICRO = Decimal("0.000001")

Read = tuple[str, Decimal | None, str, str]
"""A figure as it stands in an answer: our name, value, unit and period."""


class FigureVendor(Protocol):
    """A vendor of company figures."""

    @property
    def name(self) -> str: ...

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """What it can be asked for, most telling first."""

    @property
    def calls_a_day(self) -> int:
        """How many calls a day are planned for it."""

    def vendor_symbol(self, symbol: str) -> str | None:
        """What it calls a share; None for one that it does not cover, for which no call is spent."""

    def figures(self, symbol: str, subject: str, at: datetime) -> list[Figure]:
        """The figures of one subject as they stood at `at` (UTC), known since the answer was fetched.

        What the vendor dates later than `at` is left out.

        Raises NotCovered, PremiumOnly, RateLimited, KeyRefused, VendorRefused and SourceError.
        """


@dataclass(frozen=True, slots=True)
class SymbolMap:
    """Our symbols as one vendor writes them: single ones, and suffixes of exchanges."""

    suffixes: Mapping[str, str]
    symbols: Mapping[str, str]

    def vendor_symbol(self, symbol: str) -> str | None:
        """None for a share that the vendor does not cover. A symbol without a suffix is its own name where
        the vendor names listings by suffix; an index (`^GDAXI`) is covered nowhere."""
        if symbol in self.symbols:
            return self.symbols[symbol]
        if not self.suffixes or symbol.startswith("^"):
            return None
        stem, dot, suffix = symbol.rpartition(".")
        if not stem:
            return symbol
        ending = self.suffixes.get(dot + suffix)
        return stem + ending if ending else None


@functools.cache
def symbol_map(vendor: str) -> SymbolMap:
    """The map of a vendor, from `vendor_symbols.toml`."""
    raw = tomllib.loads((Path(__file__).parent / "vendor_symbols.toml").read_text(encoding="utf-8"))
    return SymbolMap(raw[vendor]["suffixes"], raw[vendor]["symbols"])


class VendorClient:
    """A client's parts. `base_url` may name a stand-in; `{day}` in it becomes the day asked about.

    `companies` are those of the universe, by our symbol: an answer about another one is refused. `subjects`
    may be fewer than the vendor offers.
    """

    name: ClassVar[str]
    calls_a_day: ClassVar[int]
    url: ClassVar[str]
    offered: ClassVar[tuple[Subject, ...]]

    def __init__(
        self,
        http: Http,
        *,
        api_key: str | None,
        base_url: str | None = None,
        companies: Mapping[str, Company] | None = None,
        subjects: tuple[Subject, ...] | None = None,
    ) -> None:
        self._http = http
        self._api_key = api_key
        self._base_url = (base_url or self.url).rstrip("/")
        self._companies = companies or {}
        self.subjects = self.offered if subjects is None else subjects

    def vendor_symbol(self, symbol: str) -> str | None:
        return symbol_map(self.name).vendor_symbol(symbol)

    def _base(self, at: datetime) -> str:
        return self._base_url.replace("{day}", str(at.date()))

    def _figures(self, symbol: str, answer: Recorded, read: Iterable[Read]) -> list[Figure]:
        return [
            Figure(symbol, name, value, unit, period, self.name, answer.fetched_at, answer.sha256)
            for name, value, unit, period in read
        ]


def check_answer(vendor: str, what: str, answer: Recorded) -> None:
    """Raises, for an answer that none came of or that is no 200, the error that its status stands for."""
    if answer.failure is not None:
        raise unanswered(f"{vendor} for {what}", answer)
    if answer.status == 429:
        raise RateLimited(f"{vendor} refused: too many requests", remedy="try again later")
    if 400 <= answer.status < 500:
        raise VendorRefused(f"{vendor} refused {what} with status {answer.status}")
    if answer.status != 200:
        raise SourceError(f"{vendor} answered {what} with status {answer.status}")


def check_share(vendor: str, asked: str, named: Any) -> None:
    """Raises SourceError when an answer names another share than the one that was asked for."""
    if named != asked:
        raise SourceError(f"{vendor} was asked for {asked} and answered for another share")


def json_body(vendor: str, what: str, answer: Recorded) -> Any:
    """The JSON of an answer, numbers as Decimal, NaN and Infinity as text. SourceError for anything else."""
    try:
        return json.loads(answer.body, parse_float=Decimal, parse_int=_integer, parse_constant=str)
    except (ValueError, RecursionError):
        raise SourceError(f"{vendor}'s answer for {what} is no JSON") from None


def json_object(vendor: str, what: str, body: Any) -> dict[str, Any]:
    """A body that must be an object. Raises SourceError."""
    if not isinstance(body, dict):
        raise SourceError(f"{vendor}'s answer for {what} is no JSON object")
    return body


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _integer(text: str) -> Decimal | None:
    return Decimal(text) if len(text) <= 30 else None


def is_null(value: Any) -> bool:
    """Whether a vendor's value says that there is none."""
    return value is None or str(value).strip().lower() in NULLS


def number(value: Any) -> Decimal | None:
    """A vendor's number, from text or JSON, to six decimals; None for anything that is none or too large."""
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 30:
            return None
        value = f"{value:f}"
    if not isinstance(value, str) or not _NUMBER.fullmatch(value.strip()):
        return None
    return Decimal(value.strip()).quantize(_MICRO, ROUND_HALF_UP)


def day_of(value: Any) -> date | None:
    """An ISO date, or None."""
    text = str(value or "")[:10]
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def currency_of(value: Any) -> str:
    """The ISO code of a currency, or "unknown"."""
    text = str(value or "").strip().upper()
    return text if _CURRENCY.fullmatch(text) else "unknown"


def check_name(vendor: str, asked: str, company: Company | None, name: Any) -> None:
    """Raises SourceError when a vendor's name of a company is another's. `company` None: not known here."""
    if company is None or is_null(name):
        return
    text = str(name)[:200]
    if match_symbols(text, {company.symbol: company}):
        return
    alike = max(fuzz.token_set_ratio(_plain(ours), _plain(text)) for ours in (company.name, *company.aliases))
    if alike < SAME_NAME:
        raise SourceError(f"{vendor} was asked for {asked} and answered for another company")


def _plain(name: str) -> str:
    return normalised_title(name).translate(_UMLAUTS)
