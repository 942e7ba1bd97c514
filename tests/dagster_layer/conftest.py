"""The definitions of a small arena without sources: nothing here is materialised from outside."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from arena_pipeline.market.calendar import BERLIN, TradingCalendar, trading_calendar
from arena_pipeline.settings import Settings, load_settings

CONFIG = """
[arena]
start = "{start}"
[universe]
symbols = ["SAP.DE", "SIE.DE", "ALV.DE"]
[[models]]
id = "benchmark-hold"
kind = "baseline"
strategy = "benchmark"
[[models]]
id = "dice"
kind = "baseline"
strategy = "random"
"""


@pytest.fixture(scope="session")
def calendar() -> TradingCalendar:
    return trading_calendar("XETR")


@pytest.fixture(scope="session")
def make_settings(tmp_path_factory: pytest.TempPathFactory):
    def _make(start: str = "2025-01-02") -> Settings:
        folder: Path = tmp_path_factory.mktemp("arena")
        (folder / "arena.toml").write_text(CONFIG.format(start=start))
        return load_settings(folder / "arena.toml", home=folder / "home")

    return _make


@pytest.fixture(scope="session")
def settings(make_settings) -> Settings:
    return make_settings()


@pytest.fixture(scope="session")
def definitions(settings: Settings) -> dg.Definitions:
    from arena_pipeline.definitions import build

    return build(settings)


@pytest.fixture(scope="session")
def berlin():
    """A wall-clock time in Berlin: `berlin("2025-03-31 08:30")`."""

    def _at(text: str) -> datetime:
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=BERLIN)

    return _at
