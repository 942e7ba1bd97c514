"""The gate between what a language model asks for and what becomes an order.

Conviction requests, risk disposes: whatever a model was told or talked into, an order outside these limits
is not placed. The gate looks at one session's requests together, with prices known at that session; what
happens at the fill is the book's affair.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from arena_pipeline.errors import LedgerError
from arena_pipeline.settings import LimitsSection
from arena_pipeline.trading.book import Book
from arena_pipeline.trading.money import from_cents, notional_cents, to_cents
from arena_pipeline.trading.orders import Order, OrderType, Side, TimeInForce

MOST_SHARES = 10**9
"""No order is for more: beyond it a quantity is a mistake or an attack, never a trade."""


WIDEST_PRICE = Decimal("0.5")
"""A price that an order names lies within this fraction of the last known one; beyond it is a mistake."""


class GateReason(enum.StrEnum):
    """Why a request was not placed."""

    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    UNDER_REVIEW = "UNDER_REVIEW"
    DUPLICATE = "DUPLICATE"
    BAD_QUANTITY = "BAD_QUANTITY"
    BAD_PRICE = "BAD_PRICE"
    NOT_OPEN = "NOT_OPEN"
    NOT_HELD = "NOT_HELD"
    NO_PRICE = "NO_PRICE"
    MAX_ORDERS = "MAX_ORDERS"
    MAX_TURNOVER = "MAX_TURNOVER"
    MAX_POSITION = "MAX_POSITION"
    CASH = "CASH"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order as a model or a baseline asks for it. `confidence` from 0 to 1, None for rules.

    Its size is one of `quantity`, `amount` and `weight`, its prices as in `Order`. `stop_loss` and
    `take_profit` ask for a bracket around a purchase: two orders that close it and cancel each other.
    `replaces` names the open order whose place it takes.
    """

    symbol: str
    side: Side
    quantity: int | None
    confidence: float | None
    reason: str
    type: OrderType = OrderType.MARKET
    limit: Decimal | None = None
    stop: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    amount: Decimal | None = None
    weight: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    replaces: str | None = None
    lowered_confidence: float | None = None
    """The confidence less the penalty of the briefings that the order rests on."""
    cites: tuple[str, ...] = ()
    """The facts that it names as its grounds, as `SYMBOL:FACT`."""

    @property
    def prices(self) -> tuple[Decimal, ...]:
        """The prices it names."""
        named = (self.limit, self.stop, self.stop_loss, self.take_profit)
        return tuple(price for price in named if price is not None)


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict on one request; `reason` is None when it was accepted, `detail` is for people. `shares`
    is what it is for, at the last known price where it names an amount or a weight."""

    request: OrderRequest
    accepted: bool
    reason: GateReason | None
    detail: str
    shares: int


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
    cancelled: Collection[str] = (),
    under_review: Collection[str] = (),
) -> list[GateResult]:
    """Judge one session's requests; the results are in the order of the requests.

    `prices` are the last known ones, `allowed` the symbols of the universe, `fee` is per order. Sells are
    judged first, as they are executed first, and their estimated proceeds may be spent; within a side the
    order of the requests counts. Orders still open from earlier sessions take up cash and positions, except
    those that are `cancelled` (their ids) or replaced by a request that passes. Nothing is bought of the
    symbols `under_review`, whose evidence a person should look at first; they may be sold. Of two requests on
    one symbol only the first is considered.
    """
    desk = _Desk(book, prices, allowed, limits, to_cents(fee), frozenset(cancelled), frozenset(under_review))
    seen: set[str] = set()
    repeated = []
    for request in requests:
        repeated.append(request.symbol in seen)
        seen.add(request.symbol)
    refusals: list[_Refusal | None] = [None] * len(requests)
    for position in sorted(range(len(requests)), key=lambda place: requests[place].side is not Side.SELL):
        refusals[position] = desk.judge(requests[position], repeated[position])
    return [
        GateResult(request, True, None, "within the limits", desk.shares(request))
        if refusal is None
        else GateResult(request, False, refusal.reason, refusal.detail, request.quantity or 0)
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


def expected_shares(
    order: Order | OrderRequest, book: Book, nav_cents: int, price: Decimal | None, fee_cents: int
) -> int:
    """What an order would trade at a price: an estimate where its size is an amount or a weight. Without a
    price a sale binds all that is held and a purchase nothing."""
    if order.quantity is not None:
        return order.quantity
    held, buys = book.quantity(order.symbol), order.side is Side.BUY
    if price is None:
        return 0 if buys else held
    cents = to_cents(order.amount) if order.amount is not None else int((order.weight or 0) * nav_cents)
    shares = int(max(cents - (fee_cents if buys else 0), 0) // (price * 100))
    if order.amount is not None:
        return shares
    return max(shares - held if buys else held - shares, 0)


def _as_order(request: OrderRequest) -> Order:
    return Order(
        request.symbol,
        "",
        request.symbol,
        request.side,
        request.quantity,
        datetime.min.replace(tzinfo=UTC),
        request.type,
        request.limit,
        request.stop,
        amount=request.amount,
        weight=request.weight,
    )


def _dearest(request: OrderRequest, last: Decimal) -> Decimal:
    """The price by which a request is judged: the worst that it may trade at for the limits. A purchase never
    fills above its limit; a stop or a sale may fill at the market, whatever price it names."""
    if request.side is Side.BUY and request.limit is not None:
        return request.limit
    return max(request.limit or request.stop or last, last)


def _entry(request: OrderRequest, last: Decimal | None) -> Decimal | None:
    """About what a purchase will have paid: its limit at most, its stop at least, the market otherwise."""
    if last is None or (request.limit is None and request.stop is None):
        return last
    if request.stop is not None:
        return max(request.stop, last)
    return min(request.limit or last, last)


def _is_size(value: Decimal | None) -> bool:
    return value is None or (value.is_finite() and value >= 0)


class _Desk:
    """The running totals of one session. Amounts in cents, at the last known prices."""

    def __init__(
        self,
        book: Book,
        prices: Mapping[str, Decimal],
        allowed: frozenset[str],
        limits: LimitsSection,
        fee_cents: int,
        gone: Collection[str],
        under_review: frozenset[str],
    ) -> None:
        self._book = book
        self._open = {order.id: order for order in book.open_orders}
        self._prices = {symbol: price for symbol, price in prices.items() if price.is_finite() and price > 0}
        self._allowed = allowed
        self._under_review = under_review
        self._fee_cents = fee_cents
        nav = book.cash_cents + book.receivable_cents
        self._position = {symbol: holding.quantity for symbol, holding in book.holdings.items()}
        self._sellable = dict(self._position)
        for symbol, holding in book.holdings.items():
            price = self._prices.get(symbol)
            nav += holding.cost_cents if price is None else notional_cents(price, holding.quantity)
        self._cash = book.cash_cents
        self._nav = nav
        claims = counted([order for order in book.open_orders if order.id not in gone])
        self._claims = {order.id: order for order in claims}
        for order in claims:
            self._bind(order, 1)
        self._orders_left = limits.max_orders_per_session
        self._turnover_left = int(Decimal(str(limits.max_turnover_per_session)) * nav)
        self._position_limit = int(Decimal(str(limits.max_position)) * nav)

    def _bind(self, order: Order, ways: int) -> None:
        """Take an open order's shares or cash (1), or give them back (-1)."""
        price = self._prices.get(order.symbol)
        shares = ways * expected_shares(order, self._book, self._nav, price, self._fee_cents)
        if order.side is Side.SELL:
            self._sellable[order.symbol] = self._sellable.get(order.symbol, 0) - shares
            return
        self._position[order.symbol] = self._position.get(order.symbol, 0) + shares
        if price is not None:
            self._cash -= notional_cents(price, shares) + ways * self._fee_cents

    def judge(self, request: OrderRequest, repeated: bool) -> _Refusal | None:
        """Why the request is refused, or None; then its totals are taken up, and what it replaces lets go of
        its own. One of two orders that cancel each other stands for both."""
        replaced = self._open.get(request.replaces or "")
        claim = None
        if replaced is not None and replaced.symbol == request.symbol:
            claim = self._claims.get(replaced.id) or self._claims.get(replaced.oco or "")
        if claim is not None:
            self._bind(claim, -1)
        refusal = self._judge(request, repeated)
        if claim is not None and refusal is not None:
            self._bind(claim, 1)
        return refusal

    def _judge(self, request: OrderRequest, repeated: bool) -> _Refusal | None:
        symbol = request.symbol
        if symbol not in self._allowed:
            return _Refusal(GateReason.UNKNOWN_SYMBOL, f"{symbol[:20]!r} is not in the universe")
        if repeated:
            return _Refusal(GateReason.DUPLICATE, f"a second request on {symbol} in one session")
        if request.side is Side.BUY and symbol in self._under_review:
            return _Refusal(
                GateReason.UNDER_REVIEW, f"{symbol}: its evidence contradicts itself; a person should look"
            )
        price = self._prices.get(symbol)
        impossible = self._impossible(request, price)
        if impossible is not None:
            return impossible
        quantity = self.shares(request)
        if not 1 <= quantity <= MOST_SHARES:
            return _Refusal(GateReason.BAD_QUANTITY, f"{symbol}: not a whole number of 1 to {MOST_SHARES}")
        sellable = self._sellable.get(symbol, 0)
        if request.side is Side.SELL and quantity > sellable:
            return _Refusal(
                GateReason.NOT_HELD, f"{symbol}: {quantity} to sell, {max(sellable, 0)} held and free"
            )
        if price is None:
            return _Refusal(GateReason.NO_PRICE, f"{symbol} has no price of the last days")
        price = _dearest(request, price)
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

    def shares(self, request: OrderRequest) -> int:
        """What the request is for; an amount or a weight at the price that it is judged by."""
        last = self._prices.get(request.symbol)
        price = None if last is None else _dearest(request, last)
        return expected_shares(request, self._book, self._nav, price, self._fee_cents)

    def _impossible(self, request: OrderRequest, price: Decimal | None) -> _Refusal | None:
        """Why the request cannot mean anything, whatever the portfolio."""
        symbol = request.symbol
        sizes = (request.quantity, request.amount, request.weight)
        if sum(size is not None for size in sizes) != 1:
            return _Refusal(GateReason.BAD_QUANTITY, f"{symbol}: give quantity, amount or weight")
        if not _is_size(request.amount) or not _is_size(request.weight):
            return _Refusal(GateReason.BAD_QUANTITY, f"{symbol}: the amount or weight is no size")
        quantity = request.quantity
        if quantity is not None and (type(quantity) is not int or not 1 <= quantity <= MOST_SHARES):
            return _Refusal(GateReason.BAD_QUANTITY, f"{symbol}: not a whole number of 1 to {MOST_SHARES}")
        replaced = self._open.get(request.replaces) if request.replaces is not None else None
        if request.replaces is not None and (replaced is None or replaced.symbol != symbol):
            return _Refusal(GateReason.NOT_OPEN, f"{request.replaces[:80]!r} is no open order on {symbol}")
        if (request.stop_loss or request.take_profit) and request.side is Side.SELL:
            return _Refusal(GateReason.BAD_PRICE, f"{symbol}: only a purchase has stop_loss and take_profit")
        try:
            _as_order(request).check()
        except LedgerError as error:
            return _Refusal(GateReason.BAD_PRICE, str(error))
        for named in request.prices:
            if price is not None and abs(named / price - 1) > WIDEST_PRICE:
                return _Refusal(
                    GateReason.BAD_PRICE,
                    f"{symbol}: {named} is more than {WIDEST_PRICE:.0%} away from the last price {price}",
                )
        entry = _entry(request, price)
        if entry is not None and (
            (request.stop_loss is not None and request.stop_loss >= entry)
            or (request.take_profit is not None and request.take_profit <= entry)
        ):
            return _Refusal(
                GateReason.BAD_PRICE, f"{symbol}: stop_loss belongs below {entry}, take_profit above it"
            )
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
