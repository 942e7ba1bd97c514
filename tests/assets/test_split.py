"""An arena that lives through a split of a share it holds, on prices that Yahoo adjusts behind it.

The real yfinance fetches each morning, after the first quarter hour and each evening, from a stand-in whose
answers change with the hour as Yahoo's do; beside it lives a twin, in whose world the share was never split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.graph import BOARD_STEPS, BOOK_STEPS, DECISION_STEPS, SESSION_STEPS
from arena_pipeline.assets.market import corporate_actions, daily_bars, intraday_bars
from arena_pipeline.assets.portfolio import portfolio_snapshots
from arena_pipeline.assets.step import Run
from arena_pipeline.market.calendar import BERLIN
from arena_pipeline.rederive import rederive
from arena_pipeline.settings import load_settings
from arena_pipeline.verify import verify
from arena_pipeline.warehouse.tables import positions, snapshots
from tests.assets.conftest import Steps
from tests.sources.yahoo_world import XETR, Share, YahooWorld, split, walk

SHARE, INDEX = "SAP.DE", "^GDAXI"
HISTORY_FROM, START, LAST = date(2025, 8, 25), date(2025, 10, 6), date(2025, 10, 10)
SPLIT_DAY, EVE = date(2025, 10, 8), date(2025, 10, 7)
MODEL = "equal-weight"
SESSION_ASSETS = {"indicators", "momentum", "watchlist", "briefings", "decisions"}


@dataclass
class Life:
    """An arena and its world, with one clock; `seen` is what each session held when it had been decided."""

    arena: Arena
    world: YahooWorld
    clock: dict[str, datetime]
    seen: dict[tuple[str, str], str] = field(default_factory=dict)
    navs: dict[str, int] = field(default_factory=dict)
    """Of each day, as its own first quarter hour and its evening had it, in cents."""

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        self.clock["now"] = datetime(day.year, day.month, day.day, hour, minute, 5, tzinfo=BERLIN)

    def live(self, days: list[date], steps: Steps) -> None:
        for day in days:
            self.at(day, 8, 15)
            steps.collected(self.arena, [day])
            for session in self.arena.calendar.sessions_of(day):
                local = session.time.astimezone(BERLIN)
                if local.hour > 9:
                    self.at(day, 9, 15)
                    intraday_bars(self.arena, [str(day)], Run("mark"))
                    self.mark(day)
                    self.navs[f"{day} 09:15"] = self.nav(day)
                self.at(day, local.hour, local.minute)
                if local.hour > 9:
                    intraday_bars(self.arena, [str(day)], Run("mark"))
                for step in SESSION_STEPS:
                    step(self.arena, [session.key], Run("research"))
                DECISION_STEPS[0](self.arena, [f"{MODEL}|{session.key}"], Run("decide"))
                self._note(steps, session.key)
            self.at(day, 17, 35)
            for step in (daily_bars, intraday_bars, corporate_actions):
                step(self.arena, [str(day)], Run("close"))
            self.mark(day)
            for step in BOARD_STEPS:
                step(self.arena, [str(day)], Run("rank"))
            self.navs[str(day)] = self.nav(day)

    def mark(self, day: date) -> None:
        for step in BOOK_STEPS:
            step(self.arena, [f"{MODEL}|{day}"], Run("settle"))

    def _note(self, steps: Steps, session: str) -> None:
        for (asset, key), digest in steps.digests(self.arena).items():
            if asset in SESSION_ASSETS and key.rpartition("|")[2] == session:
                self.seen[asset, key] = digest

    def nav(self, day: date) -> int:
        return int(self._snapshot(day).nav_cents)

    def is_provisional(self, day: date) -> bool:
        return bool(self._snapshot(day).provisional)

    def _snapshot(self, day: date) -> Any:
        with self.arena.store.ledger.read() as connection:
            return connection.execute(
                select(snapshots).where(
                    snapshots.c.partition == f"{MODEL}|{day}", snapshots.c.superseded_at.is_(None)
                )
            ).one()

    def held(self, day: date) -> int:
        with self.arena.store.ledger.read() as connection:
            return int(
                connection.execute(
                    select(positions.c.quantity).where(
                        positions.c.partition == f"{MODEL}|{day}",
                        positions.c.symbol == SHARE,
                        positions.c.superseded_at.is_(None),
                    )
                ).scalar_one()
            )

    def indicators(self) -> dict[str, dict[str, float]]:
        rows = self.arena.store.rows("indicators", "symbol = $symbol", symbol=SHARE)
        return {row["session"]: row for row in rows}


@pytest.fixture
def settle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Opens homes over worlds."""
    for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    opened: list[Arena] = []

    def _settle(home: str, world: YahooWorld, clock: dict[str, datetime], start: date = START) -> Life:
        config = tmp_path / f"{home}.toml"
        config.write_text(
            f'[arena]\nstart = "{start}"\n[universe]\nsymbols = ["{SHARE}"]\n'
            f'[prices]\nsource = "yahoo"\nyahoo_url = "{world.url}"\n[news]\nsource = "none"\n'
            f'[[models]]\nid = "{MODEL}"\nkind = "baseline"\nstrategy = "equal_weight"\n'
        )
        settings = load_settings(config, home=tmp_path / home)
        arena = Arena(settings, open_store(settings), clock=lambda: clock["now"])
        opened.append(arena)
        return Life(arena, world, clock)

    yield _settle
    for arena in opened:
        arena.close()


def share(*, splits: bool) -> Share:
    days = walk(HISTORY_FROM, LAST, "230.00", seed=11)
    dividends = {date(2025, 10, 7): Decimal("2.00"), date(2025, 10, 9): Decimal("1.20")}
    if not splits:
        return Share(days, dividends=dividends)
    dividends[date(2025, 10, 9)] /= 2
    return Share(split(days, SPLIT_DAY, 2), {SPLIT_DAY: Fraction(2)}, dividends)


def world_of(server: HTTPServer, clock: dict[str, datetime], *, splits: bool) -> YahooWorld:
    world = YahooWorld(server, lambda: clock["now"])
    world.shares = {
        SHARE: share(splits=splits),
        INDEX: Share(walk(HISTORY_FROM, LAST, "24000.00", seed=12)),
    }
    return world


def days() -> list[date]:
    return XETR.days(START, LAST)


def test_a_split_before_the_arenas_first_day_leaves_no_step_in_its_indicators(
    httpserver: HTTPServer, settle, steps: Steps
) -> None:
    clock = {"now": datetime(2025, 10, 9, 17, 35, tzinfo=BERLIN)}
    life = settle("home", world_of(httpserver, clock, splits=True), clock, start=date(2025, 10, 9))
    daily_bars(life.arena, ["2025-10-09"], Run("close"))
    (split_of,) = life.arena.store.rows("corporate_actions")
    assert (split_of["partition"], split_of["ex_date"], split_of["ratio"]) == ("history", SPLIT_DAY, "2")
    bars = life.arena.daily_bars().comparable(SHARE, clock["now"])
    whole = walk(HISTORY_FROM, LAST, "230.00", seed=11)
    assert [bar.close * 2 for bar in bars] == [whole[bar.day].close for bar in bars]


@pytest.mark.slow
def test_a_book_goes_on_through_a_split_that_is_fetched_live(
    httpserver: HTTPServer, settle, steps: Steps
) -> None:
    clock = {"now": datetime(2025, 10, 7, 8, 0, tzinfo=BERLIN)}
    world = world_of(httpserver, clock, splits=True)
    life = settle("home", world, clock, start=EVE)
    life.live([EVE, SPLIT_DAY], steps)
    held, traded = life.held(EVE), world.shares[SHARE].days
    assert held > 100
    assert life.held(SPLIT_DAY) == 2 * held
    change = 2 * held * traded[SPLIT_DAY].close - held * traded[EVE].close
    assert life.navs[str(SPLIT_DAY)] - life.navs[str(EVE)] == change * 100
    assert life.navs[f"{SPLIT_DAY} 09:15"] == life.navs[str(SPLIT_DAY)]
    closes = {session: row["close"] for session, row in life.indicators().items()}
    before = float(traded[EVE].close)
    assert (closes[f"{SPLIT_DAY}T08:30"], closes[f"{SPLIT_DAY}T14:00"]) == (before, before / 2)
    steps.researched(life.arena, [EVE, SPLIT_DAY])
    now = steps.digests(life.arena)
    assert {key: now[key] for key in life.seen} == life.seen


@pytest.mark.slow
def test_a_split_that_is_fetched_live_changes_nothing_but_the_number_of_shares(
    httpserver: HTTPServer, settle, steps: Steps
) -> None:
    clock = {"now": datetime(2025, 10, 6, 8, 0, tzinfo=BERLIN)}
    world = world_of(httpserver, clock, splits=True)
    life = settle("split", world, clock)
    life.live(days(), steps)

    with HTTPServer() as other:
        twin = settle("twin", world_of(other, clock, splits=False), clock)
        twin.live(days(), steps)

    assert life.navs == twin.navs
    assert [life.held(day) / twin.held(day) for day in days()] == [1, 1, 2, 2, 2]

    mine, theirs = life.indicators(), twin.indicators()
    scale = [round(theirs[key]["close"] / mine[key]["close"], 6) for key in sorted(mine)]
    assert scale == [1, 1, 1, 1, 1, 2, 2, 2, 2, 2]
    for key, row in mine.items():
        for name in ("change_1d", "change_20d", "rsi_14", "stochastic_k", "adx_14", "obv_slope_20"):
            assert row[name] == pytest.approx(theirs[key][name], rel=1e-9)
        for name in ("sma_20", "atr_14", "bollinger_upper"):
            assert row[name] * theirs[key]["close"] / row["close"] == pytest.approx(
                theirs[key][name], rel=1e-6
            )

    bars = life.arena.store.rows("daily_bars", "symbol = $symbol", symbol=SHARE)
    assert {row["vintage"] for row in bars} == {1}
    assert {row["day"]: row["close"] for row in bars} == {
        day: traded.close for day, traded in world.shares[SHARE].days.items()
    }

    steps.researched(life.arena, days())
    now = steps.digests(life.arena)
    assert {key: now[key] for key in life.seen} == life.seen
    steps.contest(life.arena, days())
    assert {str(day): life.nav(day) for day in days()}.items() <= life.navs.items()
    assert verify(life.arena) == []
    assert rederive(life.arena).problems == []

    again = settle("backfill", world, clock)
    clock["now"] = datetime(2025, 10, 11, 9, 0, tzinfo=BERLIN)
    steps.all(again.arena, days())
    for asset in ("daily_bars", "intraday_bars", "corporate_actions", "indicators"):
        assert again.arena.store.partitions(asset) == life.arena.store.partitions(asset)


@pytest.mark.slow
def test_a_split_that_yahoo_does_not_report_is_held_back_until_it_does(
    httpserver: HTTPServer, settle, steps: Steps
) -> None:
    clock = {"now": datetime(2025, 10, 6, 8, 0, tzinfo=BERLIN)}
    world = world_of(httpserver, clock, splits=True)
    life = settle("silent", world, clock)
    world.shares[SHARE].unreported = True
    life.live(days()[:3], steps)
    assert life.held(SPLIT_DAY) == life.held(EVE)
    assert abs(life.nav(SPLIT_DAY) - life.nav(EVE)) < 100_00
    assert (life.is_provisional(EVE), life.is_provisional(SPLIT_DAY)) == (False, True)
    kinds = life.arena.store.rows("bar_findings", "partition = $day", day=str(SPLIT_DAY))
    assert [(row["kind"], row["symbol"]) for row in kinds] == [("another_scale", SHARE)]

    world.shares[SHARE].unreported = False
    life.at(SPLIT_DAY, 18, 5)
    run = Run("official")
    (outcome,) = daily_bars(life.arena, [str(SPLIT_DAY)], run)
    assert outcome.figures["complete"]
    assert run.reports == []
    portfolio_snapshots(life.arena, [f"{MODEL}|{SPLIT_DAY}"], run)
    assert life.held(SPLIT_DAY) == 2 * life.held(EVE)
    assert not life.is_provisional(SPLIT_DAY)
