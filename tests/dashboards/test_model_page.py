"""A model's page and the list of models."""

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from arena_api.app import create_app
from arena_api.reading import Reading
from arena_api.reading.profiles import openings
from arena_pipeline.warehouse import tables
from dashboards.calibration import SIDE, dots
from tests.api.conftest import asked_by
from tests.api.world import DAY, DECISION, RUN, fill_store, order_row, settings_of, store_of, trade_rows
from tests.dashboards.test_pages import Page, page


def test_a_model_shows_its_book_and_what_opened_each_position(client):
    answer = client.get("/models/tester").text
    text = Page(answer).text
    assert "101\u202f234.56\u202f€" in text
    assert "bought 10 SAP" in text
    assert f'href="/decisions/{DECISION}"' in answer
    assert "<b>" not in answer


def test_a_decision_shows_the_quantity_that_was_filled(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    with store.ledger.transaction() as connection:
        connection.execute(tables.fills.update().values(quantity=11))
    store.close()
    with asked_by(create_app(settings_of(tmp_path))) as client:
        text = page(client, "/models/tester").text
    assert "buy 11 SAP filled" in text


def test_a_figure_that_nobody_knows_is_a_dash_with_its_reason(client):
    answer = client.get("/models/tester").text
    assert 'title="a purchase has no result yet"' in answer
    assert 'title="not given for this model"' in answer


def test_a_rule_has_no_calibration_and_no_bill(client):
    text = page(client, "/models/cash").text
    assert "A rule states no confidence." in text
    assert "What it costs to ask" not in text


def test_every_model_is_listed_and_leads_to_its_page(client):
    shown = page(client, "/models")
    links = {value for name, value in shown.attributes if name == "href" and value.startswith("/models/")}
    assert links == {"/models/cash", "/models/tester"}
    assert all(client.get(link).status_code == 200 for link in links)


@pytest.mark.parametrize("query", ["trades=nonsense", "decisions=%00", "unit=x&range=y&horizon=z"])
def test_a_wrong_parameter_shows_the_first_page(client, query):
    assert client.get(f"/models/tester?{query}").status_code == 200


def test_an_unknown_model_is_a_page_with_status_404(client):
    assert client.get("/models/nobody").status_code == 404


def test_before_the_first_run_the_list_says_what_brings_models(before_the_first_run):
    assert "No model has taken part yet." in page(before_the_first_run, "/models").text


def test_a_share_sold_and_bought_again_was_opened_by_the_later_purchase(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    again = DAY + timedelta(days=3)
    with store.ledger.transaction() as connection:
        _later_day(store, connection, DAY + timedelta(days=1), held=False, run=RUN)
        _trade(store, connection, again, [("08:30", "buy")], run=RUN)
        _later_day(store, connection, again, held=True, run=RUN)
    reading = Reading(settings_of(tmp_path))
    assert openings(reading, "tester", ["SAP.DE"], str(DAY)) == {"SAP.DE": DECISION}
    assert openings(reading, "tester", ["SAP.DE"], str(again)) == {"SAP.DE": f"decision:tester:{again}T08:30"}
    reading.close()
    store.close()
    with asked_by(create_app(settings_of(tmp_path))) as client:
        assert f'href="/decisions/decision:tester:{again}T08:30"' in client.get("/models/tester").text


@pytest.mark.parametrize(
    ("orders", "opened_by"),
    [
        ([("08:30", "sell"), ("14:00", "buy")], f"decision:tester:{DAY + timedelta(days=1)}T14:00"),
        ([("08:30", "buy"), ("14:00", "sell")], DECISION),
    ],
)
def test_within_a_day_a_holding_begins_anew_only_where_none_was_left(tmp_path, orders, opened_by):
    store = store_of(tmp_path)
    fill_store(store)
    next_day = DAY + timedelta(days=1)
    with store.ledger.transaction() as connection:
        _trade(store, connection, next_day, orders, run=RUN)
        _later_day(store, connection, next_day, held=True, run=RUN)
    store.close()
    reading = Reading(settings_of(tmp_path))
    found = openings(reading, "tester", ["SAP.DE"], str(next_day))
    reading.close()
    assert found == {"SAP.DE": opened_by}


def _later_day(store, connection, day: date, *, held: bool, run):
    snapshot = {
        "id": f"snapshot:tester:{day}",
        "model": "tester",
        "trading_day": str(day),
        "cash_cents": 9_000_000,
        "receivable_cents": 0,
        "nav_cents": 10_000_000,
        "fees_cents": 500,
        "realised_cents": 0,
        "dividends_cents": 0,
        "provisional": False,
    }
    position = {
        "model": "tester",
        "trading_day": str(day),
        "symbol": "SAP.DE",
        "quantity": 10,
        "cost_cents": 230_500,
        "price": "230.5000",
        "value_cents": 230_500,
        "bar": None,
        "provisional": False,
    }
    rows = {"snapshots": [snapshot], "positions": [position] if held else []}
    store.write_rows(connection, "portfolio_snapshots", f"tester|{day}", rows, **run)


def _trade(store, connection, day: date, orders, *, run):
    """Decide in sessions of a day, each for ten shares, and publish the fills in their order."""
    first = (
        connection.execute(select(tables.decisions).where(tables.decisions.c.id == DECISION)).mappings().one()
    )
    fills = []
    for clock, side in orders:
        session = f"{day}T{clock}"
        decision = {**first, "id": f"decision:tester:{session}", "session": session, "trading_day": str(day)}
        connection.execute(tables.decisions.insert().values(**decision))
        order = order_row(1) | {
            "id": f"order:tester:{session}:1",
            "decision": decision["id"],
            "session": session,
            "side": side,
        }
        connection.execute(tables.orders.insert().values(**order))
        fills.append(
            trade_rows()["fills"][0]
            | {
                "id": f"fill:tester:{session}:1",
                "order_id": order["id"],
                "trading_day": str(day),
                "side": side,
                "filled_at": f"{day}T07:00:00.000000+00:00",
            }
        )
    store.write_rows(connection, "trades", f"tester|{day}", {"fills": fills, "rejections": []}, **run)


def test_more_calls_make_a_larger_dot_and_full_confidence_stands_at_the_right():
    bins = [
        {"calls": 10, "confidence": 0.5, "hit_rate": 0.25, "low": 0.1, "high": 0.5},
        {"calls": 40, "confidence": 1.0, "hit_rate": 1.0, "low": 0.8, "high": 1.0},
    ]
    few, many = dots(bins)
    assert (many.x, many.y) == (SIDE, 0)
    assert few.radius < many.radius
    assert few.high < few.y < few.low


def test_a_line_from_before_boards_were_assessed_says_so_little_and_no_more(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    later = ("alpha", "beta", "exposure", "expectancy", "significance", "luck", "skill")
    with store.ledger.transaction() as connection:
        for row in connection.execute(select(tables.leaderboard)).all():
            line = {name: value for name, value in json.loads(row.row).items() if name not in later}
            connection.execute(
                tables.leaderboard.update()
                .where(tables.leaderboard.c.row_id == row.row_id)
                .values(row=json.dumps(line))
            )
    store.close()
    with asked_by(create_app(settings_of(tmp_path))) as client:
        assert client.get("/api/models/tester/performance").json()["metrics"]["significance"] is None
        for address in ("/models/tester", "/leaderboard", "/", "/duel?a=tester&b=cash"):
            assert client.get(address).status_code == 200, address
