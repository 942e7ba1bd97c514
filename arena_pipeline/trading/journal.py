"""The book as a double-entry journal: every change of it as a transaction that sums to zero.

Derived from the replay's results, never the other way round, so that another accounting program can check
what the replay says of itself. Shares stand in the journal at cost; their number is carried beside it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple

from arena_pipeline.errors import LedgerError
from arena_pipeline.trading.book import DayResult, Posting, PostingKind
from arena_pipeline.trading.money import from_cents
from arena_pipeline.trading.orders import Fill, Side


class Account(enum.StrEnum):
    """`SHARES` are at cost, one account per symbol; `TRADING` is proceeds less cost, before fees."""

    CASH = "Assets:Cash"
    RECEIVABLE = "Assets:Receivable"
    SHARES = "Assets:Shares"
    FEES = "Expenses:Fees"
    TAX = "Expenses:Tax"
    TRADING = "Income:Trading"
    DIVIDENDS = "Income:Dividends"
    OPENING = "Equity:Opening"


class Entry(NamedTuple):
    """A change of one account in cents, debits positive; of shares also their number (`symbol` says of
    what, else None)."""

    account: Account
    cents: int
    symbol: str | None = None
    shares: int = 0


class Transaction(NamedTuple):
    """Entries that sum to zero. `reference` is the order or corporate action behind it, `evidence` the bar a
    fill came from."""

    day: date
    text: str
    reference: str
    evidence: str | None
    entries: tuple[Entry, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, amounts as text with two decimals."""
        return {
            "day": self.day.isoformat(),
            "text": self.text,
            "reference": self.reference,
            "evidence": self.evidence,
            "entries": [
                {
                    "account": entry.account.value,
                    "amount": str(from_cents(entry.cents)),
                    "symbol": entry.symbol,
                    "shares": entry.shares,
                }
                for entry in self.entries
            ],
        }


def journal(
    results: Iterable[DayResult], *, opening: date, starting_cash_cents: int
) -> Iterator[Transaction]:
    """The transactions of a book in the order they happened, the starting cash on `opening` first.

    Raises LedgerError for one that does not sum to zero, which the replay cannot produce.
    """
    held: dict[str, int] = {}
    start = (Entry(Account.CASH, starting_cash_cents), Entry(Account.OPENING, -starting_cash_cents))
    yield _balanced(Transaction(opening, "starting cash", "opening", None, start))
    for result in results:
        for posting in result.postings:
            yield _balanced(_of_posting(posting, held))
        for fill in result.fills:
            yield _balanced(_of_fill(fill))
            change = fill.quantity if fill.side is Side.BUY else -fill.quantity
            held[fill.symbol] = held.get(fill.symbol, 0) + change


def balances(transactions: Iterable[Transaction]) -> dict[tuple[Account, str | None], tuple[int, int]]:
    """Cents and shares of each account, by account and symbol."""
    found: dict[tuple[Account, str | None], tuple[int, int]] = {}
    for transaction in transactions:
        for entry in transaction.entries:
            cents, shares = found.get((entry.account, entry.symbol), (0, 0))
            found[entry.account, entry.symbol] = (cents + entry.cents, shares + entry.shares)
    return found


def _balanced(transaction: Transaction) -> Transaction:
    if total := sum(entry.cents for entry in transaction.entries):
        raise LedgerError(f"{transaction.reference} of {transaction.day} is {total} cents out of balance")
    return transaction


def _of_fill(fill: Fill) -> Transaction:
    text = f"{fill.side} {fill.quantity} {fill.symbol} at {fill.price}"
    fee = Entry(Account.FEES, fill.fee_cents)
    entries: tuple[Entry, ...]
    if fill.realised_cents is None:
        entries = (
            Entry(Account.SHARES, fill.notional_cents, fill.symbol, fill.quantity),
            fee,
            Entry(Account.CASH, -fill.notional_cents - fill.fee_cents),
        )
    else:
        cost = fill.notional_cents - fill.realised_cents
        entries = (
            Entry(Account.SHARES, -cost, fill.symbol, -fill.quantity),
            fee,
            Entry(Account.TRADING, -fill.realised_cents),
            Entry(Account.CASH, fill.notional_cents - fill.fee_cents),
        )
    return Transaction(fill.day, text, fill.order_id, fill.bar_id, entries)


def _of_posting(posting: Posting, held: dict[str, int]) -> Transaction:
    symbol, cents = posting.symbol, posting.cents
    entries: tuple[Entry, ...]
    match posting.kind:
        case PostingKind.SPLIT:
            change = posting.quantity - held.get(symbol, 0)
            held[symbol] = posting.quantity
            text = f"split of {symbol}: {posting.quantity} shares"
            entries = (
                Entry(Account.SHARES, -posting.cost_cents, symbol, change),
                Entry(Account.TRADING, posting.cost_cents - cents),
                Entry(Account.CASH, cents),
            )
        case PostingKind.ACCRUAL:
            text = f"dividend of {posting.quantity} {symbol}"
            entries = (
                Entry(Account.RECEIVABLE, cents - posting.tax_cents),
                Entry(Account.TAX, posting.tax_cents),
                Entry(Account.DIVIDENDS, -cents),
            )
        case PostingKind.PAYMENT:
            text = f"dividend of {symbol} paid"
            entries = (Entry(Account.CASH, cents), Entry(Account.RECEIVABLE, -cents))
    return Transaction(posting.day, text, posting.action_id, None, entries)
