"""What Dagster and the storage cost: the same sessions three times over.

*plain*: a Python loop over the domain functions, nothing stored. *steps*: the steps, with ledger, lake and
evidence. *backfill*: the steps as Dagster assets, with every partition materialised.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.graph import BOARD_STEPS, BOOK_STEPS, DAY_STEPS, DECISION_STEPS, SESSION_STEPS
from arena_pipeline.assets.resource import open_arena
from arena_pipeline.assets.step import Run
from arena_pipeline.backfill import Backfill
from arena_pipeline.instance import open_instance
from arena_pipeline.market.bars import Bar
from arena_pipeline.market.calendar import SUBMISSION_LATENCY, trading_calendar
from arena_pipeline.market.indicators import indicator_anchor, indicators
from arena_pipeline.news.momentum import momentum
from arena_pipeline.research.chart import SPAN
from arena_pipeline.research.facts import build_facts
from arena_pipeline.research.readings import Source
from arena_pipeline.research.technical import technical
from arena_pipeline.research.watchlist import watchlist
from arena_pipeline.scoring.leaderboard import ModelRecord, leaderboard
from arena_pipeline.settings import Settings
from arena_pipeline.sources.files import FilePrices
from arena_pipeline.sources.recorder import MemoryRecorder
from arena_pipeline.trading.baselines import BaselineContext, decide
from arena_pipeline.trading.book import MarketDay
from arena_pipeline.trading.money import to_cents
from arena_pipeline.trading.orders import Order, Side
from arena_pipeline.trading.replay import Replay
from benchmarks.world import BENCHMARK, END, START, SYMBOLS, clock, write_world

SHARES = {
    "Dagster": ("/dagster/", "/dagster_shared/", "/croniter/"),
    "ledger and event log (SQLAlchemy, SQLite)": ("/sqlalchemy/", "sqlite3"),
    "lake (Arrow, DuckDB)": ("pyarrow", "duckdb", "fsspec"),
    "indicators (pandas)": ("/pandas/", "/pandas_ta_classic/", "/numpy/"),
    "ours": ("/arena_pipeline/",),
}


def run() -> None:
    """Measure, and print the ratios and where the time of the backfill goes."""
    from arena_pipeline.definitions import build  # noqa: F401  imported before anything is timed

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="arena-bench-") as folder:
        settings = write_world(Path(folder) / "plain")
        sessions = len(trading_calendar().sessions(START, END))
        plain = _seconds(lambda: plain_loop(settings))
        steps = _seconds(lambda: _steps(write_world(Path(folder) / "steps")))
        profile = cProfile.Profile()
        backfill = _seconds(lambda: _backfill(write_world(Path(folder) / "dagster")))
        again = write_world(Path(folder) / "profiled")
        profile.runcall(_backfill, again)
    print(f"backfill of {sessions} sessions, {len(SYMBOLS)} shares, {len(settings.models)} baselines")
    print("(each run parses its files and computes everything from nothing)")
    for name, seconds in (
        ("plain loop", plain),
        ("steps, stored", steps),
        ("backfill, in Dagster", backfill),
    ):
        each = seconds / sessions * 1000
        print(f"  {name:24} {each:8.1f} ms a session   {seconds / plain:6.2f} x the plain loop")
    print("where the backfill's time goes (own time under the profiler, which weighs Python code up):")
    for name, share in _shares(profile):
        print(f"  {name:44} {share:6.1%}")


def plain_loop(settings: Settings) -> int:
    """All sessions by the domain functions alone; returns how many orders were filled."""
    calendar = trading_calendar()
    source = FilePrices(
        settings.prices.path or Path(),
        settings.prices.benchmark_path or Path(),
        benchmark=BENCHMARK,
        symbols=SYMBOLS,
        adjustment=settings.prices.adjustment,
        calendar=calendar,
        max_jump=settings.prices.max_jump,
        recorder=MemoryRecorder(),
        clock=clock,
    )
    bars: dict[str, list[Bar]] = defaultdict(list)
    for bar in source.daily((*SYMBOLS, BENCHMARK), indicator_anchor(START), END).bars:
        bars[bar.symbol].append(bar)
    days = calendar.days(START, END)
    rows = {symbol: {row.day: row for row in indicators(bars[symbol], days)} for symbol in SYMBOLS}
    books = {
        model.id: Replay(model.id, settings.arena.starting_cash, settings.arena.fee_per_order)
        for model in settings.models
    }
    navs: dict[str, list[tuple[date, int]]] = defaultdict(list)
    closed: dict[str, list[int]] = defaultdict(list)
    fills = 0
    seen: set[str] = set()
    for day in days:
        for session in calendar.sessions_of(day):
            momenta = [momentum([], symbol=symbol, at=session.time) for symbol in SYMBOLS]
            values = {symbol: asdict(rows[symbol][day]) for symbol in SYMBOLS}
            for entry in watchlist(momenta, values):
                floats = {
                    name: value for name, value in values[entry.symbol].items() if isinstance(value, float)
                }
                since = session.day - SPAN
                charted = [
                    bar
                    for bar in bars[entry.symbol]
                    if bar.day >= since and bar.known_at < session.time and not bar.stale
                ]
                build_facts(
                    symbol=entry.symbol,
                    name=entry.symbol,
                    session=session.key,
                    at=session.time,
                    technical=technical(floats, charted),
                    evidence={Source.INDICATORS: "indicators", Source.BARS: "bars"},
                    articles=(),
                    figures={},
                )
            closes: dict[str, list[tuple[date, Decimal]]] = {
                symbol: [
                    (bar.day, bar.close) for bar in entries if bar.known_at < session.time and not bar.stale
                ]
                for symbol, entries in bars.items()
            }
            for model in settings.models:
                if model.rule is None:
                    continue
                decision = decide(
                    model.rule,
                    BaselineContext(
                        model=model.id,
                        session=session,
                        first=model.id not in seen,
                        new_month=model.id not in seen or day.month != calendar.previous_day(day).month,
                        book=books[model.id].book,
                        closes=closes,
                        symbols=SYMBOLS,
                        benchmark=BENCHMARK,
                        fee=settings.arena.fee_per_order,
                        seed=settings.arena.seed,
                    ),
                )
                seen.add(model.id)
                for number, request in enumerate(decision.orders):
                    identity = f"{model.id}:{session.key}:{number}"
                    submitted = session.time + SUBMISSION_LATENCY
                    books[model.id].submit(
                        Order(
                            identity,
                            model.id,
                            request.symbol,
                            Side(request.side),
                            request.quantity,
                            submitted,
                        )
                    )
        hours = calendar.hours(day)
        today = {symbol: bar for symbol, entries in bars.items() for bar in entries if bar.day == day}
        market = MarketDay(
            day, hours.opens_at, hours.closes_at, {symbol: (bar,) for symbol, bar in today.items()}, today, ()
        )
        for name, book in books.items():
            result = book.run(market)
            fills += len(result.fills)
            navs[name].append((day, result.snapshot.nav_cents))
            closed[name] += [fill.net_cents for fill in result.fills if fill.net_cents is not None]
        records = [
            ModelRecord(
                name,
                "baseline",
                navs[name],
                to_cents(settings.arena.starting_cash),
                closed[name],
                fills,
                0,
                0,
                0,
                None,
                provisional=False,
            )
            for name in books
        ]
        leaderboard(records, benchmark=[(bar.day, bar.close) for bar in bars[BENCHMARK]], as_of=day)
    return fills


def _steps(settings: Settings) -> None:
    with Arena(settings, open_store(settings), clock=clock) as arena:
        days = [str(day) for day in arena.calendar.days(START, END)]
        sessions = [session.key for session in arena.calendar.sessions(START, END)]
        names = [model.id for model in settings.models]
        run = Run("benchmark")
        for step in DAY_STEPS:
            step(arena, days, run)
        for step in SESSION_STEPS:
            step(arena, sessions, run)
        for step in DECISION_STEPS:
            step(arena, [f"{name}|{key}" for name in names for key in sessions], run)
        for step in BOOK_STEPS:
            step(arena, [f"{name}|{key}" for name in names for key in days], run)
        for step in BOARD_STEPS:
            step(arena, days, run)


def _backfill(settings: Settings) -> None:
    from arena_pipeline.definitions import build

    os.environ.pop("DAGSTER_HOME", None)
    arena = open_arena(str(settings.file), str(settings.home))
    with open_instance(settings.home) as instance:
        Backfill(arena, build(settings), instance).run(START, END)
    arena.close()


def _seconds(action: Callable[[], object]) -> float:
    started = time.process_time()
    action()
    return time.process_time() - started


def _shares(profile: cProfile.Profile) -> list[tuple[str, float]]:
    own: dict[str, float] = defaultdict(float)
    for (file, _, name), (_, _, seconds, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        where = f"{file} {name}"
        group = next(
            (group for group, marks in SHARES.items() if any(mark in where for mark in marks)), "other"
        )
        own[group] += seconds
    total = sum(own.values())
    return sorted(((name, seconds / total) for name, seconds in own.items()), key=lambda entry: -entry[1])
