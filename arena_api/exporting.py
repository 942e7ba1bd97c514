"""Rows as CSV and as Parquet. No cell of a CSV file begins a formula: a spreadsheet would run it.

A file is written whole before any of it is sent: a client that does not read holds a file, and no connection
to the ledger.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

_FORMULA = re.compile(r"^[\s]*[=+\-@\t\r\n|]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
AMOUNT = pa.decimal128(20, 2)
BLOCK = 1 << 16
IN_MEMORY = 8 << 20
"""Bytes of a file that are held in memory before it goes to a temporary file."""

Part = Sequence[tuple[Any, ...]]


def csv_blocks(columns: Sequence[str], parts: Iterable[Part]) -> Iterator[bytes]:
    """The bytes of a CSV file (RFC 4180, UTF-8)."""
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        file.write(_lines([tuple(columns)]))
        for part in parts:
            file.write(_lines([tuple(_cell(value) for value in row) for row in part]))
        yield from _whole(file)


def parquet_blocks(
    columns: Sequence[str], types: Sequence[pa.DataType], parts: Iterable[Part]
) -> Iterator[bytes]:
    """The bytes of a Parquet file."""
    schema = pa.schema([pa.field(name, kind) for name, kind in zip(columns, types, strict=True)])
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for part in parts:
                by_column = zip(*part, strict=True)
                arrays = [pa.array(values, kind) for values, kind in zip(by_column, types, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        yield from _whole(file)


def _whole(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(BLOCK):
        yield block


def _lines(rows: Iterable[tuple[Any, ...]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
