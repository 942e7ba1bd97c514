"""The prices that an imported record is filled and valued at, and the closes it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from arena_pipeline.errors import DataError
from arena_pipeline.trading.imports.csv_table import CsvRow, csv_rows
from arena_pipeline.trading.imports.findings import quoted
from arena_pipeline.trading.imports.values import usable_price

PRICE_COLUMNS = ("symbol", "date", "open", "close")
BENCHMARK_COLUMNS = ("date", "close")


@dataclass(frozen=True, slots=True)
class DayPrice:
    """One symbol on one day; None where the file has no usable price: for open and close see `problem`."""

    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    problem: str


class PriceTable:
    """The price file by symbol and day."""

    def __init__(self, prices: Mapping[tuple[str, date], DayPrice]) -> None:
        self._prices = dict(prices)
        self.symbols = frozenset(symbol for symbol, _ in self._prices)
        self._known = frozenset(day for _, day in self._prices)
        self.days = tuple(sorted(self._known))

    def has(self, day: date) -> bool:
        """Whether the file has any row of a day."""
        return day in self._known

    def at(self, symbol: str, day: date) -> DayPrice:
        return self._prices.get((symbol, day)) or _nothing("no row in the price file")


def read_prices(file: Path) -> PriceTable:
    """The prices of a file, to four decimals. Two different rows on one symbol and day leave none.

    Raises DataError for a file that is no price file and for a row without a symbol or date.
    """
    prices: dict[tuple[str, date], DayPrice] = {}
    for row in csv_rows(file, PRICE_COLUMNS):
        key = (row.cells["symbol"], _day(file, row))
        found = _day_price(row)
        if prices.get(key, found) != found:
            found = _nothing(f"contradictory rows, the last on line {row.line}")
        prices[key] = found
    return PriceTable(prices)


def read_benchmark(file: Path) -> list[tuple[date, Decimal]]:
    """The closes of one benchmark, by day. Raises DataError for a file or a row that is none, and for two
    closes on one day."""
    closes: dict[date, Decimal] = {}
    for row in csv_rows(file, BENCHMARK_COLUMNS):
        day, close = _day(file, row), usable_price(row.cells["close"])
        if close is None:
            raise DataError(f"{file} line {row.line}: {quoted(row.cells['close'])!r} is no close")
        if closes.setdefault(day, close) != close:
            raise DataError(
                f"{file} line {row.line}: a second close on {day}", remedy="give one symbol's file"
            )
    return sorted(closes.items())


def _day(file: Path, row: CsvRow) -> date:
    try:
        return date.fromisoformat(row.cells["date"])
    except ValueError as error:
        raise DataError(
            f"{file} line {row.line}: {quoted(row.cells['date'])!r} is no date such as 2025-10-24"
        ) from error


def _day_price(row: CsvRow) -> DayPrice:
    if not row.complete:
        return _nothing("more cells than the header has columns")
    found = {name: usable_price(row.cells.get(name, "")) for name in ("open", "high", "low", "close")}
    problems = [
        f"no usable {name} ({quoted(row.cells[name])!r})" for name in ("open", "close") if found[name] is None
    ]
    return DayPrice(**found, problem=", ".join(problems))


def _nothing(problem: str) -> DayPrice:
    return DayPrice(None, None, None, None, problem)
