"""Messages for listeners: written with their rows or not at all, each thing once, numbered, not for ever."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from arena_pipeline.warehouse.outbox import PRUNED_EVERY, RETAINED, announce, outbox
from arena_pipeline.warehouse.tables import orders
from tests.api.world import DAY, fill_store, order_row, store_of, trade_rows

NOW = datetime(2025, 9, 15, 18, 0, tzinfo=UTC)
AT = "2025-09-15T18:00:00.000000+00:00"
RUN = {"run_id": "run", "now": NOW}


@pytest.fixture
def store(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    yield store
    store.close()


def messages(store, kind=None):
    with store.ledger.read() as connection:
        rows = connection.execute(select(outbox).order_by(outbox.c.number)).all()
    return [json.loads(row.data) for row in rows if kind in (None, row.kind)]


def write_trades(store, fills, rejections=()):
    with store.ledger.transaction() as connection:
        tables = {"fills": fills, "rejections": list(rejections)}
        return store.write_rows(connection, "trades", f"tester|{DAY}", tables, **RUN)


def test_a_partition_that_is_written_is_announced_with_its_rows(store):
    (trade,) = messages(store, "trade")
    assert trade["model"] == "tester"
    assert [(each["symbol"], each["fee"]) for each in trade["trades"]] == [("SAP.DE", "5.00")]
    assert [each["reason"] for each in trade["rejections"]] == ["insufficient_cash"]
    assert [each["nav"] for each in messages(store, "snapshot")] == ["101234.56"]
    (marks,) = messages(store, "position_mark")
    assert [(mark["price"], mark["value"]) for mark in marks["marks"]] == [("230.3000", "2303.00")]
    (board,) = messages(store, "board")
    assert [(line["rank"], line["model"]) for line in board["models"]] == [(1, "tester"), (2, "cash")]


def test_what_does_not_change_is_not_announced_again(store):
    before = len(messages(store))
    with store.ledger.transaction() as connection:
        written = store.write_rows(connection, "trades", f"tester|{DAY}", trade_rows(), **RUN)
    assert not written.changed
    assert len(messages(store)) == before


def test_of_a_partition_that_grows_only_what_is_new_is_announced(store):
    with store.ledger.transaction() as connection:
        connection.execute(orders.insert(), [{**order_row(4), "quantity": 5}])
    tables = trade_rows()
    second = {**tables["fills"][0], "id": "fill:4", "order_id": order_row(4)["id"], "quantity": 5}
    write_trades(store, [*tables["fills"], second], tables["rejections"])
    newest = messages(store, "trade")[-1]
    assert [each["id"] for each in newest["trades"]] == ["fill:4"]
    assert newest["rejections"] == []


def test_a_fill_that_is_taken_out_of_force_and_written_again_is_no_news_and_a_corrected_one_is(store):
    before = messages(store, "trade")
    tables = trade_rows()
    for price, told in (("230.5000", 0), ("231.0000", 1)):
        corrected = [{**tables["fills"][0], "price": price}]
        with store.ledger.transaction() as connection:
            store.clear_rows(connection, ("fills", "rejections"), [f"tester|{DAY}"], now=NOW)
            rows = {"fills": corrected, "rejections": [] if told else tables["rejections"]}
            store.write_rows(connection, "trades", f"tester|{DAY}", rows, **RUN)
        assert len(messages(store, "trade")) == len(before) + told
    assert messages(store, "trade")[-1]["trades"][0]["price"] == "231.0000"


def test_a_transaction_that_fails_announces_nothing(store):
    before = len(messages(store))

    def fail():
        with store.ledger.transaction() as connection:
            announce(connection, "run", {}, at=AT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(messages(store)) == before


def test_numbers_rise_and_are_never_used_twice(store):
    with store.ledger.transaction() as connection:
        newest = connection.scalar(select(func.max(outbox.c.number)))
        connection.execute(outbox.delete())
        announce(connection, "run", {}, at=AT)
        assert connection.scalar(select(outbox.c.number)) == newest + 1


def test_only_the_newest_are_kept(store):
    with store.ledger.transaction() as connection:
        last = RETAINED + 4 * PRUNED_EVERY
        row = {"kind": "run", "at": AT, "partition": "", "data": "{}"}
        connection.execute(outbox.delete())
        connection.execute(outbox.insert(), [{**row, "number": 1}, {**row, "number": last - 1}])
        announce(connection, "run", {}, at=AT)
        assert list(connection.scalars(select(outbox.c.number).order_by(outbox.c.number))) == [last - 1, last]
