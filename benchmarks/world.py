"""The same small world for every benchmark: simulated daily bars in files, baselines, no news, no models."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.market.universe import dax40
from arena_pipeline.sandbox.market import SandboxMarket
from arena_pipeline.settings import Settings, load_settings

SYMBOLS = tuple(sorted(dax40()))[:19]
BENCHMARK = "^GDAXI"
START, END = date(2025, 1, 2), date(2025, 3, 31)
HISTORY_FROM = date(2023, 1, 2)
STRATEGIES = ("cash", "equal_weight", "momentum", "random")


def write_world(folder: Path) -> Settings:
    """Bars of two years as CSV files and an arena.toml beside them; returns its settings."""
    market = SandboxMarket(1, SYMBOLS, BENCHMARK, trading_calendar())
    (folder / "bars").mkdir(parents=True)
    for symbol in SYMBOLS:
        _write_bars(market, symbol, folder / "bars" / f"{symbol}.csv")
    _write_bars(market, BENCHMARK, folder / f"{BENCHMARK}.csv")
    models = "".join(
        f'[[models]]\nid = "{name.replace("_", "-")}"\nkind = "baseline"\nstrategy = "{name}"\n'
        for name in STRATEGIES
    )
    symbols = ", ".join(f'"{symbol}"' for symbol in SYMBOLS)
    (folder / "arena.toml").write_text(
        f'[arena]\nstart = "{START}"\n[universe]\nsymbols = [{symbols}]\n'
        f'[prices]\nsource = "files"\npath = "bars"\nbenchmark_path = "{BENCHMARK}.csv"\n'
        f'[news]\nsource = "none"\n{models}',
        encoding="utf-8",
    )
    return load_settings(folder / "arena.toml", home=folder / "home")


def clock() -> datetime:
    """A fixed time after the world's last day."""
    return datetime(2025, 6, 1, tzinfo=UTC)


def _write_bars(market: SandboxMarket, symbol: str, path: Path) -> None:
    bars = market.daily(symbol, HISTORY_FROM, END)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"])
        for index in range(len(bars)):
            day = datetime.fromtimestamp(int(bars.starts[index]), UTC).date()
            prices = [
                f"{int(column[index]) / 100:.2f}" for column in (bars.open, bars.high, bars.low, bars.close)
            ]
            writer.writerow([day, *prices, prices[-1], int(bars.volume[index])])
