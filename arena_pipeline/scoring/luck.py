"""How much of a result the choice of shares explains: the same trades in shares drawn by lot.

A trader by lot buys when the model bought, for as much money, and sells when the model sold, as large a part
of what it holds; only which share it is, is drawn. It so has the model's number of orders, its timing, its
sizes and its fees. The luck score is the percentile of the model among many such traders: 0.5 is what lots
would have done, and one model in twenty without any skill is above 0.95.

A *stay* is one share's holding from its first purchase to its last sale. Shares can be bought in parts, and
neither cash nor dividends enter, for the model as for the lots, so what is compared is price alone. A
purchase that does not count is nobody's result: it only is part of what a later sale is a part of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PriceAt = Callable[["Trade"], Floats]
"""The prices of all shares, in one order, at which a trade could have been made, NaN where none: the opening
of the trade's bar, or its close for a trade inside the bar."""

DRAWS = 2_000


class Trade(NamedTuple):
    """A fill in the bar that begins `at`: `symbol` is the share's place among the prices; cents; `cost_cents`
    is what a sale takes out of the holding's cost, None for a purchase. A fill inside the bar, of a stop or a
    limit, happened because the share had moved since the opening: lots are compared from the close on. A
    purchase that is not `counted` is part of the holding only; sales have no use for it."""

    at: datetime
    symbol: int
    notional_cents: int
    cost_cents: int | None
    inside: bool = False
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Luck:
    """`percentile` is a fraction, None with a reason; `stays` is how many shares were drawn per lot."""

    percentile: float | None
    stays: int
    draws: int
    seed: int
    reason: str | None = None


@dataclass(slots=True)
class _Stay:
    """What a stay in every share would have come to: cash so far (cents) and shares held, of the purchases
    that count; `cost` is of all, in cents."""

    symbol: int
    cash: Floats
    shares: Floats
    cost: int = 0
    counted: bool = False


def luck(
    trades: Sequence[Trade],
    price_at: PriceAt,
    closes: Floats,
    *,
    shares: int,
    seed: int,
    draws: int = DRAWS,
) -> Luck:
    """The percentile of a model's trading result among traders by lot. `trades` are all of its trades in the
    order of time, `closes` are the last prices, in the order of `price_at` and on the same scale whatever was
    split, of which lots are drawn among the first `shares` (an index that a model bought comes after them).
    The same input and seed give the same result."""
    finished: list[_Stay] = []
    held: dict[int, _Stay] = {}
    for trade in trades:
        prices = price_at(trade)
        if trade.cost_cents is None:
            stay = held.get(trade.symbol)
            if stay is None:
                zeros = np.zeros(len(closes))
                stay = held[trade.symbol] = _Stay(trade.symbol, zeros, zeros.copy())
            stay.cost += trade.notional_cents
            if trade.counted:
                stay.counted = True
                stay.cash = stay.cash - trade.notional_cents
                stay.shares = stay.shares + trade.notional_cents / prices
        elif trade.symbol in held:
            stay = held[trade.symbol]
            part = trade.cost_cents / stay.cost if stay.cost > 0 else 1.0
            stay.cash = stay.cash + part * stay.shares * prices
            stay.shares = stay.shares * (1 - part)
            stay.cost -= trade.cost_cents
            if stay.cost <= 0:
                finished.append(held.pop(trade.symbol))
    over = [stay for stay in finished if stay.counted]
    open_still = [stay for stay in held.values() if stay.counted]
    results = [stay.cash for stay in over] + [stay.cash + stay.shares * closes for stay in open_still]
    symbols = [stay.symbol for stay in (*over, *open_still)]
    return _percentile(results, symbols, shares, seed, draws)


def _percentile(
    results: Sequence[Floats], symbols: Sequence[int], shares: int, seed: int, draws: int
) -> Luck:
    """Where the sum over the shares traded lies among sums over shares drawn."""
    if not results:
        return Luck(None, 0, draws, seed, "nothing was bought")
    generator = np.random.Generator(np.random.PCG64(seed))
    own, lots = 0.0, np.zeros(draws)
    for result, symbol in zip(results, symbols, strict=True):
        drawn = result[:shares]
        known = drawn[np.isfinite(drawn)]
        if not np.isfinite(result[symbol]) or len(known) < 2:
            return Luck(None, len(results), draws, seed, "a price that is needed is not known")
        own += float(result[symbol])
        lots += known[generator.integers(len(known), size=draws)]
    tolerance = 1e-9 * max(1.0, abs(own))
    below = np.count_nonzero(lots < own - tolerance)
    equal = np.count_nonzero(np.abs(lots - own) <= tolerance)
    return Luck((below + equal / 2) / draws, len(results), draws, seed)
