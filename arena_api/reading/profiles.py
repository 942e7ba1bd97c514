"""What a model's page knows beyond the model's lists: which decision opened each holding, and how many of its
decisions count."""

from __future__ import annotations

import itertools
from collections.abc import Collection

from sqlalchemy import Connection, and_, func, select

from arena_api.reading import Document, Reading
from arena_api.reading.models import registered
from arena_pipeline.warehouse.tables import decisions, fills, orders, positions


def openings(reading: Reading, model: str, symbols: Collection[str], as_of: str | None) -> dict[str, str]:
    """The decision behind the purchase that began each holding at the end of a trading day: the last one
    before which there was none. Raises DataError for an unknown model."""
    store = registered(reading, model)
    if as_of is None:
        return {}
    with store.ledger.read() as connection:
        found = {symbol: _opening(connection, model, symbol, as_of) for symbol in sorted(symbols)}
    return {symbol: decision for symbol, decision in found.items() if decision is not None}


def _opening(connection: Connection, model: str, symbol: str, as_of: str) -> str | None:
    """Goes back from what was held at the end of each day: a split changes quantities between days only."""
    same_day = and_(
        positions.c.model == fills.c.model,
        positions.c.trading_day == fills.c.trading_day,
        positions.c.symbol == fills.c.symbol,
        positions.c.superseded_at.is_(None),
    )
    rows = connection.execute(
        select(
            fills.c.trading_day,
            fills.c.side,
            fills.c.quantity,
            orders.c.decision,
            positions.c.quantity.label("held"),
        )
        .join(orders, orders.c.id == fills.c.order_id)
        .join(positions, same_day)
        .where(
            fills.c.model == model,
            fills.c.symbol == symbol,
            fills.c.superseded_at.is_(None),
            fills.c.trading_day <= as_of,
        )
        .order_by(fills.c.trading_day.desc(), fills.c.row_id.desc())
    )
    for _, of_day in itertools.groupby(rows, key=lambda row: row.trading_day):
        held: int | None = None
        for row in of_day:
            held = row.held if held is None else held
            held += row.quantity if row.side == "sell" else -row.quantity
            if row.side == "buy" and held == 0:
                return str(row.decision)
    return None


def decision_counts(reading: Reading, model: str) -> Document:
    """How many decisions a model has made in all, abstained from, and how many may have known the outcome
    (`contaminated`, `unknown`). Raises DataError for an unknown model."""
    store = registered(reading, model)
    statement = select(decisions.c.outcome, decisions.c.contamination, func.count())
    with store.ledger.read() as connection:
        rows = connection.execute(
            statement.where(decisions.c.model == model).group_by(
                decisions.c.outcome, decisions.c.contamination
            )
        ).all()
    return {
        "total": sum(count for _, _, count in rows),
        "abstained": sum(count for outcome, _, count in rows if outcome == "abstained"),
        "contaminated": sum(count for _, flag, count in rows if flag == "contaminated"),
        "unknown": sum(count for _, flag, count in rows if flag == "unknown"),
    }
