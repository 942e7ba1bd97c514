"""What a replay shows of a model's book: holdings, marks, snapshots, and the market day it is made from.

Nothing here changes: the arithmetic is in `account.py`, the order of events in `replay.py`. Amounts are
integer cents. Two identities hold in every snapshot:

    cash + receivable + cost of holdings = starting cash + realised - fees + dividends
    net asset value = starting cash + realised + unrealised - fees + dividends
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.trading.corporate_actions import CorporateAction
from arena_pipeline.trading.money import notional_cents
from arena_pipeline.trading.orders import Fill, Order, Rejection, Side

TICKS = Decimal(10_000)
"""Ten-thousandths of a unit of the currency: prices are integers of them wherever speed counts."""


class Holding(NamedTuple):
    """Shares of one symbol. `cost_cents` and `buy_fees_cents` are totals over `quantity`, and
    `opened_by` is the id of the order that opened the holding."""

    quantity: int
    cost_cents: int
    buy_fees_cents: int
    opened_by: str


@dataclass(frozen=True, slots=True)
class Book:
    """Everything one model owns and owes. `receivable_cents` are dividends past their ex-date and not
    yet paid; `realised_cents` is gross of fees; `fees_cents` and `dividends_cents` are totals to date,
    dividends net of the tax withheld."""

    cash_cents: int
    receivable_cents: int
    holdings: Mapping[str, Holding]
    open_orders: tuple[Order, ...]
    fees_cents: int
    realised_cents: int
    dividends_cents: int
    starting_cash_cents: int

    @classmethod
    def opening(cls, starting_cash_cents: int) -> Book:
        """A book with nothing but cash."""
        return cls(starting_cash_cents, 0, {}, (), 0, 0, 0, starting_cash_cents)

    def quantity(self, symbol: str) -> int:
        holding = self.holdings.get(symbol)
        return holding.quantity if holding else 0


def ticks_of(price: Decimal) -> int:
    """A price to four decimals as an integer number of ten-thousandths."""
    return int(price * TICKS)


def price_of(ticks: int) -> Decimal:
    """Ten-thousandths as a price with four decimals."""
    return Decimal(ticks).scaleb(-4)


@dataclass(slots=True)
class Tape:
    """What a market day leaves, without its stale bars, by symbol: the `bars` to trade at; the bar a holding
    is marked at (`marks`: its close, else its last bar) and that price in ten-thousandths (`ticks`); the
    symbols whose mark is `provisional`, because it is not the official close, the daily bar of the day."""

    bars: dict[str, tuple[Bar, ...]]
    marks: dict[str, Bar]
    ticks: dict[str, int]
    provisional: Set[str]
    _complete_after: dict[str, Bar] | None = field(default=None, compare=False, repr=False)

    @property
    def official(self) -> Set[str]:
        return self.marks.keys() - self.provisional

    def after(self, earlier: Tape) -> Tape:
        """With the last known price of what this day does not mark. Nearly always that is nothing, which is
        found out once for all books."""
        if earlier.marks is not self._complete_after:
            missing = earlier.marks.keys() - self.marks.keys()
            if missing:
                return Tape(
                    self.bars,
                    earlier.marks | self.marks,
                    earlier.ticks | self.ticks,
                    self.provisional | missing,
                )
            self._complete_after = earlier.marks
        return self


@dataclass(frozen=True)
class MarketDay:
    """One trading day of the market, as far as it is known.

    `bars` are what orders may fill at, per symbol in the order of time: 15-minute bars where there are
    any, else the one daily bar. `closes` is the bar a holding is marked at. `actions` go ex on this day
    (or went ex since the last trading day). Opening and closing in UTC. Prices have four decimals.
    """

    day: date
    opens_at: datetime
    closes_at: datetime
    bars: Mapping[str, tuple[Bar, ...]]
    closes: Mapping[str, Bar]
    actions: tuple[CorporateAction, ...] = ()

    def seen(self, until: datetime) -> MarketDay:
        """The day with what was known before a moment, and nothing else."""
        known = {s: tuple(bar for bar in bars if bar.known_at < until) for s, bars in self.bars.items()}
        return replace(
            self,
            bars={symbol: bars for symbol, bars in known.items() if bars},
            closes={symbol: bar for symbol, bar in self.closes.items() if bar.known_at < until},
            actions=tuple(action for action in self.actions if action.known_at < until),
        )

    @cached_property
    def tape(self) -> Tape:
        """What the replay needs of every bar, worked out once for all books."""
        bars: dict[str, tuple[Bar, ...]] = {
            symbol: some for symbol, some in self.bars.items() if len(some) == 1 and not some[0].stale
        }
        if len(bars) < len(self.bars):
            fresh = ((symbol, tuple(b for b in some if not b.stale)) for symbol, some in self.bars.items())
            bars = {symbol: some for symbol, some in fresh if some}
        marks = {symbol: bar for symbol, bar in self.closes.items() if not bar.stale}
        if not bars.keys() <= marks.keys():
            marks = {symbol: some[-1] for symbol, some in bars.items()} | marks
        ticks: dict[str, int] = {}
        provisional: set[str] = set()
        day, daily = self.day, Interval.DAILY
        for symbol, bar in marks.items():
            ticks[symbol] = int(bar.close * TICKS)
            if bar.day != day or bar.interval is not daily:
                provisional.add(symbol)
        return Tape(bars, marks, ticks, provisional)

    def adjustment(self, symbol: str) -> Adjustment | None:
        bar = next(iter(self.bars.get(symbol, ())), None) or self.closes.get(symbol)
        return bar.adjustment if bar is not None else None


class HoldingMark(NamedTuple):
    """A holding at its price. `provisional`: the price is not the official close of the day, because
    that is not known, missing or stale; the last known one stands in for it."""

    symbol: str
    quantity: int
    cost_cents: int
    price: Decimal
    bar_id: str
    value_cents: int
    provisional: bool


class Snapshot(NamedTuple):
    """A model's book at the end of a trading day; `provisional` when any mark is. `tape` has the last known
    prices and where they are from, also of what is not held."""

    model: str
    day: date
    cash_cents: int
    receivable_cents: int
    nav_cents: int
    fees_cents: int
    realised_cents: int
    dividends_cents: int
    provisional: bool
    quantities: Mapping[str, int]
    costs: Mapping[str, int]
    tape: Tape

    @property
    def marks(self) -> tuple[HoldingMark, ...]:
        """The holdings at their prices, by symbol."""
        tape = self.tape
        return tuple(
            HoldingMark(
                symbol,
                quantity,
                self.costs[symbol],
                price_of(tape.ticks[symbol]),
                tape.marks[symbol].id,
                (quantity * tape.ticks[symbol] + 50) // 100,
                symbol in tape.provisional,
            )
            for symbol, quantity in sorted(self.quantities.items())
        )


class PositionMark(NamedTuple):
    """A holding at the close of one 15-minute bar; `at` is the end of the bar, UTC."""

    model: str
    symbol: str
    at: datetime
    quantity: int
    price: Decimal
    value_cents: int
    bar_id: str


class PostingKind(enum.StrEnum):
    """What a corporate action posts: the shares of a split, the right to a dividend, its payment."""

    SPLIT = "split"
    ACCRUAL = "accrual"
    PAYMENT = "payment"


class Posting(NamedTuple):
    """What a corporate action did to a book. `quantity` is held after a split, or entitled to a dividend;
    `cents` is cash in lieu, the gross dividend or the payment; `cost_cents` the cost that went with a
    fraction of a share; `tax_cents` what was withheld of a dividend."""

    kind: PostingKind
    action_id: str
    symbol: str
    day: date
    quantity: int
    cents: int
    cost_cents: int
    tax_cents: int


class DayResult(NamedTuple):
    """What one trading day made of a model's book. Fills and rejections in the order they happened;
    `before` is how many shares were held when trading began, after corporate actions."""

    fills: tuple[Fill, ...]
    rejections: tuple[Rejection, ...]
    postings: tuple[Posting, ...]
    snapshot: Snapshot
    before: Mapping[str, int]
    market: MarketDay

    @property
    def position_marks(self) -> tuple[PositionMark, ...]:
        """One per 15-minute bar and symbol held after the fills of that bar, by symbol and time."""
        return tuple(self._position_marks())

    def _position_marks(self) -> Iterator[PositionMark]:
        held = self.before.keys() | {fill.symbol for fill in self.fills}
        for symbol in sorted(held):
            bars = self.market.tape.bars.get(symbol, ())
            if not bars or bars[0].interval is Interval.DAILY:
                continue
            traded = [fill for fill in self.fills if fill.symbol == symbol]
            start = self.before.get(symbol, 0)
            for bar in bars:
                quantity = start + sum(
                    fill.quantity if fill.side is Side.BUY else -fill.quantity
                    for fill in traded
                    if fill.filled_at <= bar.start
                )
                if quantity:
                    value = notional_cents(bar.close, quantity)
                    yield PositionMark(
                        self.snapshot.model, symbol, bar.end, quantity, bar.close, value, bar.id
                    )
