"""Splits, and the scale of prices that lie on both sides of one.

A bar as traded (`Adjustment.RAW`) is on the scale of its own day. To compare bars of several days they are
put on the scale in force at one moment: prices before a split divided by its ratio, volumes multiplied.
What a split does is known from the opening of its ex-date; a moment before that still has the old scale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from arena_pipeline.market.bars import Adjustment, Bar, price

DIGITS, UNDONE_DIGITS = 7, 6
"""Significant digits of a 32-bit float, which Yahoo's prices are, and of one that was divided by a split."""

WHOLE = Fraction(1)


class Split(NamedTuple):
    """`ratio`: new shares for one old share, from the opening of `ex_date`; `known_at` in UTC."""

    symbol: str
    ex_date: date
    ratio: Fraction
    known_at: datetime


class Splits:
    """The splits of some shares, to be asked for the scale of a bar."""

    def __init__(self, splits: Iterable[Split] = ()) -> None:
        self._of: dict[str, list[Split]] = defaultdict(list)
        for split in splits:
            self._of[split.symbol].append(split)

    def ratio(self, symbol: str, day: date, before: datetime) -> Fraction:
        """Shares at a moment for one share of a day: the splits after the day that are known before it."""
        ratio = WHOLE
        for split in self._of.get(symbol, ()):
            if day < split.ex_date and split.known_at < before:
                ratio *= split.ratio
        return ratio

    def on_scale_of(self, bar: Bar, before: datetime) -> Bar:
        """A bar on the scale in force at a moment. What its vendor has adjusted is left as it is."""
        if bar.symbol not in self._of or bar.adjustment is not Adjustment.RAW:
            return bar
        ratio = self.ratio(bar.symbol, bar.day, before)
        return bar if ratio == WHOLE else _divided(bar, ratio)

    def known_between(self, symbol: str, first: datetime, last: datetime) -> set[datetime]:
        """The times within [first, last] from which a split of a share is known."""
        return {split.known_at for split in self._of.get(symbol, ()) if first <= split.known_at <= last}

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._of


def as_traded(value: float, ratio: Fraction) -> Decimal:
    """A price out of which a vendor has divided `ratio`, as it was paid: to four decimals, and no more digits
    than the vendor's number can hold, so that 49.99999 of a 2:1 split is 100 and 1834.68005 is 1834.68."""
    digits = DIGITS if ratio == WHOLE else UNDONE_DIGITS
    exact = Decimal(repr(value)) * ratio.numerator / ratio.denominator
    return price(Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(exact))


def volume_as_traded(volume: int, ratio: Fraction) -> int:
    """A volume that a vendor has multiplied by `ratio`, in the shares of its day, half up."""
    return int(volume / ratio + Fraction(1, 2))


def same_as_traded(known: Bar, bar: Bar, ratio: Fraction) -> bool:
    """Whether two readings of a bar agree within what undoing a split of `ratio` loses; exactly for 1."""
    if (known.adjustment, known.stale) != (bar.adjustment, bar.stale):
        return False
    loss = Decimal(0) if ratio == WHOLE else bar.close * Decimal("0.00001") + _lost(ratio)
    shares = 0 if ratio == WHOLE else max(1, int(1 / ratio))
    pairs = ((known.open, bar.open), (known.high, bar.high), (known.low, bar.low), (known.close, bar.close))
    return all(abs(a - b) <= loss for a, b in pairs) and abs(known.volume - bar.volume) <= shares


def _lost(ratio: Fraction) -> Decimal:
    """What the fourth decimal of the divided price is worth as traded."""
    return Decimal("0.0001") * ratio.numerator / ratio.denominator


def _divided(bar: Bar, ratio: Fraction) -> Bar:
    opening, high, low, close = (
        price(value * ratio.denominator / ratio.numerator)
        for value in (bar.open, bar.high, bar.low, bar.close)
    )
    return replace(bar, open=opening, high=high, low=low, close=close, volume=round(bar.volume * ratio))
