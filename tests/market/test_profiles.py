"""Markets beside XETR: their own hours, sessions, currency, fee and benchmark."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from arena_pipeline.errors import ArenaError, ConfigError
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.market.profiles import PROFILES, market_profile
from arena_pipeline.partitions import session_partitions, trading_day_partitions
from arena_pipeline.settings import load_settings

MODELS = '[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n'


@pytest.mark.parametrize("code", PROFILES)
def test_sessions_lie_before_the_opening_and_between_opening_and_close(code: str) -> None:
    calendar = trading_calendar(code)
    for day in calendar.days(date(2024, 1, 2), date(2025, 12, 31)):
        hours, sessions = calendar.hours(day), calendar.sessions_of(day)
        assert sessions[0].time < hours.opens_at
        assert all(hours.opens_at < later.time < hours.closes_at for later in sessions[1:])
        assert len(sessions) == 2 or calendar.is_early_close(day)
        assert calendar.session(sessions[0].key) == sessions[0]


@pytest.mark.parametrize("code", PROFILES)
def test_bars_are_fetched_after_the_latest_close(code: str) -> None:
    calendar, profile = trading_calendar(code), market_profile(code)
    assert profile.closing < profile.official
    for day in calendar.days(date(2024, 1, 2), date(2025, 12, 31)):
        closing = datetime.combine(day, profile.closing, tzinfo=profile.zone)
        assert closing - calendar.hours(day).closes_at >= timedelta(minutes=5)


@pytest.mark.parametrize(
    ("code", "key", "utc"),
    [
        ("XNYS", "2025-03-07T09:00", "14:00"),
        ("XNYS", "2025-03-10T09:00", "13:00"),
        ("XNYS", "2025-10-27T13:30", "17:30"),
        ("XLON", "2025-03-28T07:30", "07:30"),
        ("XLON", "2025-03-31T07:30", "06:30"),
    ],
)
def test_a_session_keeps_its_local_time_when_the_clocks_change(code: str, key: str, utc: str) -> None:
    assert trading_calendar(code).session(key).time.strftime("%H:%M") == utc


@pytest.mark.parametrize(
    ("code", "day", "first"),
    [("XNYS", "2025-07-03", "09:00"), ("XLON", "2025-12-24", "07:30")],
)
def test_an_early_close_leaves_the_first_session(code: str, day: str, first: str) -> None:
    sessions = trading_calendar(code).sessions_of(date.fromisoformat(day))
    assert [session.key for session in sessions] == [f"{day}T{first}"]


@pytest.mark.parametrize("code", ["XNYS", "XLON"])
def test_partitions_are_those_of_the_market(code: str) -> None:
    calendar = trading_calendar(code)
    first, last = date(2024, 1, 2), date(2025, 6, 30)
    now = datetime(2025, 6, 30, 23, 0, tzinfo=UTC)
    days = trading_day_partitions(calendar, first).get_partition_keys(current_time=now)
    sessions = session_partitions(calendar, first).get_partition_keys(current_time=now)
    assert [day for day in days if day <= str(last)] == [str(day) for day in calendar.days(first, last)]
    expected = [session.key for session in calendar.sessions(first, last)]
    assert [key for key in sessions if key[:10] <= str(last)] == expected


def write(folder: Path, text: str) -> Path:
    file = folder / "arena.toml"
    file.write_text(text + MODELS)
    return file


def test_a_market_brings_its_currency_fee_and_benchmark(tmp_path: Path) -> None:
    text = '[arena]\nmarket = "XNYS"\nstart = "2025-10-27"\n[universe]\nsymbols = ["KO"]\n'
    settings = load_settings(write(tmp_path, text), home=tmp_path)
    assert (settings.arena.currency, settings.arena.fee_per_order) == ("USD", Decimal("1.00"))
    assert settings.universe.benchmark == "^GSPC"


def test_what_the_file_says_about_fee_and_benchmark_counts(tmp_path: Path) -> None:
    text = (
        '[arena]\nmarket = "XLON"\nstart = "2025-10-27"\nfee_per_order = "7.50"\n'
        '[universe]\nsymbols = ["BP.L"]\nbenchmark = "^FTAS"\n'
    )
    settings = load_settings(write(tmp_path, text), home=tmp_path)
    assert (settings.arena.currency, settings.arena.fee_per_order) == ("GBP", Decimal("7.50"))
    assert settings.universe.benchmark == "^FTAS"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[arena]\nmarket = "XPAR"\n', "'XPAR' is not known"),
        ('[arena]\nmarket = "XNYS"\nstart = "2025-10-27"\n', "universe.symbols must list"),
        (
            '[arena]\nmarket = "XNYS"\ncurrency = "EUR"\n[universe]\nsymbols = ["KO"]\n',
            "currency is EUR, but New York Stock Exchange trades in USD",
        ),
    ],
)
def test_a_market_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_settings(write(tmp_path, text), home=tmp_path)


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(ArenaError) as caught:
        market_profile("XASX")
    assert "XETR, XNYS, XLON" in str(caught.value.remedy)
