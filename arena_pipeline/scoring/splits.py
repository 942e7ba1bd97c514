"""Splits between the days that are scored: one scale for prices as traded, and what a holding loses by one.

A bar as traded (`Adjustment.RAW`) is on the scale of its own day. Compared as it stands, a split would be a
profit or a loss that nobody made. A split counts here where it counts for the book, see `trading/replay.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from arena_pipeline.market.bars import Adjustment
from arena_pipeline.scoring.luck import Trade
from arena_pipeline.trading.book import MarketDay
from arena_pipeline.trading.money import half_up

WHOLE = Fraction(1)


class AppliedSplit(NamedTuple):
    """`ratio`: new shares for one old share, from the opening of its ex-date, UTC."""

    at: datetime
    symbol: str
    ratio: Fraction


def applied_splits(days: Sequence[MarketDay]) -> list[AppliedSplit]:
    """The splits that a book applies over these days, in the order of time: those of prices as traded."""
    found, known, adjustments = [], set(), dict[str, Adjustment]()
    for day in days:
        for action in day.actions:
            adjustment = day.adjustment(action.symbol) or adjustments.get(action.symbol)
            if action.ratio is not None and adjustment is Adjustment.RAW and action.id not in known:
                found.append(AppliedSplit(day.opens_at, action.symbol, action.ratio))
            known.add(action.id)
        adjustments.update((symbol, bar.adjustment) for symbol, bar in day.tape.marks.items())
    return found


class Scale:
    """What one share of the first day has become, by share and time."""

    def __init__(self, splits: Sequence[AppliedSplit]) -> None:
        self._splits: dict[str, list[AppliedSplit]] = {}
        for split in splits:
            self._splits.setdefault(split.symbol, []).append(split)

    def at(self, symbol: str, moment: datetime) -> Fraction:
        """Shares at a moment for one share of the first day; a split counts from its opening on."""
        ratio = WHOLE
        for split in self._splits.get(symbol, ()):
            if split.at <= moment:
                ratio *= split.ratio
        return ratio


def with_fractions(
    fills: Sequence[tuple[Trade, int]], splits: Sequence[AppliedSplit], places: Mapping[str, int]
) -> list[Trade]:
    """The trades of a model, from fills and their quantities, and its sales by splits: the fraction of a
    share that a split leaves is paid out and takes its part of the cost along. All in the order of time."""
    waiting = [split for split in splits if split.symbol in places]
    held: dict[int, tuple[int, int]] = {}
    trades: list[Trade] = []
    for trade, quantity in fills:
        while waiting and waiting[0].at <= trade.at:
            trades += _paid_out(waiting.pop(0), places, held)
        before, cost = held.get(trade.symbol, (0, 0))
        if trade.cost_cents is None:
            held[trade.symbol] = (before + quantity, cost + trade.notional_cents)
        else:
            held[trade.symbol] = (before - quantity, cost - trade.cost_cents)
        trades.append(trade)
    return trades


def _paid_out(
    split: AppliedSplit, places: Mapping[str, int], held: dict[int, tuple[int, int]]
) -> list[Trade]:
    """The sale of a fraction, as `Account.split` books it; none where nothing is left over."""
    place = places[split.symbol]
    quantity, cost = held.get(place, (0, 0))
    exact = quantity * split.ratio
    whole = int(exact)
    share = cost * (exact - whole) / exact if quantity > 0 else Fraction(0)
    gone = half_up(share.numerator, share.denominator)
    held[place] = (whole, cost - gone)
    return [Trade(split.at, place, 0, gone)] if gone else []
