"""The bar: one symbol over one period, as one vendor reported it at one time.

Raw bars are append-only. A value that a vendor changes later is a new *vintage* of the same bar, known
from the moment it was seen; the earlier vintage stays what the sessions before then knew.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from arena_pipeline.market.calendar import BERLIN

PRICE_QUANTUM = Decimal("0.0001")


class Interval(enum.StrEnum):
    DAILY = "1d"
    QUARTER_HOUR = "15m"


class Adjustment(enum.StrEnum):
    """What the vendor has already worked into the price.

    `raw`: as traded, so a holding is multiplied on a split and receives dividends.
    `split`: past splits are divided out (Yahoo's close), so a holding receives dividends only.
    `total`: dividends too, so the book applies neither.
    """

    RAW = "raw"
    SPLIT = "split"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Bar:
    """One period's prices in the market's currency, to four decimals.

    `start` and `end` are the period in UTC (a daily bar: the exchange's opening and closing);
    `known_at` is when the vintage could first be read; `stale` marks a bar that repeats the previous
    close without volume: it is kept, never filled at, never fed to an indicator. `raw` is the sha256 of
    the vendor's answer it was read from.
    """

    symbol: str
    interval: Interval
    day: date
    start: datetime
    end: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    adjustment: Adjustment
    stale: bool
    known_at: datetime
    vintage: int
    source: str
    raw: str

    @property
    def id(self) -> str:
        """`bar:SAP.DE:2025-10-24:1`, or `bar:SAP.DE:2025-10-24T09:15:1` (Berlin time) inside a day."""
        moment = (
            self.day.isoformat()
            if self.interval is Interval.DAILY
            else self.start.astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M")
        )
        return f"bar:{self.symbol}:{moment}:{self.vintage}"


def price(value: str | float | Decimal) -> Decimal:
    """A price to four decimals, half up. Raises decimal.InvalidOperation for what is no finite number."""
    return Decimal(str(value)).quantize(PRICE_QUANTUM, ROUND_HALF_UP)
