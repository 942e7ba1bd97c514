"""The two files of an imported record, read without believing them: trades as text, prices as numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from arena_pipeline.errors import DataError
from arena_pipeline.market.bars import price

TRADE_COLUMNS = ("model", "seq", "date", "action", "symbol", "qty")
PRICE_COLUMNS = ("symbol", "date", "open", "close")
HIGHEST_PRICE = Decimal(10**9)


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One row of a trade log, as text, stripped. `line` is its line in the file, from 1."""

    line: int
    model: str
    seq: str
    date: str
    action: str
    symbol: str
    quantity: str


@dataclass(frozen=True, slots=True)
class DayPrice:
    """Opening and close of one symbol and day; None where the file has no usable one: see `problem`."""

    open: Decimal | None
    close: Decimal | None
    problem: str


class PriceTable:
    """The price file by symbol and day."""

    def __init__(self, prices: Mapping[tuple[str, date], DayPrice]) -> None:
        self._prices = dict(prices)
        self.symbols = frozenset(symbol for symbol, _ in self._prices)
        self.days = tuple(sorted({day for _, day in self._prices}))

    def at(self, symbol: str, day: date) -> DayPrice:
        return self._prices.get((symbol, day)) or DayPrice(None, None, "no row in the price file")


def read_trades(file: Path) -> list[TradeRow]:
    """Every row of a trade log. Raises DataError for a file that is no such log."""
    return [
        TradeRow(
            line,
            row["model"],
            row["seq"],
            row["date"],
            row["action"].lower(),
            row["symbol"],
            row["qty"],
        )
        for line, row in _rows(file, TRADE_COLUMNS)
    ]


def read_prices(file: Path) -> PriceTable:
    """The prices of a file, to four decimals. Two different rows on one symbol and day leave none.

    Raises DataError for a file that is no price file and for a row without a symbol or date.
    """
    prices: dict[tuple[str, date], DayPrice] = {}
    for line, row in _rows(file, PRICE_COLUMNS):
        try:
            day = date.fromisoformat(row["date"])
        except ValueError as error:
            raise DataError(f"{file} line {line}: {row['date']!r} is no date such as 2025-10-24") from error
        key = (row["symbol"], day)
        found = _day_price(row)
        if prices.get(key, found) != found:
            found = DayPrice(None, None, f"contradictory rows, the last on line {line}")
        prices[key] = found
    return PriceTable(prices)


def _day_price(row: Mapping[str, str]) -> DayPrice:
    opening, close = _price(row["open"]), _price(row["close"])
    problems = [
        f"no usable {column} ({row[column]!r})"
        for column, value in (("open", opening), ("close", close))
        if value is None
    ]
    return DayPrice(opening, close, ", ".join(problems))


def _price(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
        return price(value) if value.is_finite() and 0 < price(value) <= HIGHEST_PRICE else None
    except InvalidOperation:
        return None


def _rows(file: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and the named columns of each row that is not empty."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{file} has no column {', '.join(missing)}", remedy=f"columns: {','.join(columns)}"
                )
            for row in reader:
                yield (
                    reader.line_num,
                    {column: (row[column] or "").strip() for column in columns},
                )
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is no CSV file in UTF-8: {error}") from error
