"""The replay of one model's rows with the arena's own book.

Each model's actions are taken in the order of their sequence numbers and filled on their day. Every row
either acts or is listed as a rejection with its line; every day with an action or a price is either valued or
listed as unmarked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from datetime import date

from arena_pipeline.trading.account import Account
from arena_pipeline.trading.imports.fills import ImportFill, Wanted, wanted
from arena_pipeline.trading.imports.findings import (
    LONGEST_DETAIL,
    ImportReason,
    ImportRejection,
    Refused,
    Unmarked,
    quoted,
)
from arena_pipeline.trading.imports.prices import DayPrice, PriceTable
from arena_pipeline.trading.imports.records import TradeRow, Unreadable
from arena_pipeline.trading.imports.result import ImportDay, ImportedModel, ImportState
from arena_pipeline.trading.imports.sequence import Placed, in_sequence
from arena_pipeline.trading.imports.statements import Statements
from arena_pipeline.trading.imports.unit import FINE, fine_of, shown
from arena_pipeline.trading.imports.values import stated_fee
from arena_pipeline.trading.money import notional_cents
from arena_pipeline.trading.orders import RejectReason, Side

NO_TRADE = "no_trade"


class ModelReplay:
    """The book of one model. Amounts are in units of the imported book (`unit.py`)."""

    def __init__(self, model: str, prices: PriceTable, cash: int, fee: int) -> None:
        self._model = model
        self._prices = prices
        self._account = Account(cash)
        self._statements = Statements(cash)
        self._fee = fee
        self._fills: list[ImportFill] = []
        self._states: list[ImportState] = []
        self._days: list[ImportDay] = []
        self._rejections: list[ImportRejection] = []
        self._unmarked: list[Unmarked] = []

    def run(self, rows: Iterable[TradeRow], unreadable: Iterable[Unreadable] = ()) -> ImportedModel:
        self._rejections += [unreadable_rejection(line) for line in unreadable]
        waiting = deque(in_sequence(rows, self._reject))
        for day in self._calendar({placed.day for placed in waiting if placed.row.action is not None}):
            while waiting and waiting[0].day <= day:
                self._act(waiting.popleft())
            self._mark(day)
        for placed in waiting:
            self._act(placed)
        return ImportedModel(
            self._model,
            tuple(self._days),
            tuple(self._states),
            tuple(self._fills),
            tuple(sorted(self._rejections, key=lambda refused: refused.line)),
            self._statements.differences,
            tuple(self._unmarked),
        )

    def _calendar(self, active: Collection[date]) -> list[date]:
        """The last price day before the first action, every price day from then on, and the days of
        actions that have no prices."""
        if not active:
            return []
        first = min(active)
        before = [day for day in self._prices.days if day < first]
        return sorted({*before[-1:], *active, *(day for day in self._prices.days if day >= first)})

    def _act(self, placed: Placed) -> None:
        possible = False
        try:
            fill, fee = self._asked(placed), stated_fee(placed.row.fee)
            possible = fill is None or self._statements.execute(fill, 0 if fee is None else fine_of(fee))
            if fill is not None:
                self._execute(placed, fill)
                if fee is not None:
                    self._statements.compare_fee(placed, fee, self._fee)
        except Refused as refusal:
            self._reject(placed.row, refusal)
        self._statements.compare_book(placed, executed=possible)
        if placed.row.action is not None:
            self._states.append(
                ImportState(placed.seq, placed.day, shown(self._account.cash), self._positions())
            )

    def _asked(self, placed: Placed) -> Wanted | None:
        """The fill that a row asks for, if any. Raises Refused."""
        action = placed.row.action
        return None if action is None or action == NO_TRADE else wanted(placed, action, self._prices)

    def _execute(self, placed: Placed, fill: Wanted) -> None:
        realised = net = None
        if fill.side is Side.BUY:
            refused = self._account.buy(
                fill.symbol, fill.quantity, fill.notional, self._fee, f"{self._model}:{placed.seq}"
            )
        else:
            outcome = self._account.sell(fill.symbol, fill.quantity, fill.notional, self._fee)
            refused = outcome if isinstance(outcome, RejectReason) else None
            if not isinstance(outcome, RejectReason):
                realised, net = outcome
        if refused is not None:
            raise Refused(
                ImportReason(refused.value),
                f"{fill.side} {fill.quantity} {fill.symbol} at {fill.price} with {shown(self._account.cash)} "
                f"cash and {self._account.quantity(fill.symbol)} held",
            )
        self._fills.append(
            ImportFill(
                placed.day,
                fill.symbol,
                fill.side,
                fill.quantity,
                fill.price,
                fill.notional,
                self._fee,
                realised,
                net,
            )
        )

    def _mark(self, day: date) -> None:
        if not self._prices.has(day):
            self._unmarked.append(Unmarked(day, (), ImportReason.NO_BAR, "the price file has no such day"))
            return
        held = {symbol: self._prices.at(symbol, day) for symbol in sorted(self._account.quantities)}
        missing = tuple(symbol for symbol, prices in held.items() if prices.close is None)
        if missing:
            details = "; ".join(f"{symbol}: {held[symbol].problem}" for symbol in missing)
            self._unmarked.append(Unmarked(day, missing, ImportReason.NO_CLOSE, details))
            return
        value = sum(self._value(symbol, prices) for symbol, prices in held.items())
        cash = self._account.cash
        self._days.append(ImportDay(day, shown(cash + value), shown(cash), self._positions()))

    def _value(self, symbol: str, prices: DayPrice) -> int:
        return notional_cents(prices.close * FINE, self._account.quantity(symbol)) if prices.close else 0

    def _positions(self) -> dict[str, int]:
        return dict(sorted(self._account.quantities.items()))

    def _reject(self, row: TradeRow, refusal: Refused) -> None:
        self._rejections.append(rejection(row, refusal))


def rejection(row: TradeRow, refusal: Refused) -> ImportRejection:
    """A refused row as it is listed."""
    return ImportRejection(
        row.line,
        quoted(row.seq),
        quoted(row.date),
        quoted(row.symbol),
        refusal.reason,
        quoted(refusal.detail, LONGEST_DETAIL),
    )


def unreadable_rejection(line: Unreadable) -> ImportRejection:
    """A line that is no record as it is listed."""
    return ImportRejection(
        line.line, "", "", "", ImportReason.BAD_RECORD, quoted(line.detail, LONGEST_DETAIL)
    )
