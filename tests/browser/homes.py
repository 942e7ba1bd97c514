"""Homes to look at: two that commands make, as anybody's are made, and one that is put into its stores row by
row, because two years of fifteen models would take an hour.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.scoring.document import assessment_document, board_document
from arena_pipeline.scoring.leaderboard import ModelRecord, leaderboard, returns_that_count
from arena_pipeline.scoring.luck import Luck
from arena_pipeline.scoring.significance import assess
from arena_pipeline.scoring.skill import Call, skill
from arena_pipeline.settings import Model, Settings, load_settings
from arena_pipeline.warehouse import tables
from arena_pipeline.warehouse.store import ArenaStore, Partition, utc_text
from tests.api.world import TERMS, settings_of, store_of
from tests.browser.served import environment

PROJECT = Path(__file__).parents[2]
DEMO = (date(2025, 9, 15), date(2025, 9, 19))
REAL = (date(2018, 1, 2), date(2018, 12, 28))
LAST = date(2025, 9, 30)
CENTS = 10_000_000
SYMBOLS = ("SAP.DE", "SIE.DE", "ALV.DE", "BMW.DE", "DTE.DE")
TOLD = 15
"""The last days of a written home have decisions and trades."""


def demo(folder: Path) -> Settings:
    """The shipped configuration over the sandbox: a week. Or the home in ARENA_DEMO_HOME, which saves whoever
    works on the pages from making one each time."""
    made = os.environ.get("ARENA_DEMO_HOME")
    settings = load_settings(PROJECT / "arena.toml", home=Path(made).resolve() if made else folder / "home")
    return settings if made else _backfilled(settings, *DEMO)


def real(folder: Path, recorded: Path) -> Settings:
    """A year of all recorded shares and the index, five rules, no news."""
    baselines = ("cash", "benchmark", "equal_weight", "momentum", "random")
    models = "".join(
        f'[[models]]\nid = "{name.replace("_", "-")}"\nkind = "baseline"\nstrategy = "{name}"\n'
        for name in baselines
    )
    bars = recorded / "xetra_daily_2010_2019"
    symbols = ", ".join(f'"{path.stem}"' for path in sorted(bars.glob("*.csv")))
    (folder / "arena.toml").write_text(
        f'[arena]\nstart = "{REAL[0]}"\n[universe]\nsymbols = [{symbols}]\n'
        f'[prices]\nsource = "files"\npath = "{bars}"\n'
        f'benchmark_path = "{recorded / "dax_index"}"\n[news]\nsource = "none"\n{models}',
        encoding="utf-8",
    )
    return _backfilled(load_settings(folder / "arena.toml", home=folder / "home"), *REAL)


def _backfilled(settings: Settings, first: date, last: date) -> Settings:
    command = [sys.executable, "-m", "arena_pipeline.cli", "backfill"]
    done = subprocess.run(
        [*command, "--from", str(first), "--to", str(last)],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return settings


def written(folder: Path, *, models: int, days: int) -> Settings:
    """So many models over so many trading days, with their board; all figures are drawn by lot."""
    names = [f"model-{number:02}" for number in range(models)]
    settings = settings_of(folder).model_copy(
        update={"models": tuple(Model(id=name, kind="llm", model=f"sandbox/{name}") for name in names)}
    )
    calendar = trading_calendar("XETR")
    dates = calendar.days(LAST - timedelta(days=2 * days), LAST)[-days:]
    settings = settings.model_copy(update={"arena": settings.arena.model_copy(update={"start": dates[0]})})
    lot, store = random.Random(7), store_of(folder)
    levels = {name: _walk(lot, days) for name in names}
    index = _walk(lot, days + 1)
    _write_index(store, [calendar.previous_day(dates[0]), *dates], index)
    with store.ledger.transaction() as connection:
        for name in names:
            connection.execute(
                tables.models.insert().values(
                    id=name, kind="llm", model=f"sandbox/{name}", registered_at=utc_text(_evening(dates[0]))
                )
            )
            snapshots = [_snapshot(name, day, cents) for day, cents in zip(dates, levels[name], strict=True)]
            connection.execute(tables.snapshots.insert(), snapshots)
            connection.execute(tables.positions.insert(), [_position(name, dates[-1], s) for s in SYMBOLS])
            for place, day in enumerate(dates[-TOLD:]):
                symbol = SYMBOLS[place % len(SYMBOLS)]
                sold = place % 3 == 2 if name != names[0] else place % 4 == 2
                connection.execute(tables.decisions.insert().values(_decision(name, day)))
                connection.execute(tables.orders.insert().values(_order(name, day, symbol, sold)))
                connection.execute(tables.fills.insert().values(_fill(name, day, symbol, sold)))
        board = _board(names, dates, levels, index, lot)
        store.write_rows(connection, "leaderboard", str(dates[-1]), board, run_id="run", now=_evening(LAST))
    store.close()
    return settings


def _walk(lot: random.Random, days: int) -> list[int]:
    level, found = float(CENTS), []
    for _ in range(days):
        level *= 1 + lot.gauss(0.0004, 0.009)
        found.append(round(level))
    return found


def _evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 16, 0, tzinfo=UTC)


def _stored(partition: str, day: date) -> dict[str, str]:
    return {"partition": partition, "recorded_at": utc_text(_evening(day))}


def _snapshot(name: str, day: date, cents: int) -> dict[str, Any]:
    return {
        "id": f"snapshot:{name}:{day}",
        "model": name,
        "trading_day": str(day),
        "cash_cents": cents // 2,
        "receivable_cents": 0,
        "nav_cents": cents,
        "fees_cents": 2_500,
        "realised_cents": 0,
        "dividends_cents": 0,
        "provisional": False,
        **_stored(f"{name}|{day}", day),
    }


def _position(name: str, day: date, symbol: str) -> dict[str, Any]:
    return {
        "model": name,
        "trading_day": str(day),
        "symbol": symbol,
        "quantity": 100,
        "cost_cents": 1_000_000,
        "price": "101.5000",
        "value_cents": 1_015_000,
        "bar": f"bar:{symbol}:{day}:1",
        "provisional": False,
        **_stored(f"{name}|{day}", day),
    }


def _decision(name: str, day: date) -> dict[str, Any]:
    decided = datetime(day.year, day.month, day.day, 6, 30, tzinfo=UTC)
    return {
        "id": f"decision:{name}:{day}T08:30",
        "model": name,
        "session": f"{day}T08:30",
        "trading_day": str(day),
        "session_time": utc_text(decided),
        "submitted_at": utc_text(decided + timedelta(minutes=5)),
        "outcome": "decided",
        "confidence": "0.62",
        "horizon_days": 5,
        "reasoning": "News and momentum agree; the position is sized by conviction. " * 3,
        "code_version": "f" * 64,
        "provenance": "backfill",
        "late": False,
        "simulated": True,
        "contamination": "clean",
        "run_id": "run",
        "recorded_at": utc_text(_evening(day)),
    }


def _order(name: str, day: date, symbol: str, sold: bool) -> dict[str, Any]:
    return {
        "id": f"order:{name}:{day}T08:30:1",
        "decision": f"decision:{name}:{day}T08:30",
        "model": name,
        "session": f"{day}T08:30",
        "seq": 1,
        "symbol": symbol,
        "side": "sell" if sold else "buy",
        "quantity": 20,
        "type": "market",
        "reason": "momentum",
        "accepted": True,
        "submitted_at": utc_text(datetime(day.year, day.month, day.day, 6, 35, tzinfo=UTC)),
    }


def _fill(name: str, day: date, symbol: str, sold: bool) -> dict[str, Any]:
    return {
        "id": f"fill:{name}:{day}T08:30:1",
        "order_id": f"order:{name}:{day}T08:30:1",
        "model": name,
        "trading_day": str(day),
        "symbol": symbol,
        "side": "sell" if sold else "buy",
        "quantity": 20,
        "price": "101.5000",
        "notional_cents": 203_000,
        "fee_cents": 500,
        "filled_at": utc_text(datetime(day.year, day.month, day.day, 7, 0, tzinfo=UTC)),
        "bar": f"bar:{symbol}:{day}:1",
        "realised_cents": 1_500 if sold else None,
        "net_cents": 500 if sold else None,
        **_stored(f"{name}|{day}", day),
    }


def _write_index(store: ArenaStore, days: Sequence[date], levels: Sequence[int]) -> None:
    partitions = []
    for day, level in zip(days, levels, strict=True):
        end = datetime(day.year, day.month, day.day, 15, 30, tzinfo=UTC)
        bar = {
            "id": f"bar:^GDAXI:{day}:1",
            "symbol": "^GDAXI",
            "interval": "1d",
            "day": day,
            "start": end - timedelta(hours=8),
            "end": end,
            **dict.fromkeys(("open", "high", "low", "close"), Decimal(level) / 500),
            "volume": 1000,
            "adjustment": "split",
            "stale": False,
            "known_at": end,
            "vintage": 1,
            "source": "files",
            "raw": "a" * 64,
        }
        partitions.append(Partition(str(day), [bar]))
    store.write_frames("daily_bars", partitions, run_id="run", now=_evening(LAST))


def _board(
    names: Sequence[str],
    dates: Sequence[date],
    levels: dict[str, list[int]],
    index: Sequence[int],
    lot: random.Random,
) -> dict[str, list[dict[str, Any]]]:
    records = [
        ModelRecord(
            model=name,
            kind="llm",
            navs=list(zip(dates, levels[name], strict=True)),
            starting_cash_cents=CENTS,
            closed_nets=[500, -300, 800],
            trades=TOLD,
            fees_cents=500 * TOLD,
            bought_cents=2_030_000,
            sold_cents=1_015_000,
            llm_cost_usd=Decimal("1.25"),
            provisional=False,
        )
        for name in names
    ]
    calendar = trading_calendar("XETR")
    closes = [
        (day, Decimal(level) / 500)
        for day, level in zip([calendar.previous_day(dates[0]), *dates], index, strict=True)
    ]
    rows = leaderboard(records, benchmark=closes, as_of=dates[-1])
    returns = {record.model: list(returns_that_count(record, dates[-1]).values()) for record in records}
    found = assess(returns, trials=max(2, len(names)), seed=1, draws=100)
    assessed = {each.model: each for each in found.models}
    documents = [
        board_document(
            row,
            assessed.get(row.model),
            luck=Luck(None, 0, 100, 1, "no purchase was closed"),
            skill={horizon: skill(_calls(lot, dates), horizon) for horizon in (1, 5)},
        )
        for row in rows
    ]
    whole = assessment_document(
        found, as_of=dates[-1], left_out={"contaminated": 0, "unknown": 0}, terms=TERMS
    )
    return {
        "leaderboard": [
            {
                "id": f"board:{dates[-1]}:{row.model}",
                "trading_day": str(dates[-1]),
                "model": row.model,
                "rank": row.rank,
                "nav_cents": row.nav_cents,
                "row": json.dumps(document),
            }
            for row, document in zip(rows, documents, strict=True)
        ],
        "assessments": [{"trading_day": str(dates[-1]), "document": json.dumps(whole), "robustness": None}],
    }


def _calls(lot: random.Random, dates: Sequence[date]) -> list[Call]:
    """Forecasts whose confidence means something."""
    found = []
    for day in dates:
        confidence = lot.uniform(0.5, 0.95)
        right = lot.random() < confidence
        found.append(Call(day, lot.choice(SYMBOLS), 1, confidence, 0.01 if right else -0.01))
    return found
