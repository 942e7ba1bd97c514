"""The three stores behind one Dagster resource: ledger, lake and archive, with DuckDB as the query engine.

A partition is written whole, in one ledger transaction that also names its file in the catalog and lays
its evidence edges: readers see all of it or none. Writing what is already in force changes nothing;
writing something else adds a version and closes the old one; an empty replacement is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from dagster_duckdb import DuckDBResource
from pydantic import PrivateAttr
from sqlalchemy import Connection, Select, func, select, update

from arena_pipeline.errors import EmptyReplacement
from arena_pipeline.warehouse.archive import Archive
from arena_pipeline.warehouse.digest import rows_digest
from arena_pipeline.warehouse.edges import Edge as Edge
from arena_pipeline.warehouse.edges import lay, replace_edges
from arena_pipeline.warehouse.lake import Lake
from arena_pipeline.warehouse.ledger import Ledger
from arena_pipeline.warehouse.outbox import announce_rows, shown_already
from arena_pipeline.warehouse.schemas import ADDED, SCHEMAS
from arena_pipeline.warehouse.tables import DERIVED, catalog
from arena_pipeline.warehouse.versions import changed_from, versions_in_force

Row = dict[str, Any]
CHUNK = 400
WHERE_READ = {"raw"}
"""Columns that say where a value was read, not what it is: the same bars read in one request or in many
have the same digest."""


_OPENING = threading.Lock()
"""A store is opened by one thread; the others wait for it."""


@dataclass(frozen=True, slots=True)
class Partition:
    """What a partition shall hold. `rows` may be empty if the partition never held any."""

    key: str
    rows: Sequence[Row]
    edges: Sequence[Edge] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a partition: its digest, and whether a new version was needed."""

    key: str
    rows: int
    digest: str
    version: int
    changed: bool


def utc_text(moment: datetime) -> str:
    """A time as the ledger stores it: `2025-10-24T06:30:00.000000+00:00`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


MAY_EMPTY = frozenset(
    {"bar_findings", "corporate_actions_gaps", "intraday_bars_gaps", "trades", "position_marks"}
)
"""What may rightly come to nothing: the bar that was doubtful in the morning has ended by the evening; what
a vendor owed has come; the only fill of a day goes when its bar turns out to be stale."""


class ArenaStore(DuckDBResource):
    """Ledger, lake and archive of one arena. `database` stays in memory: DuckDB owns no data."""

    database: str = ":memory:"
    ledger_url: str
    lake_url: str
    archive_folder: str
    market: str = "XETR"
    """Whose sessions the keys of partitions name: the same hour is another moment elsewhere."""
    _ledger: Ledger | None = PrivateAttr(default=None)

    @property
    def ledger(self) -> Ledger:
        with _OPENING:
            if self._ledger is None:
                self._ledger = Ledger(self.ledger_url)
            return self._ledger

    @cached_property
    def lake(self) -> Lake:
        return Lake(self.lake_url)

    @cached_property
    def archive(self) -> Archive:
        return Archive(Path(self.archive_folder))

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    # -- writing ---------------------------------------------------------------------------------------

    def write_frames(
        self,
        asset: str,
        partitions: Sequence[Partition],
        *,
        run_id: str,
        now: datetime,
        within: Callable[[Connection], None] | None = None,
        first_stands: bool = False,
    ) -> list[Written]:
        """Store partitions of a lake table in one file and one transaction, which `within` may add to.

        With `first_stands` a partition that is in force already stays, whoever wrote it, and is not returned.
        Raises EmptyReplacement when a partition that holds rows would hold none, except in `MAY_EMPTY`.
        """
        schema = SCHEMAS[asset]
        frames = {part.key: _frame(part, schema) for part in partitions}
        digests = {key: _digest(asset, frame) for key, frame in frames.items()}
        with self.ledger.read() as connection:
            changed = changed_from(versions_in_force(connection, asset, frames), digests)
        path = self._put(asset, frames, changed)
        with self.ledger.transaction() as connection:
            if within is not None:
                within(connection)
            versions = versions_in_force(connection, asset, frames)
            if first_stands:
                partitions = [part for part in partitions if part.key not in versions]
            needed = changed_from(versions, {part.key: digests[part.key] for part in partitions})
            if not set(needed) <= set(changed):  # another writer committed since the look above
                path = self._put(asset, frames, needed)
            written = []
            for part in partitions:
                written.append(
                    self._catalogue(
                        connection, asset, part, digests[part.key], versions, path, run_id=run_id, now=now
                    )
                )
            laid = {p.key: (entry.version, p.edges) for p, entry in zip(partitions, written, strict=True)}
            replace_edges(connection, asset, laid, utc_text(now))
        return written

    def write_rows(
        self,
        connection: Connection,
        asset: str,
        partition: str,
        tables: Mapping[str, Sequence[Row]],
        *,
        edges: Iterable[Edge] = (),
        run_id: str,
        now: datetime,
    ) -> Written:
        """Put a partition of derived ledger tables in force, inside the caller's transaction, and announce
        what is new in it."""
        digest = rows_digest({"table": name, **row} for name, rows in tables.items() for row in rows)
        count = sum(len(rows) for rows in tables.values())
        versions = versions_in_force(connection, asset, [partition])
        written = self._catalogue(
            connection,
            asset,
            Partition(partition, [{}] * count),
            digest,
            versions,
            None,
            run_id=run_id,
            now=now,
        )
        if written.changed:
            moment = utc_text(now)
            shown = shown_already(connection, asset, partition) if written.version > 1 else frozenset()
            for name, rows in tables.items():
                table = DERIVED[name]
                if written.version > 1:
                    connection.execute(
                        update(table)
                        .where(table.c.partition == partition, table.c.superseded_at.is_(None))
                        .values(superseded_at=moment)
                    )
                if rows:
                    connection.execute(
                        table.insert(),
                        [{**row, "partition": partition, "recorded_at": moment} for row in rows],
                    )
            announce_rows(connection, asset, partition, tables, shown, at=moment)
        replace_edges(connection, asset, {partition: (written.version, list(edges))}, utc_text(now))
        return written

    def clear_rows(
        self, connection: Connection, tables: Iterable[str], partitions: Sequence[str], *, now: datetime
    ) -> None:
        """Take the rows of derived partitions out of force, for the caller to write all of them anew in the
        same transaction: a row that moves from one to another would else be in force twice on the way."""
        for table in (DERIVED[name] for name in tables):
            connection.execute(
                update(table)
                .where(table.c.partition.in_(partitions), table.c.superseded_at.is_(None))
                .values(superseded_at=utc_text(now))
            )

    def note_partition(
        self,
        connection: Connection,
        asset: str,
        partition: str,
        rows: Sequence[Row],
        *,
        run_id: str,
        now: datetime,
    ) -> Written:
        """Enter a partition of immutable ledger rows (decisions) in the catalog."""
        versions = versions_in_force(connection, asset, [partition])
        return self._catalogue(
            connection,
            asset,
            Partition(partition, rows),
            rows_digest(rows),
            versions,
            None,
            run_id=run_id,
            now=now,
        )

    def add_edges(self, connection: Connection, edges: Iterable[Edge]) -> None:
        """Lay the edges of rows that are never replaced, such as decisions."""
        lay(connection, edges)

    def sweep(self) -> int:
        """Delete what a crash left in the lake without a row of the catalog; returns how many files. Only
        those older than a day: a younger one may be another process's, on its way to a commit."""
        with self.ledger.read() as connection:
            named = connection.scalars(select(catalog.c.path).where(catalog.c.path.is_not(None)))
            return self.lake.sweep({*named})

    def _put(self, asset: str, frames: Mapping[str, pa.Table], keys: Sequence[str]) -> str | None:
        """The file that holds these partitions; None when there are none."""
        return self.lake.write(asset, pa.concat_tables([frames[key] for key in keys])) if keys else None

    def _catalogue(
        self,
        connection: Connection,
        asset: str,
        part: Partition,
        digest: str,
        versions: Mapping[str, tuple[int, str, int]],
        path: str | None,
        *,
        run_id: str,
        now: datetime,
    ) -> Written:
        version, in_force, rows = versions.get(part.key, (0, "", 0))
        if version and in_force == digest:
            return Written(part.key, rows, digest, version, changed=False)
        if rows and not part.rows and asset not in MAY_EMPTY:
            raise EmptyReplacement(
                f"{asset} {part.key} holds {rows} rows and would be replaced by none",
                remedy="find out why its source is empty; what is stored stays in force",
            )
        if version:
            connection.execute(
                update(catalog)
                .where(
                    catalog.c.asset == asset,
                    catalog.c.partition == part.key,
                    catalog.c.superseded_at.is_(None),
                )
                .values(superseded_at=utc_text(now))
            )
        connection.execute(
            catalog.insert().values(
                asset=asset,
                partition=part.key,
                version=version + 1,
                path=path,
                rows=len(part.rows),
                digest=digest,
                run_id=run_id,
                known_at=utc_text(now),
            )
        )
        return Written(part.key, len(part.rows), digest, version + 1, changed=True)

    # -- reading ---------------------------------------------------------------------------------------

    def partitions(self, asset: str) -> dict[str, str]:
        """The partitions of an asset in force, with their digests."""
        with self.ledger.read() as connection:
            rows = connection.execute(
                select(catalog.c.partition, catalog.c.digest).where(
                    catalog.c.asset == asset, catalog.c.superseded_at.is_(None)
                )
            )
            return {row.partition: row.digest for row in rows}

    def in_force(self, asset: str, partitions: Collection[str]) -> list[Written]:
        """Those of some partitions that are in force, as if they had just been written without a change."""
        with self.ledger.read() as connection:
            found = versions_in_force(connection, asset, partitions)
        return [
            Written(key, rows, digest, version, changed=False)
            for key, (version, digest, rows) in found.items()
        ]

    def stored_at(self, asset: str) -> dict[str, tuple[datetime, datetime]]:
        """When the first version of each partition of an asset was committed, and when the newest."""
        with self.ledger.read() as connection:
            rows = connection.execute(
                select(catalog.c.partition, func.min(catalog.c.known_at), func.max(catalog.c.known_at))
                .where(catalog.c.asset == asset)
                .group_by(catalog.c.partition)
            )
            return {
                key: (datetime.fromisoformat(first), datetime.fromisoformat(newest))
                for key, first, newest in rows
            }

    def files(
        self, asset: str, *, stored_before: datetime | None = None, partitions: Collection[str] | None = None
    ) -> list[tuple[str, str]]:
        """(partition, path) of the files in force, or of those in force at an earlier time of storage; of all
        or some `partitions`."""
        statement: Select[Any] = select(catalog.c.partition, catalog.c.path).where(
            catalog.c.asset == asset, catalog.c.path.is_not(None)
        )
        if stored_before is None:
            statement = statement.where(catalog.c.superseded_at.is_(None))
        else:
            moment = utc_text(stored_before)
            statement = statement.where(
                catalog.c.known_at < moment,
                catalog.c.superseded_at.is_(None) | (catalog.c.superseded_at >= moment),
            )
        if partitions is not None:
            statement = statement.where(catalog.c.partition.in_(sorted(partitions)))
        with self.ledger.read() as connection:
            return [(row.partition, row.path) for row in connection.execute(statement)]

    @contextmanager
    def query(
        self, *assets: str, stored_before: datetime | None = None, partitions: Collection[str] | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A hardened in-memory DuckDB with one view per lake table over the files the catalog names, of some
        `partitions` or of all.

        A table without files is an empty typed view.
        """
        with self.get_connection() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for asset in assets:
                files = self.files(asset, stored_before=stored_before, partitions=partitions)
                connection.register(f"{asset}_empty", SCHEMAS[asset].empty_table())
                if not files:
                    connection.execute(f"CREATE VIEW {asset} AS SELECT * FROM {asset}_empty")
                    continue
                named = pa.table(
                    {
                        "in_force_partition": [partition for partition, _ in files],
                        "in_force_path": [self.lake.path(path) for _, path in files],
                    }
                )
                connection.register(f"{asset}_files", named)
                paths = sorted({self.lake.path(path) for _, path in files})
                connection.execute(
                    f"CREATE TEMP TABLE {asset}_source AS "
                    f"SELECT * EXCLUDE (filename, in_force_partition, in_force_path) "
                    f"FROM read_parquet($paths, union_by_name = true, filename = true) AS stored "
                    f"JOIN {asset}_files ON stored.partition = in_force_partition "
                    f"AND stored.filename = in_force_path",
                    {"paths": paths},
                )
                connection.execute(f"CREATE VIEW {asset} AS SELECT * FROM {asset}_source")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection

    def rows(self, asset: str, where: str = "true", /, **parameters: object) -> list[Row]:
        """Rows of a lake table in force that meet a condition in SQL, with named parameters."""
        return self.rows_in(asset, None, where, **parameters)

    def rows_in(
        self, asset: str, partitions: Collection[str] | None, where: str = "true", /, **parameters: object
    ) -> list[Row]:
        """The same, reading only the files of some partitions."""
        with self.query(asset, partitions=partitions) as connection:
            result = connection.sql(
                f"SELECT * FROM {asset} WHERE {where} ORDER BY partition, id", params=parameters
            )
            rows: list[Row] = result.to_arrow_table().to_pylist()
            return rows


def _frame(part: Partition, schema: pa.Schema) -> pa.Table:
    """The rows in order, with times in UTC: Arrow drops other zones where PYARROW_IGNORE_TIMEZONE is set, and
    importing pandera sets it."""
    rows = sorted(({**row, "partition": part.key} for row in part.rows), key=lambda row: str(row["id"]))
    times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
    for row in rows:
        for name in times:
            if row.get(name) is not None:
                row[name] = _in_utc(row[name])
    return pa.Table.from_pylist(rows, schema=schema)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)


def frame_digest(asset: str, partition: str, rows: Sequence[Row]) -> str:
    """The digest of a partition of a lake table that holds these rows."""
    return _digest(asset, _frame(Partition(partition, rows), SCHEMAS[asset]))


def _digest(asset: str, frame: pa.Table) -> str:
    rows = frame.drop_columns(sorted(WHERE_READ & {*frame.column_names})).to_pylist()
    later = ADDED.get(asset, frozenset())
    return rows_digest(
        {name: value for name, value in row.items() if value is not None or name not in later} for row in rows
    )
