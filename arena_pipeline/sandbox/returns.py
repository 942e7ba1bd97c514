"""Daily returns of the simulated market: factors, volatility clusters, dividends, splits, one year at a time.

A share's daily log return is

    growth + beta * market factor + gamma * sector factor + own noise + event drift - pull * (level - anchor)

Each factor and each share's own noise is a GARCH(1,1) process (Bollerslev, 1986,
https://doi.org/10.1016/0304-4076(86)90063-1) with Student-t innovations. Every (seed, name, year) has its
own generator and years are built in order, so neither a longer range nor another list of symbols changes
a value. The streams are numpy's PCG64; they are the same on every machine with the same numpy.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from arena_pipeline.market.calendar import TradingCalendar
from arena_pipeline.market.universe import Company
from arena_pipeline.sandbox.events import EventDraws, draw_events, event_drift

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EPOCH = date(2012, 1, 2)
"""The first simulated trading day."""
BAR_SECONDS = 900

START_PRICE = (10.0, 600.0)
GROWTH_PER_DAY = 0.04 / 252
ANCHOR_GROWTH_PER_DAY = 0.015 / 252
PULL = 0.001
LARGEST_DAILY_RETURN = 0.18

MARKET_VOLATILITY = 0.009
SECTOR_VOLATILITY = 0.006
OWN_VOLATILITY = (0.009, 0.018)
BETA = (0.7, 1.3)
GAMMA = (0.6, 1.2)
GARCH_ALPHA, GARCH_BETA = 0.08, 0.90
TAIL_DEGREES = 5
VARIANCE_BOUNDS = (0.25, 9.0)
"""Of a process's variance, as multiples of its long-run value."""

DIVIDEND_YIELD = (0.01, 0.04)
EX_DAY_OF_YEAR = (70, 120)
"""Counted in trading days; a share keeps its day from year to year, give or take three."""
SPLIT_CHANCE_PER_YEAR = 0.02
SPLIT_RATIOS = (2, 3, 4)


def generator(seed: int, *parts: object) -> np.random.Generator:
    """The generator that belongs to `parts`, independent of every other."""
    text = "|".join(str(part) for part in (seed, *parts))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


@dataclass(frozen=True, slots=True, eq=False)
class YearGrid:
    """The trading days of one year: opening and closing in unix seconds, and 15-minute bars in each day."""

    year: int
    days: list[date]
    opens: Ints
    closes: Ints
    bars: Ints

    @property
    def size(self) -> int:
        return len(self.days)


def year_grid(calendar: TradingCalendar, year: int) -> YearGrid:
    """The grid of one year. Opening hours that are no multiple of 15 minutes lose the rest."""
    days = calendar.days(max(EPOCH, date(year, 1, 1)), date(year, 12, 31))
    hours = [calendar.hours(day) for day in days]
    opens = np.array([int(span.opens_at.timestamp()) for span in hours], dtype=np.int64)
    closes = np.array([int(span.closes_at.timestamp()) for span in hours], dtype=np.int64)
    return YearGrid(year, days, opens, closes, (closes - opens) // BAR_SECONDS)


@dataclass(frozen=True, slots=True, eq=False)
class FactorYear:
    """One year of a GARCH process: its moves, their volatility beforehand, and the variance carried on."""

    moves: Floats
    volatility: Floats
    variance_after: float


def factor_year(
    random: np.random.Generator, size: int, volatility: float, before: FactorYear | None
) -> FactorYear:
    """The next `size` moves of a process with this long-run daily volatility."""
    long_run = volatility**2
    shocks = random.standard_t(TAIL_DEGREES, size) * math.sqrt((TAIL_DEGREES - 2) / TAIL_DEGREES)
    variance = before.variance_after if before else long_run
    base = long_run * (1 - GARCH_ALPHA - GARCH_BETA)
    lowest, highest = (long_run * bound for bound in VARIANCE_BOUNDS)
    moves, volatilities = [], []
    for shock in shocks.tolist():
        spread = math.sqrt(variance)
        move = spread * shock
        moves.append(move)
        volatilities.append(spread)
        variance = min(max(base + GARCH_ALPHA * move * move + GARCH_BETA * variance, lowest), highest)
    return FactorYear(np.array(moves), np.array(volatilities), variance)


@dataclass(frozen=True, slots=True)
class Traits:
    """What is fixed about one share, drawn once from its symbol."""

    start_price: float
    beta: float
    gamma: float
    volatility: float
    dividend_yield: float
    ex_day: int
    usual_volume: float
    """Logarithm of the shares traded on a usual day."""


def traits(seed: int, symbol: str) -> Traits:
    random = generator(seed, "traits", symbol)
    low, high = START_PRICE
    return Traits(
        start_price=float(low * (high / low) ** random.random()),
        beta=float(random.uniform(*BETA)),
        gamma=float(random.uniform(*GAMMA)),
        volatility=float(random.uniform(*OWN_VOLATILITY)),
        dividend_yield=float(random.uniform(0.015, 0.035)),
        ex_day=int(random.integers(*EX_DAY_OF_YEAR)),
        usual_volume=float(random.uniform(11.5, 15.0)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class ShareYear:
    """One year of one share. Logarithms unless the name says cents.

    `total` is the day's return with the dividend added back, `before` and `level` the previous and the
    day's own closing price, `gap` the overnight part of `total`, `drop` the fall on the ex-date.
    `dividends` (cents per share) and `splits` (new shares for one old) are by index of the day.
    """

    own: FactorYear
    total: Floats
    before: Floats
    level: Floats
    gap: Floats
    drop: Floats
    draws: EventDraws
    dividends: dict[int, int]
    splits: dict[int, int]


GAP_SHARE = 0.3
"""Of the day's return without the event drift, which comes in trading hours only."""
GAP_NOISE = 0.25


def share_year(
    seed: int, company: Company, grid: YearGrid, market: Floats, sector: Floats, before: ShareYear | None
) -> ShareYear:
    """The year after `before` (None: the first) of one share, in the given factor moves."""
    symbol, size = company.symbol, grid.size
    fixed = traits(seed, symbol)
    random = generator(seed, "share", symbol, grid.year)
    own = factor_year(random, size, fixed.volatility, before.own if before else None)
    draws = draw_events(generator(seed, "events", symbol, grid.year), size)
    drift = event_drift(draws, before.draws if before else None)
    moves = GROWTH_PER_DAY + fixed.beta * market + fixed.gamma * sector + own.moves

    calm = generator(seed, "actions", symbol, grid.year)
    ex_day = fixed.ex_day + int(calm.integers(-3, 4))
    rate = min(
        max(fixed.dividend_yield * float(calm.uniform(0.85, 1.15)), DIVIDEND_YIELD[0]), DIVIDEND_YIELD[1]
    )
    splits = {}
    if calm.random() < SPLIT_CHANCE_PER_YEAR:
        splits[int(calm.integers(150, 240))] = int(calm.choice(SPLIT_RATIOS))

    anchor = math.log(fixed.start_price)
    level = float(before.level[-1]) if before else anchor
    first = (grid.days[0] - EPOCH).days * 252 / 365.25
    dividends: dict[int, int] = {}
    totals, befores, levels, drops = [], [], [], []
    for index, (move, extra) in enumerate(zip(moves.tolist(), drift.tolist(), strict=True)):
        pulled = PULL * (level - anchor - ANCHOR_GROWTH_PER_DAY * (first + index))
        total = min(max(move + extra - pulled, -LARGEST_DAILY_RETURN), LARGEST_DAILY_RETURN)
        drop = 0.0
        if index == ex_day:
            close_cents = max(round(math.exp(level) * 100), 2)
            dividends[index] = max(round(close_cents * rate), 1)
            drop = math.log1p(-dividends[index] / close_cents)
        befores.append(level)
        level += total + drop
        totals.append(total)
        levels.append(level)
        drops.append(drop)
    total_returns = np.array(totals)
    noise = generator(seed, "gap", symbol, grid.year).standard_normal(size)
    gap = GAP_SHARE * (total_returns - drift) + GAP_NOISE * own.volatility * noise
    return ShareYear(
        own,
        total_returns,
        np.array(befores),
        np.array(levels),
        gap,
        np.array(drops),
        draws,
        dividends,
        splits,
    )
