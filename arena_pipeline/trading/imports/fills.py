"""What a row of a log would have been as a fill: found in the prices, not yet paid for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from arena_pipeline.trading.imports.findings import ImportReason, Refused, quoted
from arena_pipeline.trading.imports.prices import PriceTable
from arena_pipeline.trading.imports.sequence import Placed
from arena_pipeline.trading.imports.unit import FINE
from arena_pipeline.trading.imports.values import stated_price, whole
from arena_pipeline.trading.money import notional_cents
from arena_pipeline.trading.orders import Side


@dataclass(frozen=True, slots=True)
class Wanted:
    """`notional` is in units of the imported book."""

    symbol: str
    side: Side
    quantity: int
    price: Decimal
    notional: int


@dataclass(frozen=True, slots=True)
class ImportFill:
    """An executed row. Amounts are in units of the imported book; `realised` and `net` are of sales alone."""

    day: date
    symbol: str
    side: Side
    quantity: int
    price: Decimal
    notional: int
    fee: int
    realised: int | None
    net: int | None


def wanted(placed: Placed, action: str, prices: PriceTable) -> Wanted:
    """The fill that a row asks for: at the price it states, if that is within the day's bar, else at the
    day's open. Raises Refused."""
    row = placed.row
    try:
        side = Side(action)
    except ValueError:
        raise Refused(
            ImportReason.BAD_ACTION, f"{quoted(action)!r} is neither buy, sell nor no_trade"
        ) from None
    quantity = whole(row.quantity, "qty")
    if quantity == 0:
        raise Refused(ImportReason.ZERO_QUANTITY, f"{side} of nothing")
    if row.symbol not in prices.symbols:
        raise Refused(ImportReason.UNKNOWN_SYMBOL, f"{quoted(row.symbol)!r} has no prices")
    price = _price(placed, prices)
    return Wanted(row.symbol, side, quantity, price, notional_cents(price * FINE, quantity))


def _price(placed: Placed, prices: PriceTable) -> Decimal:
    symbol, bar = placed.row.symbol, prices.at(placed.row.symbol, placed.day)
    stated = stated_price(placed.row.price)
    if stated is None:
        if bar.open is None:
            raise Refused(ImportReason.NO_BAR, f"{symbol} on {placed.day}: {bar.problem}")
        return bar.open
    if bar.low is None or bar.high is None:
        raise Refused(
            ImportReason.NO_BAR,
            f"{symbol} on {placed.day}: no usable low and high to hold the price {stated} against",
        )
    if not bar.low <= stated <= bar.high:
        raise Refused(
            ImportReason.OUTSIDE_BAR,
            f"{symbol} on {placed.day}: {stated} is not within {bar.low} to {bar.high}",
        )
    return stated
