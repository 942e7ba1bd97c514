"""The event log in bulk: the same rows as Dagster's own SQLite event log, in fewer commits."""

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef
from sqlalchemy import event
from sqlalchemy.engine import Engine

from arena_pipeline.event_log import BatchedSqliteEventLogStorage

DAYS = dg.DailyPartitionsDefinition("2025-03-03", end_date="2025-04-03")
FIRST, LAST, COUNT = "2025-03-04", "2025-03-23", 20
BULK = {"module": "arena_pipeline.event_log", "class": "BatchedSqliteEventLogStorage"}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
STEP = "SELECT dagster_event_type, step_key, asset_key, partition FROM event_logs"
INDEXED = f"{STEP} WHERE asset_key IS NOT NULL ORDER BY id"
TAGS = (
    "SELECT e.dagster_event_type, e.partition, t.asset_key, t.key, "
    "CASE WHEN t.key LIKE 'dagster/%' THEN '' ELSE t.value END "
    "FROM asset_event_tags t JOIN event_logs e ON e.id = t.event_id ORDER BY t.event_id, t.key"
)


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def prices(context: dg.AssetExecutionContext) -> None:
    context.log.info("not an asset event")
    for key in context.partition_keys:
        context.add_asset_metadata({"rows": int(key[-2:])}, partition_key=key)


@dg.asset(partitions_def=DAYS, deps=[prices], backfill_policy=dg.BackfillPolicy.single_run())
def returns() -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion("1"))


@dg.asset(partitions_def=DAYS)
def broken() -> None:
    raise ZeroDivisionError


class Log:
    """An instance, and the rows of its event log as they lie in its files."""

    def __init__(self, folder: Path, settings: dict) -> None:
        folder.mkdir(exist_ok=True)
        self.files = folder / "history" / "runs"
        self.commits = 0
        self.instance = dg.DagsterInstance.from_ref(
            InstanceRef.from_dir(str(folder), overrides={"telemetry": {"enabled": False}, **settings})
        )

    def run(self, first: str, last: str, *assets: dg.AssetsDefinition) -> str:
        event.listen(Engine, "commit", self._count)
        job = dg.Definitions(assets=list(assets)).resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(
            instance=self.instance,
            run_config=QUIET,
            tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
            raise_on_error=False,
        )
        event.remove(Engine, "commit", self._count)
        return result.run_id

    def _count(self, _connection: object) -> None:
        self.commits += 1

    def rows(self, query: str, file: str = "index") -> list[tuple]:
        with closing(sqlite3.connect(self.files / f"{file}.db")) as connection:
            return connection.execute(query).fetchall()

    def events(self, run_id: str) -> list[object]:
        return [entry.dagster_event_type for entry in self.instance.all_logs(run_id)]


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Dagster's own event log and ours, after the same run over 20 partitions of two assets."""
    folder = tmp_path_factory.mktemp("logs")
    ours = {"event_log_storage": BULK | {"config": {"base_dir": str(folder / "ours" / "history" / "runs")}}}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        pair = Log(folder / "own", {}), Log(folder / "ours", ours)
        for log in pair:
            log.first_run = log.run(FIRST, LAST, prices, returns)
        yield pair
    for log in pair:
        log.instance.dispose()


def test_the_storage_under_test_is_ours(logs):
    own, ours = logs
    assert isinstance(ours.instance.event_log_storage, BatchedSqliteEventLogStorage)
    assert not isinstance(own.instance.event_log_storage, BatchedSqliteEventLogStorage)


def test_the_index_holds_the_same_rows_in_the_same_order(logs):
    own, ours = logs
    rows = ours.rows(INDEXED)
    assert rows == own.rows(INDEXED)
    assert sum(kind == "ASSET_MATERIALIZATION" for kind, *_ in rows) == 2 * COUNT


def test_the_run_holds_the_same_rows_in_the_same_order(logs):
    own, ours = logs
    assert ours.rows(f"{STEP} ORDER BY id", ours.first_run) == own.rows(f"{STEP} ORDER BY id", own.first_run)


def test_the_tags_of_the_events_are_the_same(logs):
    own, ours = logs
    rows = ours.rows(TAGS)
    assert rows == own.rows(TAGS)
    assert ("ASSET_MATERIALIZATION", FIRST, '["returns"]', "dagster/data_version", "") in rows


@pytest.mark.parametrize("asset", ["prices", "returns"])
def test_the_materialised_partitions_are_the_same(logs, asset):
    own, ours = (log.instance.get_materialized_partitions(dg.AssetKey(asset)) for log in logs)
    assert ours == own
    assert len(ours) == COUNT


def test_the_newest_materialisation_is_the_last_one_of_the_batch(logs):
    own, ours = (
        log.instance.get_latest_materialization_event(dg.AssetKey("prices")).asset_materialization
        for log in logs
    )
    assert (ours.partition, ours.metadata) == (own.partition, own.metadata)
    assert (ours.partition, ours.metadata["rows"].value) == (LAST, 23)


def test_a_batch_saves_more_commits_than_it_has_materialisations(logs):
    own, ours = logs
    assert ours.commits < own.commits - 2 * COUNT


def test_a_run_that_fails_is_told_the_same_way(logs):
    own, ours = (log.events(log.run(FIRST, FIRST, broken)) for log in logs)
    assert ours == own
    assert dg.DagsterEventType.RUN_FAILURE in ours


def test_single_events_are_still_stored_and_add_to_the_batch(logs, monkeypatch):
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")
    own, ours = (log.events(log.run("2025-03-23", "2025-03-24", prices)) for log in logs)
    assert ours == own
    assert ours.count(dg.DagsterEventType.ASSET_MATERIALIZATION) == 2
    for log in logs:
        assert len(log.instance.get_materialized_partitions(dg.AssetKey("prices"))) == COUNT + 1


def test_dagsters_own_storage_reads_what_was_written_in_bulk(logs):
    _, ours = logs
    folder = str(ours.files.parents[1])
    reference = InstanceRef.from_dir(folder, overrides={"telemetry": {"enabled": False}})
    with dg.DagsterInstance.from_ref(reference) as own:
        assert len(own.get_materialized_partitions(dg.AssetKey("returns"))) == COUNT
        made = own.all_logs(ours.first_run, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert len(made) == 2 * COUNT


def test_the_files_lie_where_dagsters_own_would(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    BatchedSqliteEventLogStorage.from_config_value(None, {}).dispose()
    assert (tmp_path / "history" / "runs" / "index.db").is_file()
