"""A stored row that is no longer the one that was written is found, whatever release wrote it."""

from pathlib import Path

import pytest
from sqlalchemy import text

from arena_pipeline.warehouse.redigest import changed_partitions
from arena_pipeline.warehouse.tables import decisions, models, orders
from tests.warehouse.conftest import NOW
from tests.warehouse.test_ledger import DECISION, MODEL, ORDER

KEY = "m|2025-03-03T08:30"
MARK = {
    "model": "m", "symbol": "SAP.DE", "at": "2025-03-03T08:15:00.000000+00:00", "quantity": 3,
    "price": "250.0000", "value_cents": 75000, "bar": "bar:SAP.DE:2025-03-03T09:00:1",
}  # fmt: skip
TERMS = dict.fromkeys(("limit_price", "stop_price", "amount", "weight", "oco", "parent", "replaces"))
FIRST_RELEASE = {**ORDER, "confidence": None, "refusal": None, "refusal_detail": None}
WITH_TERMS = {**FIRST_RELEASE, **TERMS, "time_in_force": "GTC"}
NOW_STORED = {**WITH_TERMS, "lowered_confidence": None}


def run(store, *statements):
    with store.ledger.transaction() as connection:
        for statement in statements:
            assert connection.execute(text(statement)).rowcount > 0


@pytest.fixture
def with_model(store):
    with store.ledger.transaction() as connection:
        connection.execute(models.insert().values(**MODEL))
    return store


def test_a_mark_that_is_ten_times_what_it_was_is_found(with_model):
    with with_model.ledger.transaction() as connection:
        with_model.write_rows(
            connection, "position_marks", "2025-03-03", {"position_marks": [MARK]}, run_id="r", now=NOW
        )
    assert list(changed_partitions(with_model)) == []
    run(with_model, "UPDATE position_marks SET value_cents = value_cents * 10")
    assert list(changed_partitions(with_model)) == [
        "position_marks 2025-03-03: what the ledger holds in position_marks is not what was written"
    ]


def test_rows_that_were_replaced_are_no_part_of_what_is_in_force(with_model):
    for price in ("250.0000", "251.0000"):
        with with_model.ledger.transaction() as connection:
            rows = {"position_marks": [{**MARK, "price": price}]}
            with_model.write_rows(connection, "position_marks", "2025-03-03", rows, run_id="r", now=NOW)
    assert list(changed_partitions(with_model)) == []


@pytest.mark.parametrize("as_written", [FIRST_RELEASE, WITH_TERMS, NOW_STORED])
def test_a_decision_of_an_earlier_release_has_the_digest_that_it_was_written_with(with_model, as_written):
    decision = {
        name: value
        for name, value in {**DECISION, "confidence": None, "failure": None}.items()
        if name not in {"contamination", "run_id", "recorded_at"}
    }
    with with_model.ledger.transaction() as connection:
        connection.execute(decisions.insert().values(**DECISION))
        connection.execute(orders.insert().values(**as_written))
        with_model.note_partition(connection, "decisions", KEY, [decision, as_written], run_id="r", now=NOW)
    assert list(changed_partitions(with_model)) == []
    run(with_model, "UPDATE orders SET limit_price = '1.0000'")
    (problem,) = changed_partitions(with_model)
    assert problem.startswith(f"decisions {KEY}: ")


def test_a_file_of_the_lake_that_is_gone_is_named(store, write):
    write("2025-03-03T08:30", SAP=1.0)
    ((_, path),) = store.files("watchlist")
    Path(store.lake.path(path)).unlink()
    (problem,) = changed_partitions(store)
    assert problem.startswith("watchlist: its files cannot be read (IO Error")
