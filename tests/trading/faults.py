"""Faults that someone could make in the book, each a small change of its real source.

They are seeded one at a time by `mutants.py`, in memory, to see whether the tests of the book would notice.
`rule` is the rule that the fault breaks: a key of `conventions` in the worked cases, or a word of `BEYOND`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

UNSEEDED = frozenset({"currency", "identity"})
"""Conventions that no single line of code holds: the currency is a word, and every fault in the postings
breaks the identities."""

BEYOND = frozenset({"bars", "actions", "orders", "friction"})
"""Rules of the book that the conventions say nothing about: stale bars and when a fill happened; what a price
already holds, and tax; redelivery, pairs, sizes as amount or weight; slippage and thin bars."""


class Fault(NamedTuple):
    """`source` occurs exactly once in `arena_pipeline/trading/<module>.py`, and `instead` takes its place."""

    name: str
    rule: str
    module: str
    source: str
    instead: str

    def seed(self, text: str) -> str:
        """The module's text with the fault. Raises ValueError when the source is not there exactly once."""
        found = text.count(self.source)
        if found != 1:
            raise ValueError(
                f"the source of the fault {self.name!r} occurs {found} times in {self.module}.py, not once"
            )
        return text.replace(self.source, self.instead)


def unseeded(rules: Iterable[str]) -> set[str]:
    """The rules that no fault breaks."""
    return set(rules) - {fault.rule for fault in FAULTS} - UNSEEDED


NOTHING = Fault("nothing is changed", "", "replay", "def replay(\n", "def replay(\n")
"""What no test may catch: else it is the seeding that they notice."""

FAULTS = (
    Fault(
        "halves are rounded to even",
        "money",
        "replay",
        "notional = (quantity * ticks + 50) // 100",
        "notional = round(Fraction(quantity * ticks, 100))",
    ),
    Fault(
        "halves are cut off",
        "money",
        "money",
        "rounded = (2 * abs(numerator) + denominator) // (2 * denominator)",
        "rounded = (2 * abs(numerator) + denominator - 1) // (2 * denominator)",
    ),
    Fault(
        "prices are cut to the cent",
        "price",
        "book",
        "return int(price * TICKS)",
        "return int(price * 100) * 100",
    ),
    Fault(
        "a fraction of a share is rounded to the nearest share",
        "quantity",
        "account",
        "whole = int(exact)",
        "whole = half_up(exact.numerator, exact.denominator)",
    ),
    Fault(
        "a rejected purchase is charged its fee",
        "fee",
        "account",
        "        if notional + fee > self.cash:\n",
        "        if notional + fee > self.cash:\n            self.fees += fee\n",
    ),
    Fault(
        "the fee is part of cost",
        "cost",
        "account",
        "            self.costs[symbol] = notional\n",
        "            self.costs[symbol] = notional + fee\n",
    ),
    Fault(
        "average cost is kept as a rounded price",
        "cost",
        "account",
        "cost, buy_fees = half_up(cost * quantity, held), ",
        "cost, buy_fees = half_up(cost, held) * quantity, ",
    ),
    Fault(
        "the cash in lieu of a fraction is its cost",
        "cost",
        "account",
        "paid = (exact - whole) * cents_per_share",
        "paid = self.costs[symbol] * (exact - whole) / exact",
    ),
    Fault(
        "the fee of a sale is missing from its net",
        "closed_trade_net",
        "account",
        "return realised, realised - fee - buy_fees",
        "return realised, realised - buy_fees",
    ),
    Fault(
        "a partial sale bears all buy fees",
        "closed_trade_net",
        "account",
        ", half_up(buy_fees * quantity, held)",
        ", buy_fees",
    ),
    Fault(
        "an order may use the bar that it was sent in",
        "order_time",
        "replay",
        "mine[index].start < submitted",
        "mine[index].end < submitted",
    ),
    Fault(
        "an order sent at the opening of a bar misses it",
        "order_time",
        "replay",
        "mine[index].start < submitted",
        "mine[index].start <= submitted",
    ),
    Fault(
        "purchases come before sales",
        "bar_order",
        "replay",
        "_ENDINGS, _SELLS, _BUYS, _EXITS = range(0, 40, 10)",
        "_ENDINGS, _BUYS, _SELLS, _EXITS = range(0, 40, 10)",
    ),
    Fault(
        "the target comes before the stop",
        "bar_order",
        "replay",
        "OrderType.MARKET: 1, OrderType.LIMIT: 2}",
        "OrderType.MARKET: 1, OrderType.LIMIT: -1}",
    ),
    Fault(
        "a day order never expires",
        "bar_order",
        "replay",
        "if until is None and self._open:",
        "if until is not None and self._open:",
    ),
    Fault(
        "a dividend is paid on its ex-date",
        "bar_order",
        "replay",
        "self._due.append((action.pay_date or action.ex_date, posting))",
        "self._due.append((action.ex_date, posting))",
    ),
    Fault(
        "a market order fills at the close",
        "market",
        "fills",
        "policy.slipped(bar.open, order.side, bar)",
        "policy.slipped(bar.close, order.side, bar)",
    ),
    Fault(
        "a limit that is touched is filled",
        "limit",
        "fills",
        "bar.low < limit or (touch and bar.low == limit)",
        "bar.low <= limit",
    ),
    Fault(
        "a limit that gapped fills at the limit",
        "limit",
        "fills",
        "    if better:\n        return Meeting(bar.open, at_open=True)",
        "    if better:\n        return Meeting(limit, at_open=True)",
    ),
    Fault(
        "a stop that gapped fills at the stop",
        "stop",
        "fills",
        "    if gapped:\n        return Meeting(bar.open, at_open=True)",
        "    if gapped:\n        return Meeting(stop, at_open=True)",
    ),
    Fault(
        "a stop-limit order fills beyond its limit",
        "stop_limit",
        "fills",
        "    if acceptable:\n",
        "    if acceptable or reached.at_open:\n",
    ),
    Fault(
        "the last cent cannot be spent",
        "cash",
        "account",
        "if notional + fee > self.cash:",
        "if notional + fee >= self.cash:",
    ),
    Fault(
        "a purchase is clipped to the cash",
        "cash",
        "replay",
        "        notional = (quantity * ticks + 50) // 100\n",
        "        if order.side is Side.BUY:\n"
        "            quantity = min(quantity, (self._account.cash - self._fee) * 100 // ticks)\n"
        "        notional = (quantity * ticks + 50) // 100\n",
    ),
    Fault(
        "dividends due are no part of the value",
        "equity",
        "replay",
        "value = account.cash + account.receivable\n",
        "value = account.cash\n",
    ),
    Fault(
        "a stale bar is a market",
        "bars",
        "book",
        "if len(some) == 1 and not some[0].stale",
        "if len(some) == 1",
    ),
    Fault(
        "a fill is dated by the end of its bar",
        "bars",
        "orders",
        "return self.bar.start",
        "return self.bar.end",
    ),
    Fault(
        "a split scales an order sent after it",
        "actions",
        "replay",
        "order.symbol == symbol and order.submitted_at < day.opens_at",
        "order.symbol == symbol and order.submitted_at < day.closes_at",
    ),
    Fault(
        "dividends are counted on total-return prices",
        "actions",
        "replay",
        "elif action.amount is not None and adjustment in (Adjustment.RAW, Adjustment.SPLIT):",
        "elif action.amount is not None:",
    ),
    Fault(
        "splits are applied to split-adjusted prices",
        "actions",
        "replay",
        "action.ratio is not None and adjustment is Adjustment.RAW",
        "action.ratio is not None and adjustment is not Adjustment.TOTAL",
    ),
    Fault(
        "the tax on a dividend is not withheld",
        "actions",
        "replay",
        "self._account.accrue(gross - tax)",
        "self._account.accrue(gross)",
    ),
    Fault(
        "two dividends of one share are taken for one",
        "actions",
        "corporate_actions",
        'return f"action:{self.kind}:{self.symbol}:{self.ex_date.isoformat()}"',
        'return f"action:{self.kind}:{self.symbol}"',
    ),
    Fault(
        "an order delivered again after its fill is a new one",
        "orders",
        "replay",
        "        known = self._orders.get(order.id)\n",
        "        known = self._open.get(order.id)\n",
    ),
    Fault(
        "the other of two exits stays open",
        "orders",
        "replay",
        "                if order.oco is not None:\n",
        "                if order.oco is None:\n",
    ),
    Fault(
        "an amount leaves no room for the fee",
        "orders",
        "replay",
        "max(to_cents(order.amount) - fee, 0) * 100 // ticks",
        "to_cents(order.amount) * 100 // ticks",
    ),
    Fault(
        "a weight leaves no room for the fee",
        "orders",
        "replay",
        "int(max(target - fee, Fraction(0)) * 100 / ticks)",
        "int(target * 100 / ticks)",
    ),
    Fault(
        "slippage helps",
        "friction",
        "fills",
        "(1 if side is Side.BUY else -1)",
        "(1 if side is Side.SELL else -1)",
    ),
    Fault(
        "a thin bar takes any order",
        "friction",
        "fills",
        "return self.participation is None or quantity <= self.participation * bar.volume",
        "return self.participation is None or bar.volume > 0",
    ),
)
