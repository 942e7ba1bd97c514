"""A year of recorded prices, all 19 shares: what the arena says must be what the files say."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal

import dagster as dg
import pytest

from arena_pipeline.assets.graph import (
    BOARD_STEPS,
    BOOK_STEPS,
    DAY_STEPS,
    DECISION_STEPS,
    SESSION_STEPS,
    names,
)
from arena_pipeline.assets.resource import open_arena
from arena_pipeline.backfill import Backfill
from arena_pipeline.definitions import build
from arena_pipeline.instance import open_instance
from arena_pipeline.settings import load_settings
from arena_pipeline.verify import verify
from arena_pipeline.warehouse.listings import trades
from arena_pipeline.warehouse.views import board

pytestmark = pytest.mark.slow

FIRST, LAST = date(2018, 1, 2), date(2018, 12, 28)
FEE = Decimal("5.00")


def index_rows(folder):
    """Day -> (open, close) of the recorded DAX index, read without any code of ours."""
    (file,) = (folder / "dax_index").glob("*.csv")
    with file.open(encoding="utf-8-sig", newline="") as text:
        for row in csv.DictReader(text):
            month, day, year = (int(part) for part in row["Date"].split("/"))
            yield (
                date(year, month, day),
                Decimal(row["Open"].replace(",", "")),
                Decimal(row["Price"].replace(",", "")),
            )


@pytest.fixture(scope="module")
def year(recorded_data, tmp_path_factory):
    """The arena after the backfill of 2018, with its Dagster instance."""
    folder = tmp_path_factory.mktemp("year")
    bars = recorded_data / "xetra_daily_2010_2019"
    symbols = ", ".join(f'"{path.stem}"' for path in sorted(bars.glob("*.csv")))
    (folder / "arena.toml").write_text(
        f'[arena]\nstart = "{FIRST}"\n[universe]\nsymbols = [{symbols}]\n'
        f'[prices]\nsource = "files"\npath = "{bars}"\nbenchmark_path = "{recorded_data / "dax_index"}"\n'
        '[news]\nsource = "none"\n'
        '[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n'
        '[[models]]\nid = "hold"\nkind = "baseline"\nstrategy = "benchmark"\n',
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        settings = load_settings(folder / "arena.toml", home=folder / "home")
        arena = open_arena(str(settings.file), str(settings.home))
        with open_instance(settings.home) as instance:
            Backfill(arena, build(settings), instance).run(FIRST, LAST)
            yield arena, instance
        arena.close()


def test_every_partition_of_every_asset_is_materialised(year):
    arena, instance = year
    days = len(arena.calendar.days(FIRST, LAST))
    sessions = len(arena.calendar.sessions(FIRST, LAST))
    expected = dict.fromkeys(names(DAY_STEPS + BOARD_STEPS), days)
    expected |= dict.fromkeys(names(SESSION_STEPS), sessions)
    expected |= dict.fromkeys(names(DECISION_STEPS), 2 * sessions)
    expected |= dict.fromkeys(names(BOOK_STEPS), 2 * days)
    found = {name: len(instance.get_materialized_partitions(dg.AssetKey(name))) for name in expected}
    assert found == expected


def test_every_invariant_holds(year):
    assert verify(year[0]) == []


def test_benchmark_hold_earns_what_the_index_file_says_to_the_cent(year, recorded_data):
    arena, _ = year
    prices = {day: (opened, closed) for day, opened, closed in index_rows(recorded_data)}
    (trade,) = trades(arena.store, simulated=False, model="hold")["trades"]
    assert Decimal(trade["price"]) == prices[FIRST][0]
    profit = (trade["quantity"] * (prices[LAST][1] - prices[FIRST][0])).quantize(Decimal("0.01")) - FEE
    row = next(row for row in board(arena.store, simulated=False)["models"] if row["model"] == "hold")
    assert Decimal(row["nav"]) - Decimal("100000.00") == profit


def test_bars_of_exchange_holidays_are_named(year):
    arena, _ = year
    rows = arena.store.rows("bar_findings", "kind = 'not_a_trading_day'")
    assert rows
    for row in rows:
        assert not arena.calendar.is_trading_day(row["day"])
        assert row["quarantined"]
        assert row["file"]
        assert row["line"] > 1
