"""The book of one model: cash, holdings and open orders, and the arithmetic that changes them.

A `Book` is never updated: each posting returns the next one, and no other code does arithmetic on cash or
cost. Amounts are integer cents, rounded half up once per posting; the cost of a holding is a total, of
which a partial sale removes its share and the last sale the rest. Fees are expensed and no part of cost.
Two identities hold after every posting:

    cash + receivable + cost of holdings = starting cash + realised - fees + dividends
    net asset value = starting cash + realised + unrealised - fees + dividends
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from arena_pipeline.market.bars import Bar
from arena_pipeline.trading.corporate_actions import CorporateAction
from arena_pipeline.trading.money import half_up, notional_cents
from arena_pipeline.trading.orders import Fill, Order, Rejection, RejectReason, Side


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares of one symbol. `cost_cents` and `buy_fees_cents` are totals over `quantity`, and
    `opened_by` is the id of the order that opened the holding."""

    quantity: int
    cost_cents: int
    buy_fees_cents: int
    opened_by: str


@dataclass(frozen=True, slots=True)
class Execution:
    """Where and when an order meets the market: one bar's opening, or a recorded price."""

    price: Decimal
    at: datetime
    day: date
    bar_id: str
    fee_cents: int


@dataclass(frozen=True, slots=True)
class Book:
    """Everything one model owns and owes. `receivable_cents` are dividends past their ex-date and not
    yet paid; `realised_cents` is gross of fees; `fees_cents` and `dividends_cents` are totals to date."""

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

    def execute(self, order: Order, at: Execution) -> tuple[Book, Fill | Rejection]:
        """The whole order at one price, or a rejection and the same book. Open orders are not touched."""
        if order.side is Side.BUY:
            return self._buy(order, at)
        return self._sell(order, at)

    def _buy(self, order: Order, at: Execution) -> tuple[Book, Fill | Rejection]:
        notional = notional_cents(at.price, order.quantity)
        if notional + at.fee_cents > self.cash_cents:
            return self, rejection(order, at.at, at.day, at.bar_id, RejectReason.INSUFFICIENT_CASH)
        held = self.holdings.get(order.symbol) or Holding(0, 0, 0, order.id)
        after = Holding(
            held.quantity + order.quantity,
            held.cost_cents + notional,
            held.buy_fees_cents + at.fee_cents,
            held.opened_by,
        )
        book = replace(
            self,
            cash_cents=self.cash_cents - notional - at.fee_cents,
            fees_cents=self.fees_cents + at.fee_cents,
            holdings={**self.holdings, order.symbol: after},
        )
        return book, _fill(order, at, notional, None, None)

    def _sell(self, order: Order, at: Execution) -> tuple[Book, Fill | Rejection]:
        held = self.holdings.get(order.symbol)
        if held is None or held.quantity < order.quantity:
            return self, rejection(order, at.at, at.day, at.bar_id, RejectReason.INSUFFICIENT_POSITION)
        proceeds = notional_cents(at.price, order.quantity)
        if self.cash_cents + proceeds < at.fee_cents:
            return self, rejection(order, at.at, at.day, at.bar_id, RejectReason.INSUFFICIENT_CASH_FOR_FEE)
        cost = half_up(held.cost_cents * order.quantity, held.quantity)
        buy_fees = half_up(held.buy_fees_cents * order.quantity, held.quantity)
        left = Holding(
            held.quantity - order.quantity,
            held.cost_cents - cost,
            held.buy_fees_cents - buy_fees,
            held.opened_by,
        )
        realised = proceeds - cost
        book = replace(
            self,
            cash_cents=self.cash_cents + proceeds - at.fee_cents,
            fees_cents=self.fees_cents + at.fee_cents,
            realised_cents=self.realised_cents + realised,
            holdings=self._with(order.symbol, left),
        )
        return book, _fill(order, at, proceeds, realised, realised - at.fee_cents - buy_fees)

    def split(self, symbol: str, ratio: Fraction, price: Decimal) -> Book:
        """The holding in new shares at an unchanged cost. The fraction of a share is paid out at `price`,
        takes its share of the cost with it and leaves the buy fees to the shares that stay."""
        held = self.holdings.get(symbol)
        if held is None:
            return self
        exact = held.quantity * ratio
        whole = int(exact)
        fraction = exact - whole
        paid = fraction * Fraction(price) * 100
        in_lieu = half_up(paid.numerator, paid.denominator)
        share = held.cost_cents * fraction / exact
        cost = half_up(share.numerator, share.denominator)
        return replace(
            self,
            cash_cents=self.cash_cents + in_lieu,
            realised_cents=self.realised_cents + in_lieu - cost,
            holdings=self._with(symbol, replace(held, quantity=whole, cost_cents=held.cost_cents - cost)),
        )

    def accrue(self, symbol: str, amount: Decimal) -> tuple[Book, int]:
        """The right to a dividend of `amount` gross per share held, and its cents."""
        cents = notional_cents(amount, self.quantity(symbol))
        book = replace(
            self,
            receivable_cents=self.receivable_cents + cents,
            dividends_cents=self.dividends_cents + cents,
        )
        return book, cents

    def receive(self, cents: int) -> Book:
        """Accrued dividends arrive as cash."""
        return replace(
            self, cash_cents=self.cash_cents + cents, receivable_cents=self.receivable_cents - cents
        )

    def _with(self, symbol: str, holding: Holding) -> dict[str, Holding]:
        holdings = {**self.holdings, symbol: holding}
        if holding.quantity == 0:
            del holdings[symbol]
        return holdings


@dataclass(frozen=True, slots=True)
class MarketDay:
    """One trading day of the market, as far as it is known.

    `bars` are what orders may fill at, per symbol in the order of time: 15-minute bars where there are
    any, else the one daily bar. `closes` is the bar a holding is marked at. `actions` go ex on this day
    (or went ex since the last trading day). Opening and closing in UTC.
    """

    day: date
    opens_at: datetime
    closes_at: datetime
    bars: Mapping[str, tuple[Bar, ...]]
    closes: Mapping[str, Bar]
    actions: tuple[CorporateAction, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldingMark:
    """A holding at its price. `provisional`: the price is not the official close of the day, because
    that is not known, missing or stale; the last known one stands in for it."""

    symbol: str
    quantity: int
    cost_cents: int
    price: Decimal | None
    bar_id: str | None
    value_cents: int
    provisional: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A model's book at the end of a trading day; `provisional` when any mark is."""

    model: str
    day: date
    cash_cents: int
    receivable_cents: int
    marks: tuple[HoldingMark, ...]
    nav_cents: int
    fees_cents: int
    realised_cents: int
    dividends_cents: int
    provisional: bool


@dataclass(frozen=True, slots=True)
class PositionMark:
    """A holding at the close of one 15-minute bar; `at` is the end of the bar, UTC."""

    model: str
    symbol: str
    at: datetime
    quantity: int
    price: Decimal
    value_cents: int
    bar_id: str


@dataclass(frozen=True, slots=True)
class DayResult:
    """What one trading day made of a model's book. Fills and rejections in the order they happened."""

    fills: tuple[Fill, ...]
    rejections: tuple[Rejection, ...]
    snapshot: Snapshot
    position_marks: tuple[PositionMark, ...]


def rejection(order: Order, at: datetime, day: date, bar_id: str, reason: RejectReason) -> Rejection:
    """The rejection of the whole order."""
    return Rejection(order.id, order.model, order.symbol, order.side, order.quantity, at, day, bar_id, reason)


def _fill(order: Order, at: Execution, notional: int, realised: int | None, net: int | None) -> Fill:
    return Fill(
        order_id=order.id,
        model=order.model,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        price=at.price,
        notional_cents=notional,
        fee_cents=at.fee_cents,
        filled_at=at.at,
        day=at.day,
        bar_id=at.bar_id,
        realised_cents=realised,
        net_cents=net,
    )
