"""Whether the exchange trades now, and when it does next; its calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from arena_api.reading import Document, Reading
from arena_pipeline.market.calendar import TradingCalendar

AHEAD = timedelta(days=40)
"""No exchange is closed for longer."""

LONGEST_SPAN = timedelta(days=800)


def status(reading: Reading) -> Document:
    """Open or closed now, the hours of today, the next opening and close, and the next session."""
    calendar, now = reading.calendar, reading.clock()
    today = now.astimezone(calendar.zone).date()
    trades = calendar.is_trading_day(today)
    hours = calendar.hours(today) if trades else None
    is_open = hours is not None and hours.opens_at <= now < hours.closes_at
    days = calendar.days(today, today + AHEAD)
    opens = next(at for day in days if (at := calendar.hours(day).opens_at) > now)
    closes = next(at for day in days if (at := calendar.hours(day).closes_at) > now)
    session = next(each for day in days for each in calendar.sessions_of(day) if each.time > now)
    if hours is None:
        phase = "not_a_trading_day"
    elif is_open:
        phase = "open"
    else:
        phase = "before_open" if now < hours.opens_at else "after_close"
    return {
        "simulated": reading.simulated,
        "as_of": now.isoformat(timespec="seconds"),
        "provenance": None,
        "market": calendar.code,
        "exchange": calendar.profile.exchange,
        "time_zone": calendar.zone.key,
        "open": is_open,
        "phase": phase,
        "trading_day": today.isoformat() if trades else None,
        "opens_at": None if hours is None else _time(hours.opens_at, calendar),
        "closes_at": None if hours is None else _time(hours.closes_at, calendar),
        "early_close": calendar.is_early_close(today),
        "next_open": _time(opens, calendar),
        "next_close": _time(closes, calendar),
        "next_session": {
            "key": session.key,
            "name": session.name.value,
            "time": _time(session.time, calendar),
        },
        "previous_trading_day": calendar.previous_day(today).isoformat(),
    }


def days(reading: Reading, first: date, last: date) -> Document:
    """The trading days in a span, with their hours and sessions; at most `LONGEST_SPAN` of it."""
    calendar = reading.calendar
    last = min(last, first + LONGEST_SPAN)
    found = calendar.days(first, last)
    return {
        "simulated": reading.simulated,
        "as_of": found[-1].isoformat() if found else None,
        "provenance": None,
        "market": calendar.code,
        "time_zone": calendar.zone.key,
        "days": [
            {
                "day": day.isoformat(),
                "opens_at": _time(calendar.hours(day).opens_at, calendar),
                "closes_at": _time(calendar.hours(day).closes_at, calendar),
                "early_close": calendar.is_early_close(day),
                "sessions": [session.key for session in calendar.sessions_of(day)],
            }
            for day in found
        ],
    }


def _time(moment: datetime, calendar: TradingCalendar) -> str:
    """A time on the exchange's own clock, with its offset."""
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(calendar.zone).isoformat()
