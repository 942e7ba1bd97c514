"""Days of prices as Yahoo gives them over time: gaps that are filled later, and a past that it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.arena import HISTORY, Arena, open_store
from arena_pipeline.assets.market import corporate_actions, daily_bars, intraday_bars
from arena_pipeline.assets.step import Outcome, Run, Step
from arena_pipeline.assets.technical import indicators
from arena_pipeline.diagnosis import diagnose
from arena_pipeline.errors import SourceError
from arena_pipeline.market.calendar import BERLIN, trading_calendar
from arena_pipeline.rederive import rederive
from arena_pipeline.settings import load_settings
from arena_pipeline.warehouse.store import Row
from tests.sources.yahoo_world import Share, YahooWorld, walk

SHARES = ("SAP.DE", "SIE.DE", "ALV.DE")
INDEX, BAD = "^GDAXI", "SIE.DE"
XETR = trading_calendar()
FIRST, MONDAY, TUESDAY, WEDNESDAY = date(2025, 9, 1), date(2025, 10, 6), date(2025, 10, 7), date(2025, 10, 8)
LAST = date(2025, 12, 19)


class Home:
    """An arena over a stand-in Yahoo, with a clock that stands where it is put."""

    def __init__(self, server: HTTPServer, folder: Path) -> None:
        self.clock = datetime(2025, 10, 6, 17, 35, 5, tzinfo=BERLIN)
        self.yahoo = YahooWorld(server, lambda: self.clock)
        self.yahoo.shares = {
            symbol: Share(walk(FIRST, LAST, "150.00", seed=seed))
            for seed, symbol in enumerate((*SHARES, INDEX))
        }
        config = folder / "arena.toml"
        symbols = ", ".join(f'"{symbol}"' for symbol in SHARES)
        config.write_text(
            f'[arena]\nstart = "{MONDAY}"\n[universe]\nsymbols = [{symbols}]\n'
            f'[prices]\nsource = "yahoo"\nyahoo_url = "{self.yahoo.url}"\n[news]\nsource = "none"\n'
            '[[models]]\nid = "equal"\nkind = "baseline"\nstrategy = "equal_weight"\n'
        )
        settings = load_settings(config, home=folder / "home")
        self.arena = Arena(settings, open_store(settings), clock=lambda: self.clock)
        self.run = Run("first")

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        self.clock = datetime(day.year, day.month, day.day, hour, minute, 5, tzinfo=BERLIN)

    def collect(self, day: date, step: Step = daily_bars) -> Outcome:
        self.run = Run(str(self.clock))
        (outcome,) = step(self.arena, [str(day)], self.run)
        return outcome

    def bars(self, day: date, symbol: str, asset: str = "daily_bars") -> list[Row]:
        return self.arena.store.rows(asset, "day = $day AND symbol = $symbol", day=day, symbol=symbol)

    def kinds(self, key: object) -> list[tuple[str, str]]:
        rows = self.arena.store.rows("bar_findings", "partition = $key", key=str(key))
        return [(row["kind"], row["symbol"]) for row in rows]

    def closes(self, session: str) -> dict[str, float | None]:
        indicators(self.arena, [session], Run("research"))
        rows = self.arena.store.rows("indicators", "partition = $key", key=session)
        return {row["symbol"]: row["close"] for row in rows}


@pytest.fixture
def home(httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    home = Home(httpserver, tmp_path)
    yield home
    home.arena.close()


@pytest.mark.slow
def test_a_share_that_yahoo_failed_on_is_named_and_filled_the_same_evening(home: Home) -> None:
    home.yahoo.broken[BAD] = (200, "<html>")
    outcome = home.collect(MONDAY)
    assert (outcome.figures["symbols"], outcome.figures["complete"]) == (3, False)
    said = f"1: {BAD} (no_chart): yahoo's answer for {BAD} (status 200) is no chart: JSONDecodeError"
    assert outcome.figures["missing"] == said
    assert home.run.reports == [f"daily_bars is incomplete: {said}"]
    assert home.kinds(MONDAY) == home.kinds(HISTORY) == [("not_answered", BAD)]

    home.yahoo.broken.clear()
    home.at(MONDAY, 18, 5)
    outcome = home.collect(MONDAY)
    assert (outcome.figures["symbols"], outcome.figures["complete"], outcome.figures["late"]) == (4, True, 1)
    assert home.run.reports == home.kinds(MONDAY) == home.kinds(HISTORY) == []
    (bar,) = home.bars(MONDAY, BAD)
    assert bar["known_at"] == home.clock
    assert len(home.bars(FIRST, BAD)) == 1
    assert rederive(home.arena).problems == []


@pytest.mark.slow
def test_a_gap_of_yesterday_is_filled_today_and_yesterdays_sessions_do_not_know_it(home: Home) -> None:
    home.collect(MONDAY)
    home.yahoo.broken[BAD] = (500, "no")
    home.at(TUESDAY, 17, 35)
    home.collect(TUESDAY)
    home.yahoo.broken.clear()
    early, late = f"{WEDNESDAY}T08:30", f"{WEDNESDAY}T14:00"
    before = home.closes(early)
    home.at(WEDNESDAY, 13, 45)
    outcome = home.collect(WEDNESDAY)
    assert outcome.figures["late"] == 0
    (bar,) = home.bars(TUESDAY, BAD)
    assert (bar["vintage"], bar["known_at"]) == (1, home.clock)
    assert home.kinds(TUESDAY) == []
    assert home.closes(early) == before
    assert home.closes(late)[BAD] == float(home.yahoo.shares[BAD].days[TUESDAY].close)
    both = indicators(home.arena, [early, late], Run("both"))
    assert [entry.written.changed for entry in both] == [False, False]


def test_where_yahoo_answers_nothing_nothing_is_written(home: Home) -> None:
    home.collect(MONDAY)
    stored = home.arena.store.partitions("daily_bars")
    home.yahoo.broken = dict.fromkeys((*SHARES, INDEX), (503, "no"))
    home.at(TUESDAY, 17, 35)
    with pytest.raises(SourceError, match="status 503"):
        home.collect(TUESDAY)
    assert home.arena.store.partitions("daily_bars") == stored


@pytest.mark.slow
@pytest.mark.parametrize("step", [intraday_bars, corporate_actions])
def test_the_other_prices_do_without_one_share_too(home: Home, step: Step) -> None:
    home.yahoo.broken[BAD] = (500, "no")
    outcome = home.collect(MONDAY, step)
    assert not outcome.figures["complete"]
    assert home.run.reports == [
        f"{step.__name__} is incomplete: 1: {BAD} (no_answer): yahoo answered {BAD} with status 500"
    ]


@pytest.mark.slow
def test_a_dividend_of_a_share_that_yahoo_failed_on_for_weeks_is_there_when_it_answers(home: Home) -> None:
    paid = home.yahoo.shares[BAD].dividends = {MONDAY: Decimal("2.00")}
    home.yahoo.broken[BAD] = (500, "no")
    home.collect(MONDAY, corporate_actions)
    assert gaps(home, "corporate_actions") == {(str(MONDAY), BAD, "no_answer")}
    later = XETR.days(MONDAY, LAST)
    for day in (later[20], later[21]):
        home.at(day, 17, 35)
        home.collect(day, corporate_actions)
    failed = {str(day) for day in (MONDAY, later[20], later[21])}
    assert {key for key, _, _ in gaps(home, "corporate_actions")} == failed
    said = f"corporate_actions: {BAD} since {MONDAY}: yahoo answered {BAD} with status 500"
    assert [entry["detail"] for entry in diagnose(home.arena) if entry["check"] == "prices owed"] == [said]

    home.yahoo.broken.clear()
    home.yahoo.asked.clear()
    home.at(later[22], 17, 35)
    home.collect(later[22], corporate_actions)
    assert home.run.reports == [f"action:dividend:{BAD}:{MONDAY} was listed only when its day was over"]
    (row,) = home.arena.store.rows("corporate_actions", "symbol = $symbol", symbol=BAD)
    assert (row["ex_date"], row["amount"], row["known_at"]) == (MONDAY, paid[MONDAY], home.clock)
    assert gaps(home, "corporate_actions") == set()
    assert {home.yahoo.asked[f"/v8/finance/chart/{symbol}"] for symbol in SHARES} == {1}
    assert rederive(home.arena).problems == []


@pytest.mark.slow
def test_what_is_owed_is_asked_for_no_more_often_than_anything_else(home: Home) -> None:
    home.yahoo.broken[BAD] = (500, "no")
    home.collect(MONDAY, corporate_actions)
    home.yahoo.asked.clear()
    home.at(XETR.days(MONDAY, LAST)[20], 17, 35)
    home.collect(home.clock.date(), corporate_actions)
    assert home.yahoo.asked[f"/v8/finance/chart/{BAD}"] == 2

    home.yahoo.broken["ALV.DE"] = (429, "slow down")
    home.yahoo.asked.clear()
    home.at(XETR.days(MONDAY, LAST)[21], 17, 35)
    home.collect(home.clock.date(), corporate_actions)
    assert home.yahoo.asked[f"/v8/finance/chart/{BAD}"] == 0
    assert (str(home.clock.date()), BAD, "not_asked") in gaps(home, "corporate_actions")


@pytest.mark.slow
def test_quarter_hours_that_are_owed_are_asked_for_as_long_as_yahoo_keeps_them(home: Home) -> None:
    home.yahoo.broken[BAD] = (500, "no")
    for day in (MONDAY, TUESDAY):
        home.at(day, 17, 35)
        home.collect(day, intraday_bars)
    home.yahoo.broken.clear()
    home.at(date(2025, 10, 10), 17, 35)
    home.collect(home.clock.date(), intraday_bars)
    assert len(home.bars(MONDAY, BAD, "intraday_bars")) == len(home.bars(TUESDAY, BAD, "intraday_bars")) == 34
    assert {bar["known_at"] for bar in home.bars(MONDAY, BAD, "intraday_bars")} == {home.clock}
    assert gaps(home, "intraday_bars") == set()

    home.yahoo.broken[BAD] = (500, "no")
    home.collect(home.clock.date(), intraday_bars)
    assert gaps(home, "intraday_bars") == {("2025-10-10", BAD, "no_answer")}
    home.yahoo.broken.clear()
    home.at(date(2025, 12, 15), 17, 35)
    home.collect(home.clock.date(), intraday_bars)
    assert gaps(home, "intraday_bars") == set()


def gaps(home: Home, asset: str) -> set[tuple[str, str, str]]:
    rows = home.arena.store.rows(f"{asset}_gaps")
    return {(row["partition"], row["symbol"], row["gap"]) for row in rows}


def restate(home: Home, symbol: str, day: date, change: str) -> Decimal:
    traded = home.yahoo.shares[symbol].days[day]
    traded.close = traded.high = traded.high + Decimal(change)
    return traded.close


@pytest.mark.slow
def test_a_past_that_yahoo_changes_is_a_vintage_of_its_own_day_and_reported(home: Home) -> None:
    for day in (MONDAY, TUESDAY):
        home.at(day, 17, 35)
        home.collect(day)
    session = f"{TUESDAY}T14:00"
    before = home.closes(session)
    (old,) = home.bars(MONDAY, BAD)
    ancient = date(2025, 9, 10)
    new, newer = restate(home, BAD, MONDAY, "1.50"), restate(home, BAD, ancient, "0.30")
    home.at(WEDNESDAY, 8, 15)
    outcome = home.collect(WEDNESDAY)

    assert outcome.figures["changed_history"] == 2
    assert [report.split()[0] for report in home.run.reports] == [
        f"bar:{BAD}:{MONDAY}:2",
        f"bar:{BAD}:{ancient}:2",
    ]
    assert f"close {old['close']} as {new:.4f}" in home.run.reports[0]
    first, second = home.bars(MONDAY, BAD)
    assert first == old
    assert (second["vintage"], second["close"], second["known_at"]) == (2, new, home.clock)
    assert home.bars(ancient, BAD)[1]["close"] == newer
    assert home.kinds(MONDAY) == home.kinds(HISTORY) == [("changed_history", BAD)]

    assert home.closes(session) == before
    assert home.collect(WEDNESDAY).figures["changed_history"] == 0
    assert len(home.bars(MONDAY, BAD)) == 2


@pytest.mark.slow
def test_quarter_hours_of_yesterday_that_change_are_vintages_too(home: Home) -> None:
    home.collect(MONDAY, intraday_bars)
    restate(home, BAD, MONDAY, "0.40")
    home.at(TUESDAY, 8, 15)
    outcome = home.collect(TUESDAY, intraday_bars)
    assert (outcome.figures["symbols"], outcome.figures["changed_history"]) == (0, 34)
    assert len(home.run.reports) == 13
    assert {row["vintage"] for row in home.bars(MONDAY, BAD, "intraday_bars")} == {1, 2}


@pytest.fixture
def lived(home: Home) -> Callable[[str], Outcome]:
    """Monday is stored; on Tuesday all of Yahoo's numbers of a share are times a factor."""

    def _lived(factor: str) -> Outcome:
        home.collect(MONDAY)
        for traded in home.yahoo.shares[BAD].days.values():
            for name in ("open", "high", "low", "close"):
                setattr(traded, name, getattr(traded, name) * Decimal(factor))
        home.at(TUESDAY, 17, 35)
        return home.collect(TUESDAY)

    return _lived


@pytest.mark.parametrize(
    "factor", ["0.5", *(pytest.param(each, marks=pytest.mark.slow) for each in ("0.9", "3"))]
)
def test_a_share_whose_whole_past_has_another_scale_is_held_back(
    home: Home, lived: Callable[[str], Outcome], factor: str
) -> None:
    outcome = lived(factor)
    assert (outcome.figures["symbols"], outcome.figures["complete"]) == (3, False)
    assert home.kinds(TUESDAY) == [("another_scale", BAD)]
    assert f"{BAD} is held back" in home.run.reports[0]
    assert len(home.bars(MONDAY, BAD)) == 1
