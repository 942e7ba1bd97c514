"""A partition is written whole or not at all, and every earlier state of it can still be read."""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from arena_pipeline.errors import EmptyReplacement
from arena_pipeline.warehouse.schemas import SCHEMAS
from arena_pipeline.warehouse.store import Edge, Partition
from arena_pipeline.warehouse.tables import catalog, evidence, fills, models

NOW = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
MONDAY, TUESDAY = "2025-03-03T08:30", "2025-03-04T08:30"
MODEL = {"id": "m", "kind": "baseline", "registered_at": "2025-03-03T00:00:00.000000+00:00"}


def count(store, table):
    with store.ledger.read() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()


def laid(store):
    """(parent, version, retired at) of every edge."""
    with store.ledger.read() as connection:
        columns = (evidence.c.parent, evidence.c.version, evidence.c.superseded_at)
        return [tuple(row) for row in connection.execute(select(*columns).order_by(evidence.c.id))]


def scores(store, **options):
    with store.query("watchlist", **options) as connection:
        return dict(connection.execute("SELECT symbol, score FROM watchlist ORDER BY symbol").fetchall())


def watched(key, symbol, score=1.0):
    return {
        "id": f"watchlist:{key}:{symbol}",
        "session": key,
        "symbol": symbol,
        "rank": 1,
        "score": score,
        "why": "",
    }


def snapshot(nav):
    return {
        "id": "snapshot:m:2025-03-03",
        "model": "m",
        "trading_day": "2025-03-03",
        "cash_cents": nav,
        "receivable_cents": 0,
        "nav_cents": nav,
        "fees_cents": 0,
        "realised_cents": 0,
        "dividends_cents": 0,
        "provisional": False,
    }


def put_in_force(store, nav, later=0, edges=()):
    now = NOW + timedelta(hours=later)
    with store.ledger.transaction() as connection:
        return store.write_rows(
            connection,
            "portfolio_snapshots",
            "m|2025-03-03",
            {"snapshots": [] if nav is None else [snapshot(nav)]},
            edges=edges,
            run_id="run",
            now=now,
        )


@pytest.fixture
def with_model(store):
    with store.ledger.transaction() as connection:
        connection.execute(models.insert().values(**MODEL))
    return store


class TestFrames:
    def test_writing_the_same_again_changes_nothing(self, store, write):
        first, again = write(MONDAY, SAP=1.0), write(MONDAY, later=1, SAP=1.0)
        assert (first.changed, again.changed) == (True, False)
        assert (again.digest, again.version, again.rows) == (first.digest, 1, 1)
        assert count(store, "catalog") == 1
        assert len(list(Path(store.lake_url).glob("*/*"))) == 1

    def test_something_else_is_a_new_version_and_the_old_one_stays_readable(self, store, write):
        write(MONDAY, SAP=1.0)
        assert write(MONDAY, later=2, SAP=2.0).version == 2
        assert scores(store) == {"SAP": 2.0}
        assert scores(store, stored_before=NOW + timedelta(hours=1)) == {"SAP": 1.0}
        assert scores(store, stored_before=NOW) == {}

    def test_going_back_to_an_earlier_content_is_a_version_of_its_own(self, store, write):
        digests = [
            write(MONDAY, later=hours, SAP=value).digest for hours, value in enumerate((1.0, 2.0, 1.0))
        ]
        assert digests[0] == digests[2] != digests[1]
        assert count(store, "catalog") == 3
        assert scores(store) == {"SAP": 1.0}

    def test_replacing_rows_by_nothing_is_refused_and_leaves_what_is_stored(self, store, write):
        write(MONDAY, SAP=1.0)
        with pytest.raises(EmptyReplacement, match=f"watchlist {MONDAY} holds 1 rows"):
            write(MONDAY, later=1)
        assert scores(store) == {"SAP": 1.0}

    def test_one_empty_replacement_among_others_stops_them_all(self, store, write):
        write(TUESDAY, SAP=1.0)
        with pytest.raises(EmptyReplacement):
            store.write_frames(
                "watchlist",
                [Partition(MONDAY, [watched(MONDAY, "SAP")]), Partition(TUESDAY, [])],
                run_id="run",
                now=NOW,
            )
        assert store.partitions("watchlist").keys() == {TUESDAY}

    def test_a_partition_may_be_empty_from_the_start_and_filled_later(self, store, write):
        assert write(MONDAY).rows == 0
        assert MONDAY in store.partitions("watchlist")
        assert write(MONDAY, later=1, SAP=1.0).version == 2

    def test_a_table_without_files_is_an_empty_view_with_the_types_of_its_columns(self, store):
        with store.query("daily_bars") as connection:
            assert connection.execute("SELECT count(*) FROM daily_bars").fetchone() == (0,)
            types = dict(
                connection.execute("SELECT column_name, column_type FROM (DESCRIBE daily_bars)").fetchall()
            )
        assert types["close"] == "DECIMAL(14,4)"
        assert types["known_at"] == "TIMESTAMP WITH TIME ZONE"

    def test_many_partitions_are_one_file(self, store):
        parts = [Partition(f"2025-{n:03}", [watched(f"2025-{n:03}", "SAP", float(n))]) for n in range(900)]
        written = store.write_frames("watchlist", parts, run_id="run", now=NOW)
        assert len(written) == 900
        assert len({path for _, path in store.files("watchlist")}) == 1
        (row,) = store.rows("watchlist", "partition = $key", key="2025-500")
        assert row["score"] == 500.0

    def test_a_partition_that_moved_to_a_newer_file_is_not_read_from_the_older_too(self, store):
        parts = [Partition(key, [watched(key, "SAP", 1.0)]) for key in (MONDAY, TUESDAY)]
        store.write_frames("watchlist", parts, run_id="run", now=NOW)
        changed = [Partition(MONDAY, [watched(MONDAY, "SAP", 2.0)]), parts[1]]
        first, second = store.write_frames("watchlist", changed, run_id="run", now=NOW)
        assert (first.changed, second.changed) == (True, False)
        assert [row["score"] for row in store.rows("watchlist")] == [2.0, 1.0]

    def test_what_goes_wrong_within_the_transaction_leaves_nothing(self, store, write):
        def fail(connection):
            connection.execute(models.insert().values(**MODEL))
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            write(MONDAY, within=fail, edges=(Edge("child", "parent", "role"),), SAP=1.0)
        assert [count(store, table) for table in ("catalog", "models", "evidence")] == [0, 0, 0]
        assert store.rows("watchlist") == []

    def test_evidence_is_written_with_its_child_and_once(self, store, write):
        edges = (Edge(f"watchlist:{MONDAY}:SAP", "momentum:1", "ranked by"),)
        write(MONDAY, edges=edges, SAP=1.0)
        write(MONDAY, later=1, edges=edges, SAP=1.0)
        with store.ledger.read() as connection:
            found = connection.execute(select(evidence.c.child, evidence.c.parent, evidence.c.role)).all()
        assert found == [(edges[0].child, "momentum:1", "ranked by")]

    def test_the_edges_that_a_new_version_lacks_are_retired_with_the_old_one(self, store, write):
        child = f"watchlist:{MONDAY}:SAP"
        write(MONDAY, edges=(Edge(child, "momentum:1", "ranked by"), Edge(child, "x", "ranked by")), SAP=1.0)
        write(MONDAY, later=1, edges=(Edge(child, "x", "ranked by"), Edge(child, "y", "ranked by")), SAP=2.0)
        assert laid(store) == [
            ("momentum:1", 1, "2025-03-03T10:00:00.000000+00:00"),
            ("x", 1, None),
            ("y", 2, None),
        ]

    def test_an_edge_that_comes_back_is_laid_again(self, store, write):
        child = f"watchlist:{MONDAY}:SAP"
        for later, parent in enumerate(("a", "b", "a")):
            write(MONDAY, later=later, edges=(Edge(child, parent, "ranked by"),), SAP=float(later))
        assert [(parent, at is None) for parent, _, at in laid(store)] == [
            ("a", False), ("b", False), ("a", True)
        ]  # fmt: skip

    def test_a_partition_that_keeps_its_rows_gets_the_edges_that_it_is_written_with(self, store, write):
        child = f"watchlist:{MONDAY}:SAP"
        write(MONDAY, edges=(Edge(child, "a", "ranked by"),), SAP=1.0)
        again = write(MONDAY, later=1, edges=(Edge(child, "b", "ranked by"),), SAP=1.0)
        assert not again.changed
        assert [(parent, at is None) for parent, _, at in laid(store)] == [("a", False), ("b", True)]

    def test_where_a_row_was_read_is_not_part_of_its_digest(self, store):
        def article(raw):
            return {
                "id": "article:1", "title": "t", "summary": "", "url": "https://a.test", "source": "a",
                "language": "en", "published_at": NOW, "known_at": NOW, "symbols": ["SAP.DE"],
                "sentiment": 0.5, "copies": 1, "raw": raw,
            }  # fmt: skip

        (first,) = store.write_frames("articles", [Partition("d", [article("1")])], run_id="r", now=NOW)
        (again,) = store.write_frames("articles", [Partition("d", [article("2")])], run_id="r", now=NOW)
        assert (again.digest, again.changed) == (first.digest, False)

    def test_a_change_committed_between_looking_and_writing_loses_no_rows(self, store, second_store, write):
        """Another writer puts other rows in force after this one saw its own there."""
        write(MONDAY, SAP=1.0)

        def as_the_other_commits(connection):
            connection.execute(update(catalog).values(digest="other"))

        assert write(MONDAY, later=2, within=as_the_other_commits, SAP=1.0).changed
        assert scores(second_store) == {"SAP": 1.0}

    @given(order=st.permutations(["ALV", "SAP", "SIE"]))
    @settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_the_order_of_rows_is_not_a_change(self, store, order):
        rows = [watched(MONDAY, symbol) for symbol in order]
        store.write_frames("watchlist", [Partition(MONDAY, rows)], run_id="run", now=NOW)
        assert count(store, "catalog") == 1


class TestRows:
    def test_rows_in_force_are_replaced_and_the_old_ones_kept(self, with_model):
        assert put_in_force(with_model, 100).version == 1
        assert put_in_force(with_model, 200, later=1).version == 2
        with with_model.ledger.read() as connection:
            rows = connection.execute(
                text("SELECT nav_cents, superseded_at FROM snapshots ORDER BY row_id")
            ).all()
        assert rows == [(100, "2025-03-03T10:00:00.000000+00:00"), (200, None)]

    def test_the_same_rows_change_nothing(self, with_model):
        put_in_force(with_model, 100)
        assert not put_in_force(with_model, 100, later=1).changed
        assert count(with_model, "snapshots") == 1

    def test_rows_in_force_are_not_replaced_by_nothing(self, with_model):
        put_in_force(with_model, 100)
        with pytest.raises(EmptyReplacement):
            put_in_force(with_model, None, later=1)

    def test_a_row_that_the_ledger_refuses_leaves_neither_catalog_nor_evidence(self, with_model):
        with pytest.raises(IntegrityError, match="cash"):
            put_in_force(with_model, -1, edges=[Edge("a", "b", "c")])
        assert [count(with_model, table) for table in ("catalog", "evidence", "snapshots")] == [0, 0, 0]

    def test_a_fill_of_an_order_that_does_not_exist_is_refused(self, with_model):
        row = dict.fromkeys(("notional_cents", "fee_cents"), 1) | {
            "id": "fill:x", "order_id": "order:x", "model": "m", "trading_day": "2025-03-03",
            "symbol": "SAP.DE", "side": "buy", "quantity": 1, "price": "1.0000", "filled_at": "t",
            "bar": "b", "partition": "p", "recorded_at": "t",
        }  # fmt: skip
        with (
            pytest.raises(IntegrityError, match="FOREIGN KEY"),
            with_model.ledger.transaction() as connection,
        ):
            connection.execute(fills.insert().values(**row))


class TestQuery:
    def test_the_query_engine_reaches_no_other_file(self, store, write, tmp_path):
        (tmp_path / "secret.csv").write_text("a\n1\n")
        write(MONDAY, SAP=1.0)
        with store.query("watchlist") as connection:
            with pytest.raises(duckdb.PermissionException):
                connection.execute(f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')")
            with pytest.raises(duckdb.Error):
                connection.execute("SET enable_external_access = true")

    def test_a_parameter_is_a_value_and_never_sql(self, store, write):
        write(MONDAY, SAP=1.0)
        assert store.rows("watchlist", "symbol = $symbol", symbol="SAP' OR true --") == []

    def test_a_reader_sees_whole_partitions_while_a_writer_replaces_them(self, store, second_store):
        """Each version holds the same number in all of its rows."""

        def write_versions():
            for version in range(20):
                rows = [watched(MONDAY, f"S{n}", float(version)) for n in range(30)]
                store.write_frames("watchlist", [Partition(MONDAY, rows)], run_id="run", now=NOW)

        writer = threading.Thread(target=write_versions)
        writer.start()
        seen = []
        while writer.is_alive():
            found = [row["score"] for row in second_store.rows("watchlist")]
            seen.append((len(found), len(set(found))))
        writer.join()
        assert set(seen) <= {(0, 0), (30, 1)}
        assert seen


class TestSweep:
    def test_what_a_crash_left_without_a_row_of_the_catalog_is_swept(self, store, write):
        """Of three files one is in force, one was replaced and stays readable, one was never committed."""
        write(MONDAY, SAP=1.0)
        write(MONDAY, later=1, SAP=2.0)
        orphan = store.lake.write("watchlist", SCHEMAS["watchlist"].empty_table())
        for file in Path(store.lake_url).glob("*/*"):
            os.utime(file, (0, 0))
        assert store.sweep() == 1
        assert not store.lake.exists(orphan)
        assert scores(store) == {"SAP": 2.0}
        assert scores(store, stored_before=NOW + timedelta(minutes=1)) == {"SAP": 1.0}

    def test_a_file_that_another_process_is_about_to_commit_is_left_alone(self, store):
        name = store.lake.write("watchlist", SCHEMAS["watchlist"].empty_table())
        assert store.sweep() == 0
        assert store.lake.exists(name)


def action(known_at):
    return {"id": "action:dividend:SAP.DE:2025-03-03", "symbol": "SAP.DE", "known_at": known_at}


def test_a_time_in_any_zone_is_stored_as_the_same_moment(store, monkeypatch):
    """Also where Arrow is told to forget zones, as importing pandera tells it."""
    monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", "1")
    local = NOW.astimezone(ZoneInfo("Europe/Berlin"))
    parts = [Partition("2025-03-03", [action(local)])]
    (written,) = store.write_frames("corporate_actions", parts, run_id="a", now=NOW)
    (row,) = store.rows("corporate_actions")
    assert row["known_at"] == local
    (again,) = store.write_frames(
        "corporate_actions", [Partition("2025-03-03", [action(NOW)])], run_id="b", now=NOW
    )
    assert (again.digest, again.changed) == (written.digest, False)


def test_a_time_without_a_zone_is_refused(store):
    with pytest.raises(ValueError, match="no time zone"):
        store.write_frames(
            "corporate_actions",
            [Partition("2025-03-03", [action(NOW.replace(tzinfo=None))])],
            run_id="a",
            now=NOW,
        )
