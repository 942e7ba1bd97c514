"""The position logs of AI-Trader (https://github.com/HKUDS/AI-Trader): `MODEL/position/position.jsonl`.

One line is a record: what was done, and what the model then had.

    {"date": "2025-10-02", "id": 1, "this_action": {"action": "buy", "symbol": "NVDA", "amount": 10},
     "positions": {"NVDA": 10, "AAPL": 0, "CASH": 8121.5}}

`id` counts from 0, the opening record, which has no `this_action`. Fills are at the day's open and cost no
fee. The date of an hourly log has a time behind it. Cash is a float and shows it (977.0050000000001).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from arena_pipeline.errors import DataError
from arena_pipeline.trading.imports.findings import quoted
from arena_pipeline.trading.imports.json_lines import Number, json_objects, text_of
from arena_pipeline.trading.imports.records import StatedBook, TradeLog, TradeRow, Unreadable, note_ignored

LOG, FOLDER, CASH = "position.jsonl", "position", "CASH"
RECORD, ACTION = ("date", "id", "this_action", "positions"), ("action", "symbol", "amount")
MOST, FINEST = Decimal(10) ** 15, Decimal("1e-10")
"""Of cash or shares: what is larger is a mistake or an attack, what is smaller is a float's rounding."""


def read_aitrader(path: Path) -> TradeLog:
    """One log, or all logs in a folder: its own, or one model in each sub-folder.

    Raises DataError where there is none, or two of one model.
    """
    rows: list[TradeRow] = []
    unreadable: list[Unreadable] = []
    ignored: dict[str, None] = {}
    for model, file in _logs(path).items():
        for line, document in json_objects(file):
            if isinstance(document, str):
                unreadable.append(Unreadable(line, model, document))
                continue
            try:
                rows.append(_row(line, model, document))
            except ValueError as error:
                unreadable.append(Unreadable(line, model, str(error)))
            note_ignored(ignored, document, RECORD)
    return TradeLog(tuple(rows), tuple(unreadable), tuple(ignored))


def _logs(path: Path) -> dict[str, Path]:
    if not path.is_dir():
        return {_model(path): path}
    found: dict[str, Path] = {}
    for pattern in (LOG, f"{FOLDER}/{LOG}", f"*/{LOG}", f"*/{FOLDER}/{LOG}"):
        for file in sorted(path.glob(pattern)):
            if found.setdefault(_model(file), file) != file:
                raise DataError(
                    f"{path} has two logs of {_model(file)}", remedy="import one of them at a time"
                )
    if not found:
        raise DataError(f"{path} has no {LOG}", remedy=f"give a folder with MODEL/{FOLDER}/{LOG}")
    return found


def _model(file: Path) -> str:
    """The name of the model's folder; of a log elsewhere, its own."""
    if file.name != LOG:
        return file.stem
    folder = file.absolute().parent
    return folder.parent.name if folder.name == FOLDER else folder.name


def _row(line: int, model: str, document: Mapping[str, Any]) -> TradeRow:
    when = text_of(document.get("date"), "date").strip()
    action = document.get("this_action")
    if action is not None and not isinstance(action, Mapping):
        raise ValueError("this_action is no object")
    done = {name: text_of((action or {}).get(name), name).strip() for name in ACTION}
    return TradeRow(
        line,
        model,
        text_of(document.get("id"), "id").strip(),
        when[:10],
        None if action is None else done["action"].lower(),
        done["symbol"],
        done["amount"],
        time=when[11:] if when[10:11] in (" ", "T") else when[10:],
        stated=_stated(document.get("positions")),
    )


def _stated(positions: Any) -> StatedBook:
    if not isinstance(positions, Mapping):
        raise ValueError("positions is no object")
    amounts = {symbol: _amount(symbol, value) for symbol, value in positions.items()}
    if CASH not in amounts:
        raise ValueError(f"positions has no {CASH}")
    cash = amounts.pop(CASH)
    return StatedBook(cash, {symbol: amount for symbol, amount in amounts.items() if amount})


def _amount(name: str, value: Any) -> Decimal:
    try:
        amount = Decimal(value) if isinstance(value, Number) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and -MOST <= amount <= MOST):
        raise ValueError(f"{quoted(name)!r} in positions is no number")
    return amount.quantize(FINEST).normalize()
