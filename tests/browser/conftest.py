"""Debian's Chromium over real homes. A page that a test opens may say nothing in the console, throw nothing
and ask no other host: the test that opened it fails otherwise.

Chromium that is not there is a failure, never a skip.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from arena_api.app import create_app
from tests.api.live_server import serving
from tests.api.world import fill_store, settings_of, store_of
from tests.browser import homes
from tests.browser.served import Served, served_home
from tests.browser.watching import Watch

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = (
    "There is no Chromium at {path}, and the pages are tested in it. "
    "Install it (Debian: apt-get install chromium), or name another one in CHROMIUM."
)
SUNDAY = datetime(2025, 9, 21, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Of one module: while it is open no other test of the process can run an event loop."""
    path = Path(os.environ.get("CHROMIUM") or "/usr/bin/chromium")
    if not path.exists():
        pytest.fail(MISSING.format(path=path), pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def watch(chromium: Browser) -> Iterator[Watch]:
    """Opens pages, and fails the test for what they should not have done."""
    watching = Watch(chromium)
    yield watching
    watching.close()
    assert watching.faults == []


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo's first days, as `arena backfill` makes them and `arena serve` shows them."""
    with served_home(homes.demo(tmp_path_factory.mktemp("demo"))) as served:
        yield served


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory, recorded_data: Path) -> Iterator[Served]:
    """2018 at recorded prices: nothing in it is simulated."""
    with served_home(homes.real(tmp_path_factory.mktemp("real"), recorded_data)) as served:
        yield served


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two years of fifteen models."""
    settings = homes.written(tmp_path_factory.mktemp("long"), models=15, days=504)
    with serving(create_app(settings)) as address:
        yield Served(f"http://{address}", settings)


@pytest.fixture(scope="session")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A month of one model."""
    settings = homes.written(tmp_path_factory.mktemp("single"), models=1, days=21)
    with serving(create_app(settings)) as address:
        yield Served(f"http://{address}", settings)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A home before its first run."""
    settings = settings_of(tmp_path_factory.mktemp("empty") / "nothing")
    with serving(create_app(settings)) as address:
        yield Served(f"http://{address}", settings)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A small arena whose headlines and replies try to be markup, on a Sunday: the exchange is closed."""
    home = tmp_path_factory.mktemp("hostile")
    store = store_of(home)
    fill_store(store)
    store.close()
    with serving(create_app(settings_of(home), clock=lambda: SUNDAY)) as address:
        yield Served(f"http://{address}", settings_of(home))
