"""The exchange's hours on its own clock: open, closed, holidays, the early close."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from arena_api.reading import Reading
from arena_api.reading.market import days, status
from tests.api.world import settings_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("moment", "phase", "next_open", "next_close", "session"),
    [
        ("2025-12-30T08:00", "before_open", "2025-12-30T09:00", "2025-12-30T14:00", "2025-12-30T08:30"),
        ("2025-12-30T13:59", "open", "2026-01-02T09:00", "2025-12-30T14:00", "2026-01-02T08:30"),
        ("2025-12-30T14:00", "after_close", "2026-01-02T09:00", "2026-01-02T17:30", "2026-01-02T08:30"),
        ("2025-12-31T12:00", "not_a_trading_day", "2026-01-02T09:00", "2026-01-02T17:30", "2026-01-02T08:30"),
        ("2025-10-03T12:00", "open", "2025-10-06T09:00", "2025-10-03T17:30", "2025-10-03T14:00"),
        ("2025-10-24T09:00", "open", "2025-10-27T09:00", "2025-10-24T17:30", "2025-10-24T14:00"),
    ],
)
def test_the_next_opening_close_and_session(tmp_path, moment, phase, next_open, next_close, session):
    now = datetime.fromisoformat(moment).replace(tzinfo=BERLIN)
    found = status(Reading(settings_of(tmp_path), clock=lambda: now))
    assert (found["phase"], found["open"]) == (phase, phase == "open")
    assert found["next_open"][:16] == next_open
    assert found["next_close"][:16] == next_close
    assert found["next_session"]["key"] == session
    assert found["early_close"] is (moment[:10] == "2025-12-30")


def test_the_clocks_change_between_two_days(tmp_path):
    first, last = date(2025, 10, 24), date(2025, 10, 27)
    opens = [day["opens_at"] for day in days(Reading(settings_of(tmp_path)), first, last)["days"]]
    assert opens == ["2025-10-24T09:00:00+02:00", "2025-10-27T09:00:00+01:00"]
