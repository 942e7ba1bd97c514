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
    """Cash and holdings of one model. A posting either happens whole or returns why it cannot.

    What is held is kept in columns by symbol, of plain values: a page of them for every day costs little and
    gives the garbage collector nothing to walk. Postings write on the current page of `quantities` and
    `costs`; what was read from it may be kept once the page is turned.
    """

    __slots__ = (
        "buy_fees", "cash", "costs", "dividends", "fees", "opened_by", "quantities", "realised", "receivable",
        "starting_cash",
    )  # fmt: skip

    def __init__(self, starting_cash: int) -> None:
        self.starting_cash = self.cash = starting_cash
        self.receivable = self.fees = self.realised = self.dividends = 0
        self.quantities: dict[str, int] = {}
        self.costs: dict[str, int] = {}
        self.buy_fees: dict[str, int] = {}
        self.opened_by: dict[str, str] = {}

    def fork(self) -> Account:
        other = copy.copy(self)
        other.turn_page()
        other.buy_fees = self.buy_fees.copy()
        other.opened_by = self.opened_by.copy()
        return other

    def turn_page(self) -> None:
        """Leave quantities and costs as they are to whoever has read them, and go on with a copy."""
        self.quantities = self.quantities.copy()
        self.costs = self.costs.copy()

    def book(self, open_orders: Iterable[Order]) -> Book:
        """The state as it is now, for readers."""
        return Book(
            self.cash,
            self.receivable,
            {
                symbol: Holding(quantity, self.costs[symbol], self.buy_fees[symbol], self.opened_by[symbol])
                for symbol, quantity in self.quantities.items()
            },
            tuple(open_orders),
            self.fees,
            self.realised,
            self.dividends,
            self.starting_cash,
        )

    def quantity(self, symbol: str) -> int:
        return self.quantities.get(symbol, 0)

    def buy(self, symbol: str, quantity: int, notional: int, fee: int, order_id: str) -> RejectReason | None:
        """Pay for shares and their fee."""
        if notional + fee > self.cash:
            return RejectReason.INSUFFICIENT_CASH
        if symbol in self.quantities:
            self.quantities[symbol] += quantity
            self.costs[symbol] += notional
            self.buy_fees[symbol] += fee
        else:
            self.quantities[symbol] = quantity
            self.costs[symbol] = notional
            self.buy_fees[symbol] = fee
            self.opened_by[symbol] = order_id
        self.cash -= notional + fee
        self.fees += fee
        return None

    def sell(self, symbol: str, quantity: int, proceeds: int, fee: int) -> tuple[int, int] | RejectReason:
        """Give shares for `proceeds`: realised (before fees) and net (less fee and share of buy fees)."""
        held = self.quantities.get(symbol, 0)
        if held < quantity:
            return RejectReason.INSUFFICIENT_POSITION
        if self.cash + proceeds < fee:
            return RejectReason.INSUFFICIENT_CASH_FOR_FEE
        cost, buy_fees = self.costs[symbol], self.buy_fees[symbol]
        if quantity == held:
            self._close(symbol)
        else:
            cost, buy_fees = half_up(cost * quantity, held), half_up(buy_fees * quantity, held)
            self.quantities[symbol] -= quantity
            self.costs[symbol] -= cost
            self.buy_fees[symbol] -= buy_fees
        realised = proceeds - cost
        self.cash += proceeds - fee
        self.fees += fee
        self.realised += realised
        return realised, realised - fee - buy_fees

    def split(self, symbol: str, ratio: Fraction, cents_per_share: Fraction) -> tuple[int, int]:
        """The holding in new shares at an unchanged cost. The fraction of a share is paid out, takes its
        share of the cost with it and leaves the buy fees to the shares that stay. Returns the cents paid
        in lieu and the cost that went."""
        exact = self.quantities[symbol] * ratio
        whole = int(exact)
        paid = (exact - whole) * cents_per_share
        in_lieu = half_up(paid.numerator, paid.denominator)
        share = self.costs[symbol] * (exact - whole) / exact
        cost = half_up(share.numerator, share.denominator)
        self.cash += in_lieu
        self.realised += in_lieu - cost
        if whole:
            self.quantities[symbol] = whole
            self.costs[symbol] -= cost
        else:
            self._close(symbol)
        return in_lieu, cost

    def accrue(self, net: int) -> None:
        """The right to a dividend, net of the tax that will be withheld."""
        self.receivable += net
        self.dividends += net

    def receive(self, net: int) -> None:
        """Accrued dividends arrive as cash."""
        self.cash += net
        self.receivable -= net

    def _close(self, symbol: str) -> None:
        for column in (self.quantities, self.costs, self.buy_fees, self.opened_by):
            del column[symbol]
