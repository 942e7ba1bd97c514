"""A home of two years, 12 models and 40 shares for the API's benchmarks, put into the stores row by row: its
rows are of the right number and size, its figures mean nothing.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.market.universe import dax40
from arena_pipeline.settings import Settings, load_settings
from arena_pipeline.warehouse import tables
from arena_pipeline.warehouse.store import ArenaStore, Edge, Partition, utc_text

FIRST, LAST = date(2023, 10, 2), date(2025, 9, 30)
SYMBOLS = tuple(sorted(dax40()))
MODELS = tuple(f"model-{number:02}" for number in range(12))
NOW = datetime(2025, 10, 1, tzinfo=UTC)
RUN = {"run_id": "benchmark", "now": NOW}
DECISION = f"decision:{MODELS[0]}:{LAST}T08:30"
REASONING = "Momentum and news agree; the position is sized by conviction and risk. " * 12
SHARES_IN_LINEAGE = 12


def settings_in(folder: Path) -> Settings:
    """An arena.toml for the home, and its settings."""
    models = "".join(
        f'[[models]]\nid = "{name}"\nkind = "llm"\nmodel = "sandbox/{name}"\n' for name in MODELS
    )
    (folder / "arena.toml").write_text(
        f'[arena]\nstart = "{FIRST}"\n[api]\nsockets_per_address = 1000\n{models}', encoding="utf-8"
    )
    return load_settings(folder / "arena.toml", home=folder / "home")


def store_in(settings: Settings) -> ArenaStore:
    return ArenaStore(
        ledger_url=settings.ledger_url,
        lake_url=settings.lake_url,
        archive_folder=str(settings.home / "archive"),
    )


def write_home(settings: Settings) -> dict[str, int]:
    """Fill the stores; returns how many rows there are of what."""
    store, lot = store_in(settings), random.Random(1)
    calendar = trading_calendar()
    days = calendar.days(FIRST, LAST)
    counts = _write_bars(store, lot)
    with store.ledger.transaction() as connection:
        for name in MODELS:
            connection.execute(
                tables.models.insert().values(
                    id=name, kind="llm", model=f"sandbox/{name}", registered_at=utc_text(NOW)
                )
            )
        decisions, orders = [], []
        for day in days:
            for session in calendar.sessions_of(day):
                for name in MODELS:
                    decisions.append(_decision(name, session.key, day, session.time, lot))
                    orders += [_order(name, session.key, seq, session.time, lot) for seq in (1, 2)]
        connection.execute(tables.decisions.insert(), decisions)
        connection.execute(tables.orders.insert(), orders)
        store.add_edges(connection, _edges())
    counts |= {"decisions": len(decisions), "orders": len(orders), "fills": 0}
    for day in days:
        with store.ledger.transaction() as connection:
            for name in MODELS:
                fills = [_fill(name, day, lot)] if lot.random() < 0.9 else []
                counts["fills"] += len(fills)
                key = f"{name}|{day}"
                store.write_rows(connection, "trades", key, {"fills": fills, "rejections": []}, **RUN)
                store.write_rows(connection, "portfolio_snapshots", key, book_rows(name, day, lot), **RUN)
            store.write_rows(connection, "leaderboard", str(day), _board(day, lot), **RUN)
    store.close()
    return counts | {"days": len(days), "models": len(MODELS)}


def _write_bars(store: ArenaStore, lot: random.Random) -> dict[str, int]:
    """Daily bars of the two years and the two before, for evidence."""
    rows = []
    day = FIRST - timedelta(days=730)
    while day <= LAST:
        if day.weekday() < 5:
            rows += [_bar(symbol, day, lot) for symbol in (*SYMBOLS, "^GDAXI")]
        day += timedelta(days=1)
    by_day: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_day.setdefault(str(row["day"]), []).append(row)
    store.write_frames("daily_bars", [Partition(key, each) for key, each in by_day.items()], **RUN)
    return {"bars": len(rows)}


def _bar(symbol: str, day: date, lot: random.Random) -> dict[str, Any]:
    price = Decimal(f"{lot.uniform(20, 300):.4f}")
    end = datetime(day.year, day.month, day.day, 15, 30, tzinfo=UTC)
    return {
        "id": f"bar:{symbol}:{day}:1",
        "symbol": symbol,
        "interval": "1d",
        "day": day,
        "start": end - timedelta(hours=8),
        "end": end,
        **dict.fromkeys(("open", "high", "low", "close"), price),
        "volume": 1000,
        "adjustment": "split",
        "stale": False,
        "known_at": end,
        "vintage": 1,
        "source": "benchmark",
        "raw": "a" * 64,
    }


def _decision(model: str, session: str, day: date, time: datetime, lot: random.Random) -> dict[str, Any]:
    return {
        "id": f"decision:{model}:{session}",
        "model": model,
        "session": session,
        "trading_day": str(day),
        "session_time": utc_text(time),
        "submitted_at": utc_text(time),
        "outcome": "decided",
        "confidence": "0.75",
        "reasoning": REASONING,
        "code_version": "f" * 64,
        "provenance": "backfill",
        "contamination": "clean",
        "late": False,
        "simulated": True,
        "run_id": "benchmark",
        "recorded_at": utc_text(NOW),
    }


def _order(model: str, session: str, seq: int, time: datetime, lot: random.Random) -> dict[str, Any]:
    return {
        "id": f"order:{model}:{session}:{seq}",
        "decision": f"decision:{model}:{session}",
        "model": model,
        "session": session,
        "seq": seq,
        "symbol": lot.choice(SYMBOLS),
        "side": "buy",
        "quantity": 10,
        "type": "market",
        "reason": "benchmark",
        "accepted": True,
        "submitted_at": utc_text(time),
    }


def _fill(model: str, day: date, lot: random.Random) -> dict[str, Any]:
    order = f"order:{model}:{day}T08:30:1"
    return {
        "id": order.replace("order:", "fill:", 1),
        "order_id": order,
        "model": model,
        "trading_day": str(day),
        "symbol": lot.choice(SYMBOLS),
        "side": "buy",
        "quantity": 10,
        "price": "100.0000",
        "notional_cents": 100_000,
        "fee_cents": 500,
        "filled_at": utc_text(datetime(day.year, day.month, day.day, 7, tzinfo=UTC)),
        "bar": f"bar:SAP.DE:{day}:1",
        "realised_cents": None,
        "net_cents": None,
    }


def book_rows(model: str, day: date, lot: random.Random) -> dict[str, list[dict[str, Any]]]:
    common = {"model": model, "trading_day": str(day)}
    held = [
        {
            **common,
            "symbol": symbol,
            "quantity": 10,
            "cost_cents": 100_000,
            "price": "100.0000",
            "value_cents": 100_000,
            "bar": f"bar:{symbol}:{day}:1",
            "provisional": False,
        }
        for symbol in lot.sample(SYMBOLS, 8)
    ]
    snapshot = {
        **common,
        "id": f"snapshot:{model}:{day}",
        "cash_cents": 9_000_000 + lot.randrange(100_000),
        "receivable_cents": 0,
        "nav_cents": 9_800_000,
        "fees_cents": 500,
        "realised_cents": 0,
        "dividends_cents": 0,
        "provisional": False,
    }
    return {"snapshots": [snapshot], "positions": held}


def _board(day: date, lot: random.Random) -> dict[str, list[dict[str, Any]]]:
    figures = {f"figure_{number}": lot.random() for number in range(40)}
    return {
        "leaderboard": [
            {
                "id": f"board:{day}:{model}",
                "trading_day": str(day),
                "model": model,
                "rank": rank,
                "nav_cents": 9_800_000,
                "row": json.dumps(_line(model, rank) | figures),
            }
            for rank, model in enumerate(MODELS, start=1)
        ],
        "assessments": [],
    }


def _line(model: str, rank: int) -> dict[str, Any]:
    nothing = (
        "return", "benchmark_return", "excess_return", "annualised_return", "volatility", "sharpe", "sortino",
        "max_drawdown", "calmar", "exposure", "win_rate", "profit_factor", "turnover", "llm_cost_usd",
    )  # fmt: skip
    return {
        **dict.fromkeys(nothing),
        "rank": rank,
        "model": model,
        "kind": "llm",
        "nav": "98000.00",
        "trades": 500,
        "fees": "2500.00",
        "days": 500,
        "provisional": False,
        "reasons": {},
    }


def _edges() -> list[Edge]:
    first = FIRST - timedelta(days=700)
    return [
        Edge(DECISION, f"bars:{symbol}:{first}..{LAST}", "priced by")
        for symbol in SYMBOLS[:SHARES_IN_LINEAGE]
    ]
