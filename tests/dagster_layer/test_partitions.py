"""The partitions are the calendar: every trading day, every session, and nothing else."""

import itertools
from datetime import UTC, date, datetime

import dagster as dg
import pytest
from dagster import MultiPartitionKey

from arena_pipeline.partitions import (
    every_model,
    model_key,
    partitions,
    previous_session,
    session_partitions,
    sessions_of_the_day,
    trading_day_partitions,
)

FROM, UNTIL = date(2010, 1, 4), date(2027, 12, 30)
AUTUMN = date(2025, 9, 1)
NOW = datetime(2028, 1, 3, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def session_keys(calendar):
    return session_partitions(calendar, FROM).get_partition_keys(current_time=NOW)


@pytest.fixture(scope="module")
def day_keys(calendar):
    return trading_day_partitions(calendar, FROM).get_partition_keys(current_time=NOW)


@pytest.fixture(scope="module")
def parts(settings, calendar):
    return partitions(settings, calendar)


def until(keys):
    return [key for key in keys if key[:10] <= str(UNTIL)]


def test_the_sessions_of_eighteen_years_are_those_of_the_calendar(session_keys, calendar):
    assert until(session_keys) == [session.key for session in calendar.sessions(FROM, UNTIL)]


def test_the_trading_days_of_eighteen_years_are_those_of_the_calendar(day_keys, calendar):
    assert until(day_keys) == [str(day) for day in calendar.days(FROM, UNTIL)]


def test_2025_has_505_sessions(session_keys):
    assert sum(key.startswith("2025") for key in session_keys) == 505


def test_no_session_key_is_there_twice(session_keys):
    assert len(set(session_keys)) == len(session_keys)


@pytest.mark.parametrize(
    ("key", "utc"),
    [
        ("2025-03-28T08:30", "2025-03-28T07:30"),
        ("2025-03-31T08:30", "2025-03-31T06:30"),
        ("2025-03-31T14:00", "2025-03-31T12:00"),
        ("2025-10-24T08:30", "2025-10-24T06:30"),
        ("2025-10-27T08:30", "2025-10-27T07:30"),
        ("2025-10-27T14:00", "2025-10-27T13:00"),
    ],
)
def test_a_session_keeps_its_wall_clock_time_when_the_clocks_change(parts, calendar, key, utc):
    starts = parts.sessions.time_window_for_partition_key(key).start
    assert starts.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") == utc
    assert calendar.session(key).time == starts.astimezone(UTC)


def test_whit_monday_was_a_holiday_in_2021_and_is_none_since_2022(session_keys):
    assert not [key for key in session_keys if key.startswith("2021-05-24")]
    assert [key for key in session_keys if key.startswith("2022-06-06")] == [
        "2022-06-06T08:30",
        "2022-06-06T14:00",
    ]


@pytest.mark.parametrize("year", range(2010, 2028))
def test_30_december_has_one_session_if_it_is_a_trading_day(session_keys, calendar, year):
    found = [key for key in session_keys if key.startswith(f"{year}-12-30")]
    trading = calendar.is_trading_day(date(year, 12, 30))
    assert found == ([f"{year}-12-30T08:30"] if trading else [])


def test_christmas_eve_and_new_years_eve_are_no_trading_days(day_keys):
    assert not [key for key in day_keys if key[5:] in ("12-24", "12-25", "12-26", "12-31", "01-01")]


def test_a_session_exists_from_its_own_time_on(calendar):
    sessions = session_partitions(calendar, AUTUMN)
    at = datetime(2025, 10, 24, 6, 30, tzinfo=UTC)
    assert "2025-10-24T08:30" in sessions.get_partition_keys(current_time=at)


@pytest.mark.parametrize(
    ("at", "key"),
    [
        ("2025-10-24T06:20", "2025-10-24T08:30"),
        ("2025-10-24T11:50", "2025-10-24T14:00"),
        ("2025-10-27T07:20", "2025-10-27T08:30"),
        ("2026-04-07T06:20", "2026-04-07T08:30"),
    ],
    ids=["morning", "afternoon", "Monday", "after Easter"],
)
def test_a_session_exists_when_its_news_is_searched_for_ahead_of_it(calendar, at, key):
    sessions = session_partitions(calendar, AUTUMN)
    assert key in sessions.get_partition_keys(current_time=datetime.fromisoformat(at + "+00:00"))


@pytest.mark.parametrize(
    "at",
    ["2025-10-24T06:15", "2025-10-27T07:15", "2026-01-02T07:15", "2026-04-07T06:15"],
    ids=["Friday", "Monday", "after New Year", "after Easter"],
)
def test_a_trading_day_exists_when_it_is_collected_before_it_starts(calendar, at):
    days = trading_day_partitions(calendar, AUTUMN)
    assert at[:10] in days.get_partition_keys(current_time=datetime.fromisoformat(at + "+00:00"))


class TestMappings:
    """What a partition needs of the assets before it."""

    def upstream(self, mapping, downstream, upstream, *keys):
        result = mapping.get_upstream_mapped_partitions_result_for_partitions(
            downstream.subset_with_partition_keys(keys), downstream, upstream, current_time=NOW
        )
        return sorted(result.partitions_subset.get_partition_keys())

    @pytest.mark.parametrize(
        ("day", "sessions"),
        [
            ("2025-03-04", ["2025-03-04T08:30", "2025-03-04T14:00"]),
            ("2025-03-31", ["2025-03-31T08:30", "2025-03-31T14:00"]),
            ("2025-04-22", ["2025-04-22T08:30", "2025-04-22T14:00"]),  # after Easter
            ("2025-12-29", ["2025-12-29T08:30", "2025-12-29T14:00"]),
            ("2025-12-30", ["2025-12-30T08:30"]),
            ("2026-01-02", ["2026-01-02T08:30", "2026-01-02T14:00"]),
        ],
    )
    def test_a_model_day_needs_the_sessions_of_its_day_and_no_other(self, parts, day, sessions):
        key = model_key("dice", "trading_day", day)
        found = self.upstream(sessions_of_the_day(), parts.model_days, parts.model_sessions, key)
        assert found == [f"dice|{session}" for session in sessions]

    @pytest.mark.parametrize("month", [3, 4, 10, 12])
    def test_every_day_of_a_month_with_a_holiday_or_a_change_of_clocks_needs_its_sessions(
        self, parts, calendar, month
    ):
        mapping = dg.TimeWindowPartitionMapping()
        for day in calendar.days(date(2025, month, 1), date(2025, month, 30)):
            found = self.upstream(mapping, parts.trading_days, parts.sessions, str(day))
            assert found == [session.key for session in calendar.sessions_of(day)]

    @pytest.mark.parametrize(
        ("session", "before"),
        [
            ("2025-03-04T14:00", "2025-03-04T08:30"),
            ("2025-03-04T08:30", "2025-03-03T14:00"),
            ("2025-03-03T08:30", "2025-02-28T14:00"),  # over a weekend
            ("2025-03-31T08:30", "2025-03-28T14:00"),  # over the change of clocks
            ("2025-04-22T08:30", "2025-04-17T14:00"),  # over Easter
            ("2025-12-29T08:30", "2025-12-23T14:00"),  # over Christmas
            ("2026-01-02T08:30", "2025-12-30T08:30"),  # after the early close
        ],
    )
    def test_a_decision_needs_the_same_models_session_before(self, parts, session, before):
        key = model_key("dice", "session", session)
        found = self.upstream(previous_session(), parts.model_sessions, parts.model_sessions, key)
        assert found == [f"dice|{before}"]

    def test_the_first_session_needs_none(self, parts):
        key = model_key("dice", "session", "2025-01-02T08:30")
        assert self.upstream(previous_session(), parts.model_sessions, parts.model_sessions, key) == []

    @pytest.mark.parametrize("month", [4, 12])
    def test_every_session_of_a_month_needs_the_one_before_it(self, parts, calendar, month):
        keys = [s.key for s in calendar.sessions(date(2025, month, 1), date(2025, month, 30))]
        for before, session in itertools.pairwise(keys):
            key = model_key("dice", "session", session)
            found = self.upstream(previous_session(), parts.model_sessions, parts.model_sessions, key)
            assert found == [f"dice|{before}"]

    def test_a_decision_needs_the_briefings_of_its_session_whatever_its_model(self, parts):
        key = model_key("dice", "session", "2025-03-04T08:30")
        found = self.upstream(every_model("session"), parts.model_sessions, parts.sessions, key)
        assert found == ["2025-03-04T08:30"]

    def test_the_board_needs_every_model_of_its_day(self, parts):
        found = self.upstream(every_model("trading_day"), parts.trading_days, parts.model_days, "2025-03-04")
        assert found == ["benchmark-hold|2025-03-04", "dice|2025-03-04"]


def test_keys_read_model_bar_time():
    assert str(model_key("dice", "session", "2025-03-04T08:30")) == "dice|2025-03-04T08:30"
    assert model_key("dice", "trading_day", "2025-03-04") == MultiPartitionKey(
        {"model": "dice", "trading_day": "2025-03-04"}
    )


def test_the_windows_of_the_sessions_do_not_overlap(parts, calendar):
    sessions = calendar.sessions(date(2025, 12, 1), date(2026, 1, 9))
    windows = [parts.sessions.time_window_for_partition_key(session.key) for session in sessions]
    assert all(later.start >= earlier.end for earlier, later in itertools.pairwise(windows))
