"""Company figures as the arena knows them: one name, unit and period for each, whoever says it.

Two vendors may give the same figure, on the same day or on different ones. The preferred one is shown, the
other is kept; where they are further apart than the figure's tolerance, that is said beside it. Nothing here
is text from a vendor: names, units and periods come from closed sets and fixed patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby

PREFERENCE = ("alphavantage", "finnhub")
"""Alpha Vantage first: it is asked for the XETRA listing, Finnhub for the one in New York."""

OUTDATED = timedelta(days=120)
"""A figure that is known this much longer than another vendor's gives way to it."""

LATEST = "latest"
"""The period of a figure that the vendor does not date."""

COMPARED_WITHIN = timedelta(days=30)
"""A figure without a date is compared with another vendor's when they were read so far apart at most. Prices,
and ratios and yields with them, move in the meantime."""

DEFAULT_TOLERANCE = Decimal("0.05")
TOLERANCES: Mapping[str, Decimal] = {
    "beta": Decimal("0.30"),
    "analyst_target": Decimal("0.10"),
    "dividend_yield": Decimal("0.10"),
    "earnings_growth": Decimal("0.20"),
    "market_cap": Decimal("0.08"),
    "pe_ratio": Decimal("0.10"),
    "pb_ratio": Decimal("0.10"),
    "revenue_growth": Decimal("0.20"),
}
"""How far apart two vendors may be, as a fraction of the larger. Wider than the default where they measure
over other windows (beta, growth), at another day's price (ratios, yield, market value)."""

WORDS: Mapping[str, str] = {
    "market_cap": "market value",
    "pe_ratio": "price to earnings",
    "forward_pe": "price to expected earnings",
    "eps_surprise": "surprise in the last earnings",
    "revenue_growth": "revenue growth in a year",
    "earnings_growth": "earnings growth in a year",
    "profit_margin": "profit margin",
    "dividend_yield": "dividend yield",
    "analyst_target": "target price of analysts",
    "analysts_buy": "analysts who say buy",
    "analysts_hold": "analysts who say hold",
    "analysts_sell": "analysts who say sell",
    "pb_ratio": "price to book value",
    "eps": "earnings over twelve months",
    "return_on_equity": "return on equity",
    "beta": "beta",
    "eps_reported": "earnings last reported",
    "revenue_ttm": "revenue over twelve months",
    "net_income_annual": "annual net income",
    "operating_cash_flow": "annual cash flow from operations",
    "shareholder_equity": "equity of the shareholders",
    "week52_high": "highest price of 52 weeks",
    "week52_low": "lowest price of 52 weeks",
    "revenue_annual": "annual revenue",
    "operating_income_annual": "annual operating income",
    "total_assets": "total assets",
    "total_liabilities": "total liabilities",
    "capital_expenditure": "annual capital expenditure",
    "eps_estimated": "earnings that had been expected",
    "us_price": "price of the listing in New York",
    "us_change": "last change of the listing in New York",
}
"""Every figure there is, and what it is called, the most telling first."""

MOST_LINES, LONGEST_LINE = 12, 160
"""Of a text block: what is in a briefing is in the prompt of every model."""

_SHARE_UNIT = re.compile(r"([A-Z]{3}|unknown)/share")
_CURRENCY = re.compile(r"[A-Z]{3}|unknown")
_SCALES = ((Decimal(10**9), "billion"), (Decimal(10**6), "million"))


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one company as a vendor gave it, known here since `known_at` (UTC).

    `name` is a key of WORDS. `unit` is a currency, `EUR/share`, `ratio`, `fraction` (0.05 is 5 %) or
    `analysts`. `period` is the last day of the fiscal period, or "latest". `value` is None where the vendor
    sent something that is no number; a figure that it does not have is not there at all. `raw` is the sha256
    of the answer.
    """

    symbol: str
    name: str
    value: Decimal | None
    unit: str
    period: str
    source: str
    known_at: datetime
    raw: str = ""

    @property
    def id(self) -> str:
        """`figure:SAP.DE:alphavantage:pe_ratio:2025-10-24T06:30`, in UTC."""
        return f"figure:{self.symbol}:{self.source}:{self.name}:{self.known_at:%Y-%m-%dT%H:%M}"


@dataclass(frozen=True, slots=True)
class UnifiedFigure:
    """What is held of one figure: the preferred one, and the other vendors' of the same unit.

    `disputed` are those of the others that can be compared and are further away than the tolerance.
    """

    preferred: Figure
    others: tuple[Figure, ...]
    disputed: tuple[Figure, ...]

    @property
    def name(self) -> str:
        return self.preferred.name

    @property
    def note(self) -> str | None:
        """The disagreement in words; None where there is none."""
        if not self.disputed:
            return None
        return "; ".join(disagreement(self.preferred, other) for other in self.disputed)


def unify(figures: Iterable[Figure]) -> list[UnifiedFigure]:
    """One entry per name, in the order of WORDS, from the figures known of one share.

    Of each vendor the latest counts. The preferred one is the first in PREFERENCE, unless it has been known
    for OUTDATED longer than another's. A figure in another unit (dollars a share beside euros) cannot be
    compared: it is left out. One of another period is kept, and disputes nothing.
    """
    latest: dict[tuple[str, str], Figure] = {}
    for figure in sorted(figures, key=lambda entry: (entry.known_at, entry.id)):
        if figure.value is not None and figure.name in WORDS:
            latest[figure.name, figure.source] = figure
    order = list(WORDS)
    entries = sorted(latest.values(), key=lambda entry: order.index(entry.name))
    return [_unified(list(group)) for _, group in groupby(entries, key=lambda entry: entry.name)]


def comparable(one: Figure, other: Figure) -> bool:
    """Whether two figures of one name speak of the same: in one unit and of one period, or, where one of them
    has no date, read within COMPARED_WITHIN of each other."""
    if one.unit != other.unit:
        return False
    if LATEST not in (one.period, other.period):
        return one.period == other.period
    return abs(one.known_at - other.known_at) <= COMPARED_WITHIN


def distance(one: Figure, other: Figure) -> Decimal:
    """How far two values are apart, as a fraction of the larger; 0 for equal ones."""
    if one.value is None or other.value is None or one.value == other.value:
        return Decimal(0)
    return abs(one.value - other.value) / max(abs(one.value), abs(other.value))


def disagreement(figure: Figure, other: Figure) -> str:
    """`finnhub says 21.30, 15 percent apart`; of another day's `finnhub said 21.30 on 2025-03-04, …`."""
    apart = (distance(figure, other) * 100).quantize(Decimal(1), ROUND_HALF_UP)
    day = other.known_at.date()
    said = f"says {amount(other)}" if day == figure.known_at.date() else f"said {amount(other)} on {day}"
    return f"{other.source} {said}, {apart} percent apart"


def in_words(entry: UnifiedFigure) -> str:
    """`price to earnings 18.20 (alphavantage, 2025-06-30)`, and a disagreement if there is one."""
    figure = entry.preferred
    period = f", {figure.period}" if figure.period != LATEST else ""
    text = f"{WORDS[figure.name]} {amount(figure)} ({figure.source}{period})"
    if entry.note is None:
        return text
    if len(text) + len(entry.note) + 2 <= LONGEST_LINE:
        return f"{text}; {entry.note}"
    return f"{text}; {' and '.join(other.source for other in entry.disputed)} disagree"


def text_block(entries: Iterable[UnifiedFigure]) -> Mapping[str, str]:
    """A share's figures in plain words, by the id of the figure that each line rests on: the first MOST_LINES
    in the order of WORDS."""
    ordered = sorted(entries, key=lambda entry: list(WORDS).index(entry.name))
    return {entry.preferred.id: in_words(entry) for entry in ordered[:MOST_LINES]}


def amount(figure: Figure) -> str:
    """The value with its unit in words: `5.3 percent`, `114.2 billion EUR`, `3.10 EUR per share`."""
    value = figure.value or Decimal(0)
    if figure.unit == "fraction":
        return f"{_rounded(value * 100, 1)} percent"
    if figure.unit == "analysts":
        return _rounded(value, 0)
    if share := _SHARE_UNIT.fullmatch(figure.unit):
        if share[1] == "unknown":
            return f"{_rounded(value, 2)} per share, currency not given"
        return f"{_rounded(value, 2)} {share[1]} per share"
    if _CURRENCY.fullmatch(figure.unit):
        for scale, word in _SCALES:
            if abs(value) >= scale:
                return f"{_rounded(value / scale, 1)} {word} {figure.unit}"
        return f"{_rounded(value, 0)} {figure.unit}"
    return _rounded(value, 2)


def _rounded(value: Decimal, places: int) -> str:
    return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"


def _unified(figures: list[Figure]) -> UnifiedFigure:
    newest = max(figure.known_at for figure in figures)
    preferred = min(figures, key=lambda figure: (newest - figure.known_at > OUTDATED, _rank(figure)))
    others = tuple(
        sorted(
            (figure for figure in figures if figure is not preferred and figure.unit == preferred.unit),
            key=_rank,
        )
    )
    tolerance = TOLERANCES.get(preferred.name, DEFAULT_TOLERANCE)
    disputed = tuple(
        other for other in others if comparable(preferred, other) and distance(preferred, other) > tolerance
    )
    return UnifiedFigure(preferred, others, disputed)


def _rank(figure: Figure) -> tuple[int, str]:
    known = figure.source in PREFERENCE
    return (PREFERENCE.index(figure.source) if known else len(PREFERENCE), figure.source)
