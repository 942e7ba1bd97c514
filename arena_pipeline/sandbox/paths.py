"""From a day's return to its 15-minute bars: a Brownian bridge between opening and close.

Prices are integer cents, so that a daily bar is exactly the aggregate of its 15-minute bars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena_pipeline.sandbox.returns import BAR_SECONDS, Floats, Ints, ShareYear, YearGrid, generator

BRIDGE_VOLATILITY = 0.8
"""Of the share's daily volatility, spent inside trading hours around the line from open to close."""
WICK = 0.6
"""Longest wick of a bar beyond its open and close, as a share of a bar's volatility."""
OPENING_RUSH = 2.0
"""How much more is traded and moved at the edges of the day than in its middle."""


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Bars in time order: start and end in unix seconds UTC, prices in cents, volume in shares."""

    starts: Ints
    ends: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints

    def __len__(self) -> int:
        return len(self.starts)

    def select(self, chosen: NDArray[np.bool_]) -> Bars:
        return Bars(*(getattr(self, name)[chosen] for name in self.__slots__))


def joined(parts: list[Bars]) -> Bars:
    """Several stretches of bars, earliest first, as one."""
    if not parts:
        return Bars(*(np.zeros(0, dtype=np.int64) for _ in Bars.__slots__))
    return Bars(*(np.concatenate([getattr(part, name) for part in parts]) for name in Bars.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class BarYear:
    """One year of 15-minute bars, one row per day; cells after an early close are outside `inside`."""

    inside: NDArray[np.bool_]
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints

    def daily(self, grid: YearGrid) -> Bars:
        rows = np.arange(grid.size)
        highest = np.where(self.inside, self.high, 0).max(axis=1)
        lowest = np.where(self.inside, self.low, np.iinfo(np.int64).max).min(axis=1)
        volume = np.where(self.inside, self.volume, 0).sum(axis=1)
        last = self.close[rows, grid.bars - 1]
        return Bars(grid.opens, grid.closes, self.open[:, 0], highest, lowest, last, volume)

    def intraday(self, grid: YearGrid, rows: slice) -> Bars:
        inside = self.inside[rows]
        starts = grid.opens[rows, None] + BAR_SECONDS * np.arange(inside.shape[1])
        fields = (self.open, self.high, self.low, self.close, self.volume)
        return Bars(starts[inside], starts[inside] + BAR_SECONDS, *(field[rows][inside] for field in fields))


def cents(price: Floats) -> Ints:
    """Prices in currency units as integer cents, at least one."""
    return np.maximum(np.rint(price * 100), 1).astype(np.int64)


def day_shape(bars: int) -> Floats:
    """Activity of each bar of a day, U-shaped, with mean 1."""
    middle = np.abs(np.linspace(-1, 1, bars)) ** 2
    shape: Floats = 1 + (OPENING_RUSH - 1) * middle
    shape /= shape.mean()
    return shape


def path(seed: int, symbol: str, grid: YearGrid, year: ShareYear) -> Floats:
    """Log return since the previous close, dividend added back, at the open and after each bar of a day.

    Shape (days, bars + 1); after an early close the last value stays.
    """
    bars = int(grid.bars.max())
    steps = np.arange(1, bars + 1)
    inside = steps <= grid.bars[:, None]
    noise = generator(seed, "path", symbol, grid.year).standard_normal((grid.size, bars))
    spread = BRIDGE_VOLATILITY * year.own.volatility / np.sqrt(grid.bars)
    walk = np.cumsum(noise * day_shape(bars) * inside * spread[:, None], axis=1)
    done = np.minimum(steps / grid.bars[:, None], 1.0)
    body = walk - done * walk[:, -1:] + done * (year.total - year.gap)[:, None]
    return np.concatenate([year.gap[:, None], year.gap[:, None] + body], axis=1)


def volumes(random: np.random.Generator, usual: float, liveliness: Floats, bars: int) -> Ints:
    """Shares traded in each bar. `usual`: logarithm of a day's volume; `liveliness`: a factor by day."""
    busy = np.exp(usual + 0.25 * random.standard_normal(len(liveliness))) * (0.7 + 0.3 * liveliness)
    share = day_shape(bars) / bars * (0.5 + random.random((len(liveliness), bars), dtype=np.float32))
    return np.maximum(busy[:, None] * share, 1).astype(np.int64)


def bar_year(seed: int, symbol: str, grid: YearGrid, year: ShareYear, usual_volume: float) -> BarYear:
    """The 15-minute bars of one share's year."""
    marks = np.exp((year.before + year.drop)[:, None] + path(seed, symbol, grid, year))
    return bars_through(
        generator(seed, "bars", symbol, grid.year), marks, grid, year.own.volatility, year.total, usual_volume
    )


def bars_through(
    random: np.random.Generator,
    marks: Floats,
    grid: YearGrid,
    volatility: Floats,
    total: Floats,
    usual: float,
) -> BarYear:
    """Bars through the prices `marks` (days, bars + 1), with wicks and volume; lively days trade more."""
    bars = marks.shape[1] - 1
    inside = np.arange(bars) < grid.bars[:, None]
    volume = volumes(random, usual, np.abs(total) / volatility, bars)
    reach = (WICK * volatility / np.sqrt(grid.bars))[:, None]
    wicks = random.random((2, grid.size, bars), dtype=np.float32)
    opens, closes = marks[:, :-1], marks[:, 1:]
    high = np.maximum(opens, closes) * (1 + reach * wicks[0])
    low = np.minimum(opens, closes) * (1 - reach * wicks[1])
    return BarYear(inside, cents(opens), cents(high), cents(low), cents(closes), volume)
