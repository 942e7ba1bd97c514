"""The books of whole arenas, the demo's and those of a recorded year, against beancount's own checker."""

import os
import re
from datetime import UTC, date, datetime

import pytest
from beancount import loader

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.assets.books import journals
from arena_pipeline.cli import DEMO_DAYS
from arena_pipeline.settings import load_settings
from arena_pipeline.trading.beancount import beancount
from tests.assets.conftest import Steps
from tests.conftest import PROJECT

FIRST, LAST = date(2018, 1, 2), date(2018, 12, 28)
STRATEGIES = ("cash", "benchmark", "equal_weight", "momentum", "random")


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("ARENA_") and "DATA" not in name]:
        monkeypatch.delenv(name)


def exported(arena, days):
    """The beancount ledger of an arena after these days."""
    try:
        Steps().all(arena, days)
        return beancount(journals(arena, days[-1]), currency=arena.settings.arena.currency)
    finally:
        arena.close()


def complaints(ledger):
    return [error.message for error in loader.load_string(ledger, dedent=False)[1]]


def one_cent_more(ledger):
    changed = re.sub(r"(balance Assets:\S+:Cash  )(\d+)\.\d\d", r"\g<1>\g<2>.99", ledger, count=1)
    assert changed != ledger
    return changed


def test_beancount_accepts_the_books_of_the_demo(tmp_path):
    settings = load_settings(PROJECT / "arena.toml", home=tmp_path / "home")
    arena = Arena(settings, open_store(settings), clock=lambda: datetime(2025, 12, 1, 12, tzinfo=UTC))
    start = settings.arena.start
    days = arena.calendar.days(start, date(start.year + 1, start.month, 1))[:DEMO_DAYS]
    ledger = exported(arena, days)
    assert ledger.count("balance Assets:") > len(settings.models)
    assert complaints(ledger) == []
    assert complaints(one_cent_more(ledger))


def test_beancount_accepts_the_books_of_a_recorded_year(tmp_path, recorded_data):
    bars = recorded_data / "xetra_daily_2010_2019"
    symbols = ", ".join(f'"{path.stem}"' for path in sorted(bars.glob("*.csv")))
    (tmp_path / "arena.toml").write_text(
        f'[arena]\nstart = "{FIRST}"\n[universe]\nsymbols = [{symbols}]\n'
        f'[prices]\nsource = "files"\npath = "{bars}"\nbenchmark_path = "{recorded_data / "dax_index"}"\n'
        '[news]\nsource = "none"\n'
        + "".join(
            f'[[models]]\nid = "{name.replace("_", "-")}"\nkind = "baseline"\nstrategy = "{name}"\n'
            for name in STRATEGIES
        ),
        encoding="utf-8",
    )
    settings = load_settings(tmp_path / "arena.toml", home=tmp_path / "home")
    arena = Arena(settings, open_store(settings))
    ledger = exported(arena, arena.calendar.days(FIRST, LAST))
    assert complaints(ledger) == []
    assert complaints(one_cent_more(ledger))
