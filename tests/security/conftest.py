"""One small arena, built once: three days, three shares, a baseline and a model. Each case gets a copy."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.graph import BOARD_STEPS, BOOK_STEPS, DAY_STEPS, DECISION_STEPS, SESSION_STEPS
from arena_pipeline.assets.step import Run, Step
from arena_pipeline.market.calendar import TradingCalendar, trading_calendar
from arena_pipeline.settings import load_settings
from tests.security.invariants import Case, State, broken_invariants, report
from tests.security.stand_in import StandIn, serve, standing_in

CANARIES = {
    "OPENROUTER_API_KEY": "sk-or-canary-11aa22bb33cc",
    "ALPHAVANTAGE_API_KEY": "AVCANARY44DD55EE",
    "FINNHUB_API_KEY": "fh-canary-66ff77aa",
}
START, BUILT = date(2026, 2, 25), date(2026, 2, 27)
BUILT_AT = datetime(2026, 2, 28, 10, 0, tzinfo=UTC)
GOOD_FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>
<item><title>Siemens wins a large order in Spain</title><link>https://news.test/1</link>
<pubDate>Wed, 25 Feb 2026 09:00:00 GMT</pubDate></item>
<item><title>Allianz confirms its outlook for the year</title><link>https://news.test/2</link>
<pubDate>Wed, 25 Feb 2026 10:00:00 GMT</pubDate></item></channel></rss>"""


@dataclass
class Bench:
    """A copy of the small arena at a time of its own, and the vendors that stand in."""

    arena: Arena
    stand: StandIn
    before: State
    run: Run = field(default_factory=lambda: Run("case"))
    new_days: tuple[str, ...] = ()

    def at(self, moment: datetime) -> None:
        self.arena.clock = lambda: moment

    def steps(self, steps: Sequence[Step], keys: Sequence[str]) -> None:
        for step in steps:
            step(self.arena, keys, self.run)

    def may_decide(self, *days: date) -> None:
        """The case decides and settles these days: they are no change of state."""
        self.new_days = tuple(day.isoformat() for day in days)
        self.before = State.of(self.arena, new_days=self.new_days, known=self.before.tables)

    def contest(self, day: date) -> None:
        """Every session of a day researched and decided, and its books."""
        sessions = [session.key for session in self.arena.calendar.sessions_of(day)]
        self.steps(SESSION_STEPS, sessions)
        for model in self.arena.settings.models:
            self.steps(DECISION_STEPS, [f"{model.id}|{key}" for key in sessions])
            self.steps(BOOK_STEPS, [f"{model.id}|{day}"])
        self.steps(BOARD_STEPS, [str(day)])

    def case(self, said: str = "") -> Case:
        """The case as it has come to be; `said` is what it printed and logged."""
        said = "\n".join([said, *self.run.reports])
        return Case(self.arena, self.before, said, tuple(CANARIES.values()), self.new_days)


def _open(config: Path, home: Path) -> Arena:
    settings = load_settings(config, home=home)
    return Arena(settings, open_store(settings), clock=lambda: BUILT_AT)


def _config(stand: StandIn) -> str:
    return f"""
[arena]
start = "{START}"
[universe]
symbols = ["SAP.DE", "SIE.DE", "ALV.DE"]
[prices]
source = "yahoo"
yahoo_url = "{stand.url}"
[news]
source = "feeds"
[[news.feeds]]
name = "wire"
url = "{stand.url}/feed.xml"
[llm]
base_url = "{stand.url}/v1"
research_model = "stand-in/analyst"
max_attempts = 1
daily_budget_usd = "1000.00"
[[models]]
id = "equal-weight"
kind = "baseline"
strategy = "equal_weight"
[[models]]
id = "buyer"
kind = "llm"
model = "stand-in/buyer"
"""


@pytest.fixture(scope="session")
def calendar() -> TradingCalendar:
    return trading_calendar("XETR")


@pytest.fixture(scope="session")
def _environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
            patch.delenv(name, raising=False)
        for name, canary in CANARIES.items():
            patch.setenv(name, canary)
        yield


@pytest.fixture(scope="session")
def built(
    tmp_path_factory: pytest.TempPathFactory, calendar: TradingCalendar, _environment: None
) -> Iterator[tuple[Path, StandIn, State]]:
    """The folder of the small arena, built, its vendors, and what it holds."""
    folder = tmp_path_factory.mktemp("small-arena")
    with standing_in(calendar) as stand:
        (folder / "arena.toml").write_text(_config(stand), encoding="utf-8")
        stand.feed = serve(GOOD_FEED.encode())
        with _open(folder / "arena.toml", folder / "home") as arena:
            days = calendar.days(START, BUILT)
            bench = Bench(arena, stand, State({}, {}, {}, {}))
            bench.steps(DAY_STEPS, [str(day) for day in days])
            for day in days:
                bench.contest(day)
            state = State.of(arena)
        yield folder, stand, state


@pytest.fixture
def bench(
    built: tuple[Path, StandIn, State],
    calendar: TradingCalendar,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Bench]:
    """A copy of the small arena for one case; its vendors are as on a good day."""
    folder, stand, state = built
    shutil.copy(folder / "arena.toml", tmp_path / "arena.toml")
    shutil.copytree(folder / "home", tmp_path / "home")
    stand.reset(calendar)
    stand.feed = serve(GOOD_FEED.encode())
    caplog.set_level(logging.DEBUG)
    with _open(tmp_path / "arena.toml", tmp_path / "home") as arena:
        yield Bench(arena, stand, State.of(arena, known=state.tables))


@pytest.fixture
def hold(bench: Bench, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> object:
    """Asserts that all eight invariants hold after a case."""

    def _hold() -> None:
        out, err = capfd.readouterr()
        assert list(report(broken_invariants(bench.case(caplog.text + out + err)))) == []

    return _hold
