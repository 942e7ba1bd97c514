"""The exchange's days and hours against recorded truth, and the sessions built on them."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.errors import ConfigError, DataError
from arena_pipeline.market.calendar import (
    LAST_YEAR,
    SessionName,
    TradingCalendar,
    trading_calendar,
)

XETR = trading_calendar()


@pytest.mark.recorded
def test_days_and_hours_of_2010_to_2023_are_the_recorded_ones(recorded_data: Path) -> None:
    recorded = {}
    with (recorded_data / "calendar" / "xetr.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row[""][:10])
            if day >= date(2010, 1, 1):
                recorded[day] = (datetime.fromisoformat(row["open"]), datetime.fromisoformat(row["close"]))
    days = XETR.days(date(2010, 1, 1), max(recorded))
    assert days == sorted(recorded)
    assert {day: (XETR.hours(day).opens_at, XETR.hours(day).closes_at) for day in days} == recorded


@pytest.mark.parametrize(
    "closed",
    [
        "2024-01-01",
        "2024-03-29",
        "2024-04-01",
        "2024-05-01",
        "2024-12-24",
        "2024-12-25",
        "2024-12-26",
        "2024-12-31",
        "2025-04-18",
        "2025-04-21",
        "2026-04-03",
        "2026-04-06",
        "2027-03-26",
        "2027-03-29",
    ],
)
def test_xetra_is_closed_on(closed: str) -> None:
    assert not XETR.is_trading_day(date.fromisoformat(closed))


@pytest.mark.parametrize(
    ("year", "holidays"),
    [(2024, 8), (2025, 8), (2026, 7), (2027, 5)],
)
def test_weekdays_without_trading_are_counted(year: int, holidays: int) -> None:
    assert len(XETR.closed_weekdays(date(year, 1, 1), date(year, 12, 31))) == holidays


@pytest.mark.parametrize(("year", "days"), [(2024, 254), (2025, 253), (2026, 254), (2027, 256)])
def test_trading_days_of_a_year_are_counted(year: int, days: int) -> None:
    assert len(XETR.days(date(year, 1, 1), date(year, 12, 31))) == days


@pytest.mark.parametrize("day", [date(2022, 6, 6), date(2023, 5, 29), date(2025, 6, 9), date(2027, 5, 17)])
def test_whit_monday_trades_since_2022(day: date) -> None:
    assert XETR.is_trading_day(day)


@pytest.mark.parametrize("day", [date(2021, 5, 24), date(2019, 6, 10), date(2017, 6, 5)])
def test_whit_monday_was_closed_before_2022(day: date) -> None:
    assert not XETR.is_trading_day(day)


def test_german_unity_day_trades() -> None:
    assert [XETR.is_trading_day(date(year, 10, 3)) for year in (2022, 2023, 2024, 2025)] == [True] * 4


@pytest.mark.parametrize("year", [2024, 2025, 2026, 2027])
def test_the_last_day_of_the_year_closes_at_14_and_has_one_session(year: int) -> None:
    day = date(year, 12, 30)
    assert XETR.is_early_close(day)
    assert XETR.hours(day).closes_at == datetime(year, 12, 30, 13, 0, tzinfo=UTC)
    assert [session.name for session in XETR.sessions_of(day)] == [SessionName.PRE_MARKET]
    assert XETR.early_closes(date(year, 1, 1), date(year, 12, 31)) == [day]


@pytest.mark.parametrize(
    ("day", "utc_hours"),
    [
        (date(2025, 3, 28), [(7, 30), (13, 0)]),
        (date(2025, 3, 31), [(6, 30), (12, 0)]),
        (date(2025, 10, 24), [(6, 30), (12, 0)]),
        (date(2025, 10, 27), [(7, 30), (13, 0)]),
    ],
)
def test_sessions_keep_berlin_time_across_both_clock_changes(
    day: date, utc_hours: list[tuple[int, int]]
) -> None:
    sessions = XETR.sessions_of(day)
    assert [(session.time.hour, session.time.minute) for session in sessions] == utc_hours
    assert [session.key[-5:] for session in sessions] == ["08:30", "14:00"]


def test_2025_has_505_sessions_one_less_than_two_a_day() -> None:
    first, last = date(2025, 1, 1), date(2025, 12, 31)
    assert len(XETR.sessions(first, last)) == 505
    assert 2 * len(XETR.days(first, last)) == 506


@given(st.dates(date(2001, 1, 1), date(LAST_YEAR - 1, 12, 1)))
def test_session_keys_round_trip(day: date) -> None:
    for session in XETR.sessions_of(XETR.next_day(day)):
        assert XETR.session(session.key) == session


@given(st.dates(date(2001, 1, 1), date(LAST_YEAR - 1, 12, 1)))
def test_next_and_previous_day_enclose_a_day(day: date) -> None:
    following, before = XETR.next_day(day), XETR.previous_day(day)
    assert before < day < following
    between = XETR.days(before + timedelta(days=1), following - timedelta(days=1))
    assert between == ([day] if XETR.is_trading_day(day) else [])
    assert XETR.previous_day(following) == (day if between else before)


@pytest.mark.parametrize(
    "key", ["2025-10-25T08:30", "2025-12-30T14:00", "2025-10-24T09:00", "2025-10-24", "x"]
)
def test_what_is_no_session_is_refused(key: str) -> None:
    with pytest.raises(DataError, match="session"):
        XETR.session(key)


def test_hours_of_a_closed_day_are_refused() -> None:
    with pytest.raises(DataError, match="2025-12-25 is not a trading day"):
        XETR.hours(date(2025, 12, 25))


def test_days_beyond_the_calendar_are_refused() -> None:
    with pytest.raises(DataError, match="outside the calendar"):
        XETR.is_trading_day(date(LAST_YEAR + 1, 1, 2))


def test_an_unknown_market_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="XXXX"):
        TradingCalendar("XXXX")
