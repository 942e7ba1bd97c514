"""What a model asks for and what came of it: order, fill, rejection. Immutable, without behaviour."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


class Side(enum.StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(enum.StrEnum):
    MARKET = "market"


class RejectReason(enum.StrEnum):
    """Why an accepted order was not executed.

    `BELOW_ONE_SHARE`: a reverse split left less than one share of an order that was still open.
    """

    INSUFFICIENT_CASH = "INSUFFICIENT_CASH"
    INSUFFICIENT_POSITION = "INSUFFICIENT_POSITION"
    INSUFFICIENT_CASH_FOR_FEE = "INSUFFICIENT_CASH_FOR_FEE"
    BELOW_ONE_SHARE = "BELOW_ONE_SHARE"


@dataclass(frozen=True, slots=True)
class Order:
    """An accepted order. `submitted_at` is UTC; it may fill from the first bar that opens then or later."""

    id: str
    model: str
    symbol: str
    side: Side
    quantity: int
    submitted_at: datetime
    type: OrderType = OrderType.MARKET


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution. `price` to four decimals; cents are the posting; `bar_id` is the bar it came from.

    `realised_cents` is proceeds less cost of a sale; `net_cents` takes off its fee and its share of the
    buy fees too; both are None for a purchase.
    """

    order_id: str
    model: str
    symbol: str
    side: Side
    quantity: int
    price: Decimal
    notional_cents: int
    fee_cents: int
    filled_at: datetime
    day: date
    bar_id: str
    realised_cents: int | None
    net_cents: int | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """An order that met its bar and could not be executed. It changes nothing in the book.

    `bar_id` is the bar it met; for BELOW_ONE_SHARE the id of the split that shrank it.
    """

    order_id: str
    model: str
    symbol: str
    side: Side
    quantity: int
    rejected_at: datetime
    day: date
    bar_id: str
    reason: RejectReason
