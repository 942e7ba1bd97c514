"""Trading days and sessions of one exchange.

The facts come from `exchange_calendars` (XETRA: https://www.xetra.com/xetra-en/trading/trading-calendar-and-hours);
nothing about holidays is written here. A *session* is one of the two decision times of a trading day.
"""

from __future__ import annotations

import bisect
import functools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd

from arena_pipeline.errors import DataError
from arena_pipeline.market.profiles import SessionName, market_profile

BERLIN = ZoneInfo("Europe/Berlin")
SESSION_FORMAT = "%Y-%m-%dT%H:%M"
DAY_FORMAT = "%Y-%m-%d"
FIRST_YEAR, LAST_YEAR = 2000, 2035
"""The years the calendar is built for: its partitions are listed up to the present, its tests to 2027."""

SUBMISSION_LATENCY = timedelta(minutes=5)
"""From the session's time to its orders, in a backfill; live, the real time counts."""


@dataclass(frozen=True, slots=True, order=True)
class Session:
    """One decision time, UTC. `key` is its partition key: the same moment in the market's own time."""

    time: datetime
    day: date
    name: SessionName
    key: str


@dataclass(frozen=True, slots=True)
class TradingHours:
    """Opening and closing of one trading day, UTC."""

    opens_at: datetime
    closes_at: datetime


class TradingCalendar:
    """Trading days, hours and sessions of a market. Raises ConfigError for one without a profile."""

    def __init__(self, code: str = "XETR") -> None:
        self.profile = market_profile(code)
        self.code, self.zone = code, self.profile.zone
        self._calendar = exchange_calendars.get_calendar(
            code, start=f"{FIRST_YEAR}-01-03", end=f"{LAST_YEAR}-12-28"
        )
        schedule = self._calendar.schedule
        self._hours: dict[date, TradingHours] = {
            stamp.date(): TradingHours(opens.to_pydatetime(), closes.to_pydatetime())
            for stamp, opens, closes in zip(schedule.index, schedule["open"], schedule["close"], strict=True)
        }
        self._days = list(self._hours)
        self._early = {stamp.date() for stamp in self._calendar.early_closes}

    def is_trading_day(self, day: date) -> bool:
        self._check_range(day)
        return day in self._hours

    def hours(self, day: date) -> TradingHours:
        """Opening and closing of a trading day, UTC. Raises DataError when the exchange is closed."""
        self._check_range(day)
        if day not in self._hours:
            raise DataError(f"{day} is not a trading day of {self.code}")
        return self._hours[day]

    def is_early_close(self, day: date) -> bool:
        return day in self._early

    def days(self, first: date, last: date) -> list[date]:
        """Trading days from `first` to `last`, both included, in order."""
        self._check_range(first)
        self._check_range(last)
        return [day for day in self._days[self._lower(first) :] if day <= last]

    def closed_weekdays(self, first: date, last: date) -> list[date]:
        """Mondays to Fridays without trading, from `first` to `last`."""
        return [
            stamp.date() for stamp in pd.bdate_range(first, last) if not self.is_trading_day(stamp.date())
        ]

    def early_closes(self, first: date, last: date) -> list[date]:
        return sorted(day for day in self._early if first <= day <= last)

    def sessions_of(self, day: date) -> list[Session]:
        """The sessions of one trading day. A session must lie before the close (30 December has one)."""
        closes_at = self.hours(day).closes_at
        moments = (
            (name, datetime.combine(day, at, tzinfo=self.zone))
            for name, at in self.profile.session_times.items()
        )
        return [
            Session(moment.astimezone(UTC), day, name, moment.strftime(SESSION_FORMAT))
            for name, moment in moments
            if moment < closes_at
        ]

    def sessions(self, first: date, last: date) -> list[Session]:
        return [session for day in self.days(first, last) for session in self.sessions_of(day)]

    def session(self, key: str) -> Session:
        """The session with this partition key (`2025-10-24T08:30`). Raises DataError when there is none."""
        try:
            moment = datetime.strptime(key, SESSION_FORMAT).replace(tzinfo=self.zone)
        except ValueError as error:
            raise DataError(f"{key!r} is no session", remedy="write it like 2025-10-24T08:30") from error
        day = moment.date()
        for session in self.sessions_of(day) if self.is_trading_day(day) else ():
            if session.time == moment:
                return session
        raise DataError(f"{key} is no session of {self.code}", remedy="see `arena doctor` for the next one")

    def previous_day(self, day: date) -> date:
        """The last trading day before `day`."""
        return self._days[self._lower(day) - 1]

    def next_day(self, day: date) -> date:
        """The first trading day after `day`."""
        position = self._lower(day)
        return self._days[position + 1] if self._days[position] == day else self._days[position]

    def _lower(self, day: date) -> int:
        return bisect.bisect_left(self._days, day)

    def _check_range(self, day: date) -> None:
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise DataError(f"{day} lies outside the calendar ({FIRST_YEAR} to {LAST_YEAR})")


@functools.cache
def trading_calendar(code: str = "XETR") -> TradingCalendar:
    """The calendar of an exchange, built once per process."""
    return TradingCalendar(code)
