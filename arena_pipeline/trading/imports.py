"""Replay of anybody's trade log, with the arena's own book, to check another arena's record.

The trade log has the columns `model,seq,date,action,symbol,qty` (actions buy, sell, no_trade), the price
file `symbol,date,open,high,low,close,volume`; further columns are ignored. Each model's actions are taken in
the order of `seq` and filled at the symbol's opening price of their date. Every row either acts or is listed
as a rejection with its line; every day with an action or a price is either valued or listed as unmarked.

Such logs are not rounded to cents at each posting, so the book is kept in hundredths of a cent (whole shares
at prices of four decimals are exact there) and an amount is rounded to cents, half up, when it is shown.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from arena_pipeline.errors import DataError
from arena_pipeline.trading.account import Account
from arena_pipeline.trading.importfiles import DayPrice, PriceTable, TradeRow, read_prices, read_trades
from arena_pipeline.trading.limits import MOST_SHARES
from arena_pipeline.trading.money import from_cents, half_up, notional_cents, to_cents
from arena_pipeline.trading.orders import RejectReason, Side

FINE = 100
"""Units of the imported book in a cent."""

LONGEST_TEXT, LONGEST_DETAIL = 60, 300
"""Characters of the file's own text that are repeated in a rejection."""


class ImportReason(enum.StrEnum):
    """Why a row of the log did not act, or a day was not valued."""

    BAD_NUMBER = "BAD_NUMBER"
    BAD_DATE = "BAD_DATE"
    BAD_ACTION = "BAD_ACTION"
    DUPLICATE = "DUPLICATE"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    ZERO_QUANTITY = "ZERO_QUANTITY"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    NO_BAR = "NO_BAR"
    NO_CLOSE = "NO_CLOSE"
    INSUFFICIENT_CASH = RejectReason.INSUFFICIENT_CASH.value
    INSUFFICIENT_POSITION = RejectReason.INSUFFICIENT_POSITION.value
    INSUFFICIENT_CASH_FOR_FEE = RejectReason.INSUFFICIENT_CASH_FOR_FEE.value


@dataclass(frozen=True, slots=True)
class ImportState:
    """The book after one row of the log."""

    seq: int
    day: date
    cash: Decimal
    positions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ImportDay:
    """The book at the close of one day of the price file."""

    day: date
    nav: Decimal
    cash: Decimal
    positions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ImportRejection:
    """A row that did not act; its texts are the file's own, shortened. `line` counts from 1."""

    line: int
    seq: str
    day: str
    symbol: str
    reason: ImportReason
    detail: str


@dataclass(frozen=True, slots=True)
class Unmarked:
    """A day that was not valued, because a holding has no usable close (or the file does not have it)."""

    day: date
    symbols: tuple[str, ...]
    reason: ImportReason
    detail: str


@dataclass(frozen=True, slots=True)
class ImportedModel:
    model: str
    days: tuple[ImportDay, ...]
    states: tuple[ImportState, ...]
    rejections: tuple[ImportRejection, ...]
    unmarked: tuple[Unmarked, ...]


@dataclass(frozen=True, slots=True)
class ImportResult:
    currency: str
    models: tuple[ImportedModel, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values: amounts are strings with two decimals, dates ISO 8601."""
        return {"currency": self.currency, "models": [_model_json(model) for model in self.models]}


def import_trades(
    trades_csv: Path, prices_csv: Path, *, cash: Decimal, fee: Decimal, currency: str
) -> ImportResult:
    """Replay a trade log. `cash` is what each model starts with, `fee` is charged per executed order.

    Raises DataError for a file that cannot be read at all (missing, no CSV, a column missing) and for an
    amount that is negative; a bad row is a rejection.
    """
    for name, amount in (("cash", cash), ("fee", fee)):
        if not amount.is_finite() or amount < 0:
            raise DataError(f"{name} = {amount} is no amount", remedy="give a number that is not negative")
    prices = read_prices(prices_csv)
    rows: dict[str, list[TradeRow]] = {}
    for row in read_trades(trades_csv):
        rows.setdefault(row.model, []).append(row)
    return ImportResult(
        currency,
        tuple(
            _ModelImport(model, prices, to_cents(cash) * FINE, to_cents(fee) * FINE).run(rows[model])
            for model in sorted(rows)
        ),
    )


class _Refused(Exception):
    """Control flow within this module: the row goes among the rejections."""

    def __init__(self, reason: ImportReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Action:
    """A row whose place in the log is sound: its fields are still text."""

    row: TradeRow
    seq: int
    day: date


class _ModelImport:
    """The replay of one model's rows. The book is in hundredths of a cent."""

    def __init__(self, model: str, prices: PriceTable, cash: int, fee: int) -> None:
        self._model = model
        self._prices = prices
        self._account = Account(cash)
        self._fee = fee
        self._states: list[ImportState] = []
        self._days: list[ImportDay] = []
        self._rejections: list[ImportRejection] = []
        self._unmarked: list[Unmarked] = []

    def run(self, rows: Iterable[TradeRow]) -> ImportedModel:
        by_day: dict[date, list[_Action]] = {}
        for action in self._in_order(rows):
            by_day.setdefault(action.day, []).append(action)
        for day in self._calendar(by_day):
            for action in by_day.get(day, ()):
                self._act(action)
            self._mark(day)
        rejections = sorted(self._rejections, key=lambda refused: refused.line)
        return ImportedModel(
            self._model, tuple(self._days), tuple(self._states), tuple(rejections), tuple(self._unmarked)
        )

    def _in_order(self, rows: Iterable[TradeRow]) -> list[_Action]:
        """The rows with a sequence number and a date, in sequence; the others are rejected."""
        sound: dict[int, _Action] = {}
        for row in rows:
            try:
                action = _Action(row, _whole(row.seq, "seq"), _date(row.date))
                if action.seq in sound:
                    earlier = sound[action.seq].row.line
                    raise _Refused(ImportReason.DUPLICATE, f"seq {action.seq} is already on line {earlier}")
            except _Refused as refusal:
                self._reject(row, refusal)
            else:
                sound[action.seq] = action
        ordered: list[_Action] = []
        for seq in sorted(sound):
            action = sound[seq]
            if ordered and action.day < ordered[-1].day:
                self._reject(
                    action.row,
                    _Refused(ImportReason.OUT_OF_ORDER, f"{action.day} after {ordered[-1].day}, by seq"),
                )
            else:
                ordered.append(action)
        return ordered

    def _calendar(self, by_day: Mapping[date, list[_Action]]) -> list[date]:
        """The last price day before the first action, every price day from then on, and the days of
        actions that have no prices."""
        if not by_day:
            return []
        first = min(by_day)
        before = [day for day in self._prices.days if day < first]
        return sorted({*before[-1:], *by_day, *(day for day in self._prices.days if day >= first)})

    def _act(self, action: _Action) -> None:
        try:
            self._trade(action)
        except _Refused as refusal:
            self._reject(action.row, refusal)
        self._states.append(
            ImportState(action.seq, action.day, _shown(self._account.cash), self._positions())
        )

    def _trade(self, action: _Action) -> None:
        row = action.row
        if row.action == "no_trade":
            return
        try:
            side = Side(row.action)
        except ValueError:
            raise _Refused(
                ImportReason.BAD_ACTION, f"{row.action!r} is neither buy, sell nor no_trade"
            ) from None
        quantity = _whole(row.quantity, "qty")
        if quantity == 0:
            raise _Refused(ImportReason.ZERO_QUANTITY, f"{side} of nothing")
        if row.symbol not in self._prices.symbols:
            raise _Refused(ImportReason.UNKNOWN_SYMBOL, f"{row.symbol!r} has no prices")
        prices = self._prices.at(row.symbol, action.day)
        if prices.open is None:
            raise _Refused(ImportReason.NO_BAR, f"{row.symbol} on {action.day}: {prices.problem}")
        notional = notional_cents(prices.open * FINE, quantity)
        outcome = (
            self._account.buy(row.symbol, quantity, notional, self._fee, f"{self._model}:{action.seq}")
            if side is Side.BUY
            else self._account.sell(row.symbol, quantity, notional, self._fee)
        )
        if isinstance(outcome, RejectReason):
            raise _Refused(
                ImportReason(outcome.value),
                f"{side} {quantity} {row.symbol} at {prices.open} with {_shown(self._account.cash)} cash "
                f"and {self._account.quantity(row.symbol)} held",
            )

    def _mark(self, day: date) -> None:
        if day not in self._prices.days:
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
        self._days.append(ImportDay(day, _shown(cash + value), _shown(cash), self._positions()))

    def _value(self, symbol: str, prices: DayPrice) -> int:
        return notional_cents(prices.close * FINE, self._account.quantity(symbol)) if prices.close else 0

    def _positions(self) -> dict[str, int]:
        return dict(sorted(self._account.quantities.items()))

    def _reject(self, row: TradeRow, refusal: _Refused) -> None:
        self._rejections.append(
            ImportRejection(
                row.line,
                row.seq[:LONGEST_TEXT],
                row.date[:LONGEST_TEXT],
                row.symbol[:LONGEST_TEXT],
                refusal.reason,
                refusal.detail[:LONGEST_DETAIL],
            )
        )


def _whole(text: str, column: str) -> int:
    """A whole number from 0 to MOST_SHARES; pandas' `10.0` is one."""
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) <= MOST_SHARES):
        raise _Refused(
            ImportReason.BAD_NUMBER, f"{column} {text!r} is no whole number from 0 to {MOST_SHARES}"
        )
    return int(digits)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _Refused(ImportReason.BAD_DATE, f"{text!r} is no date such as 2025-10-24") from None


def _shown(fine: int) -> Decimal:
    return from_cents(half_up(fine, FINE))


def _model_json(model: ImportedModel) -> dict[str, Any]:
    return {
        "model": model.model,
        "days": [
            {
                "date": day.day.isoformat(),
                "nav": str(day.nav),
                "cash": str(day.cash),
                "positions": dict(day.positions),
            }
            for day in model.days
        ],
        "states": [
            {
                "seq": state.seq,
                "date": state.day.isoformat(),
                "cash": str(state.cash),
                "positions": dict(state.positions),
            }
            for state in model.states
        ],
        "rejections": [
            {
                "line": refused.line,
                "seq": refused.seq,
                "date": refused.day,
                "symbol": refused.symbol,
                "reason": refused.reason.value,
                "detail": refused.detail,
            }
            for refused in model.rejections
        ],
        "unmarked": [
            {
                "date": unmarked.day.isoformat(),
                "symbols": list(unmarked.symbols),
                "reason": unmarked.reason.value,
                "detail": unmarked.detail,
            }
            for unmarked in model.unmarked
        ],
    }
