"""A trading day through the whole session graph while every vendor is broken in the same way.

    python -m tests.faults.vendor_faults [FAULT ...]

prints the table of docs/faults.md, or its rows of some faults. The first day goes well; on the second the
vendors have a fault. Its afternoon session is scouted for with a search engine that works, so that there are
links to pages at fault. Each step is run as Dagster would run it: one that fails says why, and those that do
not need it go on.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.graph import (
    BOARD_STEPS,
    BOOK_STEPS,
    DAY_STEPS,
    DECISION_STEPS,
    SCOUT_STEPS,
    SESSION_STEPS,
)
from arena_pipeline.assets.step import Run, Step
from arena_pipeline.errors import ArenaError
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.sandbox.server import SandboxServer
from arena_pipeline.settings import load_settings
from arena_pipeline.sources.addresses import PublicRoute, Route
from arena_pipeline.warehouse.tables import decisions
from tests.faults.canaries import found, places_in, stored_in
from tests.faults.vendors import VENDORS, Fault, VendorsAtFault
from tests.sources.stand_in import nowhere
from tests.sources.stand_ins import Stage

SYMBOLS, BENCHMARK = ("SAP.DE", "SIE.DE"), "^GDAXI"
GOOD_DAY, BAD_DAY = date(2025, 3, 3), date(2025, 3, 4)
NOWHERE = "http://" + "x" * 70 + ".test"
"""A name that no resolver takes: a label may have 63 characters."""

AHEAD = timedelta(minutes=10)
CALL_SECONDS = 2.0
PATIENCE = 60.0
"""The seconds that a call may take on the good day, however busy the machine is."""

CANARIES = {
    "OPENROUTER_API_KEY": "sk-canary-1a2b3c4d5e",
    "ALPHAVANTAGE_API_KEY": "AVCANARY6F7A8B9C",
    "FINNHUB_API_KEY": "fhcanary0d1e2f3a",
}
GONE = {Fault.DNS: NOWHERE, Fault.REFUSED: "http://127.0.0.1:9"}
"""What stands for a vendor that nobody can connect to."""

TABLES = ("daily_bars", "articles", "financials", "feed_answers", "indicators", "momentum", "briefings")


@dataclass
class Outcome:
    """What became of the bad day. `failed` are steps with the error that ended them; `said` what the run
    reported; `abstained` the models' decisions without an answer, of all that were decided; `asked` the most
    requests made for one thing; `kept` whether what the good day had stored is unchanged."""

    fault: Fault
    failed: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    searches: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """(session's hour, vendor) -> an outcome of its questions or pages, and the reason."""
    broken_feeds: int = 0
    feeds: int = 0
    notes: list[str] = field(default_factory=list)
    abstained: int = 0
    decided: int = 0
    asked: int = 0
    kept: bool = True
    seconds: float = 0.0
    leaks: list[str] = field(default_factory=list)


def run_all(folder: Path, faults: Iterable[Fault] = Fault) -> Iterator[Outcome]:
    """The outcome of each fault, every time on a copy of a home with a good first day behind it."""
    moment = {"now": datetime(2025, 3, 3, 19, 0, tzinfo=UTC)}
    calendar = trading_calendar()
    with (
        SandboxServer(1, SYMBOLS, BENCHMARK, calendar, clock=lambda: moment["now"]) as sandbox,
        VendorsAtFault(sandbox, folder) as vendors,
    ):
        urls = {name: vendors.url(name) for name in VENDORS}
        strangers = Stage(vendors.pages_port)
        with arena_at(folder / "good", urls, moment, strangers, vendors.ca_file, seconds=PATIENCE) as arena:
            day = Day(arena, Run("good"), vendors)
            for session in calendar.sessions_of(GOOD_DAY):
                moment["now"] = session.time - AHEAD
                day.scout(session.key)
            moment["now"] = datetime(2025, 3, 3, 19, 0, tzinfo=UTC)
            failed = day.live(GOOD_DAY)
            if failed:
                raise RuntimeError(f"the good day failed: {failed}")
            if not arena.store.rows("found_articles", "vendor = 'page'"):
                raise RuntimeError("the good day found nothing")
        for number, fault in enumerate(faults):
            home = folder / str(number)
            shutil.copytree(folder / "good", home)
            yield _outcome(home, fault, vendors, urls, moment)


def _outcome(
    folder: Path,
    fault: Fault,
    vendors: VendorsAtFault,
    urls: dict[str, str],
    moment: dict[str, datetime],
) -> Outcome:
    outcome, run = Outcome(fault), Run("bad")
    found = dict.fromkeys(urls, GONE[fault]) if fault in GONE else urls
    morning, afternoon = trading_calendar().sessions_of(BAD_DAY)
    vendors.fault, begun = fault, time.monotonic()
    for session, at, well in (
        (morning, found, ()),
        (afternoon, found | {"search": urls["search"]}, ("search",)),
    ):
        moment["now"], vendors.well = session.time - AHEAD, frozenset(well)
        with arena_at(folder, at, moment, _strangers(fault, vendors), vendors.ca_file) as arena:
            day = Day(arena, run, vendors)
            outcome.failed |= day.scout(session.key)
            outcome.asked = max(outcome.asked, day.asked)
            outcome.searches |= _searches(arena, session.key)
    moment["now"], vendors.well = datetime(2025, 3, 4, 19, 0, tzinfo=UTC), frozenset()
    with arena_at(folder, found, moment, _strangers(fault, vendors), vendors.ca_file) as arena:
        before = _contents(arena)
        day = Day(arena, run, vendors)
        outcome.failed |= day.live(BAD_DAY)
        outcome.seconds = time.monotonic() - begun
        outcome.said = run.reports
        outcome.kept = before.items() <= _contents(arena).items()
        outcome.asked = max(outcome.asked, day.asked)
        _describe(arena, outcome)
        outcome.leaks = leaks(arena, [*outcome.said, *outcome.failed.values(), *outcome.notes])
    return outcome


def _strangers(fault: Fault, vendors: VendorsAtFault) -> Route:
    """Where the links of a search lead."""
    if fault is Fault.DNS:
        return PublicRoute(nowhere)
    return Stage(9 if fault is Fault.REFUSED else vendors.pages_port)


def _searches(arena: Arena, session: str) -> dict[tuple[str, str], tuple[str, str]]:
    rows = arena.store.rows("found_answers", "partition = $key", key=session)
    rows.sort(key=lambda row: row["outcome"] == "not asked")
    told: dict[tuple[str, str], tuple[str, str]] = {}
    for row in rows:
        told.setdefault((session[-5:], row["vendor"]), (row["outcome"], row["reason"]))
    return told


class Day:
    """A trading day, step by step; `asked` is the most requests that a step made for one thing."""

    def __init__(self, arena: Arena, run: Run, vendors: VendorsAtFault) -> None:
        self.asked = 0
        self._arena, self._run, self._vendors = arena, run, vendors
        self._failed: dict[str, str] = {}

    def scout(self, session: str) -> dict[str, str]:
        """Run what comes ahead of a session; the errors of the steps that failed, by name."""
        self._try(SCOUT_STEPS, [session])
        return self._failed

    def live(self, day: date) -> dict[str, str]:
        """Run all steps; the errors of those that failed, by name."""
        sessions = [session.key for session in self._arena.calendar.sessions_of(day)]
        self._try(DAY_STEPS, [str(day)])
        for session in sessions:
            self._try(SESSION_STEPS, [session])
        for model in self._arena.settings.models:
            for session in sessions:
                self._try(DECISION_STEPS, [f"{model.id}|{session}"])
            self._try(BOOK_STEPS, [f"{model.id}|{day}"])
        self._try(BOARD_STEPS, [str(day)])
        return self._failed

    def _try(self, steps: tuple[Step, ...], keys: list[str]) -> None:
        for step in steps:
            self._vendors.requests.clear()
            try:
                step(self._arena, keys, self._run)
            except ArenaError as error:
                self._failed.setdefault(step.__name__, str(error))
            self.asked = max([self.asked, *self._vendors.requests.values()])


def _describe(arena: Arena, outcome: Outcome) -> None:
    answers = arena.store.rows("feed_answers", "partition = $day", day=str(BAD_DAY))
    outcome.feeds, outcome.broken_feeds = len(answers), sum(row["broken"] is not None for row in answers)
    figures = arena.store.rows("financials", "partition = $day", day=str(BAD_DAY))
    outcome.notes = sorted({row["note"] for row in figures if row["note"]})
    with arena.store.ledger.read() as connection:
        for row in connection.execute(decisions.select().where(decisions.c.trading_day == str(BAD_DAY))):
            outcome.decided += 1
            outcome.abstained += row.outcome == "abstained"


def _contents(arena: Arena) -> dict[tuple[str, str], str]:
    """(asset, partition) -> digest, of what the good day stored."""
    assets = [
        step.__name__ for steps in (DAY_STEPS, SESSION_STEPS, DECISION_STEPS, BOOK_STEPS) for step in steps
    ]
    return {
        (asset, key): digest
        for asset in assets
        for key, digest in arena.store.partitions(asset).items()
        if str(GOOD_DAY) in key
    }


def leaks(arena: Arena, said: list[str]) -> list[str]:
    """Where a canary key stands: in what was said, in a table, in an entry of the archive, or in a file."""
    places = {f"said: {text[:40]}": text.encode() for text in said}
    return found(CANARIES.values(), places | stored_in(arena) | places_in(arena.settings.home))


@contextmanager
def arena_at(
    folder: Path,
    urls: dict[str, str],
    moment: dict[str, datetime],
    strangers: Route | None = None,
    ca_file: Path | None = None,
    *,
    seconds: float = CALL_SECONDS,
) -> Iterator[Arena]:
    symbols = ", ".join(f'"{symbol}"' for symbol in SYMBOLS)
    folder.mkdir(exist_ok=True)
    config = folder / "arena.toml"
    config.write_text(
        f"""
[arena]
start = "{GOOD_DAY}"
[universe]
symbols = [{symbols}]
[network]
timeout_seconds = {seconds}
[prices]
source = "yahoo"
yahoo_url = "{urls["yahoo"]}"
[news]
source = "feeds"
[[news.feeds]]
name = "wire"
url = "{urls["feeds"]}/rss/{{symbol}}?from={{from}}&to={{to}}&lang=en"
[fundamentals]
source = "vendors"
alphavantage_url = "{urls["alphavantage"]}"
finnhub_url = "{urls["finnhub"]}/api/v1"
[research]
queries_per_share = 1
pages_per_share = 1
alphavantage_news = 1
search_proxy = "{urls["search"]}"
{f'search_ca_file = "{ca_file}"' if ca_file else ""}
[llm]
base_url = "{urls["models"]}/v1"
research_model = "sandbox/analyst"
timeout_seconds = {seconds}
max_attempts = 2
[[models]]
id = "news"
kind = "llm"
model = "sandbox/news-follower"
[[models]]
id = "equal-weight"
kind = "baseline"
strategy = "equal_weight"
""",
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
            patch.delenv(name, raising=False)
        for name, canary in CANARIES.items():
            patch.setenv(name, canary)
        settings = load_settings(config, home=folder / "home")
        with Arena(
            settings,
            open_store(settings),
            clock=lambda: moment["now"],
            strangers=strangers or PublicRoute(nowhere),
        ) as arena:
            yield arena


def table(outcomes: list[Outcome]) -> str:
    """In Markdown; nothing in it depends on the machine."""
    lines = [
        "| fault | prices | feeds | figures | search | Alpha Vantage's news | article pages | models | "
        "most requests for one thing | stored before |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        prices = outcome.failed.get("daily_bars", "collected")
        lines.append(
            f"| {outcome.fault} | {_short(prices)} | {outcome.broken_feeds} of {outcome.feeds} broken | "
            f"{_short('; '.join(outcome.notes) or 'collected')} | "
            f"{_came(outcome, '08:30', 'ddgs')} | {_came(outcome, '08:30', 'alphavantage')} | "
            f"{_came(outcome, '14:00', 'page')} | "
            f"{outcome.abstained} of {outcome.decided} abstained | {outcome.asked} | "
            f"{'unchanged' if outcome.kept else 'CHANGED'} |"
        )
    return "\n".join(lines)


def _came(outcome: Outcome, hour: str, vendor: str) -> str:
    """What came of a search for a session, in few words."""
    came, reason = outcome.searches.get((hour, vendor), ("nobody was asked", ""))
    return _short(f"{came}: {reason}" if reason and came != "not asked" else reason or came, 70)


def _short(text: str, longest: int = 110) -> str:
    """One cell of the table: no pipes, no host that is not there, at most so many characters."""
    text = " ".join(text.replace(NOWHERE.removeprefix("http://"), "the host").replace("|", "/").split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="arena-faults-") as folder:
        outcomes = []
        for outcome in run_all(Path(folder), [Fault(name) for name in sys.argv[1:]] or Fault):
            outcomes.append(outcome)
            print(f"{outcome.fault}: {outcome.seconds:.1f} s", file=sys.stderr)
            if os.environ.get("VERBOSE"):
                print(outcome, file=sys.stderr)
    print(table(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
