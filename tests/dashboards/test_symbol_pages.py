"""A share's page has its bars, figures, news, holders and trades as tables; the chart the same numbers."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from arena_api.app import create_app
from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.market.indicators import DRAWN, VALUES, indicators, lines
from arena_pipeline.market.splits import Split, Splits
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction
from arena_pipeline.warehouse.rows import action_row, bar_row
from arena_pipeline.warehouse.store import Partition
from dashboards import formats
from dashboards.formats import amount, percent
from tests.api.conftest import NOW, asked_by
from tests.api.world import ARTICLE, DECISION, RUN, SCRIPT, fill_store, settings_of, store_of
from tests.dashboards.pages import Page, page

DAYS = [day for n in range(60) if (day := date(2025, 6, 2) + timedelta(n)).weekday() < 5]


def bar(day, n, *, stale=False):
    close = Decimal(100 + (n * 7) % 13)
    return Bar(
        symbol="SIE.DE",
        interval=Interval.DAILY,
        day=day,
        start=datetime(day.year, day.month, day.day, 7, tzinfo=UTC),
        end=datetime(day.year, day.month, day.day, 15, 30, tzinfo=UTC),
        open=close - 1,
        high=close + 2,
        low=close - 2,
        close=close,
        volume=1000 + n,
        adjustment=Adjustment.RAW,
        stale=stale,
        known_at=datetime(day.year, day.month, day.day, 15, 30, tzinfo=UTC),
        vintage=1,
        source="files",
        raw="0" * 64,
    )


BARS = [bar(day, n, stale=n == 30) for n, day in enumerate(DAYS)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("symbols")
    store = store_of(home)
    fill_store(store)
    store.write_frames("daily_bars", [Partition("2025-08-01", [bar_row(each) for each in BARS])], **RUN)
    store.close()
    return home


@pytest.fixture(scope="module")
def client(home):
    with asked_by(create_app(settings_of(home), clock=lambda: NOW)) as client:
        yield client


def test_lines_over_time_end_where_a_sessions_indicators_are():
    drawn = lines(BARS)
    (row,) = indicators(BARS, [DAYS[-1] + timedelta(1)])
    assert set(DRAWN) <= set(VALUES)
    assert {name: line[-1] for name, line in drawn.items()} == {name: getattr(row, name) for name in DRAWN}
    assert all(len(line) == len(BARS) for line in drawn.values())
    assert drawn["sma_20"][18] is None
    assert drawn["rsi_14"][30] == drawn["rsi_14"][29]


def test_too_few_bars_make_no_line():
    assert lines(BARS[:10]) == {name: [None] * 10 for name in DRAWN}


def test_a_share_shows_its_bars_with_what_is_missing_as_a_dash(client):
    text = page(client, "/symbols/SIE.DE?range=all").text
    assert f"The same as a table, {len(DAYS)} days" in text
    assert "99.00 102.00 98.00 100.00 1\u202f000" in text
    assert "14 Jul 2025 stale" in text
    assert "2 Jun 2025 99.00 102.00 98.00 100.00 1\u202f000" in text
    assert "14 Jul 2025 stale" in text
    assert "not defined: too little history" in text


def test_a_share_shows_its_holders_trades_and_news(client):
    shown = page(client, "/symbols/SAP.DE")
    assert "tester 10 3\u202f544.56\u202f€ ▲ +1\u202f239.56\u202f€ 15 Sep 2025" in shown.text
    assert "buy 10 tester 230.50\u202f€" in shown.text
    assert ("href", f"/decisions/{DECISION}") in shown.attributes
    assert ("href", f"/articles/{ARTICLE}") in shown.attributes
    assert f"SAP {SCRIPT} rises" in shown.text
    assert SCRIPT not in client.get("/symbols/SAP.DE").text


def test_the_chart_has_the_numbers_of_the_bars(client):
    chart = client.get("/dash/symbol.json?symbol=SIE.DE&range=1m").json()
    bars = client.get("/api/bars/SIE.DE?from=2025-06-02&to=2025-08-01").json()["bars"][-22:]
    assert chart["days"] == [each["day"] for each in bars]
    assert chart["close"] == [float(each["close"]) for each in bars]
    assert chart["volume"] == [each["volume"] for each in bars]
    assert len(chart["sma_20"]) == 22
    assert chart["sma_200"] == [None] * 22


def test_the_tiles_are_of_the_last_bar_that_is_shown(client):
    text = page(client, "/symbols/SIE.DE").text
    change = percent(float(BARS[-1].close / BARS[-2].close - 1))
    rsi = lines(BARS)["rsi_14"][-1]
    assert f"1 day {'▲' if BARS[-1].close > BARS[-2].close else '▼'} {change}" in text
    assert f"RSI 14 {amount(rsi, 1)}" in text


def test_prices_of_before_a_split_are_divided_by_it_with_all_that_is_drawn_of_them(tmp_path):
    ex_date = DAYS[-5]
    split = CorporateAction(
        ActionKind.SPLIT, "SIE.DE", ex_date, Fraction(2), None, None, BARS[-5].start, "yahoo", "0" * 64
    )
    store = store_of(tmp_path)
    fill_store(store)
    store.write_frames("daily_bars", [Partition("2025-08-01", [bar_row(each) for each in BARS])], **RUN)
    store.write_frames("corporate_actions", [Partition(str(ex_date), [action_row(split)])], **RUN)
    store.close()
    divided = [
        Splits([Split("SIE.DE", ex_date, Fraction(2), split.known_at)]).on_scale_of(each, NOW)
        for each in BARS
    ]
    with asked_by(create_app(settings_of(tmp_path), clock=lambda: NOW)) as client:
        chart = client.get("/dash/symbol.json?symbol=SIE.DE&range=1m").json()
        text = page(client, "/symbols/SIE.DE?range=1m").text
        stored = client.get("/api/bars/SIE.DE?from=2025-06-02&to=2025-08-01").json()["bars"]
    assert chart["close"] == [float(each.close) for each in divided[-22:]]
    assert chart["sma_20"][-1] == pytest.approx(lines(divided)["sma_20"][-1], abs=1e-4)
    assert f"Prices before the split of {formats.day(ex_date)}, 2 for 1, are divided by it" in text
    assert stored[0]["close"] == str(BARS[0].close.quantize(Decimal("0.0001")))
    assert stored[0]["adjustment"] == "raw"


def test_the_chart_says_who_traded_when(client):
    chart = client.get("/dash/symbol.json?symbol=SAP.DE").json()
    assert chart["days"] == ["2025-09-11", "2025-09-12"]
    assert chart["trades"] == []  # on a day that has no bar yet
    assert client.get("/dash/symbol.json?symbol=NOPE").status_code == 404


def test_shares_are_listed_with_what_the_newest_session_knew(client):
    shown = page(client, "/symbols")
    assert "SAP.DE SAP Technology 230.50\u202f€" in shown.text
    assert ("title", "tester") in shown.attributes
    assert ("href", "/symbols/SIE.DE") in shown.attributes


@pytest.mark.parametrize("path", ["/symbols/NOPE", "/symbols/%3Cscript%3E", "/symbols/sap"])
def test_what_is_no_share_is_a_page_with_status_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Not found" in answer.text
    assert "<script>" not in answer.text


def test_a_parameter_that_makes_no_sense_is_as_if_it_were_not_there(client):
    answer = client.get(f"/symbols/SIE.DE?range={SCRIPT}&kind=pie")
    assert answer.status_code == 200
    assert 'data-kind="candles"' in answer.text
    assert SCRIPT not in answer.text


def test_before_the_first_run_the_pages_say_what_is_missing(before_the_first_run):
    assert "No figures of any share yet" in page(before_the_first_run, "/symbols").text
    assert "No bar of this share yet" in page(before_the_first_run, "/symbols/SAP.DE").text


def test_a_share_needs_no_script(client):
    shown = Page(client.get("/symbols/SIE.DE").text)
    assert "noscript" in shown.elements
    assert shown.elements.count("tr") > len(DAYS)
