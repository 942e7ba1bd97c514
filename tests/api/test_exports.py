"""Whole tables as files: every row once, amounts exact, and no cell that a spreadsheet would run."""

import csv
import io
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select

from arena_api.exporting import csv_blocks
from arena_api.reading import Reading
from arena_api.reading.exports import EXPORTS, parts
from arena_api.routes.exports import Table
from arena_pipeline.warehouse.listings import ALWAYS
from arena_pipeline.warehouse.tables import orders
from tests.api.world import fill_store, settings_of, store_of


@pytest.mark.parametrize("table", list(EXPORTS))
def test_csv_and_parquet_hold_the_same_rows(client, table):
    lines = list(csv.DictReader(io.StringIO(client.get(f"/api/exports/{table}").text)))
    frame = pq.read_table(io.BytesIO(client.get(f"/api/exports/{table}?format=parquet").content))
    assert frame.column_names == list(lines[0])
    assert frame.num_rows == len(lines) > 0


def test_every_table_has_a_name_in_the_address():
    assert {table.value for table in Table} == set(EXPORTS)


def test_amounts_are_exact(client):
    (line,) = csv.DictReader(io.StringIO(client.get("/api/exports/snapshots").text))
    assert line["nav"] == "101234.56"
    frame = pq.read_table(io.BytesIO(client.get("/api/exports/snapshots?format=parquet").content))
    assert frame["nav"].to_pylist() == [Decimal("101234.56")]


def test_rows_are_narrowed_by_model_and_day(client):
    def count(query):
        return len(client.get(f"/api/exports/orders?{query}").text.splitlines()) - 1

    assert [count("model=cash"), count("to=2025-09-14"), count("from=2025-09-15&to=2025-09-15")] == [0, 0, 3]


def test_no_cell_begins_a_formula():
    hostile = ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "|calc"]
    text = b"".join(csv_blocks(["a"], [[(value,) for value in hostile]])).decode()
    cells = [row[0] for row in csv.reader(io.StringIO(text))][1:]
    assert cells == [f"'{value}" for value in hostile]


def test_a_number_stays_a_number():
    text = b"".join(csv_blocks(["a"], [[("-12.34",), (Decimal("-0.05"),), (True,), (None,)]])).decode()
    assert text.split() == ["a", "-12.34", "-0.05", "true", '""']


def test_before_the_first_run_there_is_only_the_heading(before_the_first_run):
    assert len(before_the_first_run.get("/api/exports/trades").text.splitlines()) == 1
    assert before_the_first_run.get("/api/exports/secrets").status_code == 422


def test_a_download_that_nobody_reads_holds_no_connection_to_the_ledger(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    store.close()
    reading = Reading(settings_of(tmp_path))
    begun = [csv_blocks(["id"], parts(reading, "orders", span=ALWAYS)) for _ in range(20)]
    assert all(next(each).startswith(b"id") for each in begun)
    with reading.existing("arena").ledger.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(orders)) == 3
    reading.close()
