"""`corporate_actions.csv`: splits and dividends written by hand or exported, one row per event.

Columns `symbol,ex_date,type,ratio,amount,pay_date`. `type` is split or dividend; `ratio` is new shares for
old ones (`2`, `3/2` or `3:2`); `amount` is gross per share in the market's currency; days are YYYY-MM-DD.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from decimal import Decimal
from fractions import Fraction

from arena_pipeline.errors import DataError
from arena_pipeline.market.calendar import FIRST_YEAR, LAST_YEAR, TradingCalendar
from arena_pipeline.market.checks import Finding, FindingKind, trades_on
from arena_pipeline.sources.recorder import Recorded
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction

COLUMNS = ("symbol", "ex_date", "type", "ratio", "amount", "pay_date")
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_RATIO = re.compile(rf"({_NUMBER})(?:[/:]({_NUMBER}))?")


def read_actions(
    name: str, recorded: Recorded, calendar: TradingCalendar
) -> tuple[list[CorporateAction], list[Finding]]:
    """The events by symbol and ex-date, and the rows that give none, as findings.

    An event counts as known from the opening of its ex-date, or of the next trading day. Raises DataError
    when the file is not text or lacks a column.
    """
    try:
        text = recorded.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 ({error.reason} at byte {error.start})") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found: dict[str, CorporateAction] = {}
    findings: list[Finding] = []
    try:
        header = [column.strip().lower() for column in reader.fieldnames or ()]
        if missing := [column for column in COLUMNS if column not in header]:
            raise DataError(
                f"{name} has no column {', '.join(missing)}", remedy=f"expected {','.join(COLUMNS)}"
            )
        reader.fieldnames = header
        for row in reader:
            cells = {column: (row[column] or "").strip() for column in COLUMNS}
            kind = FindingKind.MALFORMED_ROW
            try:
                action = _action(cells, recorded.sha256, calendar)
                if action.id not in found:
                    found[action.id] = action
                    continue
                kind = FindingKind.DUPLICATE
                detail = f"{action.id} stands in an earlier line too; of two that are paid write the sum"
            except (ValueError, ZeroDivisionError, DataError) as error:
                detail = str(error)
            day = date.fromisoformat(cells["ex_date"]) if _is_day(cells["ex_date"]) else None
            findings.append(Finding(kind, cells["symbol"], day, detail, name, reader.line_num, True))
    except csv.Error as error:
        raise DataError(f"{name}:{reader.line_num}: {error}", remedy="correct that line") from None
    return sorted(found.values(), key=lambda action: (action.symbol, action.ex_date, action.kind)), findings


def _action(cells: dict[str, str], raw: str, calendar: TradingCalendar) -> CorporateAction:
    if not cells["symbol"]:
        raise ValueError("no symbol")
    kind = ActionKind(cells["type"].lower())
    ex_date = date.fromisoformat(cells["ex_date"])
    if not FIRST_YEAR <= ex_date.year < LAST_YEAR:
        raise DataError(f"ex_date {ex_date} lies outside the calendar ({FIRST_YEAR} to {LAST_YEAR - 1})")
    ratio = _ratio(cells["ratio"]) if kind is ActionKind.SPLIT else None
    amount = _amount(cells["amount"]) if kind is ActionKind.DIVIDEND else None
    known_day = ex_date if trades_on(calendar, ex_date) else calendar.next_day(ex_date)
    return CorporateAction(
        kind=kind,
        symbol=cells["symbol"],
        ex_date=ex_date,
        ratio=ratio,
        amount=amount,
        pay_date=date.fromisoformat(cells["pay_date"]) if cells["pay_date"] else None,
        known_at=calendar.hours(known_day).opens_at,
        source="files",
        raw=raw,
    )


def _ratio(text: str) -> Fraction:
    if not (match := _RATIO.fullmatch(text)):
        raise ValueError(f"ratio {text[:40]!r} is none; write it like 2 or 3/2")
    return Fraction(match[1]) / Fraction(match[2] or 1)


def _amount(text: str) -> Decimal:
    if not re.fullmatch(_NUMBER, text):
        raise ValueError(f"amount {text[:40]!r} is no amount per share; write it like 2.20")
    return Decimal(text)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
