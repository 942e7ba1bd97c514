"""The working state of one book: the only code that does arithmetic on cash and cost.

Amounts are integer cents (an import of foreign logs counts in hundredths of a cent), rounded half up once
per posting by whoever makes the posting. The cost of a holding is a total, of which a partial sale removes
its share and the last sale the rest. Fees are expensed and no part of cost. After every posting

    cash + receivable + cost of holdings = starting cash + realised - fees + dividends
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from fractions import Fraction

from arena_pipeline.trading.book import Book, Holding
from arena_pipeline.trading.money import half_up
from arena_pipeline.trading.orders import Order, RejectReason


class Account:
    """Cash and holdings of one model. A posting either happens whole or returns why it cannot. `holdings`
    is replaced, never changed in place, so a reader may keep it."""

    __slots__ = ("cash", "dividends", "fees", "holdings", "realised", "receivable", "starting_cash")

    def __init__(self, starting_cash: int) -> None:
        self.starting_cash = self.cash = starting_cash
        self.receivable = self.fees = self.realised = self.dividends = 0
        self.holdings: dict[str, Holding] = {}

    def fork(self) -> Account:
        return copy.copy(self)

    def book(self, open_orders: Iterable[Order]) -> Book:
        """The state as it is now, for readers."""
        return Book(
            self.cash,
            self.receivable,
            self.holdings,
            tuple(open_orders),
            self.fees,
            self.realised,
            self.dividends,
            self.starting_cash,
        )

    def quantity(self, symbol: str) -> int:
        holding = self.holdings.get(symbol)
        return holding.quantity if holding else 0

    def buy(self, symbol: str, quantity: int, notional: int, fee: int, order_id: str) -> RejectReason | None:
        """Pay for shares and their fee."""
        if notional + fee > self.cash:
            return RejectReason.INSUFFICIENT_CASH
        held = self.holdings.get(symbol)
        if held is None:
            bought = Holding(quantity, notional, fee, order_id)
        else:
            before, cost, fees, opened_by = held
            bought = Holding(before + quantity, cost + notional, fees + fee, opened_by)
        self.holdings = self.holdings | {symbol: bought}
        self.cash -= notional + fee
        self.fees += fee
        return None

    def sell(self, symbol: str, quantity: int, proceeds: int, fee: int) -> tuple[int, int] | RejectReason:
        """Give shares for `proceeds`: realised (before fees) and net (less fee and share of buy fees)."""
        held = self.holdings.get(symbol)
        if held is None or held.quantity < quantity:
            return RejectReason.INSUFFICIENT_POSITION
        if self.cash + proceeds < fee:
            return RejectReason.INSUFFICIENT_CASH_FOR_FEE
        if quantity == held.quantity:
            cost, buy_fees = held.cost_cents, held.buy_fees_cents
            self._drop(symbol)
        else:
            cost = half_up(held.cost_cents * quantity, held.quantity)
            buy_fees = half_up(held.buy_fees_cents * quantity, held.quantity)
            kept = Holding(
                held.quantity - quantity,
                held.cost_cents - cost,
                held.buy_fees_cents - buy_fees,
                held.opened_by,
            )
            self.holdings = self.holdings | {symbol: kept}
        realised = proceeds - cost
        self.cash += proceeds - fee
        self.fees += fee
        self.realised += realised
        return realised, realised - fee - buy_fees

    def split(self, symbol: str, ratio: Fraction, cents_per_share: Fraction) -> tuple[int, int]:
        """The holding in new shares at an unchanged cost. The fraction of a share is paid out, takes its
        share of the cost with it and leaves the buy fees to the shares that stay. Returns the cents paid
        in lieu and the cost that went."""
        held = self.holdings[symbol]
        exact = held.quantity * ratio
        whole = int(exact)
        paid = (exact - whole) * cents_per_share
        in_lieu = half_up(paid.numerator, paid.denominator)
        share = held.cost_cents * (exact - whole) / exact
        cost = half_up(share.numerator, share.denominator)
        self.cash += in_lieu
        self.realised += in_lieu - cost
        if whole:
            kept = held._replace(quantity=whole, cost_cents=held.cost_cents - cost)
            self.holdings = self.holdings | {symbol: kept}
        else:
            self._drop(symbol)
        return in_lieu, cost

    def accrue(self, net: int) -> None:
        """The right to a dividend, net of the tax that will be withheld."""
        self.receivable += net
        self.dividends += net

    def receive(self, net: int) -> None:
        """Accrued dividends arrive as cash."""
        self.cash += net
        self.receivable -= net

    def _drop(self, symbol: str) -> None:
        self.holdings = {name: held for name, held in self.holdings.items() if name != symbol}
