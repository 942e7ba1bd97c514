"""The one engine: a model's orders folded over the trading days of the market.

Backfill, live ticks and the published snapshots are all this replay. Market orders only: an order is filled
at the opening of the first bar of its symbol that starts at or after its submission, all or nothing, with
cash and position checked there and then. A stale bar is no market: the order stays open. Within a day:

1. corporate actions, splits before dividends, then the dividends that are due;
2. the bars in the order of their start; at each, sells before buys, the oldest submission first;
3. marks at the day's closes.

Splits are applied to as-traded prices only and dividends to as-traded or split-adjusted ones (see
`Adjustment`), judged by the symbol's bar of that day or else by its last known one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from arena_pipeline.errors import LedgerError
from arena_pipeline.market.bars import Adjustment, Bar, Interval, price
from arena_pipeline.trading.book import (
    Book,
    DayResult,
    Execution,
    HoldingMark,
    MarketDay,
    PositionMark,
    Snapshot,
    rejection,
)
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction
from arena_pipeline.trading.money import notional_cents, to_cents
from arena_pipeline.trading.orders import Fill, Order, Rejection, RejectReason, Side


class _Known(NamedTuple):
    """The last price known of a symbol and the bar it came from."""

    price: Decimal
    bar_id: str
    adjustment: Adjustment


class _Day:
    """A market day as seen at `until` (None: all of it): stale bars and later knowledge are left out."""

    def __init__(self, day: MarketDay, until: datetime | None) -> None:
        self.market = day
        self.day = day.day
        self._until = until
        self._bars: dict[str, tuple[Bar, ...]] = {}

    def bars(self, symbol: str) -> tuple[Bar, ...]:
        bars = self._bars.get(symbol)
        if bars is None:
            every = self.market.bars.get(symbol, ())
            bars = self._bars[symbol] = tuple(bar for bar in every if not bar.stale and self._known(bar))
        return bars

    def close(self, symbol: str) -> Bar | None:
        bar = self.market.closes.get(symbol)
        return bar if bar is not None and not bar.stale and self._known(bar) else None

    def actions(self) -> list[CorporateAction]:
        known = [action for action in self.market.actions if self._known(action)]
        return sorted(known, key=lambda action: action.kind is ActionKind.DIVIDEND)

    def adjustment(self, symbol: str) -> Adjustment | None:
        bar = next(iter(self.market.bars.get(symbol, ())), None) or self.market.closes.get(symbol)
        return bar.adjustment if bar is not None and self._known(bar) else None

    def _known(self, item: Bar | CorporateAction) -> bool:
        return self._until is None or item.known_at < self._until


class Replay:
    """One model's book, day by day. Amounts in the market's currency; `fee` is charged per fill.

    Orders are submitted before the day they may fill on is run; days run in order. Whoever needs to look
    ahead or aside (a session in the middle of a day) works on a `fork`.
    """

    def __init__(self, model: str, starting_cash: Decimal, fee: Decimal) -> None:
        self.model = model
        self._book = Book.opening(to_cents(starting_cash))
        self._fee_cents = to_cents(fee)
        self._orders: dict[str, Order] = {}
        self._last_day: date | None = None
        self._replayed_to: datetime | None = None
        self._known: dict[str, _Known] = {}
        self._due: dict[date, int] = {}
        self._applied: set[str] = set()

    @property
    def book(self) -> Book:
        return self._book

    def fork(self) -> Replay:
        """An independent continuation: what happens to one is not seen by the other."""
        other = Replay.__new__(Replay)
        other.model = self.model
        other._book = self._book
        other._fee_cents = self._fee_cents
        other._orders = dict(self._orders)
        other._last_day = self._last_day
        other._replayed_to = self._replayed_to
        other._known = dict(self._known)
        other._due = dict(self._due)
        other._applied = set(self._applied)
        return other

    def submit(self, order: Order) -> None:
        """Take an order; the same order again changes nothing.

        Raises LedgerError for another order under a known id, an order of another model, one without a
        positive quantity or time zone, and one that was sent before time that is already replayed.
        """
        known = self._orders.get(order.id)
        if known == order:
            return
        if known is not None:
            raise LedgerError(
                f"order {order.id} was already submitted as {known.side} {known.quantity} {known.symbol}",
                remedy="give the other order its own id",
            )
        _check(order, self.model)
        if self._replayed_to is not None and order.submitted_at < self._replayed_to:
            raise LedgerError(
                f"order {order.id} of {order.submitted_at} comes late: {self._replayed_to} is replayed",
                remedy="submit orders before running the day they may fill on",
            )
        self._orders[order.id] = order
        self._book = replace(self._book, open_orders=(*self._book.open_orders, order))

    def run(self, day: MarketDay, *, until: datetime | None = None) -> DayResult:
        """Live one trading day. With `until`, only what was known before that moment takes part: what a
        session sees of its own day; do that on a fork. Raises LedgerError unless the day follows the last.
        """
        if self._last_day is not None and day.day <= self._last_day:
            raise LedgerError(f"{self.model}: {day.day} cannot be run after {self._last_day}")
        self._last_day = day.day
        self._replayed_to = until or day.closes_at
        view = _Day(day, until)
        rejections = self._apply_actions(view)
        before = {symbol: holding.quantity for symbol, holding in self._book.holdings.items()}
        fills = self._fill_orders(view, rejections)
        snapshot = self._snapshot(view)
        marks = self._position_marks(view, before, fills)
        return DayResult(tuple(fills), tuple(rejections), snapshot, tuple(marks))

    def _apply_actions(self, view: _Day) -> list[Rejection]:
        rejections: list[Rejection] = []
        for action in view.actions():
            if action.ex_date > view.day:
                raise LedgerError(f"{action.id} was given to {view.day}", remedy="give it to its ex-date")
            if action.id in self._applied:
                continue
            self._applied.add(action.id)
            known = self._known.get(action.symbol)
            adjustment = view.adjustment(action.symbol) or (known.adjustment if known else None)
            if action.ratio is not None and adjustment is Adjustment.RAW:
                rejections += self._split(action, action.ratio, view)
            elif action.amount is not None and adjustment in (Adjustment.RAW, Adjustment.SPLIT):
                self._book, cents = self._book.accrue(action.symbol, action.amount)
                payable = action.pay_date or action.ex_date
                self._due[payable] = self._due.get(payable, 0) + cents
        for payable in sorted(due for due in self._due if due <= view.day):
            self._book = self._book.receive(self._due.pop(payable))
        return rejections

    def _split(self, action: CorporateAction, ratio: Fraction, view: _Day) -> list[Rejection]:
        """The holding, the last known price and the open orders in new shares.

        Orders sent before the opening of the ex-date are in old shares and are rounded down; an order
        of which nothing is left is rejected. Without a bar, the last price over the ratio pays fractions.
        """
        symbol = action.symbol
        if symbol in self._known:
            known = self._known[symbol]
            restated = price(known.price * ratio.denominator / ratio.numerator)
            self._known[symbol] = known._replace(price=restated)
        bars = view.bars(symbol)
        if symbol in self._book.holdings:
            at = bars[0].open if bars else self._known[symbol].price
            self._book = self._book.split(symbol, ratio, at)
        still_open: list[Order] = []
        rejections: list[Rejection] = []
        opens_at = view.market.opens_at
        for order in self._book.open_orders:
            if order.symbol != symbol or order.submitted_at >= opens_at:
                still_open.append(order)
            elif quantity := int(order.quantity * ratio):
                still_open.append(replace(order, quantity=quantity))
            else:
                rejections.append(
                    rejection(order, opens_at, view.day, action.id, RejectReason.BELOW_ONE_SHARE)
                )
        self._book = replace(self._book, open_orders=tuple(still_open))
        return rejections

    def _fill_orders(self, view: _Day, rejections: list[Rejection]) -> list[Fill]:
        """Fills in the order they happen; what is refused is added to `rejections`."""
        meetings: list[tuple[datetime, bool, datetime, int, Order, Bar]] = []
        still_open: list[Order] = []
        for position, order in enumerate(self._book.open_orders):
            bar = next((b for b in view.bars(order.symbol) if b.start >= order.submitted_at), None)
            if bar is None:
                still_open.append(order)
            else:
                meetings.append((bar.start, order.side is Side.BUY, order.submitted_at, position, order, bar))
        if not meetings:
            return []
        meetings.sort(key=lambda meeting: meeting[:4])
        book, fills = self._book, []
        for start, _, _, _, order, bar in meetings:
            book, outcome = book.execute(order, Execution(bar.open, start, view.day, bar.id, self._fee_cents))
            if isinstance(outcome, Fill):
                fills.append(outcome)
                self._known[order.symbol] = _Known(bar.open, bar.id, bar.adjustment)
            else:
                rejections.append(outcome)
        self._book = replace(book, open_orders=tuple(still_open))
        return fills

    def _snapshot(self, view: _Day) -> Snapshot:
        marks = tuple(self._mark(view, symbol) for symbol in sorted(self._book.holdings))
        book = self._book
        return Snapshot(
            model=self.model,
            day=view.day,
            cash_cents=book.cash_cents,
            receivable_cents=book.receivable_cents,
            marks=marks,
            nav_cents=book.cash_cents + book.receivable_cents + sum(mark.value_cents for mark in marks),
            fees_cents=book.fees_cents,
            realised_cents=book.realised_cents,
            dividends_cents=book.dividends_cents,
            provisional=any(mark.provisional for mark in marks),
        )

    def _mark(self, view: _Day, symbol: str) -> HoldingMark:
        """At the close, else at the last price there is: of the day's bars, of an earlier day, of the
        fill. Only the daily bar of the day itself is an official close."""
        bar = view.close(symbol) or next(reversed(view.bars(symbol)), None)
        if bar is not None:
            self._known[symbol] = _Known(bar.close, bar.id, bar.adjustment)
        known, holding = self._known[symbol], self._book.holdings[symbol]
        official = bar is not None and bar.interval is Interval.DAILY and bar.day == view.day
        return HoldingMark(
            symbol,
            holding.quantity,
            holding.cost_cents,
            known.price,
            known.bar_id,
            notional_cents(known.price, holding.quantity),
            not official,
        )

    def _position_marks(
        self, view: _Day, before: dict[str, int], fills: Sequence[Fill]
    ) -> Iterable[PositionMark]:
        """One per 15-minute bar and symbol held after the fills at the bar's start, by symbol and time."""
        for symbol in sorted(before.keys() | {fill.symbol for fill in fills}):
            series = view.market.bars.get(symbol)
            if not series or series[0].interval is not Interval.QUARTER_HOUR:
                continue
            traded = [fill for fill in fills if fill.symbol == symbol]
            for bar in view.bars(symbol):
                quantity = before.get(symbol, 0) + sum(
                    fill.quantity if fill.side is Side.BUY else -fill.quantity
                    for fill in traded
                    if fill.filled_at <= bar.start
                )
                if quantity:
                    value = notional_cents(bar.close, quantity)
                    yield PositionMark(self.model, symbol, bar.end, quantity, bar.close, value, bar.id)


def replay(
    model: str, starting_cash: Decimal, fee: Decimal, orders: Iterable[Order], days: Iterable[MarketDay]
) -> list[DayResult]:
    """Fold `orders` over `days`. Each is submitted, in the order given, before the first day it could
    touch. Raises LedgerError as `Replay` does."""
    engine = Replay(model, starting_cash, fee)
    waiting = list(orders)
    for order in waiting:
        _check(order, model)
    waiting.sort(key=lambda order: order.submitted_at)
    waiting.reverse()
    results = []
    for day in days:
        while waiting and waiting[-1].submitted_at < day.closes_at:
            engine.submit(waiting.pop())
        results.append(engine.run(day))
    return results


def _check(order: Order, model: str) -> None:
    if order.model != model:
        raise LedgerError(f"order {order.id} belongs to {order.model}, not to {model}")
    if order.quantity <= 0:
        raise LedgerError(f"order {order.id} is for {order.quantity} shares")
    if order.submitted_at.tzinfo is None:
        raise LedgerError(f"order {order.id} was submitted at a time without zone: {order.submitted_at}")
