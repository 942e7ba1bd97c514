"""JSON lines: one object a line. A line that is none is listed, never the end of the file.

Numbers stay the text they were written as: no float rounds them, and `1e309` is not infinity. Refused are
keys given twice, `NaN` and `Infinity`, nesting without end and lines without end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from arena_pipeline.errors import DataError
from arena_pipeline.trading.imports.records import (
    LONGEST_LINE,
    MOST_ROWS,
    OPTIONAL,
    REQUIRED,
    TradeLog,
    TradeRow,
    Unreadable,
    note_ignored,
    row_of,
)


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


def read_json_lines(file: Path) -> TradeLog:
    """A trade log with the CSV's column names as keys. Raises DataError for a file that cannot be opened."""
    rows: list[TradeRow] = []
    unreadable: list[Unreadable] = []
    ignored: dict[str, None] = {}
    for line, document in json_objects(file):
        if isinstance(document, str):
            unreadable.append(Unreadable(line, "", document))
            continue
        note_ignored(ignored, document, REQUIRED + OPTIONAL)
        try:
            fields = {name: text_of(document.get(name), name) for name in REQUIRED + OPTIONAL}
        except ValueError as error:
            unreadable.append(Unreadable(line, "", str(error)))
        else:
            rows.append(row_of(line, fields))
    return TradeLog(tuple(rows), tuple(unreadable), tuple(ignored))


def json_objects(file: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The number of each line that is not blank, with its object or why it is none."""
    count = 0
    try:
        with file.open("rb") as stream:
            line = 0
            while raw := stream.readline(LONGEST_LINE + 1):
                line += 1
                if len(raw) > LONGEST_LINE:
                    while raw and not raw.endswith(b"\n"):
                        raw = stream.readline(LONGEST_LINE)
                    yield line, f"a line of more than {LONGEST_LINE} bytes"
                elif text := raw.removeprefix(b"\xef\xbb\xbf" if line == 1 else b"").strip():
                    yield line, _object(text)
                else:
                    continue
                count += 1
                if count > MOST_ROWS:
                    raise DataError(f"{file} has more than {MOST_ROWS} rows", remedy="split it")
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error


def text_of(value: Any, name: str) -> str:
    """A field as text; one that is null or missing is empty. Raises ValueError for a list or an object."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise ValueError(f"{name} is neither text nor a number")


def _object(text: bytes) -> dict[str, Any] | str:
    try:
        document = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_int=Number,
            parse_float=Number,
        )
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:
        return f"no JSON: {error}"
    return document if isinstance(document, dict) else "no JSON object"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise ValueError(f"the key {key[:40]!r} is given twice")
        document[key] = value
    return document


def _no_number(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is no number")
