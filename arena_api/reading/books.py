"""What a model owns: its portfolio, positions and marks of a trading day, and its value over time."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, select

from arena_api.reading import Document, Reading
from arena_api.reading.models import registered
from arena_api.reading.prices import benchmark_closes
from arena_pipeline.errors import DataError
from arena_pipeline.market.universe import companies
from arena_pipeline.scoring.series import daily_series
from arena_pipeline.trading.money import from_cents, to_cents
from arena_pipeline.warehouse.listings import ALWAYS, Span
from arena_pipeline.warehouse.provenance import provenance
from arena_pipeline.warehouse.tables import (
    fills,
    leaderboard,
    models,
    position_marks,
    positions,
    snapshots,
)
from arena_pipeline.warehouse.views import board_line, newest_snapshot

PRICE = Decimal("0.0001")


def portfolio(reading: Reading, model: str, as_of: date | None = None) -> Document:
    """A model's book at the end of the last trading day, or of the last not after `as_of`. Before its first
    day it is the starting cash. Raises DataError for an unknown model."""
    store = registered(reading, model)
    with store.ledger.read() as connection:
        snapshot = _snapshot(connection, model, as_of)
        held = _held(connection, model, snapshot)
        kind = connection.scalar(select(models.c.kind).where(models.c.id == model))
        made = provenance(connection, model, _day(as_of))
    arena = reading.settings.arena
    start = to_cents(arena.starting_cash)
    value = sum(row.value_cents for row in held)
    cash = start if snapshot is None else snapshot.cash_cents
    nav = start if snapshot is None else snapshot.nav_cents
    return {
        "simulated": reading.simulated,
        "as_of": None if snapshot is None else snapshot.trading_day,
        "provenance": made,
        "model": model,
        "kind": kind,
        "currency": arena.currency,
        "starting_cash": _text(start),
        "cash": _text(cash),
        "receivable": _text(0 if snapshot is None else snapshot.receivable_cents),
        "invested": _text(value),
        "nav": _text(nav),
        "result": _text(nav - start),
        "realised": _text(0 if snapshot is None else snapshot.realised_cents),
        "unrealised": _text(value - sum(row.cost_cents for row in held)),
        "fees": _text(0 if snapshot is None else snapshot.fees_cents),
        "dividends": _text(0 if snapshot is None else snapshot.dividends_cents),
        "positions": len(held),
        "provisional": snapshot is not None and snapshot.provisional,
        "recorded_at": None if snapshot is None else snapshot.recorded_at,
    }


def position_list(reading: Reading, model: str, as_of: date | None = None) -> Document:
    """What a model holds at the end of a trading day, the largest first, and its newest 15-minute marks.
    Raises DataError for an unknown model."""
    store = registered(reading, model)
    with store.ledger.read() as connection:
        snapshot = _snapshot(connection, model, as_of)
        held = _held(connection, model, snapshot)
        marked_at, marks = _newest_marks(connection, model, snapshot) if as_of is None else (None, [])
        made = provenance(connection, model, _day(as_of))
    names = companies(tuple({row.symbol for row in [*held, *marks]}))
    nav = 0 if snapshot is None else snapshot.nav_cents
    return {
        "simulated": reading.simulated,
        "as_of": None if snapshot is None else snapshot.trading_day,
        "provenance": made,
        "model": model,
        "currency": reading.settings.arena.currency,
        "positions": [
            {
                "symbol": row.symbol,
                "name": names[row.symbol].name,
                "quantity": row.quantity,
                "average_cost": str(
                    (from_cents(row.cost_cents) / row.quantity).quantize(PRICE, ROUND_HALF_UP)
                ),
                "cost": _text(row.cost_cents),
                "price": row.price,
                "value": _text(row.value_cents),
                "unrealised": _text(row.value_cents - row.cost_cents),
                "weight": row.value_cents / nav if nav else None,
                "provisional": row.provisional,
                "bar": row.bar,
            }
            for row in held
        ],
        "marked_at": marked_at,
        "marks": [_mark(row) for row in marks],
    }


def marks(reading: Reading, model: str, day: date) -> Document:
    """The 15-minute marks of a model's holdings on one trading day, in order of time. Raises DataError for an
    unknown model."""
    store = registered(reading, model)
    with store.ledger.read() as connection:
        rows = connection.execute(
            select(position_marks)
            .where(
                position_marks.c.superseded_at.is_(None),
                position_marks.c.partition == day.isoformat(),
                position_marks.c.model == model,
            )
            .order_by(position_marks.c.at, position_marks.c.symbol)
        ).all()
        made = provenance(connection, model, day.isoformat())
    return {
        "simulated": reading.simulated,
        "as_of": day.isoformat() if rows else None,
        "provenance": made,
        "model": model,
        "marks": [_mark(row) for row in rows],
    }


def performance(reading: Reading, model: str, span: Span = ALWAYS) -> Document:
    """A model's value at the end of each trading day in a span, and its line of the last board in it. Raises
    DataError for an unknown model."""
    store = registered(reading, model)
    arena, universe = reading.settings.arena, reading.settings.universe
    with store.ledger.read() as connection:
        navs = connection.execute(
            select(snapshots.c.trading_day, snapshots.c.nav_cents, snapshots.c.provisional)
            .where(snapshots.c.model == model, snapshots.c.superseded_at.is_(None))
            .order_by(snapshots.c.trading_day)
        ).all()
        board = connection.execute(
            select(leaderboard.c.trading_day, leaderboard.c.row)
            .where(
                leaderboard.c.model == model,
                leaderboard.c.superseded_at.is_(None),
                *span.of(leaderboard.c.trading_day),
            )
            .order_by(leaderboard.c.trading_day.desc())
            .limit(1)
        ).first()
        made = provenance(connection, model, _day(span.last))
    points = daily_series(
        [(date.fromisoformat(row.trading_day), row.nav_cents) for row in navs],
        starting_cash_cents=to_cents(arena.starting_cash),
        benchmark=benchmark_closes(reading, store),
    )
    shown = [
        (point, row)
        for point, row in zip(points, navs, strict=True)
        if (span.first is None or point.day >= span.first) and (span.last is None or point.day <= span.last)
    ]
    return {
        "simulated": reading.simulated,
        "as_of": shown[-1][1].trading_day if shown else None,
        "provenance": made,
        "model": model,
        "currency": arena.currency,
        "starting_cash": str(arena.starting_cash),
        "benchmark": universe.benchmark,
        "metrics_as_of": None if board is None else board.trading_day,
        "metrics": None if board is None else board_line(board.row),
        "series": [
            {
                "day": row.trading_day,
                "nav": _text(point.nav_cents),
                "return": point.total_return,
                "drawdown": point.drawdown,
                "benchmark_return": point.benchmark_return,
                "provisional": row.provisional,
            }
            for point, row in shown
        ],
    }


def require_book(reading: Reading, model: str | None = None, as_of: date | None = None) -> None:
    """Raises DataError while there is no trading day with a book, of any model or of one, and for a day
    before the arena's first."""
    start = reading.settings.arena.start
    if as_of is not None and as_of < start:
        raise DataError(f"there is no book on {as_of}: the arena starts on {start}")
    store = reading.existing("book") if model is None else registered(reading, model)
    with store.ledger.read() as connection:
        if newest_snapshot(connection, model) is None:
            raise DataError("there is no trading day with a book yet", remedy="run arena backfill")


def _snapshot(connection: Connection, model: str, as_of: date | None) -> Row[Any] | None:
    statement = (
        select(snapshots)
        .where(snapshots.c.model == model, snapshots.c.superseded_at.is_(None))
        .order_by(snapshots.c.trading_day.desc())
        .limit(1)
    )
    if as_of is not None:
        statement = statement.where(snapshots.c.trading_day <= as_of.isoformat())
    return connection.execute(statement).first()


def _held(connection: Connection, model: str, snapshot: Row[Any] | None) -> list[Row[Any]]:
    if snapshot is None:
        return []
    return list(
        connection.execute(
            select(positions)
            .where(
                positions.c.model == model,
                positions.c.trading_day == snapshot.trading_day,
                positions.c.superseded_at.is_(None),
            )
            .order_by(positions.c.value_cents.desc(), positions.c.symbol)
        )
    )


def _newest_marks(
    connection: Connection, model: str, snapshot: Row[Any] | None
) -> tuple[str | None, list[Row[Any]]]:
    """The time of a model's newest mark, if that is not of a day before its last snapshot's, and the newest
    of each holding on its day: not of what was sold since."""
    current = (position_marks.c.superseded_at.is_(None), position_marks.c.model == model)
    day = connection.scalar(
        select(position_marks.c.partition)
        .where(*current)
        .order_by(position_marks.c.partition.desc())
        .limit(1)
    )
    if day is None or (snapshot is not None and day < snapshot.trading_day):
        return None, []
    today = (*current, position_marks.c.partition == day)
    newest = (
        select(position_marks.c.symbol, func.max(position_marks.c.at).label("at"))
        .where(*today)
        .group_by(position_marks.c.symbol)
        .subquery()
    )
    rows = connection.execute(
        select(position_marks)
        .join(newest, (newest.c.symbol == position_marks.c.symbol) & (newest.c.at == position_marks.c.at))
        .where(*today)
        .order_by(position_marks.c.symbol)
    ).all()
    at = max(row.at for row in rows)
    sold = connection.execute(
        select(fills.c.symbol, fills.c.filled_at).where(
            fills.c.model == model,
            fills.c.trading_day == day,
            fills.c.side == "sell",
            fills.c.superseded_at.is_(None),
        )
    ).all()
    gone = {
        row.symbol
        for row in rows
        if row.at < at and any(each.symbol == row.symbol and each.filled_at >= row.at for each in sold)
    }
    return at, [row for row in rows if row.symbol not in gone]


def _mark(row: Row[Any]) -> Document:
    return {
        "symbol": row.symbol,
        "at": row.at,
        "quantity": row.quantity,
        "price": row.price,
        "value": _text(row.value_cents),
        "bar": row.bar,
    }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _text(cents: int) -> str:
    return str(from_cents(cents))
