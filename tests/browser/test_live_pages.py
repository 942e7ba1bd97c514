"""Pages while they are open: what is committed meanwhile appears, once, also after a break."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from arena_api.app import create_app
from arena_pipeline.settings import load_settings
from arena_pipeline.warehouse import tables
from arena_pipeline.warehouse.outbox import announce
from arena_pipeline.warehouse.store import ArenaStore, utc_text
from dashboards.pages import overview
from tests.api.live_server import serving
from tests.api.world import SESSION, fill_store, order_row, settings_of, store_of, trade_rows
from tests.browser import homes
from tests.browser.served import Served, free_port, served_home

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SOON = 2_000
"""Milliseconds."""

NOON = "2025-09-16T10:00:00.000000+00:00"
KEPT_BY_THE_STORE = {"row_id", "superseded_at", "partition", "recorded_at"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ArenaStore]:
    """A small arena to write into while a page of it is open."""
    store = store_of(tmp_path)
    fill_store(store)
    yield store
    store.close()


@pytest.fixture
def served(store: ArenaStore, tmp_path: Path) -> Iterator[Served]:
    settings = settings_of(tmp_path)
    with serving(create_app(settings)) as address:
        yield Served(f"http://{address}", settings)


def trade(store: ArenaStore, seq: int, symbol: str) -> str:
    """Commit one more order and its fill, as a run does, and return the fill's id."""
    number = f"tester:{SESSION}:{seq}"
    at = utc_text(datetime(2025, 9, 16, 7, seq % 60, tzinfo=UTC))
    fill: dict[str, Any] = trade_rows()["fills"][0] | {
        "id": f"fill:{number}",
        "order_id": f"order:{number}",
        "trading_day": "2025-09-16",
        "symbol": symbol,
        "filled_at": at,
    }
    with store.ledger.transaction() as connection:
        connection.execute(tables.orders.insert(), [order_row(seq) | {"symbol": symbol}])
        rows = {"fills": [fill], "rejections": []}
        now = datetime(2025, 9, 16, 8, seq % 60, tzinfo=UTC)
        store.write_rows(connection, "trades", f"tester|2025-09-{seq}", rows, run_id="run", now=now)
    return f"fill:{number}"


def live(page: Page) -> Page:
    """The page once it listens."""
    expect(page.locator("#live")).to_have_text("live", timeout=15_000)
    return page


def row(page: Page, identity: str) -> Any:
    return page.locator(f"#rail [data-id='{identity}']")


def test_a_trade_appears_once_within_two_seconds(watch, served, store):
    page = live(watch.open(served, "/"))
    identity = trade(store, 11, "SIE.DE")
    expect(row(page, identity)).to_contain_text("bought 10 Siemens", timeout=SOON)
    page.wait_for_timeout(1_500)
    assert row(page, identity).count() == 1
    assert page.locator("#rail li[data-id^=fill]").first.get_attribute("data-id") == identity
    assert page.locator("#announce").text_content() == "1 new"


def test_what_comes_in_a_burst_appears_before_its_end_also_where_answers_are_slow(
    watch, served, store, monkeypatch
):
    own = overview._today

    def slow(*words):
        time.sleep(1.5)
        return own(*words)

    page = live(watch.open(served, "/"))
    monkeypatch.setattr(overview, "_today", slow)
    first = trade(store, 11, "SIE.DE")
    for seq in range(12, 22):
        page.wait_for_timeout(400)
        trade(store, seq, "ALV.DE")
    assert row(page, first).count() == 1
    page.close()


def test_many_trades_at_once_all_appear(watch, served, store):
    page = live(watch.open(served, "/"))
    identities = [trade(store, seq, "ALV.DE") for seq in range(11, 21)]
    for identity in identities:
        expect(row(page, identity)).to_have_count(1)


def test_what_is_asked_for_stays_asked_for(watch, served, store):
    page = live(watch.open(served, "/?model=cash"))
    expect(page.locator("#rail")).to_contain_text("None yet.")
    trade(store, 11, "SIE.DE")
    page.wait_for_timeout(1_000)
    assert "Siemens" not in page.locator("#rail").inner_text()
    page.locator("[data-rail=decisions]").click()
    expect(page.locator("#rail [aria-current]")).to_have_text("Decisions")
    assert page.url.endswith("/?model=cash&rail=decisions")


def test_after_a_break_the_page_is_told_what_it_missed(watch, store, tmp_path):
    (tmp_path / "arena.toml").write_text(
        '[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n'
        '[[models]]\nid = "tester"\nkind = "llm"\nmodel = "sandbox/tester"\n[llm]\nbase_url = "sandbox"\n',
        encoding="utf-8",
    )
    settings, port = load_settings(tmp_path / "arena.toml", home=tmp_path), free_port()
    watch.expected += ("WebSocket connection to",)
    with served_home(settings, port) as served:
        page = live(watch.open(served, "/"))
    expect(page.locator("#live")).to_have_text("reconnecting")
    missed = [trade(store, seq, "SIE.DE") for seq in (11, 12)]
    with served_home(settings, port):
        live(page)
        for identity in missed:
            expect(row(page, identity)).to_have_count(1)
        later = trade(store, 13, "BMW.DE")
        expect(row(page, later)).to_have_count(1, timeout=SOON)


def test_hostile_words_in_a_message_stay_text(watch, served, store):
    page = live(watch.open(served, "/"))
    identity = trade(store, 11, "SIE.DE")
    expect(row(page, identity)).to_contain_text("reason 11 <b>bold</b>", timeout=SOON)
    assert page.locator("#rail b").count() == 0


def test_a_model_is_told_of_its_trade_and_another_is_not(watch, served, store):
    own, other = (live(watch.open(served, f"/models/{name}")) for name in ("tester", "cash"))
    trade(store, 11, "SIE.DE")
    expect(own.locator("#done")).to_contain_text("bought 10 Siemens", timeout=SOON)
    expect(own.locator("#done tbody tr")).to_have_count(2)
    assert "Siemens" not in other.locator("#content").inner_text()


def test_the_pipeline_follows_its_runs(watch, served, store):
    page = live(watch.open(served, "/pipeline"))
    section = page.locator("section[aria-labelledby=runs]")
    assert "momentum" not in section.inner_text()
    day = {"first": "2025-09-16T08:30", "last": "2025-09-16T08:30", "partitions": 1}
    with store.ledger.transaction() as connection:
        begun = {"run_id": "run-7", "asset": "momentum", "state": "started", **day}
        announce(connection, "run", begun, at=NOON)
    expect(section).to_contain_text("momentum", timeout=SOON)


@contextmanager
def two_models(folder: Path, days: int) -> Iterator[tuple[Served, ArenaStore]]:
    """A home of two models over so many days, served, and a store to write into it."""
    settings = homes.written(folder, models=2, days=days)
    store = store_of(folder)
    with serving(create_app(settings)) as address:
        yield Served(f"http://{address}", settings), store
    store.close()


def test_a_new_board_takes_the_place_of_the_old_one(watch, tmp_path):
    with two_models(tmp_path, 10) as (served, store):
        page = live(watch.open(served, "/leaderboard?sort=-trades"))
        expect(page.locator("#title")).to_contain_text("30 Sep 2025")
        _write_board(store, "2025-10-01", nav_cents=12_345_600)
        expect(page.locator("#title")).to_contain_text("1 Oct 2025", timeout=SOON)
        expect(page.locator(".board tbody tr").first).to_contain_text("123\u202f456.00\u202f€")
        expect(page.locator(".board th[aria-sort]")).to_contain_text("Trades")
        assert watch.open(served, "/leaderboard?as_of=2025-09-30").locator("[data-live]").count() == 0


def _write_board(store: ArenaStore, day: str, *, nav_cents: int) -> None:
    """The newest board again, as of another day and with other values."""
    with store.ledger.transaction() as connection:
        lines = [
            {**json.loads(row.row), "nav": f"{nav_cents / 100:.2f}"}
            for row in connection.execute(select(tables.leaderboard))
        ]
        rows = {
            "leaderboard": [
                {
                    "id": f"board:{day}:{line['model']}",
                    "trading_day": day,
                    "model": line["model"],
                    "rank": line["rank"],
                    "nav_cents": nav_cents,
                    "row": json.dumps(line),
                }
                for line in lines
            ],
            "assessments": [],
        }
        now = datetime(2025, 10, 1, 16, 0, tzinfo=UTC)
        store.write_rows(connection, "leaderboard", day, rows, run_id="run", now=now)


def test_an_empty_overview_shows_the_first_day_when_it_comes(watch, tmp_path):
    settings = settings_of(tmp_path)
    with serving(create_app(settings)) as address:
        page = live(watch.open(Served(f"http://{address}", settings), "/"))
        expect(page.locator("main")).to_contain_text("Nothing has been run yet.")
        store = store_of(tmp_path)
        fill_store(store)
        store.close()
        expect(page.locator("#rail")).to_contain_text("bought 10 SAP", timeout=10_000)
        page.close()


def test_a_second_day_brings_the_chart_that_one_day_had_not(watch, tmp_path):
    with two_models(tmp_path, 1) as (served, store):
        page = live(watch.open(served, "/"))
        expect(page.locator(".equity")).to_contain_text("No line yet.")
        _snapshot_of_next_day(store)
        expect(page.locator("[data-equity]")).to_have_attribute("data-drawn", "3", timeout=10_000)
        page.close()


def test_a_chart_whose_numbers_did_not_come_asks_for_them_again(watch, tmp_path):
    watch.expected += ("Failed to load resource",)
    with two_models(tmp_path, 10) as (served, store):
        page = live(watch.open(served, "/?unit=eur"))
        expect(page.locator("[data-equity]")).to_have_attribute("data-drawn", "3")
        page.route("**/dash/equity.json*", lambda route: route.abort(), times=1)
        model = _snapshot_of_next_day(store)
        label = page.locator(".ends span", has_text=model)
        expect(label).to_contain_text("123\u202f456\u202f€", timeout=10_000)


def test_a_new_day_moves_the_lines(watch, tmp_path):
    with two_models(tmp_path, 10) as (served, store):
        page = live(watch.open(served, "/?unit=eur"))
        expect(page.locator("[data-equity]")).to_have_attribute("data-drawn", "3")
        model = _snapshot_of_next_day(store)
        label = page.locator(".ends span", has_text=model)
        expect(label).to_contain_text("123\u202f456\u202f€", timeout=SOON)


def _snapshot_of_next_day(store: ArenaStore) -> str:
    """Commit one model's value at the end of another day, and return the model."""
    with store.ledger.transaction() as connection:
        newest = select(tables.snapshots).order_by(tables.snapshots.c.trading_day.desc()).limit(1)
        last = dict(connection.execute(newest).mappings().one())
        row = {name: value for name, value in last.items() if name not in KEPT_BY_THE_STORE}
        row |= {
            "id": f"snapshot:{last['model']}:2025-10-01",
            "trading_day": "2025-10-01",
            "nav_cents": 12_345_600,
        }
        rows = {"snapshots": [row], "positions": []}
        now = datetime(2025, 10, 1, 16, 0, tzinfo=UTC)
        key = f"{last['model']}|2025-10-01"
        store.write_rows(connection, "portfolio_snapshots", key, rows, run_id="run", now=now)
    return str(last["model"])
