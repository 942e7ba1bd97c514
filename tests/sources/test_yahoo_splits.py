"""Bars as traded, out of answers that Yahoo has adjusted up to the hour of asking."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.errors import SourceError
from arena_pipeline.market.bars import Adjustment, Bar
from arena_pipeline.market.calendar import BERLIN
from arena_pipeline.sources.recorder import MemoryRecorder
from arena_pipeline.sources.yahoo import YahooPrices
from arena_pipeline.sources.yahoo_splits import splits_in
from arena_pipeline.trading.corporate_actions import ActionKind
from tests.sources.yahoo_world import XETR, Share, YahooWorld, split, walk

FIRST, SPLIT_DAY, LAST = date(2025, 9, 15), date(2025, 10, 8), date(2025, 10, 24)
BEFORE = date(2025, 10, 7)
SHARE = "SAP.DE"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2025, 10, 7, 18, 5, tzinfo=BERLIN)

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        self.now = datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(httpserver: HTTPServer, clock: Clock) -> YahooWorld:
    return YahooWorld(httpserver, lambda: clock.now)


def prices(world: YahooWorld, clock: Clock, recorder: MemoryRecorder | None = None) -> YahooPrices:
    return YahooPrices(
        recorder or MemoryRecorder(),
        clock=lambda: clock.now,
        calendar=XETR,
        max_jump=0.35,
        base_url=world.url,
    )


def listed(ratio: Fraction = Fraction(2), *, level: str = "230.00") -> Share:
    whole = walk(date(2025, 9, 1), LAST, level, seed=5)
    days = split(whole, SPLIT_DAY, 1)
    for day, traded in days.items():
        if day >= SPLIT_DAY:
            for name in ("open", "high", "low", "close"):
                value = getattr(traded, name) * ratio.denominator / ratio.numerator
                setattr(traded, name, value.quantize(Decimal("0.01")))
    return Share(days, {SPLIT_DAY: ratio})


def values(bars: list[Bar]) -> list[tuple[object, ...]]:
    return [(bar.start, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars]


@pytest.mark.parametrize("ratio", [Fraction(2), Fraction(3), Fraction(20), Fraction(7, 5), Fraction(1, 10)])
@pytest.mark.parametrize("level", ["4.10", "230.00", "1834.50"])
def test_a_bar_before_a_split_reads_the_same_after_it(
    world: YahooWorld, clock: Clock, ratio: Fraction, level: str
) -> None:
    share = world.shares[SHARE] = listed(ratio, level=level)
    before = prices(world, clock).daily([SHARE], FIRST, BEFORE)
    clock.at(LAST, 18, 5)
    after = prices(world, clock).daily([SHARE], FIRST, BEFORE)
    volume = 1 if ratio >= 1 else 1 / ratio
    assert [row[:-1] for row in values(after.bars)] == [row[:-1] for row in values(before.bars)]
    assert all(abs(a.volume - b.volume) <= volume for a, b in zip(after.bars, before.bars, strict=True))
    assert [bar.close for bar in after.bars] == [share.days[bar.day].close for bar in after.bars]
    assert {bar.adjustment for bar in after.bars} == {Adjustment.RAW}
    assert (after.findings, after.missing) == ([], {})


def test_the_later_splits_are_known_whatever_days_are_asked_for(world: YahooWorld, clock: Clock) -> None:
    share = world.shares[SHARE] = listed()
    clock.at(LAST, 18, 5)
    for reply in (
        prices(world, clock).daily([SHARE], FIRST, FIRST),
        prices(world, clock).intraday([SHARE], FIRST, FIRST),
    ):
        assert {bar.day for bar in reply.bars} == {FIRST}
        assert {bar.open for bar in reply.bars} == {share.days[FIRST].open}
        assert [(action.ex_date, action.ratio) for action in reply.splits] == [(SPLIT_DAY, 2)]


def test_quarter_hours_and_their_volumes_are_as_traded_on_both_sides(world: YahooWorld, clock: Clock) -> None:
    share = world.shares[SHARE] = listed()
    clock.at(SPLIT_DAY, 18, 5)
    reply = prices(world, clock).intraday([SHARE], BEFORE, SPLIT_DAY)
    assert len(reply.bars) == 68
    for bar in reply.bars:
        traded = share.days[bar.day]
        assert (bar.close, bar.volume) == (traded.close, traded.volume // 34)


def test_on_the_morning_of_the_split_nothing_is_undone_and_nothing_reported(
    world: YahooWorld, clock: Clock
) -> None:
    share = world.shares[SHARE] = listed()
    clock.at(SPLIT_DAY, 8, 15)
    reply = prices(world, clock).daily([SHARE], BEFORE, SPLIT_DAY)
    assert [(bar.day, bar.close) for bar in reply.bars] == [(BEFORE, share.days[BEFORE].close)]
    assert reply.splits == []


def test_on_the_day_of_the_split_it_is_known_with_its_first_bar(world: YahooWorld, clock: Clock) -> None:
    share = world.shares[SHARE] = listed()
    clock.at(SPLIT_DAY, 9, 16)
    reply = prices(world, clock).intraday([SHARE], BEFORE, SPLIT_DAY)
    assert [bar.close for bar in reply.bars[-2:]] == [share.days[BEFORE].close, share.days[SPLIT_DAY].close]
    assert [action.known_at for action in reply.splits] == [XETR.hours(SPLIT_DAY).opens_at]


def test_two_splits_are_both_undone(world: YahooWorld, clock: Clock) -> None:
    share = listed()
    second = date(2025, 10, 20)
    share.days, share.splits = split(share.days, second, 5), {**share.splits, second: Fraction(5)}
    world.shares[SHARE] = share
    clock.at(LAST, 18, 5)
    reply = prices(world, clock).daily([SHARE], FIRST, LAST)
    assert [bar.close for bar in reply.bars] == [share.days[bar.day].close for bar in reply.bars]
    assert [bar.volume for bar in reply.bars] == [share.days[bar.day].volume for bar in reply.bars]


def test_a_dividend_is_what_was_paid_per_share_at_its_time(world: YahooWorld, clock: Clock) -> None:
    share = world.shares[SHARE] = listed()
    share.dividends = {BEFORE: Decimal("2.35"), SPLIT_DAY: Decimal("1.10"), LAST: Decimal("0.40")}
    clock.at(LAST, 18, 5)
    actions = prices(world, clock).actions([SHARE], FIRST, LAST).actions
    assert {a.ex_date: a.amount for a in actions if a.kind is ActionKind.DIVIDEND} == share.dividends
    assert {a.ex_date: a.ratio for a in actions if a.kind is ActionKind.SPLIT} == share.splits


def test_a_split_that_yahoo_reports_and_has_not_worked_in_is_not_undone(
    world: YahooWorld, clock: Clock
) -> None:
    share = world.shares[SHARE] = listed()
    share.unadjusted = True
    clock.at(LAST, 18, 5)
    reply = prices(world, clock).daily([SHARE], FIRST, LAST)
    assert [bar.close for bar in reply.bars] == [share.days[bar.day].close for bar in reply.bars]
    assert [action.ratio for action in reply.splits] == [2]


@pytest.mark.parametrize("event", ['"numerator": 0.0', '"numerator": -2.0', '"numerator": 1e9'])
def test_a_split_that_is_none_makes_the_answer_unusable(world: YahooWorld, clock: Clock, event: str) -> None:
    world.shares[SHARE] = listed()
    clock.at(LAST, 18, 5)
    body = world._chart(SHARE, world.shares[SHARE], "1d", clock.now - timedelta(days=40), clock.now)
    world.broken[SHARE] = (200, body.replace('"numerator": 2.0', event))
    world.shares["SIE.DE"] = Share(walk(date(2025, 9, 1), LAST, "100.00", seed=2))
    reply = prices(world, clock).daily([SHARE, "SIE.DE"], FIRST, LAST)
    assert {bar.symbol for bar in reply.bars} == {"SIE.DE"}
    assert "a split that is none" in reply.missing[SHARE]
    with pytest.raises(SourceError, match="a split that is none"):
        prices(world, clock).daily([SHARE], FIRST, LAST)


@pytest.mark.parametrize(
    "events",
    [
        '["x"]',
        '{"splits": ["x"]}',
        '{"splits": {"1": "x"}}',
        '{"splits": {"1": {"date": 1e300, "numerator": 2, "denominator": 1}}}',
        '{"splits": {"1": {"date": 1, "numerator": "2", "denominator": ""}}}',
        "9" * 5000,
        "[",
    ],
)
def test_whatever_stands_where_splits_should_is_an_error_of_the_source(events: str) -> None:
    body = f'{{"chart": {{"result": [{{"events": {events}}}]}}}}'
    with pytest.raises(SourceError, match=SHARE):
        splits_in(body.encode(), XETR.zone, SHARE)


def test_a_replay_undoes_the_same_splits(world: YahooWorld, clock: Clock) -> None:
    world.shares[SHARE] = listed()
    clock.at(LAST, 18, 5)
    recorder = MemoryRecorder()
    live = prices(world, clock, recorder).daily([SHARE], FIRST, BEFORE)
    recorder.offline, asked = True, sum(world.asked.values())
    assert prices(world, clock, recorder).daily([SHARE], FIRST, BEFORE) == live
    assert sum(world.asked.values()) == asked
