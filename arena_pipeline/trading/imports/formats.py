"""Which format a trade log has: told by its content, or said by who imports it."""

from __future__ import annotations

import enum
from pathlib import Path

from arena_pipeline.errors import DataError
from arena_pipeline.trading.imports.aitrader import read_aitrader
from arena_pipeline.trading.imports.csv_table import read_csv_log
from arena_pipeline.trading.imports.json_lines import json_objects, read_json_lines
from arena_pipeline.trading.imports.records import TradeLog

LOOK = 100
"""Lines that are looked at before a log without a readable one counts as JSON lines."""


class LogFormat(enum.StrEnum):
    """`csv` with a header, `jsonl` with the same names as keys, `aitrader` the position logs of AI-Trader."""

    CSV = "csv"
    JSONL = "jsonl"
    AITRADER = "aitrader"


def log_format(name: str) -> LogFormat:
    """The format of that name. Raises DataError for another."""
    try:
        return LogFormat(name)
    except ValueError:
        raise DataError(f"--format {name!r} is not known", remedy=f"use {', '.join(LogFormat)}") from None


def read_log(path: Path, layout: LogFormat | None = None) -> TradeLog:
    """A trade log in the format given, else in the one its content has. Raises DataError."""
    match layout or recognise(path):
        case LogFormat.CSV:
            return read_csv_log(path)
        case LogFormat.JSONL:
            return read_json_lines(path)
        case LogFormat.AITRADER:
            return read_aitrader(path)


def recognise(path: Path) -> LogFormat:
    """A folder is AI-Trader's. A file that begins with `{` is JSON lines, and AI-Trader's if its first
    readable record has `positions`; anything else is CSV."""
    if path.is_dir():
        return LogFormat.AITRADER
    try:
        with path.open("rb") as stream:
            beginning = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if beginning.startswith(b"["):
        raise DataError(f"{path} is one JSON array", remedy="write one object a line")
    if not beginning.startswith(b"{"):
        return LogFormat.CSV
    for _, (_, document) in zip(range(LOOK), json_objects(path), strict=False):
        if isinstance(document, dict):
            return LogFormat.AITRADER if "positions" in document else LogFormat.JSONL
    return LogFormat.JSONL
