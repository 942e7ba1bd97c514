"""What is stored now: the state of lake tables, and their partitions from the newest to the oldest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection, func, select

from arena_pipeline.warehouse.store import ArenaStore, Row
from arena_pipeline.warehouse.tables import catalog

FIRST_READ, GROWTH = 4, 4
"""So many partitions are read first, and then this many times as many."""


def asset_state(store: ArenaStore, *assets: str) -> tuple[tuple[object, ...] | None, ...]:
    """Changes whenever a partition of one of these tables does. After a restore numbers of rows begin again
    where the backup ended, so the row itself is part of it."""
    with store.ledger.read() as connection:
        return tuple(_newest_entry(connection, asset) for asset in assets)


def _newest_entry(connection: Connection, asset: str) -> tuple[object, ...] | None:
    newest = select(func.max(catalog.c.id)).where(catalog.c.asset == asset).scalar_subquery()
    row = connection.execute(
        select(catalog.c.id, catalog.c.digest, catalog.c.known_at).where(catalog.c.id == newest)
    ).first()
    return None if row is None else tuple(row)


def newest_partition(store: ArenaStore, asset: str) -> str | None:
    """The last partition of a table that holds rows."""
    return next(iter(partitions_down(store, asset)), None)


def partitions_down(
    store: ArenaStore, asset: str, *, first: str | None = None, last: str | None = None
) -> list[str]:
    """The keys of a table's partitions that hold rows, the newest first."""
    statement = select(catalog.c.partition).where(
        catalog.c.asset == asset,
        catalog.c.superseded_at.is_(None),
        catalog.c.rows > 0,
        catalog.c.partition != "history",
    )
    if first is not None:
        statement = statement.where(catalog.c.partition >= first)
    if last is not None:
        statement = statement.where(catalog.c.partition <= last)
    with store.ledger.read() as connection:
        return list(connection.scalars(statement.order_by(catalog.c.partition.desc())))


def partitions_of_session(store: ArenaStore, asset: str, session: str) -> list[str]:
    """The partitions of a table that hold rows of a session: its own, and those of a share in it, whose keys
    read `2025-10-24T08:30|SAP.DE`."""
    statement = select(catalog.c.partition).where(
        catalog.c.asset == asset,
        catalog.c.superseded_at.is_(None),
        (catalog.c.partition == session) | catalog.c.partition.startswith(f"{session}|", autoescape=True),
    )
    with store.ledger.read() as connection:
        return list(connection.scalars(statement.order_by(catalog.c.partition)))


def rows_down(
    store: ArenaStore,
    asset: str,
    keys: Sequence[str],
    wanted: Callable[[Row], bool],
    order: Callable[[Row], tuple[object, ...]],
    most: int,
) -> list[Row]:
    """At most so many rows of some partitions, partition by partition, in `order` within: no more files are
    read than it takes."""
    return list(islice(_down(store, asset, keys, wanted, order), most))


def _down(
    store: ArenaStore,
    asset: str,
    keys: Sequence[str],
    wanted: Callable[[Row], bool],
    order: Callable[[Row], tuple[object, ...]],
) -> Iterator[Row]:
    start, size = 0, FIRST_READ
    while start < len(keys):
        part = keys[start : start + size]
        by_partition: dict[str, list[Row]] = {key: [] for key in part}
        for row in store.rows_in(asset, part):
            if wanted(row):
                by_partition[row["partition"]].append(row)
        for key in part:
            yield from sorted(by_partition[key], key=order)
        start, size = start + size, size * GROWTH
