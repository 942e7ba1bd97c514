"""Anybody's trade log, replayed with the arena's own book, to check and to score another arena's record.

    records, csv_table, json_lines, aitrader, formats    the log as it was read, whatever its format
    prices, values, unit                                 what it is held against, and in which numbers
    sequence, fills, replay                              which row acts, at which price, and the book
    statements, findings, result                         what was found

The terms are ours: whole shares, no short selling, cash checked at the fill, one fee per executed order.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

from arena_pipeline.errors import DataError
from arena_pipeline.trading.imports.findings import (
    LONGEST_TEXT,
    ImportReason,
    ImportRejection,
    Refused,
    quoted,
)
from arena_pipeline.trading.imports.formats import LogFormat, log_format, read_log
from arena_pipeline.trading.imports.prices import read_prices
from arena_pipeline.trading.imports.records import TradeRow, Unreadable
from arena_pipeline.trading.imports.replay import ModelReplay, rejection, unreadable_rejection
from arena_pipeline.trading.imports.result import ImportResult
from arena_pipeline.trading.imports.unit import FINE
from arena_pipeline.trading.money import to_cents

__all__ = ["ImportReason", "ImportResult", "LogFormat", "import_trades", "log_format", "quoted"]


def import_trades(
    trades: Path,
    prices: Path,
    *,
    cash: Decimal,
    fee: Decimal,
    currency: str,
    layout: LogFormat | None = None,
) -> ImportResult:
    """Replay a trade log. `cash` is what each model starts with, `fee` is charged per executed order; without
    `layout` the log's content tells its format.

    Raises DataError for a file that cannot be read at all (missing, no CSV, a column missing) and for an
    amount that is negative; a bad row is a rejection.
    """
    for name, amount in (("cash", cash), ("fee", fee)):
        if not amount.is_finite() or amount < 0:
            raise DataError(f"{name} = {amount} is no amount", remedy="give a number that is not negative")
    table = read_prices(prices)
    log = read_log(trades, layout)
    rows: dict[str, list[TradeRow]] = defaultdict(list)
    unreadable: dict[str, list[Unreadable]] = defaultdict(list)
    nobodys: list[ImportRejection] = []
    for row in log.rows:
        if _is_name(row.model):
            rows[row.model].append(row)
        else:
            detail = f"model {quoted(row.model)!r} is no name of 1 to {LONGEST_TEXT} characters"
            nobodys.append(rejection(row, Refused(ImportReason.BAD_MODEL, detail)))
    for line in log.unreadable:
        if _is_name(line.model):
            unreadable[line.model].append(line)
        else:
            nobodys.append(unreadable_rejection(line))
    return ImportResult(
        currency,
        cash,
        fee,
        table,
        tuple(
            ModelReplay(model, table, to_cents(cash) * FINE, to_cents(fee) * FINE).run(
                rows[model], unreadable[model]
            )
            for model in sorted({*rows, *unreadable})
        ),
        tuple(sorted(nobodys, key=lambda refused: refused.line)),
        log.ignored,
    )


def _is_name(model: str) -> bool:
    return 0 < len(model) <= LONGEST_TEXT and model.isprintable()
