"""One sandbox world for these tests. Its clock stands at a fixed evening, so that "now" never moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from arena_pipeline.market.calendar import TradingCalendar, trading_calendar
from arena_pipeline.market.universe import dax40
from arena_pipeline.sandbox.market import SandboxMarket
from arena_pipeline.sandbox.server import SandboxServer

SEED = 20250915
BENCHMARK = "^GDAXI"
NOW = datetime(2025, 11, 20, 17, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def calendar() -> TradingCalendar:
    return trading_calendar("XETR")


@pytest.fixture(scope="session")
def market(calendar: TradingCalendar) -> SandboxMarket:
    return SandboxMarket(SEED, tuple(dax40()), BENCHMARK, calendar)


@pytest.fixture(scope="session")
def server(calendar: TradingCalendar) -> Iterator[SandboxServer]:
    with SandboxServer(SEED, tuple(dax40()), BENCHMARK, calendar, clock=lambda: NOW) as running:
        yield running
