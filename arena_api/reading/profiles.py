"""What a model's page knows beyond the model's lists: which decision opened each holding, and how many of its
decisions count."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from arena_api.reading import Document, Reading
from arena_api.reading.models import registered
from arena_pipeline.warehouse.tables import decisions, fills, orders, positions, snapshots


def openings(reading: Reading, model: str, symbols: Collection[str], as_of: str | None) -> dict[str, str]:
    """The decision behind the purchase that began each holding at the end of a trading day: the first after
    the last day that ended without the share. Raises DataError for an unknown model."""
    store = registered(reading, model)
    if as_of is None:
        return {}
    with store.ledger.read() as connection:
        found = {symbol: _opening(connection, model, symbol, as_of) for symbol in sorted(symbols)}
    return {symbol: decision for symbol, decision in found.items() if decision is not None}


def _opening(connection: Connection, model: str, symbol: str, as_of: str) -> str | None:
    held = (
        select(positions.c.row_id)
        .where(
            positions.c.model == snapshots.c.model,
            positions.c.trading_day == snapshots.c.trading_day,
            positions.c.symbol == symbol,
            positions.c.superseded_at.is_(None),
        )
        .exists()
    )
    without = connection.scalar(
        select(func.max(snapshots.c.trading_day)).where(
            snapshots.c.model == model,
            snapshots.c.superseded_at.is_(None),
            snapshots.c.trading_day <= as_of,
            ~held,
        )
    )
    return connection.scalar(
        select(orders.c.decision)
        .join(fills, fills.c.order_id == orders.c.id)
        .where(
            fills.c.model == model,
            fills.c.symbol == symbol,
            fills.c.side == "buy",
            fills.c.superseded_at.is_(None),
            fills.c.trading_day > (without or ""),
            fills.c.trading_day <= as_of,
        )
        .order_by(fills.c.filled_at, fills.c.order_id)
        .limit(1)
    )


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
