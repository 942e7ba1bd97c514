"""Dagster's SQLite event log with bulk writes.

Dagster buffers the events of a step when `DAGSTER_EVENT_BATCH_SIZE` is set, but its SQLite storage then
writes them one by one: four commits for each partition of a backfill. Here a batch is one transaction in
the run's file and one in the index, with the same rows. Named in `dagster.yaml`; leave it out there and
Dagster's own storage reads the same files.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from dagster import EventLogEntry, Field, StringSource
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log; asset events that arrive as a batch are stored as one.

    `base_dir` defaults to `$DAGSTER_HOME/history/runs`, which is also Dagster's default.
    """

    @classmethod
    def config_type(cls) -> dict[str, Field]:
        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        base_dir = config_value.get("base_dir") or str(Path(os.environ["DAGSTER_HOME"], "history", "runs"))
        return cls(base_dir=base_dir, inst_data=inst_data)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store a batch. Events that are not about assets are stored one by one, as Dagster does."""
        by_run: dict[str, list[EventLogEntry]] = defaultdict(list)
        for event in events:
            if event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS:
                by_run[event.run_id].append(event)
            else:
                self.store_event(event)
        for run_id, entries in by_run.items():
            self._store_in_bulk(run_id, entries)

    def _store_in_bulk(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        with self.index_transaction() as connection:
            column = SqlEventLogStorageTable.c.id
            ids = [
                connection.execute(SqlEventLogStorageTable.insert().returning(column), row).scalar_one()
                for row in rows
            ]
            self._store_asset_event_tags(connection, events, ids)
            newest = {
                (event.get_dagster_event().asset_key, event.dagster_event_type): (event, event_id)
                for event, event_id in zip(events, ids, strict=True)
            }
            for event, event_id in newest.values():
                self._store_asset_event(connection, event, event_id)
