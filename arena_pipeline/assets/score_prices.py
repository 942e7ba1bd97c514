"""The prices that trades and calls are judged by: of every share that was ever priced, on one scale.

A share that is no longer in the universe was traded and called, and lots could have drawn it, while it was.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cached_property

import numpy as np

from arena_pipeline.arena import Arena
from arena_pipeline.market.bars import Adjustment, Bar
from arena_pipeline.scoring.luck import Floats, Trade
from arena_pipeline.scoring.splits import AppliedSplit, Scale, applied_splits
from arena_pipeline.trading.book import MarketDay


class ScorePrices:
    """Prices up to a day, in the order of `places`. They are for what one share of the arena's first day has
    become, so that a split between two of them is no profit or loss."""

    def __init__(self, arena: Arena, last: date) -> None:
        self._arena = arena
        self._last = last
        self._known: dict[tuple[datetime, bool], Floats] = {}

    @cached_property
    def days(self) -> dict[date, MarketDay]:
        return {day.day: day for day in self._arena.market_days(self._last)}

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of every share: those configured, those that once were, and last the benchmark."""
        benchmark = self._arena.settings.universe.benchmark
        priced = {symbol for day in self.days.values() for symbol in (*day.bars, *day.closes)}
        former = sorted(priced - {*self._arena.symbols, benchmark})
        return {symbol: place for place, symbol in enumerate((*self._arena.symbols, *former, benchmark))}

    @property
    def shares(self) -> int:
        """How many of the places are shares, not the benchmark."""
        return len(self.places) - 1

    @cached_property
    def splits(self) -> list[AppliedSplit]:
        return applied_splits(list(self.days.values()))

    def at(self, trade: Trade) -> Floats:
        """What each share could be traded at: the opening of its first bar that starts at or after the
        trade's, or the close of that bar for a trade inside it; NaN without one."""
        key = (trade.at, trade.inside)
        if key not in self._known:
            bars = [self.bar_at(symbol, trade.at) for symbol in self.places]
            self._known[key] = np.array(
                [np.nan if bar is None else self._of(bar, opening=not trade.inside) for bar in bars]
            )
        return self._known[key]

    def bar_at(self, symbol: str, at: datetime) -> Bar | None:
        """The first bar of a symbol that starts then or later on that day, on its own scale."""
        day = self.days.get(at.astimezone(self._arena.calendar.zone).date())
        bars = day.tape.bars.get(symbol, ()) if day else ()
        return next((bar for bar in bars if bar.start >= at), None)

    @cached_property
    def marks(self) -> dict[date, Floats]:
        """The last known marks of all shares at the end of each day."""
        latest = np.full(len(self.places), np.nan)
        marks = {}
        for at, day in self.days.items():
            latest = latest.copy()
            for symbol, bar in day.tape.marks.items():
                latest[self.places[symbol]] = self._of(bar)
            marks[at] = latest
        return marks

    @cached_property
    def closes(self) -> dict[str, dict[date, float]]:
        """Official closes by share and day."""
        closes: dict[str, dict[date, float]] = {symbol: {} for symbol in self.places}
        for at, day in self.days.items():
            for symbol in day.tape.official:
                closes[symbol][at] = self._of(day.tape.marks[symbol])
        return closes

    def following(self, at: date, days: int, until: date) -> list[date]:
        """A trading day and as many after it, as far as they are not after `until`."""
        place = self._place[at]
        return [day for day in self._order[place : place + days + 1] if day <= until]

    @cached_property
    def _order(self) -> list[date]:
        return list(self.days)

    @cached_property
    def _place(self) -> dict[date, int]:
        return {day: place for place, day in enumerate(self._order)}

    @cached_property
    def _scale(self) -> Scale:
        return Scale(self.splits)

    def _of(self, bar: Bar, *, opening: bool = False) -> float:
        price = float(bar.open if opening else bar.close)
        if bar.adjustment is not Adjustment.RAW:
            return price
        return price * float(self._scale.at(bar.symbol, bar.start))
