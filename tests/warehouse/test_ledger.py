"""The ledger refuses what must not be, and its schema is the one that its tables describe."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import alembic.command
import alembic.config
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from arena_pipeline.errors import LedgerError
from arena_pipeline.warehouse.ledger import MIGRATIONS, Ledger
from arena_pipeline.warehouse.outbox import outbox
from arena_pipeline.warehouse.tables import (
    decisions,
    evidence,
    metadata,
    models,
    orders,
    positions,
    snapshots,
)

MODEL = {"id": "m", "kind": "baseline", "registered_at": "2025-03-03T00:00:00.000000+00:00"}
STORED = {"partition": "m|2025-03-03", "recorded_at": "2025-03-03T09:00:00.000000+00:00"}
DECISION = {
    "id": "decision:m:2025-03-03T08:30",
    "model": "m",
    "session": "2025-03-03T08:30",
    "trading_day": "2025-03-03",
    "session_time": "2025-03-03T07:30:00.000000+00:00",
    "submitted_at": "2025-03-03T07:35:00.000000+00:00",
    "outcome": "decided",
    "reasoning": "",
    "code_version": "1",
    "provenance": "backfill",
    "contamination": "clean",
    "late": False,
    "simulated": True,
    "run_id": "run",
    "recorded_at": "2025-03-03T09:00:00.000000+00:00",
}
ORDER = {
    "id": "order:m:2025-03-03T08:30:1",
    "decision": DECISION["id"],
    "model": "m",
    "session": "2025-03-03T08:30",
    "seq": 1,
    "symbol": "SAP.DE",
    "side": "buy",
    "quantity": 1,
    "type": "market",
    "reason": "",
    "accepted": True,
    "submitted_at": "2025-03-03T07:35:00.000000+00:00",
}
SNAPSHOT = {
    "id": "snapshot:m:2025-03-03",
    "model": "m",
    "trading_day": "2025-03-03",
    "cash_cents": 100,
    "receivable_cents": 0,
    "nav_cents": 100,
    "fees_cents": 0,
    "realised_cents": 0,
    "dividends_cents": 0,
    "provisional": False,
    **STORED,
}


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield ledger
    ledger.close()


def put(ledger, table, row):
    with ledger.transaction() as connection:
        connection.execute(table.insert().values(**row))


@pytest.fixture
def decided(ledger):
    put(ledger, models, MODEL)
    put(ledger, decisions, DECISION)
    return ledger


def test_a_new_ledger_runs_in_wal_mode_with_full_sync_and_foreign_keys(ledger):
    with ledger.read() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]


def at_revision(file, revision):
    """An engine on a new SQLite file with the schema of an earlier release."""
    engine = create_engine(f"sqlite:///{file}")
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, revision)
    return engine


def insert(connection, table, row):
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def test_the_migrated_schema_is_the_one_the_tables_describe(ledger):
    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_every_check_and_key_of_the_tables_is_in_the_migrated_schema(ledger):
    """What alembic does not compare: check constraints and primary keys."""
    assert outbox in metadata.sorted_tables
    found = inspect(ledger.engine)
    for table in metadata.sorted_tables:
        checks = {entry["name"] for entry in found.get_check_constraints(table.name)}
        everywhere = [
            *table.constraints,
            *(entry for column in table.columns for entry in column.constraints),
        ]
        assert checks == {str(c.name) for c in everywhere if isinstance(c, CheckConstraint)}, table.name
        key = found.get_pk_constraint(table.name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key.columns], table.name


def test_migration_goes_from_empty_to_head(ledger):
    with ledger.read() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    assert current == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_a_ledger_of_before_is_brought_to_head_with_its_rows_and_keys(tmp_path):
    """Decisions get their flag from what is stored of their model; the orders that refer to them stay."""
    file = tmp_path / "ledger.db"
    ledger = at_revision(file, "0003")
    with ledger.begin() as connection:
        for name, cutoff in (("a", "2025-06-30"), ("b", None), ("c", "2025-01-31")):
            model = {**MODEL, "id": name, "kind": "llm", "knowledge_cutoff": cutoff}
            insert(connection, "models", model)
            decision = {**DECISION, "id": f"decision:{name}", "model": name, "simulated": False}
            del decision["contamination"]
            insert(connection, "decisions", decision)
            order = {**ORDER, "id": f"order:{name}", "decision": f"decision:{name}", "model": name}
            insert(connection, "orders", order)
    ledger.dispose()
    opened = Ledger(f"sqlite:///{file}")
    with opened.read() as connection:
        flags = connection.execute(text("SELECT model, contamination FROM decisions ORDER BY model")).all()
        assert [tuple(row) for row in flags] == [("a", "contaminated"), ("b", "unknown"), ("c", "clean")]
        assert connection.execute(text("SELECT count(*) FROM orders")).scalar() == 3
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        put(opened, orders, {**ORDER, "decision": "decision:never"})
    opened.close()


def test_edges_of_before_get_their_partition_and_those_left_behind_are_retired(tmp_path):
    """The fill moved to another bar and the mark to another vintage; the second fill is gone."""
    file, day, session = tmp_path / "ledger.db", "2025-03-03", "2025-03-03T08:30"
    fill = {
        **dict.fromkeys(("notional_cents", "fee_cents", "quantity"), 1),
        "order_id": ORDER["id"], "model": "m", "trading_day": day, "symbol": "SAP.DE", "side": "buy",
        "price": "1.0000", "filled_at": "t", **STORED,
    }  # fmt: skip
    position = {
        **dict.fromkeys(("quantity", "cost_cents", "value_cents"), 1),
        "model": "m", "trading_day": day, "symbol": "SAP.DE", "bar": "bar:2", "provisional": False, **STORED,
    }  # fmt: skip
    edges = [
        (f"fill:m:{session}:1", ORDER["id"], "executes"),
        (f"fill:m:{session}:1", "bar:1", "filled at"),
        (f"fill:m:{session}:1", "bar:2", "filled at"),
        (f"snapshot:m:{day}", f"fill:m:{session}:1", "includes"),
        (f"snapshot:m:{day}", f"fill:m:{session}:2", "includes"),
        (f"snapshot:m:{day}", "bar:1", "marked at"),
        (f"snapshot:m:{day}", "bar:2", "marked at"),
        (f"briefing:{session}:SAP.DE", "figure:1", "rests on"),
        (f"briefing:{session}:SIE.DE", "figure:2", "rests on"),
        (f"watchlist:{session}:SAP.DE", "momentum:1", "ranked by"),
        (f"decision:m:{session}", f"briefing:{session}:SAP.DE", "decided from"),
    ]
    ledger = at_revision(file, "0006")
    with ledger.begin() as connection:
        insert(connection, "models", MODEL)
        insert(connection, "decisions", DECISION)
        insert(connection, "orders", ORDER)
        insert(
            connection, "fills", {**fill, "id": f"fill:m:{session}:1", "bar": "bar:1", "superseded_at": "t"}
        )
        insert(connection, "fills", {**fill, "id": f"fill:m:{session}:1", "bar": "bar:2"})
        insert(connection, "positions", position)
        for asset in ("trades", "portfolio_snapshots"):
            entry = {"asset": asset, "partition": f"m|{day}", "version": 2, "rows": 1, "digest": "d"}
            insert(connection, "catalog", {**entry, "run_id": "r", "known_at": "later"})
        for child, parent, role in edges:
            insert(connection, "evidence", {"child": child, "parent": parent, "role": role})
    ledger.dispose()
    opened = Ledger(f"sqlite:///{file}")
    with opened.read() as connection:
        rows = connection.execute(evidence.select().order_by(evidence.c.id)).all()
    opened.close()
    assert {(row.child, row.parent, row.role) for row in rows} == {*edges}
    retired = {(row.parent, row.role) for row in rows if row.superseded_at == "later"}
    assert retired == {
        ("bar:1", "filled at"), ("bar:1", "marked at"), (f"fill:m:{session}:2", "includes")
    }  # fmt: skip
    assert {(row.child.partition(":")[0], row.asset, row.partition) for row in rows} == {
        ("fill", "trades", f"m|{day}"),
        ("snapshot", "portfolio_snapshots", f"m|{day}"),
        ("briefing", "briefings", session),
        ("briefing", "held_briefings", f"{session}|SIE.DE"),
        ("watchlist", "watchlist", session),
        ("decision", "", ""),
    }


def test_a_ledger_of_a_newer_version_is_refused_and_says_what_to_do(tmp_path):
    Ledger(f"sqlite:///{tmp_path / 'ledger.db'}").close()
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match=r"schema 9999, which is newer.*install the version that wrote it"):
        Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def test_opening_again_changes_nothing(ledger):
    put(ledger, models, MODEL)
    again = Ledger(ledger.url)
    with again.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM models")).scalar() == 1
    again.close()


def test_an_empty_ledger_opened_by_many_at_once_is_made_once(tmp_path):
    for attempt in range(3):
        url = f"sqlite:///{tmp_path / f'{attempt}.db'}"
        with ThreadPoolExecutor(6) as pool:
            ledgers = list(pool.map(Ledger, [url] * 6))
        with ledgers[0].read() as connection:
            assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
        for ledger in ledgers:
            ledger.close()


def test_a_file_that_is_no_ledger_is_refused_with_a_remedy(tmp_path):
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(LedgerError, match="ARENA_HOME"):
        Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def test_negative_cash_is_refused(decided):
    with pytest.raises(IntegrityError, match="cash"):
        put(decided, snapshots, {**SNAPSHOT, "cash_cents": -1})


def test_a_holding_of_nothing_is_refused(decided):
    row = {
        "model": "m",
        "trading_day": "2025-03-03",
        "symbol": "SAP.DE",
        "quantity": 0,
        "cost_cents": 0,
        "value_cents": 0,
        "provisional": False,
        **STORED,
    }
    with pytest.raises(IntegrityError, match="quantity"):
        put(decided, positions, row)


def test_two_snapshots_of_one_day_in_force_are_refused(decided):
    put(decided, snapshots, SNAPSHOT)
    with pytest.raises(IntegrityError):
        put(decided, snapshots, SNAPSHOT)


def test_a_superseded_snapshot_leaves_room_for_its_successor(decided):
    put(decided, snapshots, {**SNAPSHOT, "superseded_at": "2025-03-04T09:00:00.000000+00:00"})
    put(decided, snapshots, SNAPSHOT)


def test_a_second_decision_of_a_model_in_a_session_is_refused(decided):
    with pytest.raises(IntegrityError):
        put(decided, decisions, {**DECISION, "id": "decision:m:again"})


def test_a_decision_of_an_unknown_model_is_refused(ledger):
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        put(ledger, decisions, DECISION)


@pytest.mark.parametrize(
    ("column", "value"),
    [("outcome", "maybe"), ("provenance", "rumour"), ("contamination", "slightly")],
    ids=["outcome", "provenance", "contamination"],
)
def test_a_decision_with_an_unknown_word_is_refused(ledger, column, value):
    put(ledger, models, MODEL)
    with pytest.raises(IntegrityError, match=column):
        put(ledger, decisions, {**DECISION, column: value})


def test_an_order_without_its_decision_is_refused(decided):
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        put(decided, orders, {**ORDER, "decision": "decision:m:never"})


def test_an_accepted_order_of_nothing_is_refused_and_a_refused_one_kept(decided):
    with pytest.raises(IntegrityError, match="quantity"):
        put(decided, orders, {**ORDER, "quantity": 0})
    put(decided, orders, {**ORDER, "quantity": 0, "accepted": False, "refusal": "NOT_POSITIVE"})


def test_a_transaction_that_fails_leaves_nothing(ledger):
    def fail():
        with ledger.transaction() as connection:
            connection.execute(models.insert().values(**MODEL))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with ledger.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM models")).scalar() == 0


def test_a_reader_neither_waits_for_the_writer_nor_sees_what_it_has_not_committed(ledger):
    with ledger.transaction() as writing:
        writing.execute(evidence.insert().values(child="a", parent="b", role="c"))
        with ledger.read() as reading:
            assert reading.execute(text("SELECT count(*) FROM evidence")).scalar() == 0


def test_a_write_transaction_takes_the_lock_at_once(ledger, tmp_path):
    other = sqlite3.connect(tmp_path / "ledger.db", timeout=0, isolation_level=None)
    with ledger.transaction(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()
