"""The markets an arena can trade on. One arena holds one market and one currency.

The hours of trading come from `exchange_calendars`; a profile says what that library does not know: when
models decide, when bars are fetched, what an order costs and what returns are compared with.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from zoneinfo import ZoneInfo

from arena_pipeline.errors import ConfigError


class SessionName(enum.StrEnum):
    PRE_MARKET = "pre_market"
    AFTERNOON = "afternoon"


@dataclass(frozen=True, slots=True)
class MarketProfile:
    """A market. All times are its own (`zone`), in which its days and sessions are also named.

    `session_times` are when models decide: before the opening, and once in the afternoon; a day that has
    closed by then has no afternoon session. `closing` is when the day's bars are fetched, `official` when
    the close is taken as final; both a little after the latest regular close. `fee` is per executed order,
    in `currency`.
    """

    code: str
    exchange: str
    currency: str
    zone: ZoneInfo
    session_times: Mapping[SessionName, time]
    closing: time
    official: time
    fee: Decimal
    benchmark: str


def _profile(
    code: str,
    exchange: str,
    currency: str,
    zone: str,
    sessions: tuple[time, time],
    after_close: tuple[time, time],
    fee: str,
    benchmark: str,
) -> MarketProfile:
    names = (SessionName.PRE_MARKET, SessionName.AFTERNOON)
    times = dict(zip(names, sessions, strict=True))
    return MarketProfile(
        code, exchange, currency, ZoneInfo(zone), times, *after_close, Decimal(fee), benchmark
    )


PROFILES = {
    profile.code: profile
    for profile in (
        _profile(
            "XETR", "Xetra", "EUR", "Europe/Berlin",
            (time(8, 30), time(14)), (time(17, 35), time(18, 5)), "5.00", "^GDAXI",
        ),
        _profile(
            "XNYS", "New York Stock Exchange", "USD", "America/New_York",
            (time(9), time(13, 30)), (time(16, 5), time(16, 35)), "1.00", "^GSPC",
        ),
        _profile(
            "XLON", "London Stock Exchange", "GBP", "Europe/London",
            (time(7, 30), time(13)), (time(16, 40), time(17, 10)), "5.00", "^FTSE",
        ),
    )
}  # fmt: skip
"""By the code that `exchange_calendars` uses."""


def market_profile(code: str) -> MarketProfile:
    """The profile of a market. Raises ConfigError naming those there are."""
    if code not in PROFILES:
        raise ConfigError(f"market = {code!r} is not known", remedy=f"use one of {', '.join(PROFILES)}")
    return PROFILES[code]
