"""A small arena over files that the test writes: three shares, an index, two months of prices."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.graph import BOARD_STEPS, BOOK_STEPS, DAY_STEPS, DECISION_STEPS, SESSION_STEPS
from arena_pipeline.assets.step import Outcome, Run, Step
from arena_pipeline.market.calendar import TradingCalendar, trading_calendar
from arena_pipeline.settings import load_settings

SYMBOLS = ("SAP.DE", "SIE.DE", "ALV.DE")
INDEX = "^GDAXI"
HISTORY_FROM, START, LAST_PRICE = date(2025, 1, 20), date(2025, 3, 3), date(2025, 3, 21)
NOW = datetime(2025, 3, 22, 9, 0, tzinfo=UTC)
ALL_STEPS: tuple[Step, ...] = DAY_STEPS + SESSION_STEPS + DECISION_STEPS + BOOK_STEPS + BOARD_STEPS


@dataclass
class Row:
    """One day's prices of one symbol, as they stand in its file."""

    open: str
    high: str
    low: str
    close: str
    volume: int = 100_000

    def line(self, day: date) -> str:
        return f"{day},{self.open},{self.high},{self.low},{self.close},{self.volume}\n"


@dataclass
class Story:
    """An item of the feed."""

    title: str
    published: datetime


def story(day: date, hour: int, title: str) -> Story:
    """A story published on a day, at an hour UTC."""
    return Story(title, datetime(day.year, day.month, day.day, hour, tzinfo=UTC))


@dataclass
class World:
    """The files and the feed; `arena` opens a home over them at a fixed time."""

    folder: Path
    calendar: TradingCalendar
    feed_url: str | None = None
    prices: dict[str, dict[date, Row]] = field(default_factory=dict)
    stories: list[Story] = field(default_factory=list)
    models: dict[str, str] = field(
        default_factory=lambda: {"benchmark-hold": "benchmark", "equal-weight": "equal_weight"}
    )
    symbols: tuple[str, ...] = SYMBOLS
    """The shares that the configuration names."""
    adjustment: str = "split"
    """What the prices are said to contain."""
    opened: list[Arena] = field(default_factory=list)
    extra: str = ""
    """More of the configuration, after the baselines."""

    def __post_init__(self) -> None:
        dice = random.Random(7)
        for symbol, level in zip((*SYMBOLS, INDEX), (250.0, 180.0, 300.0, 2200.0), strict=True):
            days = self.prices.setdefault(symbol, {})
            for day in self.calendar.days(HISTORY_FROM, LAST_PRICE):
                opening = level * (1 + dice.uniform(-0.01, 0.01))
                level = opening * (1 + dice.uniform(-0.02, 0.021))
                high, low = max(opening, level) * 1.003, min(opening, level) * 0.997
                days[day] = Row(f"{opening:.2f}", f"{high:.2f}", f"{low:.2f}", f"{level:.2f}")

    def days(self, first: date = START, last: date = date(2025, 3, 7)) -> list[date]:
        return self.calendar.days(first, last)

    def write(self) -> None:
        """Put the prices into their files, over what stood there."""
        for symbol, days in self.prices.items():
            file = self.folder / ("index.csv" if symbol == INDEX else f"prices/{symbol}.csv")
            file.parent.mkdir(exist_ok=True)
            rows = "".join(row.line(day) for day, row in sorted(days.items()))
            file.write_text("Date,Open,High,Low,Close,Volume\n" + rows)

    def rss(self) -> str:
        items = "".join(
            f"<item><title>{story.title}</title><link>https://news.test/{number}</link>"
            f"<pubDate>{format_datetime(story.published)}</pubDate></item>"
            for number, story in enumerate(self.stories)
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{items}</channel></rss>'

    def arena(self, home: str = "home", *, now: datetime = NOW) -> Arena:
        self.write()
        config = self.folder / "arena.toml"
        config.write_text(self._toml())
        settings = load_settings(config, home=self.folder / home)
        arena = Arena(settings, open_store(settings), clock=lambda: now)
        self.opened.append(arena)
        return arena

    def _toml(self) -> str:
        news = '[news]\nsource = "none"\n'
        if self.feed_url:
            news = f'[news]\nsource = "feeds"\n[[news.feeds]]\nname = "wire"\nurl = "{self.feed_url}"\n'
        contestants = "".join(
            f'[[models]]\nid = "{name}"\nkind = "baseline"\nstrategy = "{strategy}"\n'
            for name, strategy in self.models.items()
        )
        return (
            f'[arena]\nstart = "{START}"\n'
            f"[universe]\nsymbols = {json.dumps(self.symbols)}\n"
            f'[prices]\nsource = "files"\npath = "prices"\nbenchmark_path = "index.csv"\n'
            f'adjustment = "{self.adjustment}"\n'
            f"{news}{contestants}{self.extra}"
        )


class Steps:
    """Runs steps over days, as Dagster would."""

    def collected(self, arena: Arena, days: Sequence[date], run: Run | None = None) -> list[Outcome]:
        """What comes from outside, by day."""
        run = run or Run("test")
        return [entry for step in DAY_STEPS for entry in step(arena, [str(day) for day in days], run)]

    def researched(self, arena: Arena, days: Sequence[date], run: Run | None = None) -> list[Outcome]:
        """What is made of it for the sessions, the same for all models."""
        run = run or Run("test")
        keys = [session.key for day in days for session in arena.calendar.sessions_of(day)]
        return [entry for step in SESSION_STEPS for entry in step(arena, keys, run)]

    def shared(self, arena: Arena, days: Sequence[date], run: Run | None = None) -> list[Outcome]:
        return self.collected(arena, days, run) + self.researched(arena, days, run)

    def contest(self, arena: Arena, days: Sequence[date], run: Run | None = None) -> list[Outcome]:
        """Decisions, books and the board."""
        run = run or Run("test")
        keys = [session.key for day in days for session in arena.calendar.sessions_of(day)]
        outcomes: list[Outcome] = []
        for model in arena.settings.models:
            outcomes += DECISION_STEPS[0](arena, [f"{model.id}|{key}" for key in keys], run)
            for step in BOOK_STEPS:
                outcomes += step(arena, [f"{model.id}|{day}" for day in days], run)
        return outcomes + [
            entry for step in BOARD_STEPS for entry in step(arena, [str(day) for day in days], run)
        ]

    def all(self, arena: Arena, days: Sequence[date], run: Run | None = None) -> list[Outcome]:
        return self.shared(arena, days, run) + self.contest(arena, days, run)

    def digests(self, arena: Arena) -> dict[tuple[str, str], str]:
        """(asset, partition) -> digest, of everything in force."""
        assets = [step.__name__ for step in ALL_STEPS] + ["bar_findings", "feed_health"]
        return {
            (asset, key): digest for asset in assets for key, digest in arena.store.partitions(asset).items()
        }


@pytest.fixture(scope="session")
def steps() -> Steps:
    return Steps()


@pytest.fixture(scope="session")
def calendar() -> TradingCalendar:
    return trading_calendar("XETR")


@pytest.fixture
def world(tmp_path: Path, calendar: TradingCalendar, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    world = World(tmp_path, calendar)
    yield world
    for arena in world.opened:
        arena.close()


@pytest.fixture(scope="session")
def ready(
    tmp_path_factory: pytest.TempPathFactory, calendar: TradingCalendar, steps: Steps
) -> Callable[[World, Sequence[date]], None]:
    """Gives a world that is as it began a home in which everything of some days is made: once, and copied."""
    made: dict[tuple[date, ...], Path] = {}

    def copy(world: World, days: Sequence[date]) -> None:
        if tuple(days) not in made:
            original = World(tmp_path_factory.mktemp("ready"), calendar)
            arena = original.arena()
            steps.all(arena, days)
            arena.close()
            made[tuple(days)] = original.folder / "home"
        shutil.copytree(made[tuple(days)], world.folder / "home")

    return copy


@pytest.fixture
def publish(world: World, httpserver: HTTPServer) -> Callable[..., World]:
    """Gives the world a feed on loopback that holds these stories: (day, hour UTC, title)."""

    def add(*stories: tuple[date, int, str]) -> World:
        world.stories = [story(*entry) for entry in stories]
        world.feed_url = httpserver.url_for("/feed.xml")
        httpserver.clear()
        httpserver.expect_request("/feed.xml").respond_with_data(
            world.rss(), content_type="application/rss+xml"
        )
        return world

    return add
