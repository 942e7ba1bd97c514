"""Numbers and times as a page shows them.

`STYLE` is the one definition: the filters here read it, and so does `static/formats.js`, which every page
hands it to on its root element.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup, escape

from arena_pipeline.market.calendar import BERLIN

STYLE: dict[str, Any] = {
    "minus": "−",
    "group": "\u202f",
    "point": ".",
    "unit_space": "\u202f",
    "missing": "–",
    "months": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "symbols": {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF"},
}
"""Digits in groups of three with a narrow space that does not break, a point before decimals, a true minus;
a dash for what is missing, which is never shown as 0."""

ORDER = re.compile(r"\border:\S+?:(?P<session>\d{4}-\d\d-\d\dT\d\d:\d\d):\d+\b")

MINUS, MISSING, SPACE = STYLE["minus"], STYLE["missing"], STYLE["unit_space"]
CENT = Decimal("0.01")


def amount(value: str | Decimal | float | None, places: int = 2, *, signed: bool = False) -> str:
    """A number with grouped digits: `100 000.00`. What rounds to nothing has no minus."""
    if value is None:
        return str(MISSING)
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    text = f"{abs(rounded):,.{places}f}".replace(",", STYLE["group"])
    if rounded < 0:
        return f"{MINUS}{text}"
    return f"+{text}" if signed else text


def money(
    value: str | Decimal | float | None, currency: str = "EUR", places: int = 2, *, signed: bool = False
) -> str:
    """Money in the arena's currency: `100 000.00 €`."""
    if value is None:
        return str(MISSING)
    return f"{amount(value, places, signed=signed)}{SPACE}{STYLE['symbols'].get(currency, currency)}"


def usd(value: str | Decimal | float | None) -> str:
    """What a model's calls cost: `$1.24`, and below a cent `$0.0043`."""
    if value is None:
        return str(MISSING)
    number = Decimal(str(value))
    return f"${amount(number, 4 if 0 < abs(number) < CENT else 2)}"


def percent(value: float | None, *, signed: bool = True, places: int = 2) -> str:
    """A fraction in per cent: `+1.25 %`. What rounds to nothing has no minus."""
    if value is None:
        return str(MISSING)
    return f"{amount(Decimal(str(value)) * 100, places, signed=signed)}{SPACE}%"


def direction(value: str | float | Decimal | None) -> str:
    """`gain`, `loss` or nothing: the class of what rose, fell or stayed."""
    number = 0 if value is None else Decimal(str(value))
    return "gain" if number > 0 else "loss" if number < 0 else ""


def arrow(value: str | float | Decimal | None) -> str:
    """The sign of a change as a shape, so that colour is never alone."""
    return {"gain": "▲", "loss": "▼", "": ""}[direction(value)]


def moment_of(moment: str | datetime) -> datetime:
    """A UTC time on the exchange's clock."""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at.astimezone(BERLIN)


def berlin(moment: str | datetime | None) -> str:
    """A UTC time on the exchange's clock: `24 Oct 2025 09:00`."""
    if moment is None:
        return str(MISSING)
    at = moment_of(moment)
    return f"{day(at.date())} {at:%H:%M}"


def zoned(moment: str | datetime) -> str:
    """The same with its zone, for a tooltip: `2025-10-24 09:00 CEST`."""
    return moment_of(moment).strftime("%Y-%m-%d %H:%M %Z")


def day(value: str | date | None) -> str:
    """A date: `24 Oct 2025`."""
    if value is None:
        return str(MISSING)
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{found.day} {STYLE['months'][found.month - 1]} {found.year}"


def session(key: str) -> str:
    """A session's key for the eye: `24 Oct 2025 08:30`."""
    first, _, hour = key.partition("T")
    return f"{day(first)} {hour}"


def path(identity: str) -> str:
    """An id as one part of an address."""
    return quote(identity, safe=":")


def coded(text: str) -> Markup:
    """Text whose `commands` are set as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def worded(reason: str) -> str:
    """Why an order was placed, with other orders named by their session: `take profit of the order of …`."""
    return ORDER.sub(_of_session, reason)


def _of_session(found: re.Match[str]) -> str:
    try:
        return f"the order of {session(found['session'])}"
    except ValueError:
        return found[0]


FILTERS = (amount, money, usd, percent, direction, arrow, berlin, zoned, day, session, path, coded, worded)


def install(environment: Environment) -> None:
    """Make them filters of the templates."""
    environment.filters |= {each.__name__: each for each in FILTERS}
