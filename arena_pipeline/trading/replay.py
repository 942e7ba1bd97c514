"""The one engine: a model's orders folded over the trading days of the market.

Backfill, live ticks and the published snapshots are all this replay. An order may fill from the first bar
of its symbol that starts at or after its submission, all or nothing, by the rules of `fills.py`, with cash
and position checked there and then. A stale bar is no market. Within a day:

1. corporate actions, splits before dividends, then the dividends that are due;
2. the bars in the order of their start; at each, sales (stops, then market orders, then limits), then
   purchases, the oldest submission first, then the closing orders of what has just been bought;
3. marks at the day's closes;
4. the end of the orders that were good for the day.

Splits are applied to as-traded prices only and dividends to as-traded or split-adjusted ones (see
`Adjustment`), judged by the symbol's bar of that day or else by its last known one.
"""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from arena_pipeline.errors import LedgerError
from arena_pipeline.market.bars import Adjustment, Bar, price
from arena_pipeline.trading.account import Account
from arena_pipeline.trading.book import (
    Book,
    DayResult,
    MarketDay,
    Posting,
    PostingKind,
    Snapshot,
    Tape,
    price_of,
    ticks_of,
)
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction
from arena_pipeline.trading.fills import FillPolicy, Meeting, Wait, meet, meet_inside
from arena_pipeline.trading.money import half_up, to_cents
from arena_pipeline.trading.orders import (
    Cancellation,
    Fill,
    Order,
    OrderType,
    Rejection,
    RejectReason,
    Side,
    TimeInForce,
)

AS_AGREED = FillPolicy()
_BUY, _NOW = Side.BUY, Wait.NOW
"""Looked up once: before Python 3.12 reaching a member costs seven times the comparison with it."""
_ENDINGS, _SELLS, _BUYS, _EXITS = range(0, 40, 10)
_RANK = {OrderType.STOP: 0, OrderType.STOP_LIMIT: 0, OrderType.MARKET: 1, OrderType.LIMIT: 2}

_Event = tuple[datetime, int, datetime, int, str, int, Decimal | None]
"""An order and the bar it is to meet, or the end of an order, sorted by the order of events: time, phase
(with the rank of a sale in it), submission, the order's own number (no two events compare beyond it), its id,
the bar's index, and the price of an entry inside the bar."""


class _Ending(NamedTuple):
    """A wish to end an order: cancelled, or replaced by another."""

    at: datetime
    seq: int
    order_id: str
    replacement: str | None


class Replay:
    """One model's book, day by day. Amounts in the market's currency; `fee` is charged per fill;
    `dividend_tax` is the fraction withheld of each dividend.

    Orders are submitted before the day they may fill on is run; days run in order. Whoever needs to look
    ahead or aside (a session in the middle of a day) works on a `fork`.
    """

    def __init__(
        self,
        model: str,
        starting_cash: Decimal,
        fee: Decimal,
        policy: FillPolicy = AS_AGREED,
        dividend_tax: Decimal = Decimal(0),
    ) -> None:
        self.model = model
        self._account = Account(to_cents(starting_cash))
        self._fee = to_cents(fee)
        self._policy = policy
        self._tax = Fraction(dividend_tax)
        self._orders: dict[str, Order] = {}
        self._open: dict[str, Order] = {}
        self._seq: dict[str, int] = {}
        self._endings: list[_Ending] = []
        self._exits: dict[str, tuple[str, ...]] = {}
        self._filled: dict[str, int] = {}
        self._triggered: set[str] = set()
        self._waited: set[str] = set()
        self._put_off: set[str] = set()
        """Orders that had to wait through all of their first day: it is not yet one they can fill on."""
        self._last_day: date | None = None
        self._replayed_to: datetime | None = None
        self._tape = Tape({}, {}, {}, frozenset())
        self._due: list[tuple[date, Posting]] = []
        self._applied: set[str] = set()
        self._begun: dict[date, Mapping[str, int]] = {}
        """What was held when each day began to trade."""

    @property
    def book(self) -> Book:
        return self._account.book(self._open.values())

    def fork(self) -> Replay:
        """An independent continuation: what happens to one is not seen by the other."""
        other = Replay.__new__(Replay)
        for name, value in vars(self).items():
            setattr(other, name, value.copy() if isinstance(value, dict | list | set) else value)
        other._account = self._account.fork()
        return other

    def submit(self, order: Order) -> None:
        """Take an order; the same order again changes nothing.

        Raises LedgerError for another order under a known id, an order of another model, one that cannot
        mean anything (`Order.check`), one that belongs to or replaces an order that is not known, and one
        that was sent before time that is already replayed.
        """
        self.check(order)
        self._take(order)

    def _take(self, order: Order) -> None:
        known = self._orders.get(order.id)
        if known is not None:
            if known == order:
                return
            raise LedgerError(
                f"order {order.id} was already submitted as {known.side} {known.size} {known.symbol}",
                remedy="give the other order its own id",
            )
        self._require_future(order)
        if order.parent is not None or order.replaces is not None:
            self._require_known(order)
        seq = self._seq[order.id] = len(self._seq)
        self._orders[order.id] = order
        if order.replaces is not None:
            self._endings.append(_Ending(order.submitted_at, seq, order.replaces, order.id))
        if order.parent is not None:
            order = self._attached(order, order.parent)
        self._open[order.id] = order

    def _attached(self, order: Order, parent: str) -> Order:
        """An exit, waiting for its entry or let go because that has been filled."""
        if parent in self._filled:
            return _released(order, self._filled[parent])
        if parent not in self._open:
            raise LedgerError(f"order {order.id} is to close {parent}, which ended without a fill")
        self._exits[parent] = (*self._exits.get(parent, ()), order.id)
        return order

    def check(self, wish: Order | Cancellation) -> None:
        """Raises LedgerError for what belongs to another model or cannot mean anything."""
        if wish.model != self.model:
            raise LedgerError(f"order {_name(wish)} belongs to {wish.model}, not to {self.model}")
        if wish.submitted_at.tzinfo is None:
            raise LedgerError(
                f"order {_name(wish)} was submitted at a time without zone: {wish.submitted_at}"
            )
        if isinstance(wish, Order):
            wish.check()

    def cancel(self, wish: Cancellation) -> None:
        """Take a cancellation; the same one again changes nothing. Raises LedgerError for one of another
        model, of an order that was never submitted, or for time that is already replayed."""
        self.check(wish)
        if wish.order_id not in self._orders:
            raise LedgerError(f"{self.model} has no order {wish.order_id} to cancel")
        key = f"{wish.order_id}|{wish.submitted_at.isoformat()}"
        if key in self._seq:
            return
        self._require_future(wish)
        seq = self._seq[key] = len(self._seq)
        self._endings.append(_Ending(wish.submitted_at, seq, wish.order_id, None))

    def run(self, day: MarketDay, *, until: datetime | None = None) -> DayResult:
        """Live one trading day. With `until`, only what was known before that moment takes part: what a
        session sees of its own day; do that on a fork. Raises LedgerError unless the day follows the last.
        """
        if self._last_day is not None and day.day <= self._last_day:
            raise LedgerError(f"{self.model}: {day.day} cannot be run after {self._last_day}")
        if until is not None:
            day = day.seen(until)
        self._last_day = day.day
        self._replayed_to = end = until or day.closes_at
        rejections: list[Rejection] = []
        postings: list[Posting] = []
        if day.actions or self._due:
            self._account.turn_page()
            postings = self._act(day, rejections)
        before = self._begun[day.day] = self._account.quantities
        fills: list[Fill] = []
        if self._open:
            self._account.turn_page()
            fills = self._trade(day, end, rejections)
        self._tape = day.tape.after(self._tape)
        if until is None and self._open:
            self._expire(day, rejections)
        return DayResult(tuple(fills), tuple(rejections), tuple(postings), self._snapshot(day), before, day)

    # -- corporate actions -------------------------------------------------------------------------------

    def _act(self, day: MarketDay, rejections: list[Rejection]) -> list[Posting]:
        postings: list[Posting] = []
        for action in sorted(day.actions, key=lambda action: action.kind is ActionKind.DIVIDEND):
            if action.ex_date > day.day:
                raise LedgerError(f"{action.id} was given to {day.day}", remedy="give it to its ex-date")
            if action.id in self._applied:
                continue
            self._applied.add(action.id)
            known = self._tape.marks.get(action.symbol)
            adjustment = day.adjustment(action.symbol) or (known.adjustment if known else None)
            if action.ratio is not None and adjustment is Adjustment.RAW:
                postings += self._split(action, action.ratio, day, rejections)
            elif action.amount is not None and adjustment in (Adjustment.RAW, Adjustment.SPLIT):
                postings += self._accrue(action, action.amount, day)
        for payable, accrual in sorted(self._due, key=lambda due: due[0]):
            if payable <= day.day:
                net = accrual.cents - accrual.tax_cents
                self._account.receive(net)
                postings.append(
                    accrual._replace(kind=PostingKind.PAYMENT, day=day.day, cents=net, tax_cents=0)
                )
        self._due = [due for due in self._due if due[0] > day.day]
        return postings

    def _accrue(self, action: CorporateAction, amount: Decimal, day: MarketDay) -> list[Posting]:
        quantity = self._entitled(action)
        if not quantity:
            return []
        total = Fraction(amount) * quantity * 100
        gross = half_up(total.numerator, total.denominator)
        withheld = gross * self._tax
        tax = half_up(withheld.numerator, withheld.denominator)
        self._account.accrue(gross - tax)
        posting = Posting(PostingKind.ACCRUAL, action.id, action.symbol, day.day, quantity, gross, 0, tax)
        self._due.append((action.pay_date or action.ex_date, posting))
        return [posting]

    def _entitled(self, action: CorporateAction) -> int:
        """The shares held when the ex-date began to trade: now, or on an earlier day for a dividend that
        became known late, whatever was bought and sold since."""
        days = list(self._begun)
        place = bisect.bisect_left(days, action.ex_date)
        if place == len(days):
            return self._account.quantity(action.symbol)
        return self._begun[days[place]].get(action.symbol, 0)

    def _split(
        self, action: CorporateAction, ratio: Fraction, day: MarketDay, rejections: list[Rejection]
    ) -> list[Posting]:
        """The holding, the last known price and the open orders in new shares.

        Orders sent before the opening of the ex-date are in old shares: their quantity is rounded down,
        their prices divided; an order of which nothing is left is rejected. Without a bar, the last price
        over the ratio pays fractions.
        """
        symbol = action.symbol
        ticks = self._tape.ticks
        if symbol in ticks:
            restated = half_up(ticks[symbol] * ratio.denominator, ratio.numerator)
            self._tape = replace(self._tape, ticks={**ticks, symbol: restated})
        for order_id in list(self._open):
            order = self._open.get(order_id)
            if order is not None and order.symbol == symbol and order.submitted_at < day.opens_at:
                quantity = None if order.quantity is None else int(order.quantity * ratio)
                if quantity == 0:
                    self._end(order, day.opens_at, day, RejectReason.BELOW_ONE_SHARE, rejections, action.id)
                    continue
                limit, stop = (
                    None if at is None else price(at * ratio.denominator / ratio.numerator)
                    for at in (order.limit, order.stop)
                )
                self._open[order.id] = replace(order, quantity=quantity, limit=limit, stop=stop)
        if symbol not in self._account.quantities:
            return []
        bars = day.tape.bars.get(symbol)
        at = bars[0].open if bars else price_of(self._tape.ticks[symbol])
        in_lieu, cost = self._account.split(symbol, ratio, Fraction(at) * 100)
        held = self._account.quantity(symbol)
        return [Posting(PostingKind.SPLIT, action.id, symbol, day.day, held, in_lieu, cost, 0)]

    # -- trading -----------------------------------------------------------------------------------------

    def _trade(self, day: MarketDay, end: datetime, rejections: list[Rejection]) -> list[Fill]:
        """Fills until `end` in the order they happen; what ends without one is added to `rejections`."""
        bars = day.tape.bars
        queue: list[_Event] = []
        for resting in self._open.values():
            if resting.parent is None:
                self._enqueue(queue, resting, bars)
        endings = {ending.seq: ending for ending in self._endings if ending.at < end}
        for at, seq, order_id, _ in endings.values():
            heapq.heappush(queue, (at, _ENDINGS, at, seq, order_id, 0, None))
        if self._endings:
            self._endings = [ending for ending in self._endings if ending.at >= end]
        wait = self._policy.wait
        fills: list[Fill] = []
        while queue:
            _, phase, _, seq, order_id, index, entered_at = heapq.heappop(queue)
            if phase == _ENDINGS:
                self._stop_order(endings[seq], day, rejections)
                continue
            order = self._open.get(order_id)
            if order is None:
                continue
            if wait is not _NOW and order_id not in self._waited:
                self._waited.add(order_id)
                if wait is Wait.NEXT_BAR and index + 1 < len(bars[order.symbol]):
                    self._enqueue(queue, order, bars, index + 1)
                else:
                    self._put_off.add(order_id)
                continue
            bar = bars[order.symbol][index]
            meeting = self._meet(order, bar, entered_at)
            fill = meeting.price and self._execute(order, bar, meeting.price, day, rejections, fills)
            if fill:
                fills.append(fill)
                del self._open[order_id]
                self._filled[order_id] = fill.quantity
                if self._exits:
                    self._release_exits(queue, fill, index, meeting, bar.start)
                if order.oco is not None:
                    self._end_other(order.oco, bar, day, rejections)
            elif order_id in self._open:
                if meeting.price is not None:
                    self._triggered.add(order_id)
                self._enqueue(queue, order, bars, index + 1)
        return fills

    def _enqueue(
        self, queue: list[_Event], order: Order, bars: Mapping[str, tuple[Bar, ...]], index: int = 0
    ) -> None:
        """Let the order meet the first bar of its symbol, from `index` on, that opens at or after its
        submission."""
        mine, submitted = bars.get(order.symbol, ()), order.submitted_at
        while index < len(mine) and mine[index].start < submitted:
            index += 1
        if index < len(mine):
            phase = _BUYS if order.side is _BUY else _SELLS + _RANK[order.type]
            at, seq = mine[index].start, self._seq[order.id]
            heapq.heappush(queue, (at, phase, submitted, seq, order.id, index, None))

    def _meet(self, order: Order, bar: Bar, entered_at: Decimal | None) -> Meeting:
        if entered_at is not None:
            return meet_inside(order, bar, entered_at, self._policy)
        meeting = meet(order, bar, self._policy, triggered=order.id in self._triggered)
        if meeting.triggered:
            self._triggered.add(order.id)
        return meeting

    def _execute(
        self,
        order: Order,
        bar: Bar,
        at: Decimal,
        day: MarketDay,
        rejections: list[Rejection],
        fills: Sequence[Fill],
    ) -> Fill | None:
        """The whole order at one price, or its rejection, or nothing where the bar is too thin for it."""
        ticks = ticks_of(at)
        quantity = order.quantity
        if quantity is None:
            sized = self._sized(order, ticks, fills)
            if isinstance(sized, RejectReason):
                self._end(order, bar.start, day, sized, rejections, bar.id)
                return None
            quantity = sized
        if not self._policy.takes(quantity, bar):
            return None
        notional = (quantity * ticks + 50) // 100
        realised = net = None
        if order.side is _BUY:
            refused = self._account.buy(order.symbol, quantity, notional, self._fee, order.id)
        else:
            sold = self._account.sell(order.symbol, quantity, notional, self._fee)
            refused = sold if isinstance(sold, RejectReason) else None
            realised, net = (None, None) if isinstance(sold, RejectReason) else sold
        if refused is not None:
            self._end(order, bar.start, day, refused, rejections, bar.id, quantity)
            return None
        symbol, side, fee = order.symbol, order.side, self._fee
        return Fill(
            order.id, self.model, symbol, side, quantity, at, notional, fee, day.day, bar, realised, net
        )

    def _sized(self, order: Order, ticks: int, fills: Sequence[Fill]) -> int | RejectReason:
        """Whole shares of an amount or a weight at a price; a purchase has its fee inside."""
        fee = self._fee if order.side is _BUY else 0
        if order.amount is not None:
            return max(to_cents(order.amount) - fee, 0) * 100 // ticks or RejectReason.BELOW_ONE_SHARE
        held = self._account.quantity(order.symbol)
        target = Fraction(order.weight or 0) * self._worth(order.symbol, ticks, fills)
        wanted = int(max(target - fee, Fraction(0)) * 100 / ticks)
        missing = wanted - held if order.side is _BUY else held - wanted
        return missing if missing > 0 else RejectReason.ALREADY_AT_TARGET

    def _worth(self, symbol: str, ticks: int, fills: Sequence[Fill]) -> int:
        """The net asset value in cents, with `symbol` at the price met, the others at their last known."""
        prices = self._tape.ticks | {fill.symbol: ticks_of(fill.price) for fill in fills} | {symbol: ticks}
        account = self._account
        shares = sum((held * prices[name] + 50) // 100 for name, held in account.quantities.items())
        return account.cash + account.receivable + shares

    def _release_exits(
        self, queue: list[_Event], fill: Fill, index: int, meeting: Meeting, at: datetime
    ) -> None:
        """The orders that were waiting for this fill and have not been taken back meanwhile may trade from
        now on, in this bar too: all of it is still to come after a fill at its opening; otherwise see
        `meet_inside`."""
        for order_id in self._exits.pop(fill.order_id, ()):
            if order_id not in self._open:
                continue
            order = self._open[order_id] = _released(self._open[order_id], fill.quantity)
            self._waited.add(order_id)
            entered_at = None if meeting.at_open else fill.price
            seq = self._seq[order_id]
            phase = _EXITS + _RANK[order.type]
            heapq.heappush(queue, (at, phase, order.submitted_at, seq, order_id, index, entered_at))

    # -- the end of orders -------------------------------------------------------------------------------

    def _stop_order(self, ending: _Ending, day: MarketDay, rejections: list[Rejection]) -> None:
        order = self._open.get(ending.order_id)
        if order is not None:
            reason = RejectReason.REPLACED if ending.replacement else RejectReason.CANCELLED
            self._end(order, ending.at, day, reason, rejections)
            self._pair(order.oco, ending.replacement)
        elif ending.replacement in self._open:
            self._end(self._open[ending.replacement], ending.at, day, RejectReason.TOO_LATE, rejections)

    def _pair(self, partner_id: str | None, replacement_id: str | None) -> None:
        """Let a replacement and the other of the two orders that cancelled each other do so from now on."""
        if partner_id in self._open and replacement_id in self._open:
            self._open[partner_id] = replace(self._open[partner_id], oco=replacement_id)
            self._open[replacement_id] = replace(self._open[replacement_id], oco=partner_id)

    def _end_other(self, order_id: str, bar: Bar, day: MarketDay, rejections: list[Rejection]) -> None:
        """End the order that one just filled cancels."""
        other = self._open.get(order_id)
        if other is not None:
            self._end(other, bar.start, day, RejectReason.OTHER_FILLED, rejections, bar.id)

    def _expire(self, day: MarketDay, rejections: list[Rejection]) -> None:
        for order in list(self._open.values()):
            if (
                order.time_in_force is TimeInForce.DAY
                and order.parent is None
                and _could_fill(order, day)
                and order.id not in self._put_off
            ):
                self._end(order, day.closes_at, day, RejectReason.EXPIRED, rejections)
        self._put_off.clear()

    def _end(
        self,
        order: Order,
        at: datetime,
        day: MarketDay,
        reason: RejectReason,
        rejections: list[Rejection],
        bar_id: str | None = None,
        quantity: int | None = None,
    ) -> None:
        """End an order without a fill, and with it the orders that waited for its fill."""
        self._open.pop(order.id, None)
        shares = order.quantity if quantity is None else quantity
        rejections.append(
            Rejection(order.id, self.model, order.symbol, order.side, shares, at, day.day, bar_id, reason)
        )
        for exit_id in self._exits.pop(order.id, ()):
            waiting = self._open.get(exit_id)
            if waiting is not None:
                self._end(waiting, at, day, RejectReason.ENTRY_ENDED, rejections)

    def _require_future(self, wish: Order | Cancellation) -> None:
        if self._replayed_to is not None and wish.submitted_at < self._replayed_to:
            raise LedgerError(
                f"order {_name(wish)} of {wish.submitted_at} comes late: {self._replayed_to} is replayed",
                remedy="submit orders before running the day they may fill on",
            )

    def _require_known(self, order: Order) -> None:
        for other in (order.parent, order.replaces):
            if other is not None and other not in self._orders:
                raise LedgerError(
                    f"order {order.id} refers to {other}, which was never submitted", remedy="submit it first"
                )

    # -- valuation ---------------------------------------------------------------------------------------

    def _snapshot(self, day: MarketDay) -> Snapshot:
        account, tape = self._account, self._tape
        quantities, ticks = account.quantities, tape.ticks
        value = account.cash + account.receivable
        for symbol, quantity in quantities.items():
            value += (quantity * ticks[symbol] + 50) // 100
        return Snapshot(
            self.model,
            day.day,
            account.cash,
            account.receivable,
            value,
            account.fees,
            account.realised,
            account.dividends,
            not quantities.keys().isdisjoint(tape.provisional),
            quantities,
            account.costs,
            tape,
        )


def replay(
    model: str,
    starting_cash: Decimal,
    fee: Decimal,
    orders: Iterable[Order | Cancellation],
    days: Iterable[MarketDay],
    policy: FillPolicy = AS_AGREED,
    dividend_tax: Decimal = Decimal(0),
) -> list[DayResult]:
    """Fold `orders` over `days`, from a book with nothing but cash. See `fold`."""
    return fold(Replay(model, starting_cash, fee, policy, dividend_tax), orders, days)


def fold(
    engine: Replay, orders: Iterable[Order | Cancellation], days: Iterable[MarketDay]
) -> list[DayResult]:
    """Let a book live through `days`. Each order is submitted, in the order given, before the first day it
    could touch. Raises LedgerError as `Replay` does."""
    waiting = list(orders)
    for order in waiting:
        engine.check(order)
    waiting.sort(key=lambda order: order.submitted_at)
    waiting.reverse()
    results = []
    for day in days:
        while waiting and waiting[-1].submitted_at < day.closes_at:
            order = waiting.pop()
            if isinstance(order, Order):
                engine._take(order)
            else:
                engine.cancel(order)
        results.append(engine.run(day))
    return results


def _could_fill(order: Order, day: MarketDay) -> bool:
    """Whether the order was there when the day opened, or at least at the opening of one of its bars: the one
    daily bar of a day is over for an order that was sent in the afternoon."""
    if order.submitted_at <= day.opens_at:
        return True
    return any(bar.start >= order.submitted_at for bar in day.tape.bars.get(order.symbol, ()))


def _name(wish: Order | Cancellation) -> str:
    return wish.id if isinstance(wish, Order) else f"{wish.order_id} (its cancellation)"


def _released(order: Order, quantity: int) -> Order:
    """An exit whose entry has been filled."""
    sized = order.quantity or order.amount or order.weight is not None
    return replace(order, parent=None, quantity=order.quantity if sized else quantity)
