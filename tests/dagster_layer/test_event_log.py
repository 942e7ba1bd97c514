"""The event log in bulk: the same rows as Dagster's own SQLite event log, in fewer commits."""

import sqlite3
from contextlib import closing
from datetime import datetime

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef

DAYS = dg.DailyPartitionsDefinition(datetime(2025, 3, 3), end_date=datetime(2025, 4, 3))
FIRST, LAST, COUNT = "2025-03-04", "2025-03-23", 20
BULK = {"module": "arena_pipeline.event_log", "class": "BatchedSqliteEventLogStorage"}


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def prices(context: dg.AssetExecutionContext) -> None:
    context.log.info("not an asset event")
    for key in context.partition_keys:
        context.add_asset_metadata({"rows": int(key[-2:])}, partition_key=key)


@dg.asset(partitions_def=DAYS, deps=[prices], backfill_policy=dg.BackfillPolicy.single_run())
def returns(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return dg.MaterializeResult(tags={"kind": "derived"}, data_version=dg.DataVersion("1"))


@dg.asset(partitions_def=DAYS)
def broken() -> None:
    raise ZeroDivisionError


@pytest.fixture
def instances(tmp_path, monkeypatch):
    """An instance with Dagster's own event log and one with ours."""
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
    opened = {}
    for name in ("own", "bulk"):
        folder = tmp_path / name
        folder.mkdir()
        storage = {"base_dir": str(folder / "history")}
        settings = {"event_log_storage": BULK | {"config": storage}} if name == "bulk" else {}
        reference = InstanceRef.from_dir(
            str(folder), overrides={"telemetry": {"enabled": False}, **settings}
        )
        opened[name] = dg.DagsterInstance.from_ref(reference)
    yield opened
    for instance in opened.values():
        instance.dispose()


def run(instance, first=FIRST, last=LAST, assets=(prices, returns)):
    definitions = dg.Definitions(assets=list(assets))
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
        raise_on_error=False,
    )
    return result.run_id


def index(tmp_path, name, query):
    with closing(sqlite3.connect(tmp_path / name / "history" / "runs" / "index.db")) as connection:
        return connection.execute(query).fetchall()


def in_run(tmp_path, name, run_id, query):
    with closing(sqlite3.connect(tmp_path / name / "history" / "runs" / f"{run_id}.db")) as connection:
        return connection.execute(query).fetchall()


EVENTS = "SELECT dagster_event_type, step_key, asset_key, partition FROM event_logs"
ASSET_EVENTS = f"{EVENTS} WHERE asset_key IS NOT NULL ORDER BY id"


def test_a_range_leaves_the_same_rows_in_the_same_order(instances, tmp_path):
    run_ids = {name: run(instance) for name, instance in instances.items()}
    indexed = {name: index(tmp_path, name, ASSET_EVENTS) for name in instances}
    assert indexed["bulk"] == indexed["own"]
    assert sum(kind == "ASSET_MATERIALIZATION" for kind, *_ in indexed["bulk"]) == 2 * COUNT
    in_runs = {
        name: in_run(tmp_path, name, run_ids[name], f"{EVENTS} ORDER BY id") for name in instances
    }
    assert in_runs["bulk"] == in_runs["own"]


def test_the_materialised_partitions_are_the_same(instances):
    for instance in instances.values():
        run(instance)
    found = {
        name: [instance.get_materialized_partitions(dg.AssetKey(asset)) for asset in ("prices", "returns")]
        for name, instance in instances.items()
    }
    assert found["bulk"] == found["own"]
    assert len(found["bulk"][0]) == COUNT


def test_tags_and_data_versions_are_the_same(instances, tmp_path):
    for instance in instances.values():
        run(instance)
    query = (
        "SELECT e.partition, t.asset_key, t.key, CASE WHEN t.key LIKE '%event_pointer%' OR "
        "t.key LIKE '%/data_version' OR t.key LIKE '%input%' THEN '' ELSE t.value END "
        "FROM asset_event_tags t JOIN event_logs e ON e.id = t.event_id ORDER BY t.event_id, t.key"
    )
    assert index(tmp_path, "bulk", query) == index(tmp_path, "own", query)
    assert ("2025-03-04", '["returns"]', "kind", "derived") in index(tmp_path, "bulk", query)


def test_the_newest_event_of_each_asset_is_the_same(instances, tmp_path):
    for instance in instances.values():
        run(instance)
    newest = {}
    for name, instance in instances.items():
        event = instance.get_latest_materialization_event(dg.AssetKey("prices"))
        newest[name] = (
            event.asset_materialization.partition,
            event.asset_materialization.metadata["rows"].value,
            index(tmp_path, name, "SELECT asset_key, cached_status_data FROM asset_keys ORDER BY asset_key"),
        )
    assert newest["bulk"] == newest["own"]
    assert newest["bulk"][:2] == (LAST, 23)


def test_a_second_run_adds_to_the_first(instances):
    for instance in instances.values():
        run(instance, "2025-03-04", "2025-03-05")
        run(instance, "2025-03-05", "2025-03-07")
    counts = {
        name: instance.get_materialization_count_by_partition([dg.AssetKey("prices")])
        if hasattr(instance, "get_materialization_count_by_partition")
        else len(instance.fetch_materializations(dg.AssetKey("prices"), limit=100).records)
        for name, instance in instances.items()
    }
    assert counts["bulk"] == counts["own"]


def test_single_events_are_still_stored(instances, monkeypatch):
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")
    found = {}
    for name, instance in instances.items():
        run_id = run(instance, "2025-03-04", "2025-03-04")
        found[name] = [
            entry.dagster_event_type
            for entry in instance.all_logs(run_id)
            if entry.dagster_event_type is not None
        ]
    assert found["bulk"] == found["own"]
    assert found["bulk"].count(dg.DagsterEventType.ASSET_MATERIALIZATION) == 2


def test_a_run_that_fails_is_told_the_same_way(instances):
    found = {}
    for name, instance in instances.items():
        run_id = run(instance, "2025-03-04", "2025-03-04", [broken])
        found[name] = [entry.dagster_event_type for entry in instance.all_logs(run_id)]
        assert instance.get_run_by_id(run_id).is_failure_or_canceled
    assert found["bulk"] == found["own"]


def test_dagsters_own_storage_reads_what_was_written_in_bulk(instances, tmp_path):
    run_id = run(instances["bulk"])
    reference = InstanceRef.from_dir(str(tmp_path / "bulk"), overrides={"telemetry": {"enabled": False}})
    with dg.DagsterInstance.from_ref(reference) as own:
        assert len(own.get_materialized_partitions(dg.AssetKey("prices"))) == COUNT
        assert len(own.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)) == 2 * COUNT


def test_a_batch_takes_fewer_commits_than_one_for_each_partition(instances, tmp_path):
    """Counted by the pages that SQLite's write-ahead log has seen would depend on timing; statements do not."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    commits = dict.fromkeys(instances, 0)
    for name, instance in instances.items():

        def count(_connection, name=name):
            commits[name] += 1

        event.listen(Engine, "commit", count)
        run(instance)
        event.remove(Engine, "commit", count)
    assert commits["bulk"] < commits["own"] - 2 * COUNT
