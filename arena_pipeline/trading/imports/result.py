"""What an import came to: for each model its days, its book after each row, and everything that was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from arena_pipeline.trading.imports.fills import ImportFill
from arena_pipeline.trading.imports.findings import Difference, ImportRejection, Unmarked
from arena_pipeline.trading.imports.prices import PriceTable


@dataclass(frozen=True, slots=True)
class ImportState:
    """The book after one row of the log."""

    seq: int
    day: date
    cash: Decimal
    positions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ImportDay:
    """The book at the close of one day of the price file."""

    day: date
    nav: Decimal
    cash: Decimal
    positions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ImportedModel:
    model: str
    days: tuple[ImportDay, ...]
    states: tuple[ImportState, ...]
    fills: tuple[ImportFill, ...]
    rejections: tuple[ImportRejection, ...]
    differences: tuple[Difference, ...]
    unmarked: tuple[Unmarked, ...]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """`cash` and `fee` are the terms of the replay; `rejections` are lines that name no model, `ignored` the
    names of fields that were not read."""

    currency: str
    cash: Decimal
    fee: Decimal
    prices: PriceTable
    models: tuple[ImportedModel, ...]
    rejections: tuple[ImportRejection, ...]
    ignored: tuple[str, ...]

    def model(self, name: str) -> ImportedModel:
        return next(model for model in self.models if model.model == name)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values: amounts are strings with two decimals, dates ISO 8601."""
        return {
            "currency": self.currency,
            "models": [_model_json(model) for model in self.models],
            "rejections": [_rejection_json(refused) for refused in self.rejections],
            "ignored": list(self.ignored),
        }


def _model_json(model: ImportedModel) -> dict[str, Any]:
    return {
        "model": model.model,
        "days": [
            {
                "date": day.day.isoformat(),
                "nav": str(day.nav),
                "cash": str(day.cash),
                "positions": dict(day.positions),
            }
            for day in model.days
        ],
        "states": [
            {
                "seq": state.seq,
                "date": state.day.isoformat(),
                "cash": str(state.cash),
                "positions": dict(state.positions),
            }
            for state in model.states
        ],
        "rejections": [_rejection_json(refused) for refused in model.rejections],
        "differences": [
            {
                "line": found.line,
                "seq": found.seq,
                "date": found.day.isoformat(),
                "symbol": found.symbol,
                "reason": found.reason.value,
                "theirs": found.theirs,
                "ours": found.ours,
                "records": found.records,
                "detail": found.detail,
            }
            for found in model.differences
        ],
        "unmarked": [
            {
                "date": unmarked.day.isoformat(),
                "symbols": list(unmarked.symbols),
                "reason": unmarked.reason.value,
                "detail": unmarked.detail,
            }
            for unmarked in model.unmarked
        ],
    }


def _rejection_json(refused: ImportRejection) -> dict[str, Any]:
    return {
        "line": refused.line,
        "seq": refused.seq,
        "date": refused.day,
        "symbol": refused.symbol,
        "reason": refused.reason.value,
        "detail": refused.detail,
    }
