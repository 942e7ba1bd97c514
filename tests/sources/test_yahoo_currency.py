"""A book holds one currency: what Yahoo quotes in another is not covered, and pence are no pounds."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.market.calendar import BERLIN, TradingCalendar, trading_calendar
from arena_pipeline.sources.recorder import MemoryRecorder
from arena_pipeline.sources.yahoo import YahooPrices
from tests.sources.yahoo_world import XETR, Share, YahooWorld, walk

FIRST, PAID, LAST = date(2025, 9, 15), date(2025, 9, 17), date(2025, 9, 19)
NOW = datetime(2025, 9, 19, 20, 0, tzinfo=BERLIN)


@pytest.fixture
def world(httpserver: HTTPServer) -> YahooWorld:
    return YahooWorld(httpserver, lambda: NOW)


def source(world: YahooWorld, calendar: TradingCalendar) -> YahooPrices:
    return YahooPrices(
        MemoryRecorder(), clock=lambda: NOW, calendar=calendar, max_jump=0.35, base_url=world.url
    )


def share(currency: str) -> Share:
    days = walk(date(2025, 9, 1), LAST, "2300.00", seed=5)
    return Share(days, dividends={PAID: Decimal("12.50")}, currency=currency)


def test_a_share_in_another_currency_is_not_covered_and_costs_no_other(world: YahooWorld) -> None:
    world.shares = {"AAPL": share("USD"), "SAP.DE": share("EUR")}
    reply = source(world, XETR).daily(["AAPL", "SAP.DE"], FIRST, LAST)
    assert {bar.symbol for bar in reply.bars} == {"SAP.DE"}
    assert reply.missing == {"AAPL": "yahoo quotes AAPL in 'USD', and the book is in EUR"}
    assert reply.gaps == {}


def test_pence_become_pounds_dividends_too(world: YahooWorld) -> None:
    world.shares = {"SHEL.L": share("GBp"), "TEST.L": share("GBP")}
    london = source(world, trading_calendar("XLON"))
    reply = london.daily(["SHEL.L", "TEST.L"], FIRST, LAST)
    pounds = {bar.day: bar.close for bar in reply.bars if bar.symbol == "SHEL.L"}
    pence = {bar.day: bar.close for bar in reply.bars if bar.symbol == "TEST.L"}
    assert len(pounds) == 5
    assert pounds == {day: close / 100 for day, close in pence.items()}
    paid = {
        action.symbol: action.amount for action in london.actions(["SHEL.L", "TEST.L"], FIRST, LAST).actions
    }
    assert paid == {"SHEL.L": Decimal("0.125"), "TEST.L": Decimal("12.5")}
