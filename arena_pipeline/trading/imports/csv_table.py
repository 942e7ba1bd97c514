"""CSV with a header line: the layout of trade logs, price files and benchmarks."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from arena_pipeline.errors import DataError
from arena_pipeline.trading.imports.findings import quoted
from arena_pipeline.trading.imports.records import (
    MOST_ROWS,
    OPTIONAL,
    REQUIRED,
    TradeLog,
    TradeRow,
    Unreadable,
    note_ignored,
    row_of,
)


@dataclass(frozen=True, slots=True)
class CsvRow:
    """The cells of one row by column, stripped; not `complete` where there are more cells than columns."""

    line: int
    cells: dict[str, str]
    complete: bool


def read_csv_log(file: Path) -> TradeLog:
    """A trade log in CSV. Raises DataError for a file that is no such log; a bad row is listed."""
    rows: list[TradeRow] = []
    unreadable: list[Unreadable] = []
    ignored: dict[str, None] = {}
    for row in csv_rows(file, REQUIRED):
        note_ignored(ignored, row.cells, REQUIRED + OPTIONAL)
        if len(rows) == MOST_ROWS:
            raise DataError(f"{file} has more than {MOST_ROWS} rows", remedy="split it")
        if row.complete:
            rows.append(row_of(row.line, row.cells))
        else:
            unreadable.append(
                Unreadable(row.line, row.cells["model"], "more cells than the header has columns")
            )
    return TradeLog(tuple(rows), tuple(unreadable), tuple(ignored))


def csv_rows(file: Path, required: Sequence[str]) -> Iterator[CsvRow]:
    """Each row that is not empty. Raises DataError for a file without the required columns."""
    line = 0
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            _check_header(file, names, required)
            for row in reader:
                line = reader.line_num
                cells = {name: (row[name] or "").strip() for name in names}
                yield CsvRow(line, cells, None not in row)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is no CSV file in UTF-8 after line {line}: {error}") from error


def _check_header(file: Path, names: Sequence[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in names]
    if missing:
        raise DataError(f"{file} has no column {', '.join(missing)}", remedy=f"columns: {','.join(required)}")
    twice = [name for name, times in Counter(names).items() if name and times > 1]
    if twice:
        raise DataError(f"{file} has the column {quoted(twice[0])!r} twice", remedy="keep one of them")
