"""What the vendors of company figures share: their names for our shares, numbers, and answers read as JSON.

A vendor is one small class over `Http`. It asks, classifies what came back into the errors below
`SourceError`, and turns the rest into figures. No text of a vendor leaves it: names of companies are compared
and dropped, descriptions are never read.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Protocol

from rapidfuzz import fuzz

from arena_pipeline.errors import SourceError
from arena_pipeline.market.universe import Company
from arena_pipeline.news.articles import match_symbols, normalised_title
from arena_pipeline.research.coverage import Subject
from arena_pipeline.research.figures import Figure
from arena_pipeline.sources.recorder import Recorded

LATEST = "latest"
SAME_NAME = 75.0
"""rapidfuzz token_set_ratio from which a vendor's name of a company is ours. "Saputo Inc" has 46 with SAP,
"Merck & Co., Inc." 67 with Merck KGaA; the lowest that is right, Munich Re's full name, 77."""

NULLS = frozenset({"", "-", "none", "null", "n/a"})
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,40})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_MICRO = Decimal("0.000001")


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


def json_body(vendor: str, what: str, answer: Recorded) -> Any:
    """The JSON of an answer, numbers as Decimal, NaN and Infinity as text. SourceError for anything else."""
    try:
        return json.loads(answer.body, parse_float=Decimal, parse_int=_integer, parse_constant=str)
    except (ValueError, RecursionError):
        raise SourceError(f"{vendor}'s answer for {what} is no JSON") from None


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
