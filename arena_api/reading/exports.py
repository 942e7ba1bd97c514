"""Whole tables for another program, in parts: what is in force, one row per line, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from arena_api.reading import Reading
from arena_pipeline.trading.money import from_cents
from arena_pipeline.warehouse.listings import Span
from arena_pipeline.warehouse.tables import (
    decisions,
    fills,
    leaderboard,
    model_costs,
    models,
    orders,
    position_marks,
    positions,
    snapshots,
)

PART = 5_000
"""Rows that are held at once."""

CENTS = "_cents"


@dataclass(frozen=True, slots=True)
class Export:
    """One table: what to select in what order, and its columns for a model and for a day."""

    statement: Select[Any]
    model: ColumnElement[Any] | None
    day: ColumnElement[Any]


def _current(table: Any, *order: ColumnElement[Any]) -> Select[Any]:
    hidden = {"row_id", "superseded_at", "partition"}
    columns = [column for column in table.c if column.name not in hidden]
    return select(*columns).where(table.c.superseded_at.is_(None)).order_by(*order)


EXPORTS: Mapping[str, Export] = {
    "models": Export(select(models).order_by(models.c.id), models.c.id, models.c.registered_at),
    "decisions": Export(
        select(decisions).order_by(decisions.c.session, decisions.c.model),
        decisions.c.model,
        decisions.c.trading_day,
    ),
    "orders": Export(
        select(orders).order_by(orders.c.session, orders.c.model, orders.c.seq),
        orders.c.model,
        orders.c.session,
    ),
    "trades": Export(_current(fills, fills.c.filled_at, fills.c.id), fills.c.model, fills.c.trading_day),
    "snapshots": Export(
        _current(snapshots, snapshots.c.trading_day, snapshots.c.model),
        snapshots.c.model,
        snapshots.c.trading_day,
    ),
    "positions": Export(
        _current(positions, positions.c.trading_day, positions.c.model, positions.c.symbol),
        positions.c.model,
        positions.c.trading_day,
    ),
    "marks": Export(
        _current(position_marks, position_marks.c.at, position_marks.c.model, position_marks.c.symbol),
        position_marks.c.model,
        position_marks.c.at,
    ),
    "leaderboard": Export(
        _current(leaderboard, leaderboard.c.trading_day, leaderboard.c.rank, leaderboard.c.model),
        leaderboard.c.model,
        leaderboard.c.trading_day,
    ),
    "costs": Export(
        select(model_costs).order_by(model_costs.c.session, model_costs.c.spender, model_costs.c.exchange),
        model_costs.c.spender,
        model_costs.c.session,
    ),
}
"""By name. Amounts are in the arena's currency, `cost_usd` in US dollars."""


def columns(name: str) -> list[str]:
    """The columns of an export; an amount in cents is shown as an amount, under its name without the unit."""
    return [column.name.removesuffix(CENTS) for column in EXPORTS[name].statement.selected_columns]


def parts(
    reading: Reading, name: str, *, model: str | None = None, span: Span
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows in force, at most `PART` at once, as of one moment. None while there is no ledger."""
    export = EXPORTS[name]
    statement = export.statement
    if model is not None and export.model is not None:
        statement = statement.where(export.model == model)
    if span.first is not None:
        statement = statement.where(export.day >= span.first.isoformat())
    if span.last is not None:
        statement = statement.where(export.day < f"{span.last.isoformat()}T~")
    names = [column.name for column in statement.selected_columns]
    store = reading.store()
    if store is None:
        return
    with store.ledger.read() as connection:
        result = connection.execution_options(yield_per=PART).execute(statement)
        for rows in result.partitions(PART):
            yield [
                tuple(_value(column, value) for column, value in zip(names, row, strict=True)) for row in rows
            ]


def _value(column: str, value: Any) -> Any:
    return from_cents(value) if column.endswith(CENTS) and value is not None else value
