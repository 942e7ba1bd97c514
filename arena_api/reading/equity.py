"""The values of all books day by day, side by side: what a chart of the arena shows."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import select

from arena_api.reading import Document, Reading
from arena_api.reading.prices import benchmark_closes
from arena_api.reading.stored import asset_state
from arena_pipeline.scoring.series import Point, daily_series
from arena_pipeline.trading.money import to_cents
from arena_pipeline.warehouse.store import ArenaStore
from arena_pipeline.warehouse.tables import models, snapshots

Series = list[Any]
SOURCES = ("portfolio_snapshots", "daily_bars")
"""What it is made of."""


def equity(reading: Reading) -> Document:
    """`days` with a snapshot of any model, and for each model a value of each of them or None: `nav_cents`,
    and as fractions `return`, `excess` (less the benchmark's since the same start) and `drawdown`.
    `benchmark_return` counts from the close before the first of all days."""
    arena, universe = reading.settings.arena, reading.settings.universe
    head = {
        "simulated": reading.simulated,
        "currency": arena.currency,
        "starting_cash_cents": to_cents(arena.starting_cash),
        "benchmark": universe.benchmark,
    }
    store = reading.store()
    if store is None:
        return head | {"as_of": None, "days": [], "benchmark_return": [], "models": []}
    state = asset_state(store, *SOURCES)
    body: Document = reading.remembered(("equity",), state, lambda: _body(reading, store, head))
    return head | body


def _body(reading: Reading, store: ArenaStore, head: Document) -> Document:
    with store.ledger.read() as connection:
        rows = connection.execute(
            select(snapshots.c.model, snapshots.c.trading_day, snapshots.c.nav_cents, models.c.kind)
            .join(models, models.c.id == snapshots.c.model)
            .where(snapshots.c.superseded_at.is_(None))
            .order_by(snapshots.c.model, snapshots.c.trading_day)
        ).all()
    closes = benchmark_closes(reading, store)
    start = head["starting_cash_cents"]
    days = sorted({row.trading_day for row in rows})
    found = []
    for (model, kind), own in groupby(rows, key=lambda row: (row.model, row.kind)):
        navs = [(date.fromisoformat(row.trading_day), row.nav_cents) for row in own]
        points = daily_series(navs, starting_cash_cents=start, benchmark=closes)
        by_day = {point.day.isoformat(): point for point in points}
        found.append({"id": model, "kind": kind, **_series(by_day, days)})
    every_day = [(date.fromisoformat(day), start) for day in days]
    market = daily_series(every_day, starting_cash_cents=start, benchmark=closes)
    return {
        "as_of": days[-1] if days else None,
        "days": days,
        "benchmark_return": [point.benchmark_return for point in market],
        "models": found,
    }


def _series(points: dict[str, Point], days: list[str]) -> dict[str, Series]:
    own = [points.get(day) for day in days]
    return {
        "nav_cents": [point and point.nav_cents for point in own],
        "return": [point and point.total_return for point in own],
        "excess": [point and _excess(point) for point in own],
        "drawdown": [point and point.drawdown for point in own],
    }


def _excess(point: Point) -> float | None:
    if point.total_return is None or point.benchmark_return is None:
        return None
    return point.total_return - point.benchmark_return
