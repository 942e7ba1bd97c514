"""What an import found to be wrong, each with its place in the log, its name, and words for people."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date

from arena_pipeline.trading.orders import RejectReason

LONGEST_TEXT, LONGEST_DETAIL = 60, 300
"""Characters of the log's own text that are repeated in a finding."""


class ImportReason(enum.StrEnum):
    """Why a row did not act, a statement of the log is not ours, or a day was not valued.

    `DUPLICATE` is a row that was delivered again; `FORKED` are two rows that claim one id or one place, or
    holdings that do not follow from the record before; `STATED_…` is what the log says and the replay does
    not.
    """

    BAD_RECORD = "BAD_RECORD"
    BAD_MODEL = "BAD_MODEL"
    BAD_NUMBER = "BAD_NUMBER"
    BAD_DATE = "BAD_DATE"
    BAD_ACTION = "BAD_ACTION"
    DUPLICATE = "DUPLICATE"
    FORKED = "FORKED"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    ZERO_QUANTITY = "ZERO_QUANTITY"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    NO_BAR = "NO_BAR"
    NO_CLOSE = "NO_CLOSE"
    OUTSIDE_BAR = "OUTSIDE_BAR"
    STATED_POSITION = "STATED_POSITION"
    STATED_CASH = "STATED_CASH"
    STATED_FEE = "STATED_FEE"
    INSUFFICIENT_CASH = RejectReason.INSUFFICIENT_CASH.value
    INSUFFICIENT_POSITION = RejectReason.INSUFFICIENT_POSITION.value
    INSUFFICIENT_CASH_FOR_FEE = RejectReason.INSUFFICIENT_CASH_FOR_FEE.value


@dataclass(frozen=True, slots=True)
class ImportRejection:
    """A row that did not act; its texts are the log's own, shortened. `line` counts from 1."""

    line: int
    seq: str
    day: str
    symbol: str
    reason: ImportReason
    detail: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What a record states and the replay does not. It stood for `records` records in a row, this one the
    first. `symbol` is empty where it is about no share."""

    line: int
    seq: int
    day: date
    symbol: str
    reason: ImportReason
    theirs: str
    ours: str
    records: int
    detail: str


@dataclass(frozen=True, slots=True)
class Unmarked:
    """A day that was not valued, because a holding has no usable close (or the file does not have it)."""

    day: date
    symbols: tuple[str, ...]
    reason: ImportReason
    detail: str


class Refused(Exception):
    """Control flow within an import: the row goes among the rejections."""

    def __init__(self, reason: ImportReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def quoted(text: str, longest: int = LONGEST_TEXT) -> str:
    """Somebody's text as it may be repeated: shortened, and without anything that is not printed."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:longest]
    )
