"""A trade log as it was read: rows of text that nobody has believed yet, whatever the file's format."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from arena_pipeline.trading.imports.findings import quoted

LONGEST_LINE = 1_000_000
"""Bytes of a line. Longer ones are no record."""

MOST_ROWS = 1_000_000
"""Rows of a log. More are refused with the file."""

MOST_NAMES = 50
"""Names of ignored fields that are repeated."""

REQUIRED = ("model", "seq", "date", "action", "symbol", "qty")
OPTIONAL = ("id", "time", "price", "fee")


@dataclass(frozen=True, slots=True)
class StatedBook:
    """What a log says its model had after a record. `positions` leaves out holdings of nothing."""

    cash: Decimal
    positions: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One row of a log, as text, stripped; an optional field that is not given is empty.

    `line` is its line in the file, from 1. `action` is None for a record that only states a book. `id` is the
    fill's own, `price` and `fee` are those the log says it had.
    """

    line: int
    model: str
    seq: str
    date: str
    action: str | None
    symbol: str
    quantity: str
    id: str = ""
    time: str = ""
    price: str = ""
    fee: str = ""
    stated: StatedBook | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no record; `model` is empty where the line alone would have said whose it is."""

    line: int
    model: str
    detail: str


@dataclass(frozen=True, slots=True)
class TradeLog:
    """A whole log. `ignored` are the names of fields that nothing here reads."""

    rows: tuple[TradeRow, ...]
    unreadable: tuple[Unreadable, ...]
    ignored: tuple[str, ...]


def note_ignored(ignored: dict[str, None], names: Iterable[str], read: Collection[str]) -> None:
    """Add the names that are not `read`, in the order of their first appearance, up to `MOST_NAMES`."""
    for name in names:
        if len(ignored) == MOST_NAMES:
            return
        if name and name not in read:
            ignored[quoted(name)] = None


def row_of(line: int, fields: Mapping[str, str]) -> TradeRow:
    """A row from its named fields, each of which may be missing."""

    def field(name: str) -> str:
        return fields.get(name, "").strip()

    return TradeRow(
        line,
        field("model"),
        field("seq"),
        field("date"),
        field("action").lower(),
        field("symbol"),
        field("qty"),
        id=field("id"),
        time=field("time"),
        price=field("price"),
        fee=field("fee"),
    )
