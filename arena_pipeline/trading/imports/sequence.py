"""The order of a log: its sequence numbers decide, not its lines, and no place in it is taken twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, time

from arena_pipeline.trading.imports.findings import ImportReason, Refused, quoted
from arena_pipeline.trading.imports.records import TradeRow
from arena_pipeline.trading.imports.values import canonical, day_of, time_of, whole

Reject = Callable[[TradeRow, Refused], None]


@dataclass(frozen=True, slots=True)
class Placed:
    """A row whose place in the log is sound: its other fields are still text."""

    row: TradeRow
    seq: int
    day: date
    time: time | None


def in_sequence(rows: Iterable[TradeRow], reject: Reject) -> list[Placed]:
    """The rows of one model by their sequence numbers. `reject` gets the others.

    Of rows with one id or one number the first in the file stands. Another with the same content was
    delivered again; one with other content is a fork. The number is no part of what a fill with an id is.
    """
    places: dict[int, Placed] = {}
    fills: dict[str, Placed] = {}
    for row in rows:
        try:
            placed = Placed(row, whole(row.seq, "seq"), day_of(row.date), time_of(row.time))
            if row.id and row.id in fills:
                earlier = fills[row.id].row
                again = replace(row, line=earlier.line, seq=earlier.seq)
                raise _conflict(f"id {quoted(row.id)}", earlier, again)
            if placed.seq in places:
                earlier = places[placed.seq].row
                raise _conflict(f"seq {placed.seq}", earlier, replace(row, line=earlier.line))
        except Refused as refusal:
            reject(row, refusal)
            continue
        places[placed.seq] = placed
        if row.id:
            fills[row.id] = placed
    ordered: list[Placed] = []
    for seq in sorted(places):
        placed = places[seq]
        if ordered and _before(placed, ordered[-1]):
            reject(
                placed.row,
                Refused(ImportReason.OUT_OF_ORDER, f"{_moment(placed)} after {_moment(ordered[-1])}, by seq"),
            )
        else:
            ordered.append(placed)
    return ordered


def _conflict(what: str, earlier: TradeRow, again: TradeRow) -> Refused:
    if _content(again) == _content(earlier):
        return Refused(ImportReason.DUPLICATE, f"{what} is already on line {earlier.line}: delivered again")
    return Refused(ImportReason.FORKED, f"{what} is already on line {earlier.line}, with other content")


def _content(row: TradeRow) -> TradeRow:
    """The row with its numbers as they count: `5.0` and `5` are the same quantity."""
    return replace(row, quantity=canonical(row.quantity), price=canonical(row.price), fee=canonical(row.fee))


def _before(placed: Placed, last: Placed) -> bool:
    if placed.day != last.day or placed.time is None or last.time is None:
        return placed.day < last.day
    return placed.time < last.time


def _moment(placed: Placed) -> str:
    return str(placed.day) if placed.time is None else f"{placed.day} {placed.time}"
