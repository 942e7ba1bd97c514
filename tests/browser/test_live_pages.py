"""The overview while it is open: what is committed meanwhile appears, once, also after a break."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from arena_api.app import create_app
from arena_pipeline.settings import load_settings
from arena_pipeline.warehouse import tables
from arena_pipeline.warehouse.store import ArenaStore, utc_text
from tests.api.live_server import serving
from tests.api.world import SESSION, fill_store, order_row, settings_of, store_of, trade_rows
from tests.browser import homes
from tests.browser.served import Served, free_port, served_home

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SOON = 2_000
"""Milliseconds."""

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


def test_a_new_day_moves_the_lines(watch, tmp_path):
    settings = homes.written(tmp_path, models=2, days=10)
    store = store_of(tmp_path)
    with store.ledger.read() as connection:
        newest = select(tables.snapshots).order_by(tables.snapshots.c.trading_day.desc()).limit(1)
        last = dict(connection.execute(newest).mappings().one())
    with serving(create_app(settings)) as address:
        page = live(watch.open(Served(f"http://{address}", settings), "/?unit=eur"))
        expect(page.locator("[data-equity]")).to_have_attribute("data-drawn", "3")
        row = {name: value for name, value in last.items() if name not in KEPT_BY_THE_STORE}
        row |= {
            "id": f"snapshot:{last['model']}:2025-10-01",
            "trading_day": "2025-10-01",
            "nav_cents": 12_345_600,
        }
        with store.ledger.transaction() as connection:
            rows = {"snapshots": [row], "positions": []}
            key = f"{last['model']}|2025-10-01"
            now = datetime(2025, 10, 1, 16, 0, tzinfo=UTC)
            store.write_rows(connection, "portfolio_snapshots", key, rows, run_id="run", now=now)
        label = page.locator(".ends span", has_text=last["model"])
        expect(label).to_contain_text("123\u202f456\u202f€", timeout=SOON)
    store.close()
