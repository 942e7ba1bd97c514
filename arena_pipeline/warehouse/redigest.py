"""Whether what is stored is what was written: every partition in force, hashed again from its rows.

The catalog holds the digest of each partition from when it was written. Rows of the lake and of the ledger
are read back and hashed the same way here; who changed a row behind the catalog's back is found out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
from sqlalchemy import Connection, RowMapping, Table, select

from arena_pipeline.warehouse.digest import rows_digest
from arena_pipeline.warehouse.schemas import SCHEMAS
from arena_pipeline.warehouse.store import ArenaStore, Row, frame_digest
from arena_pipeline.warehouse.tables import (
    DERIVED,
    assessments,
    cancellations,
    decisions,
    fills,
    leaderboard,
    orders,
    position_marks,
    positions,
    rejections,
    snapshots,
)

TABLES_OF: Mapping[str, Sequence[Table]] = {
    "trades": (fills, rejections),
    "portfolio_snapshots": (snapshots, positions),
    "position_marks": (position_marks,),
    "leaderboard": (leaderboard, assessments),
}
"""The derived tables that the partitions of an asset are in."""

DECISIONS = "decisions"
OF_STORAGE = frozenset({"row_id", "partition", "recorded_at", "superseded_at", "run_id"})
"""Columns that say when and by what a row was stored."""

JUDGED = frozenset({"contamination"})
"""Columns of a decision that judge it and are no part of its digest; `verify` derives them again."""

LATER: Sequence[Mapping[str, object]] = (
    {"horizon_days": None},
    {"lowered_confidence": None},
    {
        **dict.fromkeys(("limit_price", "stop_price", "amount", "weight", "oco", "parent", "replaces")),
        "time_in_force": "GTC",
    },
)
"""What each migration added to decisions and orders, newest first, with the value that rows of before got:
their digests were taken without it."""


def changed_partitions(store: ArenaStore) -> Iterator[str]:
    """A line for each partition in force whose stored rows do not have the digest that the catalog has."""
    yield from _changed_in_lake(store)
    yield from changed_in_ledger(store)


def changed_in_ledger(store: ArenaStore) -> Iterator[str]:
    """Of those the ones in the ledger: derived tables, and decisions with their orders and cancellations."""
    for asset, tables in TABLES_OF.items():
        with store.ledger.read() as connection:
            rows = _derived_rows(connection, tables)
        for partition, digest in store.partitions(asset).items():
            if rows_digest(rows.get(partition, ())) != digest:
                names = " and ".join(table.name for table in tables)
                yield f"{asset} {partition}: what the ledger holds in {names} is not what was written"
    with store.ledger.read() as connection:
        rows = _decision_rows(connection)
    for partition, digest in store.partitions(DECISIONS).items():
        if digest not in _possible_digests(rows.get(partition, ())):
            yield (
                f"{DECISIONS} {partition}: what the ledger holds of the decision, its orders and "
                "cancellations is not what was written"
            )


def unchanged(store: ArenaStore, asset: str, partitions: Collection[str]) -> dict[str, bool]:
    """Whether what is stored of some partitions has the digest that was written with it; without those that
    the catalog has not."""
    digests = {key: digest for key, digest in store.partitions(asset).items() if key in partitions}
    if asset in TABLES_OF or asset == DECISIONS:
        with store.ledger.read() as connection:
            return {key: _holds_in_ledger(connection, asset, key, digest) for key, digest in digests.items()}
    rows: dict[str, list[Row]] = defaultdict(list)
    try:
        for row in store.rows_in(asset, digests) if digests else ():
            rows[row["partition"]].append(row)
    except duckdb.Error:
        return dict.fromkeys(digests, False)
    return {key: frame_digest(asset, key, rows[key]) == digest for key, digest in digests.items()}


def _holds_in_ledger(connection: Connection, asset: str, partition: str, digest: str) -> bool:
    if asset == DECISIONS:
        return digest in _possible_digests(_decision_rows(connection, partition).get(partition, ()))
    return rows_digest(_derived_rows(connection, TABLES_OF[asset], partition).get(partition, ())) == digest


def _changed_in_lake(store: ArenaStore) -> Iterator[str]:
    for asset in SCHEMAS:
        digests = store.partitions(asset)
        if not digests:
            continue
        rows: dict[str, list[Row]] = defaultdict(list)
        try:
            for row in store.rows(asset):
                rows[row["partition"]].append(row)
        except duckdb.Error as error:
            yield f"{asset}: its files cannot be read ({str(error).splitlines()[0][:200]})"
            continue
        for partition, digest in digests.items():
            if frame_digest(asset, partition, rows[partition]) != digest:
                yield f"{asset} {partition}: what the lake holds is not what was written"


def content(row: Mapping[str, Any] | RowMapping, *, without: Collection[str] = OF_STORAGE) -> Row:
    """A row of the ledger without what only storage put there."""
    return {str(name): value for name, value in row.items() if name not in without}


def rows_in_force(
    connection: Connection, table: Table, partition: str | None = None
) -> Iterator[tuple[str, Row]]:
    """(partition, content) of the rows of a derived table in force; of one partition, or of all."""
    statement = select(DERIVED[table.name]).where(table.c.superseded_at.is_(None))
    if partition is not None:
        statement = statement.where(table.c.partition == partition)
    for row in connection.execute(statement):
        yield row.partition, content(row._mapping)


def _derived_rows(
    connection: Connection, tables: Sequence[Table], only: str | None = None
) -> Mapping[str, list[Row]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for table in tables:
        for partition, row in rows_in_force(connection, table, only):
            rows[partition].append({"table": table.name, **row})
    return rows


def _decision_rows(connection: Connection, only: str | None = None) -> Mapping[str, list[Row]]:
    """The rows of all decisions, or of the `model|session` that `only` names, by that key."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for table in (decisions, orders, cancellations):
        statement = select(table)
        if only is not None:
            model, _, session = only.partition("|")
            statement = statement.where(table.c.model == model, table.c.session == session)
        for row in connection.execute(statement):
            rows[f"{row.model}|{row.session}"].append(content(row._mapping, without=OF_STORAGE | JUDGED))
    return rows


def _possible_digests(rows: Iterable[Row]) -> Iterator[str]:
    """The digest of a decision, and those it would have without the columns of later releases."""
    kept = list(rows)
    yield rows_digest(kept)
    for added in LATER:
        kept = [
            {name: value for name, value in row.items() if name not in added or value != added[name]}
            for row in kept
        ]
        yield rows_digest(kept)
