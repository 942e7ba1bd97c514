"""The overview over two models and ten days."""

import pytest
from sqlalchemy import select

from arena_api.app import create_app
from arena_api.reading import Reading
from arena_api.reading.books import performance
from arena_api.reading.equity import equity
from arena_pipeline.warehouse import tables
from dashboards.equity import document, picture, table
from tests.api.conftest import asked_by
from tests.api.world import DAY, DECISION, RUN, SCRIPT, fill_store, settings_of, store_of
from tests.dashboards.pages import Page, page

DAYS = [f"2025-09-{day:02d}" for day in (15, 16, 17, 18, 19, 22, 23, 24, 25, 26)]

KEPT_BY_THE_STORE = {"row_id", "superseded_at", "partition", "known_at"}


@pytest.fixture(scope="module")
def ten_days(tmp_path_factory):
    """The small arena with a value for ten days of one model and for five of the other."""
    home = tmp_path_factory.mktemp("ten-days")
    store = store_of(home)
    fill_store(store)
    with store.ledger.transaction() as connection:
        first = dict(connection.execute(select(tables.snapshots)).mappings().one())
        for model, days in (("tester", DAYS[1:]), ("cash", DAYS[5:])):
            for number, day in enumerate(days):
                row = {
                    k: first[k]
                    for k in first
                    if k not in ("row_id", "superseded_at", "partition", "known_at")
                }
                row |= {"id": f"snapshot:{model}:{day}", "model": model, "trading_day": day}
                row["nav_cents"] = 10_000_000 if model == "cash" else 10_100_000 - 50_000 * number
                rows = {"snapshots": [row], "positions": []}
                store.write_rows(connection, "portfolio_snapshots", f"{model}|{day}", rows, **RUN)
    store.close()
    return home


@pytest.fixture(scope="module")
def reading(ten_days):
    reading = Reading(settings_of(ten_days))
    yield reading
    reading.close()


@pytest.fixture(scope="module")
def overview(ten_days):
    with asked_by(create_app(settings_of(ten_days))) as client:
        yield client


def test_all_books_side_by_side_have_the_values_that_each_model_has(reading):
    found = equity(reading)
    assert found["days"] == DAYS
    for model in found["models"]:
        own = {point["day"]: point for point in performance(reading, model["id"])["series"]}
        for index, day in enumerate(DAYS):
            point = own.get(day)
            assert (model["nav_cents"][index] is None) == (point is None)
            if point:
                assert model["nav_cents"][index] == int(point["nav"].replace(".", ""))
                assert model["return"][index] == point["return"]
                assert model["drawdown"][index] == point["drawdown"]


def test_a_model_that_came_later_has_nothing_before(reading):
    (cash,) = (model for model in equity(reading)["models"] if model["id"] == "cash")
    assert cash["nav_cents"] == [None] * 5 + [10_000_000] * 5


def test_the_chart_is_cut_to_its_period_and_thinned_when_long(reading):
    found = equity(reading)
    shown = table(found, str, "eur", "1w", None)
    assert [day for day, _ in shown.rows] == DAYS[:-7:-1]
    long = {
        **found,
        "days": [str(n) for n in range(2000)],
        "benchmark_return": [0.5] * 2000,
        "models": [
            {"id": "a", "kind": "llm", **{name: list(range(2000)) for name in ("nav_cents", "drawdown")}}
        ],
    }
    sent = document(long, str)
    assert len(sent["days"]) == len(sent["models"][0]["nav"]) == 600
    assert sent["models"][0]["nav"][-64:] == list(range(1936, 2000))
    assert sent["days"][0] == "0"
    assert sorted(set(sent["models"][0]["nav"])) == sent["models"][0]["nav"]


def test_the_still_picture_has_every_line_and_a_label_at_its_end(reading):
    drawn = picture(equity(reading), lambda model: f"of-{model}", "pct", "all", None)
    assert [line.classes for line in drawn.lines] == ["of-cash", "of-tester", "sb"]
    assert {label.text.split()[-1] for label in drawn.labels} == {"cash", "tester"}
    assert len(picture(equity(reading), str, "pct", "all", "cash").lines) == 2


def test_the_page_shows_the_table_the_picture_and_what_leads_on(overview):
    answer = overview.get("/?range=1w&unit=eur")
    shown = Page(answer.text)
    assert '<svg class="still"' in answer.text
    assert "26 Sep 2025" in shown.text
    assert "97\u202f000" in shown.text or "100\u202f000" in shown.text
    links = {value for name, value in shown.attributes if name == "href"}
    assert "/?range=1m&unit=eur" in links
    assert "/?range=1w&unit=eur&model=tester" in links
    assert "/api/exports/snapshots?format=csv" in links


@pytest.mark.parametrize("query", ["range=7y", "unit=<b>", f"model={SCRIPT}", "rail=none", "model=nobody"])
def test_what_is_not_known_is_as_if_not_asked(overview, query):
    answer = overview.get(f"/?{query}")
    assert answer.status_code == 200
    assert SCRIPT not in answer.text
    assert Page(answer.text).text.count("sold") == Page(overview.get("/").text).text.count("sold")


def test_trades_have_the_models_words_as_text(client):
    answer = client.get("/").text
    assert "reason 1 &lt;b&gt;bold&lt;/b&gt;" in answer
    assert f'href="/decisions/{DECISION}"' in answer
    shown = Page(answer)
    assert "bought 10 SAP at 230.50\u202f€" in shown.text


def test_decisions_and_positions_are_a_link_away(client):
    decided = page(client, "/?rail=decisions").text
    assert f"Two lines. {SCRIPT}" in decided
    assert "3 orders" in decided
    held = page(client, "/?rail=positions").text
    assert "SAP 3\u202f545\u202f€ 3.5\u202f%" in held
    assert "holds cash only" in held


def test_the_strip_has_leader_trades_fees_and_cost_of_the_day(client):
    text = page(client, "/").text
    assert "Leader tester ▲ +25.00\u202f%" in text
    assert "Trades on 15 Sep 2025 1 5.00\u202f€ fees" in text
    assert "Model cost on 15 Sep 2025 $0.0013 1 call" in text


def test_the_parts_that_change_are_the_pages_own(client):
    whole, parts = client.get("/").text, client.get("/dash/overview.html?n=5")
    for name in ("kpis", "rail", "tiles"):
        assert f'id="{name}"' in parts.text
    row = next(line for line in parts.text.splitlines() if "bought" in line)
    assert row in whole.splitlines()
    assert "ETag" in parts.headers


def test_the_charts_numbers_are_sent_once_while_nothing_changes(overview):
    answer = overview.get("/dash/equity.json")
    sent = answer.json()
    assert [model["id"] for model in sent["models"]] == ["cash", "tester"]
    assert sent["models"][1]["nav"][-1] == 9_700_000
    again = overview.get("/dash/equity.json", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_before_the_first_run_it_says_what_to_do(before_the_first_run):
    shown = page(before_the_first_run, "/")
    assert "Nothing has been run yet." in shown.text
    assert "make demo" in shown.text
    assert before_the_first_run.get("/dash/overview.html").status_code == 200
    assert before_the_first_run.get("/dash/equity.json").json()["models"] == []


def test_one_day_makes_no_line_and_says_so(client):
    assert "A chart needs two trading days" in page(client, f"/?range={DAY}").text
