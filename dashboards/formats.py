"""Numbers and times as a page shows them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from urllib.parse import quote

from jinja2 import Environment

from arena_pipeline.market.calendar import BERLIN

MINUS = "−"


def amount(value: str | Decimal, places: int = 2) -> str:
    """Money with grouped digits: `100,000.00`."""
    return f"{Decimal(value):,.{places}f}".replace("-", MINUS)


def percent(value: float, *, signed: bool = True) -> str:
    """A fraction in per cent with two decimals: `+1.25%`. What rounds to nothing has no minus."""
    return f"{value:{'+' if signed else ''}z.2%}".replace("-", MINUS)


def berlin(moment: str | datetime) -> str:
    """A UTC time on the exchange's clock: `2025-10-24 09:00 CEST`."""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M %Z")


def session(key: str) -> str:
    """A session's key for the eye: `2025-10-24 08:30`."""
    return key.replace("T", " ")


def path(identity: str) -> str:
    """An id as one part of an address."""
    return quote(identity, safe=":")


def install(environment: Environment) -> None:
    """Make them filters of the templates."""
    environment.filters |= {
        "amount": amount,
        "percent": percent,
        "berlin": berlin,
        "session": session,
        "path": path,
    }
