"""What a model owns, as the API shows it: amounts add up; before the first day it is the starting cash."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from arena_api.app import create_app
from arena_pipeline.warehouse.tables import decisions
from tests.api.conftest import asked_by
from tests.api.world import DAY, RUN, fill_store, settings_of, store_of, trade_rows


def get(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_net_asset_value_is_cash_receivable_and_positions(client):
    book = get(client, "/api/models/tester/portfolio")
    parts = [Decimal(book[name]) for name in ("cash", "receivable", "invested")]
    assert sum(parts) == Decimal(book["nav"])
    assert Decimal(book["result"]) == Decimal(book["nav"]) - Decimal(book["starting_cash"])


def test_before_its_first_snapshot_a_book_is_the_starting_cash(client):
    for path in ("/api/models/cash/portfolio", "/api/models/tester/portfolio?as_of=2025-09-14"):
        book = get(client, path)
        assert (book["as_of"], book["nav"], book["result"]) == (None, "100000.00", "0.00")


def test_positions_are_the_books_and_their_values_are_in_it(client):
    held = get(client, "/api/models/tester/positions")["positions"]
    assert [(row["symbol"], row["quantity"]) for row in held] == [("SAP.DE", 10)]
    assert held[0]["value"] == get(client, "/api/models/tester/portfolio")["invested"]
    assert get(client, "/api/models/tester/positions?as_of=2025-09-14")["positions"] == []


def test_only_the_newest_mark_of_a_holding_is_shown_with_it(client):
    document = get(client, "/api/models/tester/positions")
    assert [mark["price"] for mark in document["marks"]] == ["230.3000"]
    assert document["marked_at"] == document["marks"][0]["at"]
    assert len(get(client, f"/api/models/tester/marks?day={DAY}")["marks"]) == 2


def test_a_share_that_was_sold_has_no_mark_beside_the_holdings(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    rows = [
        {"model": "tester", "symbol": symbol, "at": f"2025-09-15T{at}:00.000000+00:00", "quantity": 10,
         "price": "230.0000", "value_cents": 230_000, "bar": "bar:SAP.DE:2025-09-12:1"}
        for symbol, at in (("SAP.DE", "07:15"), ("SIE.DE", "07:15"), ("SIE.DE", "07:30"))
    ]  # fmt: skip
    sold = trade_rows()["fills"][0] | {"side": "sell", "filled_at": "2025-09-15T07:15:00.000000+00:00"}
    with store.ledger.transaction() as connection:
        store.write_rows(connection, "position_marks", str(DAY), {"position_marks": rows}, **RUN)
        trades = {"fills": [sold], "rejections": []}
        store.write_rows(connection, "trades", f"tester|{DAY}", trades, **RUN)
    store.close()
    with asked_by(create_app(settings_of(tmp_path))) as client:
        document = get(client, "/api/models/tester/positions")
    assert [mark["symbol"] for mark in document["marks"]] == ["SIE.DE"]


def test_an_earlier_board_says_how_its_own_decisions_were_made(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    before = get_provenance(tmp_path, DAY)
    with store.ledger.transaction() as connection:
        first = connection.execute(select(decisions)).mappings().first()
        later = {
            **first,
            "id": "decision:tester:2025-09-16T08:30",
            "session": "2025-09-16T08:30",
            "trading_day": "2025-09-16",
            "provenance": "live" if first["provenance"] == "backfill" else "backfill",
        }
        connection.execute(decisions.insert().values(**later))
    store.close()
    assert get_provenance(tmp_path, DAY) == before != "mixed"


def get_provenance(home, day):
    with asked_by(create_app(settings_of(home))) as client:
        book = get(client, f"/api/models/tester/portfolio?as_of={day}")
        assert get(client, f"/api/leaderboard?as_of={day}")["provenance"] == book["provenance"]
    return book["provenance"]


def test_the_series_and_the_figures_are_what_is_stored(client):
    document = get(client, "/api/models/tester/performance")
    assert [(point["day"], point["nav"]) for point in document["series"]] == [(str(DAY), "101234.56")]
    board = get(client, "/api/leaderboard")
    assert document["metrics"] == next(line for line in board["models"] if line["model"] == "tester")


@pytest.mark.parametrize("part", ["", "/portfolio", "/positions", "/trades", "/performance", "/reasoning"])
def test_a_model_that_nobody_registered_is_not_found(client, part):
    assert client.get(f"/api/models/nobody{part}").status_code == 404
    assert client.get(f"/api/models/no%20body{part}").status_code == 422


def test_reasoning_has_every_order_and_its_fate(client):
    (decision,) = get(client, "/api/models/tester/reasoning")["decisions"]
    assert [order["state"] for order in decision["orders"]] == ["filled", "refused", "rejected"]
