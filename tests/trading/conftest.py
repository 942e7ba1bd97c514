"""A small market to trade in: days, bars, orders and actions from the fewest words that say them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.trading.book import MarketDay
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction
from arena_pipeline.trading.orders import Order, Side

OPENS, CLOSES = time(8), time(16, 30)
Prices = str | tuple[str, str]


class Market:
    """Days are dates of January 2025; times are UTC; the exchange is open from 08:00 to 16:30."""

    def at(self, day: int, clock: str) -> datetime:
        return datetime.combine(date(2025, 1, day), time.fromisoformat(clock), tzinfo=UTC)

    def bar(
        self,
        symbol: str,
        day: int,
        prices: Prices,
        *,
        start: str | None = None,
        stale: bool = False,
        adjustment: Adjustment = Adjustment.SPLIT,
    ) -> Bar:
        """A daily bar, or a 15-minute one with `start`; `prices` is open and close, or both at once."""
        opening, close = (Decimal(p) for p in ((prices, prices) if isinstance(prices, str) else prices))
        begin = self.at(day, start) if start else datetime.combine(date(2025, 1, day), OPENS, tzinfo=UTC)
        end = begin + timedelta(minutes=15) if start else begin.replace(hour=16, minute=30)
        return Bar(
            symbol=symbol,
            interval=Interval.QUARTER_HOUR if start else Interval.DAILY,
            day=date(2025, 1, day),
            start=begin,
            end=end,
            open=opening,
            high=max(opening, close),
            low=min(opening, close),
            close=close,
            volume=0 if stale else 1000,
            adjustment=adjustment,
            stale=stale,
            known_at=end,
            vintage=1,
            source="test",
            raw="0" * 64,
        )

    def day(
        self,
        day: int,
        prices: Mapping[str, Prices | Bar | tuple[Bar, ...]],
        *actions: CorporateAction,
        closes: Mapping[str, Bar] | None = None,
    ) -> MarketDay:
        """A day of daily bars; a tuple of bars stands for itself and has the last one as its close."""
        bars = {
            symbol: (entry,)
            if isinstance(entry, Bar)
            else entry
            if isinstance(entry[0], Bar)
            else (self.bar(symbol, day, entry),)
            for symbol, entry in prices.items()
        }
        return MarketDay(
            date(2025, 1, day),
            datetime.combine(date(2025, 1, day), OPENS, tzinfo=UTC),
            datetime.combine(date(2025, 1, day), CLOSES, tzinfo=UTC),
            bars,
            {symbol: series[-1] for symbol, series in bars.items()} if closes is None else closes,
            actions,
        )

    def order(
        self,
        name: str,
        side: str,
        quantity: int,
        symbol: str,
        day: int,
        clock: str = "07:35",
        model: str = "m",
    ) -> Order:
        return Order(name, model, symbol, Side(side), quantity, self.at(day, clock))

    def split(self, symbol: str, day: int, ratio: str) -> CorporateAction:
        return CorporateAction(
            ActionKind.SPLIT,
            symbol,
            date(2025, 1, day),
            Fraction(ratio),
            None,
            None,
            self.at(day, "05:00"),
            "test",
            "0" * 64,
        )

    def dividend(self, symbol: str, day: int, amount: str, pay: int | None = None) -> CorporateAction:
        return CorporateAction(
            ActionKind.DIVIDEND,
            symbol,
            date(2025, 1, day),
            None,
            Decimal(amount),
            date(2025, 1, pay) if pay else None,
            self.at(day, "05:00"),
            "test",
            "0" * 64,
        )


@pytest.fixture(scope="session")
def market() -> Market:
    return Market()
