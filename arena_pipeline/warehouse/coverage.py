"""What was learned about the vendors' coverage, and which shares matter most when their calls are few."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from arena_pipeline.research.coverage import Ask, Coverage, Learned
from arena_pipeline.warehouse.store import ArenaStore, utc_text
from arena_pipeline.warehouse.tables import coverage, positions


def learned(store: ArenaStore) -> list[Learned]:
    """Everything that was learned, oldest first."""
    with store.ledger.read() as connection:
        rows = connection.execute(
            select(coverage).order_by(
                coverage.c.learned_at, coverage.c.vendor, coverage.c.symbol, coverage.c.subject
            )
        ).all()
    return [
        Learned(
            Ask(row.vendor, row.symbol, row.subject),
            Coverage(row.outcome),
            datetime.fromisoformat(row.learned_at),
            row.reason,
        )
        for row in rows
    ]


def enter(store: ArenaStore, connection: Connection, entries: Iterable[Learned]) -> None:
    """Write what was learned, inside the transaction of the partition it was learned with."""
    rows = [
        {
            "vendor": entry.ask.vendor,
            "symbol": entry.ask.symbol,
            "subject": entry.ask.subject,
            "learned_at": utc_text(entry.at),
            "outcome": entry.coverage.value,
            "reason": entry.reason[:500],
        }
        for entry in entries
    ]
    if rows:
        insert = sqlite_insert if store.ledger.is_sqlite else postgres_insert
        connection.execute(insert(coverage).on_conflict_do_nothing(), rows)


def focus(store: ArenaStore, day: date) -> frozenset[str]:
    """The shares of the last watchlist before a day, and those that a model held on the last day before."""
    listed = [key for key in store.partitions("watchlist") if key < day.isoformat()]
    rows = store.rows("watchlist", "partition = $key", key=max(listed)) if listed else []
    with store.ledger.read() as connection:
        last = (
            select(func.max(positions.c.trading_day))
            .where(positions.c.trading_day < day.isoformat(), positions.c.superseded_at.is_(None))
            .scalar_subquery()
        )
        held = connection.scalars(
            select(positions.c.symbol)
            .where(positions.c.trading_day == last, positions.c.superseded_at.is_(None))
            .distinct()
        ).all()
    return frozenset(row["symbol"] for row in rows) | frozenset(held)
