"""Price tables as text: the layouts of Yahoo, yfinance, Investing.com and plain CSV or Parquet exports.

Nothing here is ever a float that was text: a CSV's figures go from characters to `Decimal`. What cannot be
read is a finding with its line; a table that is no price table is a DataError.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import pyarrow
import pyarrow.parquet

from arena_pipeline.errors import DataError
from arena_pipeline.market.bars import price
from arena_pipeline.market.checks import FindingKind, Place

EXPECTED = "a header with date, open, high, low and close (or price), and possibly volume and symbol"
HIGHEST_PRICE = Decimal("1e9")
ALIASES = {
    "date": ("date", "datetime", "day", "timestamp", "datum", "__index_level_0__"),
    "open": ("open", "eröffnung", "erster"),
    "high": ("high", "hoch", "tageshoch"),
    "low": ("low", "tief", "tagestief"),
    "close": ("close", "price", "schluss", "schlusskurs"),
    "volume": ("volume", "vol", "volumen"),
    "symbol": ("symbol", "ticker"),
}
PRICES = ("open", "high", "low", "close")
NULLS = frozenset({"", "-", "null", "none", "nan", "nat", "n/a", "na", "<na>"})
_SCALES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_POINT = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?")
_COMMA = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]*)?")


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row's cells by column (`date`, `open`, ...), as text, stripped."""

    line: int
    cells: dict[str, str]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One day's figures. `volume` is 0 where the table gives none."""

    place: Place
    symbol: str | None
    day: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that gives no bar, and why."""

    place: Place
    symbol: str | None
    day: date | None
    kind: FindingKind
    detail: str


class PriceTable:
    """One file's rows. `content` is the whole file; `name` is what findings and errors call it; a moment in
    it belongs to the day that it is in `zone`."""

    def __init__(self, name: str, content: bytes, zone: ZoneInfo) -> None:
        self.name = name
        self._zone = zone
        if not content.strip():
            raise DataError(f"{name} is empty", remedy=f"expected {EXPECTED}")
        if content.startswith(b"PAR1"):
            self._rows, self.columns = _parquet_rows(name, content)
            self._comma = False
        else:
            self._rows, self.columns, delimiter = _csv_rows(name, content)
            self._comma = delimiter != "," and self._decimal_comma()
        missing = [column for column in ("date", *PRICES) if column not in self.columns]
        if missing:
            raise DataError(f"{name} has no column {', '.join(missing)}", remedy=f"expected {EXPECTED}")
        self._day_first = self._days_come_first()

    @property
    def has_symbols(self) -> bool:
        return "symbol" in self.columns

    def rows(self) -> Iterator[PriceRow | BadRow]:
        """Every row below the header, blank lines aside, read or refused."""
        for raw in self._rows:
            yield self._row(raw)

    def _row(self, raw: RawRow) -> PriceRow | BadRow:
        place = Place(self.name, raw.line)
        symbol = raw.cells.get("symbol")
        day: date | None = None

        def bad(kind: FindingKind, detail: str) -> BadRow:
            return BadRow(place, symbol, day, kind, detail)

        if raw.problem:
            return bad(FindingKind.MALFORMED_ROW, raw.problem)
        try:
            day = self._day(raw.cells["date"])
        except (ValueError, OverflowError):
            return bad(FindingKind.MALFORMED_ROW, f"{raw.cells['date'][:40]!r} is no day")
        nulls = [column for column in PRICES if raw.cells[column].lower() in NULLS]
        if nulls:
            return bad(FindingKind.NULL_PRICE, f"no {', '.join(nulls)}")
        figures = {}
        for column in PRICES:
            figure = self._number(raw.cells[column])
            if figure is None or abs(figure) >= HIGHEST_PRICE:
                return bad(FindingKind.MALFORMED_ROW, f"{column} {raw.cells[column][:40]!r} is no price")
            if figure <= 0:
                return bad(FindingKind.NON_POSITIVE, f"{column} is {figure}")
            figures[column] = price(figure)
        volume = self._volume(raw.cells.get("volume", ""))
        if volume is None:
            return bad(FindingKind.MALFORMED_ROW, f"volume {raw.cells['volume'][:40]!r} is no number")
        if volume < 0:
            return bad(FindingKind.NON_POSITIVE, f"volume is {volume}")
        return PriceRow(place, symbol, day, volume=volume, **figures)

    def _number(self, text: str) -> Decimal | None:
        if self._comma:
            if not _COMMA.fullmatch(text):
                return None
            return Decimal(text.replace(".", "").replace(",", "."))
        return Decimal(text.replace(",", "")) if _POINT.fullmatch(text) else None

    def _volume(self, text: str) -> int | None:
        if text.lower() in NULLS:
            return 0
        scale = text[-1].upper() if text[-1].upper() in _SCALES else ""
        number = self._number(text[: len(text) - len(scale)])
        if number is None or abs(number) > Decimal("1e15"):
            return None
        return int((number * _SCALES[scale]).quantize(Decimal(1), ROUND_HALF_UP))

    def _day(self, text: str) -> date:
        """ISO (a moment with an offset counts in the market's zone), DD.MM.YYYY, or with slashes as the
        whole file suggests."""
        if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment.astimezone(self._zone).date()
            if moment.time() != time():
                raise ValueError("a daily bar has no time of day")
            return moment.date()
        if match := re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", text):
            return date(int(match[3]), int(match[2]), int(match[1]))
        return _slashed(text, day_first=self._day_first)

    def _days_come_first(self) -> bool:
        texts = [raw.cells["date"] for raw in self._rows if "/" in raw.cells.get("date", "")]
        counts = {}
        for day_first in (False, True):
            counts[day_first] = sum(_is_slashed(text, day_first=day_first) for text in texts)
        if texts and counts[False] == counts[True] > 0:
            raise DataError(
                f"{self.name}: its dates could be MM/DD/YYYY or DD/MM/YYYY", remedy="write YYYY-MM-DD"
            )
        return counts[True] > counts[False]

    def _decimal_comma(self) -> bool:
        texts = [raw.cells[column] for raw in self._rows for column in PRICES if raw.cells.get(column)]
        point = sum(bool(_POINT.fullmatch(text)) and not _COMMA.fullmatch(text) for text in texts)
        comma = sum(bool(_COMMA.fullmatch(text)) and not _POINT.fullmatch(text) for text in texts)
        unclear = any(not text.isdigit() for text in texts)
        if unclear and bool(point) == bool(comma):
            raise DataError(
                f"{self.name}: cannot tell decimal commas from thousands", remedy="use decimal points"
            )
        return comma > 0


def _slashed(text: str, *, day_first: bool) -> date:
    match = re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", text)
    if not match:
        raise ValueError(f"{text[:40]!r} is no date")
    month, day = (match[2], match[1]) if day_first else (match[1], match[2])
    return date(int(match[3]), int(month), int(day))


def _is_slashed(text: str, *, day_first: bool) -> bool:
    try:
        _slashed(text, day_first=day_first)
    except ValueError:
        return False
    return True


def _columns(name: str, header: Sequence[str]) -> dict[str, int]:
    """Positions by our names. `price` is the close, unless it heads yfinance's index."""
    labels = [re.sub(r"[.\s]+$", "", label.strip().lower()) for label in header]
    found: dict[str, int] = {}
    for column, aliases in ALIASES.items():
        positions = [position for position, label in enumerate(labels) if label in aliases]
        if column == "close" and len(positions) == 2 and labels[0] == "price":
            positions = positions[1:]
        if len(positions) > 1:
            raise DataError(f"{name} has more than one column {column}", remedy=f"expected {EXPECTED}")
        if positions:
            found[column] = positions[0]
    if "date" not in found and labels and labels[0] == "price" and found.get("close", 0) != 0:
        found["date"] = 0
    return found


def _csv_rows(name: str, content: bytes) -> tuple[list[RawRow], dict[str, int], str]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 ({error.reason} at byte {error.start})") from None
    first_line = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[RawRow] = []
    columns: dict[str, int] | None = None
    width = 0
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            if columns is None:
                columns, width = _columns(name, stripped), len(stripped)
            elif rows or not _is_second_header(stripped):
                rows.append(_raw_row(reader.line_num, stripped, columns, width))
    except csv.Error as error:
        raise DataError(f"{name}:{reader.line_num}: {error}", remedy="correct that line") from None
    if columns is None:
        raise DataError(f"{name} is empty", remedy=f"expected {EXPECTED}")
    return rows, columns, delimiter


def _is_second_header(cells: Sequence[str]) -> bool:
    """yfinance's further header lines: an index name or nothing, then the same ticker over and over."""
    return (
        cells[0].lower() in {"", "ticker", "date", "datetime", "price"}
        and len(set(cells[1:])) == 1
        and not _POINT.fullmatch(cells[1])
        and cells[1].lower() not in NULLS - {""}
    )


def _raw_row(line: int, cells: Sequence[str], columns: dict[str, int], width: int) -> RawRow:
    if len(cells) != width:
        kept = {column: cells[at] for column, at in columns.items() if at < len(cells)}
        return RawRow(line, kept, f"{len(cells)} fields instead of {width}")
    return RawRow(line, {column: cells[at] for column, at in columns.items()})


def _parquet_rows(name: str, content: bytes) -> tuple[list[RawRow], dict[str, int]]:
    try:
        table = pyarrow.parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{name} is no readable Parquet file: {error}") from None
    columns = _columns(name, table.column_names)
    values = {column: table.column(position).to_pylist() for column, position in columns.items()}
    rows = [
        RawRow(number + 1, {column: _text(cells[number]) for column, cells in values.items()})
        for number in range(table.num_rows)
    ]
    return rows, columns


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()
