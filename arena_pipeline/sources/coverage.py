"""Whether a folder of price files has something of every symbol: asked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from arena_pipeline.errors import ConfigError, DataError
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.settings import Settings
from arena_pipeline.sources.files import SUFFIXES, FilePrices
from arena_pipeline.sources.recorder import MemoryRecorder


def require_prices(settings: Settings) -> None:
    """Raises ConfigError where `prices.source` is files and a symbol or the benchmark has none, or a folder
    holds no prices at all. Other sources are asked when they are read."""
    prices = settings.prices
    if prices.source != "files" or prices.path is None or prices.benchmark_path is None:
        return
    for key, path in (("path", prices.path), ("benchmark_path", prices.benchmark_path)):
        if path.is_dir() and not any(file.suffix.lower() in SUFFIXES for file in path.iterdir()):
            raise ConfigError(
                f"{settings.file}: prices.{key} = {str(path)!r} holds no {' or '.join(SUFFIXES)} file",
                remedy="put files such as SAP.DE.csv there, or name another folder",
            )
    source = FilePrices(
        prices.path,
        prices.benchmark_path,
        benchmark=settings.universe.benchmark,
        symbols=settings.universe.symbols,
        adjustment=prices.adjustment,
        calendar=trading_calendar(settings.arena.market),
        max_jump=prices.max_jump,
        recorder=MemoryRecorder(),
        clock=lambda: datetime.now(UTC),
    )
    try:
        unknown = source.uncovered()
    except DataError as error:
        raise ConfigError(f"{settings.file}: [prices] {error}") from None
    if unknown:
        raise unknown_symbols(settings, unknown)


def unknown_symbols(settings: Settings, unknown: Sequence[str]) -> ConfigError:
    """The refusal of an arena over files that have nothing of some symbols."""
    places = []
    benchmark = settings.universe.benchmark
    shares = [symbol for symbol in unknown if symbol != benchmark]
    if shares:
        places.append(f"prices.path = {str(settings.prices.path)!r} has no prices of {', '.join(shares)}")
    if benchmark in unknown:
        where = settings.prices.benchmark_path
        places.append(f"prices.benchmark_path = {str(where)!r} has no prices of the benchmark {benchmark}")
    return ConfigError(
        f"{settings.file}: {'; '.join(places)}",
        remedy="add a file named like SAP.DE.csv or rows with that symbol, or correct [universe]",
    )
