"""What a model asks for and what came of it: order, cancellation, fill, rejection. Immutable."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from arena_pipeline.errors import LedgerError
from arena_pipeline.market.bars import Bar


class Side(enum.StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(enum.StrEnum):
    """`market` takes the opening of a bar; `limit` waits for its price or a better one; `stop` becomes a
    market order once its price is reached; `stop_limit` becomes a limit order."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class TimeInForce(enum.StrEnum):
    """`GTC`: good till cancelled. `DAY`: until the close of the first trading day it can fill on."""

    GTC = "GTC"
    DAY = "DAY"


class RejectReason(enum.StrEnum):
    """Why an accepted order ended without a fill.

    `BELOW_ONE_SHARE`: its amount, weight or what a reverse split left of it buys no whole share.
    `ALREADY_AT_TARGET`: the holding is already at or beyond the weight asked for.
    `TOO_LATE`: the order that it was to replace had ended. `OTHER_FILLED`: the other of two orders that
    cancel each other was filled. `ENTRY_ENDED`: the order whose position it was to close was never filled.
    """

    INSUFFICIENT_CASH = "INSUFFICIENT_CASH"
    INSUFFICIENT_POSITION = "INSUFFICIENT_POSITION"
    INSUFFICIENT_CASH_FOR_FEE = "INSUFFICIENT_CASH_FOR_FEE"
    BELOW_ONE_SHARE = "BELOW_ONE_SHARE"
    ALREADY_AT_TARGET = "ALREADY_AT_TARGET"
    TOO_LATE = "TOO_LATE"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REPLACED = "REPLACED"
    OTHER_FILLED = "OTHER_FILLED"
    ENTRY_ENDED = "ENTRY_ENDED"


@dataclass(frozen=True, slots=True)
class Order:
    """An accepted order. `submitted_at` is UTC; it may fill from the first bar that opens then or later.

    Its size is one of `quantity` (shares), `amount` (EUR, the market's currency; sized at the fill, a
    purchase with its fee inside) and `weight` (fraction of the net asset value at the fill: a purchase
    raises the holding to it, a sale lowers it to it). An order with a `parent` waits until that one is
    filled and, without a size of its own, is for what the parent traded. Of two orders that name each
    other in `oco` the first to fill cancels the other. `replaces` names the order it takes the place of.
    `limit` and `stop` are prices to four decimals.
    """

    id: str
    model: str
    symbol: str
    side: Side
    quantity: int | None
    submitted_at: datetime
    type: OrderType = OrderType.MARKET
    limit: Decimal | None = None
    stop: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    amount: Decimal | None = None
    weight: Decimal | None = None
    oco: str | None = None
    parent: str | None = None
    replaces: str | None = None

    @property
    def size(self) -> str:
        """For people: `10`, `1500.00 EUR worth`, `to a weight of 0.05`, `all of order:…`."""
        if self.quantity is not None:
            return str(self.quantity)
        if self.amount is not None:
            return f"{self.amount} worth"
        return f"all of {self.parent}" if self.weight is None else f"to a weight of {self.weight}"

    def check(self) -> None:
        """Raises LedgerError for an order that cannot mean anything, naming what is wrong."""
        sizes = (self.quantity is not None) + (self.amount is not None) + (self.weight is not None)
        if sizes > 1 or (sizes == 0 and self.parent is None):
            raise LedgerError(f"order {self.id} needs exactly one of quantity, amount and weight")
        if self.quantity is not None and self.quantity <= 0:
            raise LedgerError(f"order {self.id} is for {self.quantity} shares")
        if self.amount is not None and not (self.amount.is_finite() and self.amount > 0):
            raise LedgerError(f"order {self.id} is for an amount of {self.amount}")
        if self.weight is not None and not (self.weight.is_finite() and 0 <= self.weight <= 1):
            raise LedgerError(f"order {self.id} is for a weight of {self.weight}, not from 0 to 1")
        if (self.limit is not None) != (self.type in _LIMITED) or (self.stop is not None) != (
            self.type in _STOPPED
        ):
            raise LedgerError(
                f"order {self.id} is a {self.type} order with limit {self.limit} and stop {self.stop}"
            )
        for price in (self.limit, self.stop):
            if price is not None and not (price.is_finite() and price > 0):
                raise LedgerError(f"order {self.id} has a price of {price}")


_LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_STOPPED = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The wish to end an open order. It changes nothing when the order has ended by then."""

    model: str
    order_id: str
    submitted_at: datetime


class Fill(NamedTuple):
    """An execution at a price of a bar, to four decimals; cents are the posting. `realised_cents` is
    proceeds less cost of a sale; `net_cents` takes off its fee and its share of the buy fees too; both are
    None for a purchase.
    """

    order_id: str
    model: str
    symbol: str
    side: Side
    quantity: int
    price: Decimal
    notional_cents: int
    fee_cents: int
    day: date
    bar: Bar
    realised_cents: int | None
    net_cents: int | None

    @property
    def bar_id(self) -> str:
        return self.bar.id

    @property
    def filled_at(self) -> datetime:
        """The start of the bar: when inside it is not known."""
        return self.bar.start


class Rejection(NamedTuple):
    """An order that ended without a fill. It changes nothing in the book.

    `bar_id` is the bar it met; the id of the split for what a split left too small; None for an order that
    ended without meeting one. `quantity` is None for an order whose size was never worked out.
    """

    order_id: str
    model: str
    symbol: str
    side: Side
    quantity: int | None
    rejected_at: datetime
    day: date
    bar_id: str | None
    reason: RejectReason
