"""What a session may know of prices: the last ones, the closes before, and how recent they are."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from arena_pipeline.arena import Arena
from arena_pipeline.assets.technical import bar_window
from arena_pipeline.market.bars import Bar
from arena_pipeline.market.calendar import Session
from arena_pipeline.trading.book import Book

OLDEST_PRICE = timedelta(days=7)
"""A share whose last price is older cannot be ordered: longer than any run of holidays without trading."""


@dataclass(frozen=True)
class View:
    """What a session may know: the book, the last known prices, and the closes of before."""

    session: Session
    book: Book
    prices: dict[str, Decimal]
    windows: dict[str, str]
    closes: dict[str, Sequence[tuple[date, Decimal]]]
    priced_on: dict[str, date]

    @property
    def tradable(self) -> set[str]:
        """The symbols whose last price is recent enough to size an order with."""
        oldest = self.session.day - OLDEST_PRICE
        return {symbol for symbol, day in self.priced_on.items() if day >= oldest}


class Knowledge:
    """Prices as known at each of some sessions, from bars loaded once."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._daily, self._intraday = arena.daily_bars(), arena.intraday_bars()
        self._fresh: dict[str, tuple[list[datetime], list[Bar], list[tuple[date, Decimal]]]] = {}

    def view(self, session: Session, book: Book) -> View:
        closes: dict[str, Sequence[tuple[date, Decimal]]] = {}
        windows: dict[str, str] = {}
        prices: dict[str, Decimal] = {}
        priced_on: dict[str, date] = {}
        for symbol in self._arena.priced_symbols:
            bars, series = self._known(symbol, session)
            if bars:
                closes[symbol] = series
                windows[symbol] = bar_window(symbol, bars[0].id, bars[-1].id)
                prices[symbol], priced_on[symbol] = bars[-1].close, bars[-1].day
            quarters = self._intraday.known(symbol, session.time, since=session.day)
            fresh = [bar for bar in quarters if not bar.stale]
            if fresh:
                prices[symbol], priced_on[symbol] = fresh[-1].close, session.day
        return View(session, book, prices, windows, closes, priced_on)

    def _known(self, symbol: str, session: Session) -> tuple[list[Bar], list[tuple[date, Decimal]]]:
        """The daily bars known before a session, without stale ones, and their closes by day, on the scale of
        the session."""
        if not self._daily.is_settled(symbol):
            bars = [bar for bar in self._daily.comparable(symbol, session.time) if not bar.stale]
            return bars, [(bar.day, bar.close) for bar in bars]
        if symbol not in self._fresh:
            bars = [bar for bar in self._daily.all(symbol) if not bar.stale]
            self._fresh[symbol] = (
                [bar.known_at for bar in bars],
                bars,
                [(bar.day, bar.close) for bar in bars],
            )
        known_at, bars, series = self._fresh[symbol]
        count = bisect.bisect_left(known_at, session.time)
        return bars[:count], series[:count]
