"""The board of an imported record: another arena's models under our figures, intervals and verdict.

The window begins with the first action of any model; one that begins later holds its cash until then. A day
on which a book cannot be valued counts for none of them, so that all returns are of the same days. Whether a
model knew the outcome of a day is not judged: an imported record does not say when it was decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any

import numpy as np

from arena_pipeline.scoring.benchmark import Closes
from arena_pipeline.scoring.document import assessment_document, board_document
from arena_pipeline.scoring.leaderboard import ModelRecord, leaderboard, returns_that_count
from arena_pipeline.scoring.luck import Floats, Luck, Trade, luck
from arena_pipeline.scoring.significance import assess
from arena_pipeline.trading.imports import ImportResult
from arena_pipeline.trading.imports.fills import ImportFill
from arena_pipeline.trading.imports.result import ImportedModel
from arena_pipeline.trading.imports.unit import cents_of
from arena_pipeline.trading.money import from_cents, to_cents
from arena_pipeline.trading.orders import Side

KIND = "imported"
DRAWS = 2_000


@dataclass(frozen=True, slots=True)
class Window:
    """The days that count, and how many between them do not because a book has no value."""

    days: tuple[date, ...]
    left_out: int


def imported_board(result: ImportResult, *, benchmark: Closes, seed: int) -> dict[str, Any]:
    """The board as of the last day on which every book has a value, in the shape of `arena leaderboard`.

    Without such a day `as_of` and `assessment` are None and every model stands at its starting cash. `seed`
    is of the resampled histories and the luck scores.
    """
    window = _window(result.models)
    records = [_record(result, model, window) for model in result.models]
    as_of = window.days[-1] if window.days else None
    until = as_of or date.min
    begun = {model.model for model in result.models if model.states}
    unranked = {each.model: "the record has no action of it" for each in records if each.model not in begun}
    rows = leaderboard(records, benchmark=benchmark, as_of=until, unranked=unranked)
    assessment = assess(
        {
            record.model: list(returns_that_count(record, until).values())
            for record in records
            if record.model in begun
        },
        trials=max(len(begun), 1),
        seed=seed,
        draws=DRAWS,
    )
    assessed = {entry.model: entry for entry in assessment.models}
    lots = _Lots(result, window, seed)
    return {
        "as_of": None if as_of is None else as_of.isoformat(),
        "models": [
            board_document(row, assessed.get(row.model), luck=lots.luck(result.model(row.model)))
            for row in rows
        ],
        "assessment": None
        if as_of is None
        else assessment_document(
            assessment,
            as_of=as_of,
            left_out={"unmarked": window.left_out},
            terms={
                "currency": result.currency,
                "starting_cash": str(from_cents(to_cents(result.cash))),
                "fee_per_order": str(from_cents(to_cents(result.fee))),
                "fills": "at the stated price within the bar, else at the open",
            },
        ),
    }


def _window(models: Sequence[ImportedModel]) -> Window:
    begun = [model for model in models if model.states]
    if not begun:
        return Window((), 0)
    first = min(model.states[0].day for model in begun)
    valued = [{day.day for day in model.days} for model in begun]
    days = {day for each in valued for day in each} | {
        unmarked.day for model in begun for unmarked in model.unmarked if unmarked.symbols
    }
    candidates = sorted(day for day in days if day >= first)
    counted = [
        day
        for day in candidates
        if all(day in each or day < model.states[0].day for model, each in zip(begun, valued, strict=True))
    ]
    inside = [day for day in candidates if counted and day <= counted[-1]]
    return Window(tuple(counted), len(inside) - len(counted))


def _record(result: ImportResult, model: ImportedModel, window: Window) -> ModelRecord:
    cash = to_cents(result.cash)
    books = {day.day: day for day in model.days}
    counted = window.days if model.states else ()
    fills = _until(model, window)
    return ModelRecord(
        model=model.model,
        kind=KIND,
        navs=[(day, to_cents(books[day].nav) if day in books else cash) for day in counted],
        starting_cash_cents=cash,
        closed_nets=[cents_of(fill.net) for fill in fills if fill.net is not None],
        trades=len(fills),
        fees_cents=cents_of(sum(fill.fee for fill in fills)),
        bought_cents=cents_of(sum(fill.notional for fill in fills if fill.side is Side.BUY)),
        sold_cents=cents_of(sum(fill.notional for fill in fills if fill.side is Side.SELL)),
        llm_cost_usd=None,
        provisional=False,
        invested=[
            (day, float(1 - books[day].cash / books[day].nav) if day in books and books[day].nav else 0.0)
            for day in counted
        ],
    )


def _until(model: ImportedModel, window: Window) -> list[ImportFill]:
    return [fill for fill in model.fills if window.days and fill.day <= window.days[-1]]


class _Lots:
    """What traders by lot could have had: every share of the price file."""

    def __init__(self, result: ImportResult, window: Window, seed: int) -> None:
        self._prices = result.prices
        self._symbols = sorted(result.prices.symbols)
        self._places = {symbol: place for place, symbol in enumerate(self._symbols)}
        self._window = window
        self._seed = seed

    def luck(self, model: ImportedModel) -> Luck:
        trades = [
            Trade(
                datetime.combine(fill.day, time.min, UTC),
                self._places[fill.symbol],
                cents_of(fill.notional),
                None if fill.realised is None else cents_of(fill.notional - fill.realised),
                fill.price != self._prices.at(fill.symbol, fill.day).open,
            )
            for fill in _until(model, self._window)
        ]
        return luck(trades, self._price_at, self._closes, shares=len(self._symbols), seed=self._seed)

    def _price_at(self, trade: Trade) -> Floats:
        """A price that lies between open and close was stated without a time: lots begin at the close."""
        rows = [self._prices.at(symbol, trade.at.date()) for symbol in self._symbols]
        found = (row.close if trade.inside else row.open for row in rows)
        return np.array([np.nan if each is None else float(each) for each in found])

    @cached_property
    def _closes(self) -> Floats:
        """The last closes up to the end of the window."""
        days = [day for day in self._prices.days if self._window.days and day <= self._window.days[-1]]
        latest = np.full(len(self._symbols), np.nan)
        for place, symbol in enumerate(self._symbols):
            closes = (self._prices.at(symbol, day).close for day in reversed(days))
            latest[place] = next((float(close) for close in closes if close is not None), np.nan)
        return latest
