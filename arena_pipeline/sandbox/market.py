"""The simulated market: real symbols, the real calendar, fictional prices, all from one seed.

A value depends on (seed, symbol, date) and nothing else: the same seed gives the same world on every run,
whatever was asked before, for however long a range and for whichever list of symbols. Prices are adjusted
for splits, past and future, as Yahoo's are after the last of them; so a split never shows in them.
What the numbers follow is in `returns.py` (days), `paths.py` (15-minute bars) and `events.py` (the signal).
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np

from arena_pipeline.errors import NotCovered
from arena_pipeline.market.calendar import TradingCalendar
from arena_pipeline.market.universe import Company, companies, dax40
from arena_pipeline.sandbox.events import Event, events_of_year
from arena_pipeline.sandbox.paths import Bars, BarYear, bar_year, bars_through, joined, path
from arena_pipeline.sandbox.returns import (
    EPOCH,
    MARKET_VOLATILITY,
    SECTOR_VOLATILITY,
    FactorYear,
    Floats,
    ShareYear,
    YearGrid,
    factor_year,
    generator,
    share_year,
    traits,
    year_grid,
)

BENCHMARK_START = 10_000.0
BENCHMARK_VOLUME = math.log(60_000_000)
KEPT_BAR_YEARS = 96
"""Years of 15-minute bars kept in memory, one per symbol, about 0.4 MB each."""


@dataclass(frozen=True, slots=True)
class Dividend:
    """Paid per share, in cents, adjusted for splits; the price drops by it at the open of `ex_date`."""

    symbol: str
    ex_date: date
    cents: int


@dataclass(frozen=True, slots=True)
class Split:
    """New shares for one old, from the open of `ex_date`."""

    symbol: str
    ex_date: date
    ratio: Fraction


class SandboxMarket:
    """A seeded market of `symbols` with a benchmark. Safe to share between threads.

    The benchmark is the equal-weighted index of the returns of all shipped DAX shares, dividends included
    (as the DAX is a performance index), whichever symbols are chosen. Unknown symbols raise NotCovered.
    """

    def __init__(
        self, seed: int, symbols: tuple[str, ...], benchmark: str, calendar: TradingCalendar
    ) -> None:
        self.seed = seed
        self.symbols = symbols
        self.benchmark = benchmark
        self.calendar = calendar
        self._companies = {**dax40(), **companies(symbols)}
        self._lock = threading.RLock()
        self._grids: dict[int, YearGrid] = {}
        self._factors: dict[tuple[str, int], FactorYear] = {}
        self._shares: dict[tuple[str, int], ShareYear] = {}
        self._levels: dict[int, Floats] = {}
        self._daily: dict[tuple[str, int], Bars] = {}
        self._bar_years: OrderedDict[tuple[str, int], BarYear] = OrderedDict()

    def covers(self, symbol: str) -> bool:
        return symbol in self.symbols or symbol == self.benchmark

    def company(self, symbol: str) -> Company:
        """Name, sector and aliases of a share; the benchmark has none."""
        return self._companies[symbol]

    def daily(self, symbol: str, first: date, last: date) -> Bars:
        """Daily bars from `first` to `last`, both included; none before EPOCH."""

        def of_year(grid: YearGrid, rows: slice) -> Bars:
            bars = self._daily_of(symbol, grid)
            return Bars(*(getattr(bars, name)[rows] for name in Bars.__slots__))

        return self._stretch(symbol, first, last, of_year)

    def intraday(self, symbol: str, first: date, last: date) -> Bars:
        """15-minute bars of the days from `first` to `last`, both included; none before EPOCH."""
        return self._stretch(
            symbol, first, last, lambda grid, rows: self._bar_year(symbol, grid).intraday(grid, rows)
        )

    def dividends(self, symbol: str, first: date, last: date) -> list[Dividend]:
        return [
            Dividend(symbol, grid.days[index], amount)
            for grid, year in self._share_years(symbol, first, last)
            for index, amount in year.dividends.items()
            if first <= grid.days[index] <= last
        ]

    def splits(self, symbol: str, first: date, last: date) -> list[Split]:
        return [
            Split(symbol, grid.days[index], Fraction(ratio))
            for grid, year in self._share_years(symbol, first, last)
            for index, ratio in year.splits.items()
            if first <= grid.days[index] <= last
        ]

    def events(self, symbol: str, first: date, last: date) -> list[Event]:
        """Events whose `day` lies between `first` and `last`, in order of it; the benchmark has none."""
        return [
            event
            for grid, year in self._share_years(symbol, first, last)
            for event in events_of_year(
                symbol, grid.days, grid.closes, year.draws, year.total, year.own.volatility
            )
            if first <= event.day <= last
        ]

    def _stretch(
        self, symbol: str, first: date, last: date, of_year: Callable[[YearGrid, slice], Bars]
    ) -> Bars:
        self._require(symbol)
        parts = []
        with self._lock:
            for grid in self._grids_between(first, last):
                rows = [index for index, day in enumerate(grid.days) if first <= day <= last]
                if rows:
                    parts.append(of_year(grid, slice(rows[0], rows[-1] + 1)))
        return joined(parts)

    def _require(self, symbol: str) -> None:
        if not self.covers(symbol):
            raise NotCovered(f"the sandbox market has no {symbol}", remedy="add it to universe.symbols")

    def _share_years(self, symbol: str, first: date, last: date) -> list[tuple[YearGrid, ShareYear]]:
        self._require(symbol)
        if symbol == self.benchmark:
            return []
        with self._lock:
            return [(grid, self._share(symbol, grid.year)) for grid in self._grids_between(first, last)]

    def _grids_between(self, first: date, last: date) -> list[YearGrid]:
        return [self._grid(year) for year in range(max(first, EPOCH).year, last.year + 1)]

    def _grid(self, year: int) -> YearGrid:
        if year not in self._grids:
            self._grids[year] = year_grid(self.calendar, year)
        return self._grids[year]

    def _factor(self, name: str, year: int, volatility: float) -> FactorYear:
        for each in range(EPOCH.year, year + 1):
            if (name, each) not in self._factors:
                self._factors[name, each] = factor_year(
                    generator(self.seed, "factor", name, each),
                    self._grid(each).size,
                    volatility,
                    self._factors.get((name, each - 1)),
                )
        return self._factors[name, year]

    def _share(self, symbol: str, year: int) -> ShareYear:
        company = self._companies[symbol]
        for each in range(EPOCH.year, year + 1):
            if (symbol, each) not in self._shares:
                self._shares[symbol, each] = share_year(
                    self.seed,
                    company,
                    self._grid(each),
                    self._factor("market", each, MARKET_VOLATILITY).moves,
                    self._factor(f"sector {company.sector}", each, SECTOR_VOLATILITY).moves,
                    self._shares.get((symbol, each - 1)),
                )
        return self._shares[symbol, year]

    def _daily_of(self, symbol: str, grid: YearGrid) -> Bars:
        key = symbol, grid.year
        if key not in self._daily:
            self._daily[key] = self._bar_year(symbol, grid).daily(grid)
        return self._daily[key]

    def _bar_year(self, symbol: str, grid: YearGrid) -> BarYear:
        key = symbol, grid.year
        if key not in self._bar_years:
            if symbol == self.benchmark:
                built = self._benchmark_year(grid)
            else:
                share = self._share(symbol, grid.year)
                built = bar_year(self.seed, symbol, grid, share, traits(self.seed, symbol).usual_volume)
            self._bar_years[key] = built
            while len(self._bar_years) > KEPT_BAR_YEARS:
                self._bar_years.popitem(last=False)
        self._bar_years.move_to_end(key)
        return self._bar_years[key]

    def _benchmark_closes(self, year: int) -> Floats:
        """Closing levels of the benchmark, the year's first value preceded by the close before it."""
        for each in range(EPOCH.year, year + 1):
            if each not in self._levels:
                before = self._levels[each - 1][-1] if each - 1 in self._levels else BENCHMARK_START
                moves = np.mean([np.exp(self._share(symbol, each).total) for symbol in dax40()], axis=0)
                self._levels[each] = before * np.concatenate([[1.0], np.cumprod(moves)])
        return self._levels[year]

    def _benchmark_year(self, grid: YearGrid) -> BarYear:
        closes = self._benchmark_closes(grid.year)
        inner = np.mean(
            [np.exp(path(self.seed, symbol, grid, self._share(symbol, grid.year))) for symbol in dax40()],
            axis=0,
        )
        return bars_through(
            generator(self.seed, "bars", "the benchmark", grid.year),
            closes[:-1, None] * inner,
            grid,
            self._factor("market", grid.year, MARKET_VOLATILITY).volatility,
            np.diff(np.log(closes)),
            BENCHMARK_VOLUME,
        )
