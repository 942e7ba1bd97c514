"""The gate between what a language model asks for and what becomes an order.

Conviction requests, risk disposes: whatever a model was told or talked into, an order outside these limits
is not placed. The gate looks at one session's requests together, with prices known at that session; what
happens at the fill is the book's affair.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from arena_pipeline.settings import LimitsSection
from arena_pipeline.trading.book import Book
from arena_pipeline.trading.money import from_cents, notional_cents, to_cents
from arena_pipeline.trading.orders import Order, Side

MOST_SHARES = 10**9
"""No order is for more: beyond it a quantity is a mistake or an attack, never a trade."""


class GateReason(enum.StrEnum):
    """Why a request was not placed."""

    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    DUPLICATE = "DUPLICATE"
    BAD_QUANTITY = "BAD_QUANTITY"
    NOT_HELD = "NOT_HELD"
    NO_PRICE = "NO_PRICE"
    MAX_ORDERS = "MAX_ORDERS"
    MAX_TURNOVER = "MAX_TURNOVER"
    MAX_POSITION = "MAX_POSITION"
    CASH = "CASH"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order as a model or a baseline asks for it. `confidence` from 0 to 1, None for rules."""

    symbol: str
    side: Side
    quantity: int
    confidence: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict on one request; `reason` is None when it was accepted, `detail` is for people."""

    request: OrderRequest
    accepted: bool
    reason: GateReason | None
    detail: str


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: GateReason
    detail: str


def gate(
    requests: Sequence[OrderRequest],
    *,
    book: Book,
    prices: Mapping[str, Decimal],
    allowed: frozenset[str],
    limits: LimitsSection,
    fee: Decimal,
) -> list[GateResult]:
    """Judge one session's requests; the results are in the order of the requests.

    `prices` are the last known ones, `allowed` the symbols of the universe, `fee` is per order. Sells are
    judged first, as they are executed first, and their estimated proceeds may be spent; within a side the
    order of the requests counts. Orders still open from earlier sessions take up cash and positions. Of two
    requests on one symbol only the first is considered.
    """
    desk = _Desk(book, prices, allowed, limits, to_cents(fee))
    seen: set[str] = set()
    repeated = []
    for request in requests:
        repeated.append(request.symbol in seen)
        seen.add(request.symbol)
    refusals: list[_Refusal | None] = [None] * len(requests)
    for position in sorted(range(len(requests)), key=lambda place: requests[place].side is not Side.SELL):
        refusals[position] = desk.judge(requests[position], repeated[position])
    return [
        GateResult(request, True, None, "within the limits")
        if refusal is None
        else GateResult(request, False, refusal.reason, refusal.detail)
        for request, refusal in zip(requests, refusals, strict=True)
    ]


def counted(orders: Sequence[Order]) -> list[Order]:
    """The open orders that bind shares or cash: not those that wait for a purchase, and of two that cancel
    each other only the first."""
    bound: dict[str, Order] = {}
    for order in orders:
        if order.parent is None and order.oco not in bound:
            bound[order.id] = order
    return list(bound.values())


def expected_shares(order: Order, book: Book, nav_cents: int, price: Decimal | None) -> int:
    """What an open order would trade at a price: an estimate where its size is an amount or a weight.
    Without a price a sale binds all that is held and a purchase nothing."""
    if order.quantity is not None:
        return order.quantity
    held = book.quantity(order.symbol)
    if price is None:
        return held if order.side is Side.SELL else 0
    if order.amount is not None:
        return int(order.amount // price)
    target = int((order.weight or 0) * nav_cents // (price * 100))
    return max(target - held if order.side is Side.BUY else held - target, 0)


class _Desk:
    """The running totals of one session. Amounts in cents, at the last known prices."""

    def __init__(
        self,
        book: Book,
        prices: Mapping[str, Decimal],
        allowed: frozenset[str],
        limits: LimitsSection,
        fee_cents: int,
    ) -> None:
        self._prices = {symbol: price for symbol, price in prices.items() if price.is_finite() and price > 0}
        self._allowed = allowed
        self._fee_cents = fee_cents
        nav = book.cash_cents + book.receivable_cents
        self._position = {symbol: holding.quantity for symbol, holding in book.holdings.items()}
        self._sellable = dict(self._position)
        for symbol, holding in book.holdings.items():
            price = self._prices.get(symbol)
            nav += holding.cost_cents if price is None else notional_cents(price, holding.quantity)
        self._cash = book.cash_cents
        for order in counted(book.open_orders):
            shares = expected_shares(order, book, nav, self._prices.get(order.symbol))
            if order.side is Side.SELL:
                self._sellable[order.symbol] = self._sellable.get(order.symbol, 0) - shares
                continue
            self._position[order.symbol] = self._position.get(order.symbol, 0) + shares
            if order.symbol in self._prices:
                self._cash -= notional_cents(self._prices[order.symbol], shares) + fee_cents
        self._orders_left = limits.max_orders_per_session
        self._turnover_left = int(Decimal(str(limits.max_turnover_per_session)) * nav)
        self._position_limit = int(Decimal(str(limits.max_position)) * nav)

    def judge(self, request: OrderRequest, repeated: bool) -> _Refusal | None:
        """Why the request is refused, or None; then its totals are taken up."""
        symbol, quantity = request.symbol, request.quantity
        if symbol not in self._allowed:
            return _Refusal(GateReason.UNKNOWN_SYMBOL, f"{symbol[:20]!r} is not in the universe")
        if repeated:
            return _Refusal(GateReason.DUPLICATE, f"a second request on {symbol} in one session")
        if type(quantity) is not int or not 1 <= quantity <= MOST_SHARES:
            return _Refusal(GateReason.BAD_QUANTITY, f"{symbol}: not a whole number of 1 to {MOST_SHARES}")
        sellable = self._sellable.get(symbol, 0)
        if request.side is Side.SELL and quantity > sellable:
            return _Refusal(
                GateReason.NOT_HELD, f"{symbol}: {quantity} to sell, {max(sellable, 0)} held and free"
            )
        price = self._prices.get(symbol)
        if price is None:
            return _Refusal(GateReason.NO_PRICE, f"{symbol} has no known price")
        if self._orders_left == 0:
            return _Refusal(GateReason.MAX_ORDERS, "the session's number of orders is used up")
        notional = notional_cents(price, quantity)
        if notional > self._turnover_left:
            return _Refusal(
                GateReason.MAX_TURNOVER,
                f"{symbol}: {from_cents(notional)} asked, {from_cents(self._turnover_left)} of turnover left",
            )
        if request.side is Side.BUY:
            refusal = self._judge_buy(symbol, notional, quantity, price)
            if refusal is not None:
                return refusal
            self._cash -= notional + self._fee_cents
        else:
            self._cash += notional - self._fee_cents
        self._orders_left -= 1
        self._turnover_left -= notional
        return None

    def _judge_buy(self, symbol: str, notional: int, quantity: int, price: Decimal) -> _Refusal | None:
        after = notional_cents(price, self._position.get(symbol, 0) + quantity)
        if after > self._position_limit:
            return _Refusal(
                GateReason.MAX_POSITION,
                f"{symbol}: {from_cents(after)} held afterwards, {from_cents(self._position_limit)} allowed",
            )
        if notional + self._fee_cents > self._cash:
            return _Refusal(
                GateReason.CASH,
                f"{symbol}: {from_cents(notional + self._fee_cents)} needed, {from_cents(self._cash)} free",
            )
        return None
