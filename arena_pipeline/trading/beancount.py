"""A journal as text for beancount, whose own checker then says whether the book balances.

Beancount cannot keep the average cost of a holding, so shares are carried twice: at cost in the currency, and
as a number of shares against an equity account. Every day's cash and receivables, and at the end every
holding, are asserted with `balance`. Syntax: https://beancount.github.io/docs/beancount_language_syntax.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from arena_pipeline.errors import LedgerError
from arena_pipeline.trading.journal import Account, Transaction
from arena_pipeline.trading.money import from_cents

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9-]")


def beancount(
    journals: Mapping[str, Sequence[Transaction]], *, currency: str, title: str = "Sentiment Arena"
) -> str:
    """A ledger file with the journals of some models, by model id.

    Raises LedgerError where two models or two symbols would get the same name.
    """
    symbols = sorted(
        {entry.symbol for each in journals.values() for t in each for entry in t.entries if entry.symbol}
    )
    commodities = _distinct({symbol: commodity(symbol) for symbol in symbols})
    owners = _distinct({model: _component(model) for model in journals})
    opening = min((each[0].day for each in journals.values() if each), default=date(1970, 1, 1))
    lines = [f'option "title" "{_quoted(title)}"', f'option "operating_currency" "{currency}"', ""]
    lines += [f"{opening} commodity {name}" for name in (currency, *sorted(commodities.values()))]
    for model, transactions in journals.items():
        lines += ["", f"; {model}", *_model(owners[model], transactions, commodities, currency)]
    return "\n".join(lines) + "\n"


def commodity(symbol: str) -> str:
    """A symbol as beancount lets a commodity be called: `SAP.DE` as it is, `^GDAXI` as
    `GDAXI`, `1COV.DE` as `X-1COV.DE`."""
    name = re.sub(r"[^A-Z0-9.\-]", "", symbol.upper()).strip(".-")
    return name if name[:1].isalpha() and len(name) > 1 else f"X-{name}"


def _model(
    owner: str, transactions: Sequence[Transaction], commodities: Mapping[str, str], currency: str
) -> Iterator[str]:
    def name(account: Account, symbol: str | None = None) -> str:
        kind, _, rest = account.value.partition(":")
        parts = [kind, owner, rest] + ([_component(commodities[symbol])] if symbol else [])
        return ":".join(parts)

    def number(symbol: str) -> str:
        return f"Equity:{owner}:Shares:{_component(commodities[symbol])}"

    accounts = {name(entry.account, entry.symbol) for t in transactions for entry in t.entries}
    accounts |= {number(entry.symbol) for t in transactions for entry in t.entries if entry.symbol}
    opening = transactions[0].day if transactions else date(1970, 1, 1)
    yield from (f"{opening} open {account}" for account in sorted(accounts))
    liquid: dict[str, int] = {}
    shares: dict[str, int] = {}
    costs: dict[str, int] = {}
    for position, transaction in enumerate(transactions):
        yield ""
        yield f'{transaction.day} * "{_quoted(transaction.text)}"'
        yield f'  reference: "{_quoted(transaction.reference)}"'
        if transaction.evidence:
            yield f'  bar: "{_quoted(transaction.evidence)}"'
        for entry in transaction.entries:
            account = name(entry.account, entry.symbol)
            yield f"  {account}  {from_cents(entry.cents)} {currency}"
            if entry.account in (Account.CASH, Account.RECEIVABLE):
                liquid[account] = liquid.get(account, 0) + entry.cents
            if entry.symbol:
                costs[account] = costs.get(account, 0) + entry.cents
            if entry.symbol and entry.shares:
                unit = commodities[entry.symbol]
                shares[entry.symbol] = shares.get(entry.symbol, 0) + entry.shares
                yield f"  {account}  {entry.shares} {unit}"
                yield f"  {number(entry.symbol)}  {-entry.shares} {unit}"
        following = transactions[position + 1].day if position + 1 < len(transactions) else None
        if following != transaction.day:
            yield from _assertions(transaction.day, liquid.items(), currency)
    if transactions:
        last = transactions[-1].day
        yield from _assertions(last, costs.items(), currency)
        for symbol, held in shares.items():
            yield from _asserted(last, name(Account.SHARES, symbol), str(held), commodities[symbol])


def _assertions(day: date, amounts: Iterable[tuple[str, int]], currency: str) -> Iterator[str]:
    for account, cents in amounts:
        yield from _asserted(day, account, str(from_cents(cents)), currency)


def _asserted(day: date, account: str, amount: str, unit: str) -> Iterator[str]:
    """Exactly (`~ 0`), at the beginning of the day after, which is when beancount looks."""
    yield f"{day + timedelta(days=1)} balance {account}  {amount} ~ 0 {unit}"


def _component(text: str) -> str:
    """A part of an account's name: letters, digits and dashes, the first a capital or a digit."""
    name = _NOT_IN_A_NAME.sub("-", text)
    return name[:1].upper() + name[1:]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _distinct(names: dict[str, str]) -> dict[str, str]:
    for given, name in names.items():
        twins = [other for other, taken in names.items() if taken == name and other != given]
        if twins:
            raise LedgerError(
                f"{given} and {twins[0]} would both be called {name}", remedy="export one model at a time"
            )
    return names
