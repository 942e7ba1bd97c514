"""When a bar fills an order, and at what price: pure rules over one order and one bar.

The rules are those of QuantConnect LEAN's `EquityFillModel`, with a triggered stop-limit order treated as a
plain limit order afterwards:

- market: the opening;
- limit: the opening if that is better, else the limit if the price traded through it (`touch`: reached it);
- stop: the opening if it gapped past the stop, else the stop; once reached in a bar too thin for it, it is a
  market order;
- stop-limit: as a stop, but only at the limit or better; otherwise it rests as a limit order.

Source: https://github.com/QuantConnect/Lean/blob/master/Common/Orders/Fills/EquityFillModel.cs
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from arena_pipeline.market.bars import Bar, price
from arena_pipeline.trading.orders import Order, OrderType, Side

BASIS_POINT = Decimal("0.0001")


class LimitFill(enum.StrEnum):
    """What a limit order needs: the price to trade `through` it (last in the queue) or to `touch` it."""

    THROUGH = "through"
    TOUCH = "touch"


class Wait(enum.StrEnum):
    """From which bar an order may fill: the first after it, the one after that, the next day's."""

    NOW = "now"
    NEXT_BAR = "next_bar"
    NEXT_OPEN = "next_open"


@dataclass(frozen=True, slots=True)
class FillPolicy:
    """How kind the market is. `slippage_bp`: basis points by which market and stop orders fill worse, never
    beyond the bar's high and low. `participation`: the fraction of a bar's volume that one order may be; an
    order for more waits for a bar that takes it whole (None: no bound)."""

    limit_fill: LimitFill = LimitFill.THROUGH
    slippage_bp: Decimal = Decimal(0)
    participation: Decimal | None = None
    wait: Wait = Wait.NOW

    def takes(self, quantity: int, bar: Bar) -> bool:
        """Whether the bar's volume has room for the order."""
        return self.participation is None or quantity <= self.participation * bar.volume

    def slipped(self, at: Decimal, side: Side, bar: Bar) -> Decimal:
        """The price after slippage, within the bar."""
        if not self.slippage_bp:
            return at
        worse = 1 + self.slippage_bp * BASIS_POINT * (1 if side is Side.BUY else -1)
        return min(max(price(at * worse), bar.low), bar.high)


class Meeting(NamedTuple):
    """What became of an order at a bar: its price or None; whether that is the opening, so that the whole
    bar is still to come; whether a stop-limit order has been triggered."""

    price: Decimal | None
    at_open: bool = False
    triggered: bool = False


NOTHING = Meeting(None)


def meet(order: Order, bar: Bar, policy: FillPolicy, *, triggered: bool = False) -> Meeting:
    """The order at a bar that opens after its submission. `triggered`: its stop was reached before."""
    match order.type:
        case OrderType.MARKET:
            return Meeting(policy.slipped(bar.open, order.side, bar), True)
        case OrderType.LIMIT:
            return _limit(order, bar, policy)
        case OrderType.STOP:
            reached = Meeting(bar.open, True) if triggered else _stop(order, bar)
            if reached.price is None:
                return reached
            return reached._replace(price=policy.slipped(reached.price, order.side, bar))
        case OrderType.STOP_LIMIT:
            return _stop_limit(order, bar, policy, triggered)


def meet_inside(order: Order, bar: Bar, entered_at: Decimal, policy: FillPolicy) -> Meeting:
    """The closing order of a position that was opened inside the bar. What the bar did afterwards is not
    known, so the worse is assumed: a stop that the bar reached is hit, a limit has to wait."""
    if order.type is not OrderType.STOP or order.stop is None:
        return NOTHING
    if order.side is Side.SELL:
        at = min(order.stop, entered_at) if bar.low <= order.stop else None
    else:
        at = max(order.stop, entered_at) if bar.high >= order.stop else None
    return Meeting(None if at is None else policy.slipped(at, order.side, bar))


def _limit(order: Order, bar: Bar, policy: FillPolicy) -> Meeting:
    limit = order.limit
    if limit is None:
        return NOTHING
    touch = policy.limit_fill is LimitFill.TOUCH
    if order.side is Side.BUY:
        better, reached = bar.open < limit, bar.low < limit or (touch and bar.low == limit)
    else:
        better, reached = bar.open > limit, bar.high > limit or (touch and bar.high == limit)
    if better:
        return Meeting(bar.open, at_open=True)
    return Meeting(limit if reached else None)


def _stop(order: Order, bar: Bar) -> Meeting:
    stop = order.stop
    if stop is None:
        return NOTHING
    if order.side is Side.BUY:
        gapped, reached = bar.open >= stop, bar.high >= stop
    else:
        gapped, reached = bar.open <= stop, bar.low <= stop
    if gapped:
        return Meeting(bar.open, at_open=True)
    return Meeting(stop if reached else None)


def _stop_limit(order: Order, bar: Bar, policy: FillPolicy, triggered: bool) -> Meeting:
    if triggered:
        return _limit(order, bar, policy)._replace(triggered=True)
    reached = _stop(order, bar)
    if reached.price is None or order.limit is None:
        return reached
    acceptable = reached.price <= order.limit if order.side is Side.BUY else reached.price >= order.limit
    if acceptable:
        return reached
    if reached.at_open:
        return _limit(order, bar, policy)._replace(triggered=True)
    return Meeting(None, triggered=True)
