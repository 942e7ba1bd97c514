"""Performance figures as pure functions; definitions and sources are in docs/scoring.md.

`navs` are daily net asset values in cents, the starting cash first, so that the first day's result counts.
`returns` are the simple daily returns made of them. Ratios are floats: nothing here is posted to a book.
A figure that is not defined is None with the reason, never zero, infinity or NaN.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from arena_pipeline.errors import LedgerError
from arena_pipeline.trading.money import CENT

TRADING_DAYS_A_YEAR = 252

MIN_DAYS = 60
"""Below, a ratio says more about chance than about a model."""

TOO_FEW = f"fewer than {MIN_DAYS} trading days"


@dataclass(frozen=True, slots=True)
class Metric:
    """A ratio (0.05 is five per cent), or None and why there is none."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money to the cent, or None and why there is none."""

    value: Decimal | None
    reason: str | None = None


def daily_returns(navs: Sequence[float]) -> list[float]:
    """Simple returns from day to day; one that starts from nothing is NaN, of which no figure is made.
    Raises LedgerError for a negative value, which no book can have."""
    if any(nav < 0 for nav in navs):
        raise LedgerError("a net asset value is negative")
    return [after / before - 1 if before else math.nan for before, after in itertools.pairwise(navs)]


def total_return(navs: Sequence[float]) -> Metric:
    """E_n / E_0 - 1."""
    if len(navs) < 2:
        return Metric(None, "no trading day yet")
    if navs[0] <= 0:
        return Metric(None, "started without money")
    return Metric(navs[-1] / navs[0] - 1)


def annualised_return(navs: Sequence[float]) -> Metric:
    """(E_n / E_0) ^ (252 / n) - 1 over n trading days."""
    total = total_return(navs)
    if total.value is None:
        return total
    try:
        return Metric((1 + total.value) ** (TRADING_DAYS_A_YEAR / (len(navs) - 1)) - 1)
    except OverflowError:
        return Metric(None, "too large for a number")


def volatility(returns: Sequence[float]) -> Metric:
    """Sample standard deviation (n - 1), annualised by the square root of 252."""
    if reason := _unusable(returns):
        return Metric(None, reason)
    return Metric(_deviation(returns) * math.sqrt(TRADING_DAYS_A_YEAR))


def sharpe(returns: Sequence[float], daily_rate: float = 0.0) -> Metric:
    """Mean excess over `daily_rate`, per sample standard deviation, annualised (Sharpe 1994)."""
    if reason := _unusable(returns):
        return Metric(None, reason)
    excess = [value - daily_rate for value in returns]
    deviation = _deviation(excess)
    if deviation == 0:
        return Metric(None, "the returns do not vary")
    return Metric(math.fsum(excess) / len(excess) / deviation * math.sqrt(TRADING_DAYS_A_YEAR))


def sortino(returns: Sequence[float], daily_target: float = 0.0) -> Metric:
    """Mean excess over `daily_target`, per root mean square of the shortfalls over all days, annualised
    (Sortino and Price 1994)."""
    if reason := _unusable(returns):
        return Metric(None, reason)
    excess = [value - daily_target for value in returns]
    if constant(excess):
        return Metric(None, "the returns do not vary")
    downside = math.sqrt(math.fsum(min(value, 0.0) ** 2 for value in excess) / len(excess))
    if downside == 0:
        return Metric(None, "no day below the target")
    return Metric(math.fsum(excess) / len(excess) / downside * math.sqrt(TRADING_DAYS_A_YEAR))


def max_drawdown(navs: Sequence[float]) -> Metric:
    """The deepest fall below an earlier peak, the starting value included: from -1 to 0."""
    if not navs or navs[0] <= 0:
        return Metric(None, "started without money")
    peak, deepest = navs[0], 0.0
    for nav in navs:
        peak = max(peak, nav)
        deepest = min(deepest, nav / peak - 1)
    return Metric(deepest)


def calmar(navs: Sequence[float]) -> Metric:
    """Annualised return per maximum drawdown (Young 1991, here over the whole period)."""
    annualised, drawdown = annualised_return(navs), max_drawdown(navs)
    if annualised.value is None:
        return annualised
    if not drawdown.value:
        return Metric(None, "no drawdown")
    return Metric(annualised.value / -drawdown.value)


def win_rate(nets: Sequence[int]) -> Metric:
    """Share of closed trades with a net result above zero; `nets` in cents, after all fees."""
    if not nets:
        return Metric(None, "no closed trade")
    return Metric(sum(net > 0 for net in nets) / len(nets))


def profit_factor(nets: Sequence[int]) -> Metric:
    """Sum of the gains per sum of the losses of closed trades."""
    if not nets:
        return Metric(None, "no closed trade")
    losses = -sum(net for net in nets if net < 0)
    if losses == 0:
        return Metric(None, "no losing trade")
    return Metric(sum(net for net in nets if net > 0) / losses)


def expectancy(nets: Sequence[int]) -> Amount:
    """Mean net result of a closed trade."""
    return _mean(nets, "no closed trade")


def average_win(nets: Sequence[int]) -> Amount:
    """Mean net result of the winning trades."""
    return _mean([net for net in nets if net > 0], "no winning trade")


def average_loss(nets: Sequence[int]) -> Amount:
    """Mean net result of the losing trades, negative."""
    return _mean([net for net in nets if net < 0], "no losing trade")


def turnover(bought_cents: int, sold_cents: int, navs: Sequence[float]) -> Metric:
    """The lesser of purchases and sales per mean end-of-day value, the starting value left out."""
    held = sum(navs[1:])
    if held <= 0:
        return Metric(None, "no trading day yet" if len(navs) < 2 else "nothing was ever worth anything")
    return Metric(min(bought_cents, sold_cents) * (len(navs) - 1) / held)


def _mean(nets: Sequence[int], reason: str) -> Amount:
    if not nets:
        return Amount(None, reason)
    return Amount((Decimal(sum(nets)) / len(nets) / 100).quantize(CENT, ROUND_HALF_UP))


def _unusable(returns: Sequence[float]) -> str | None:
    if len(returns) < 2:
        return "fewer than two daily returns"
    return None if all(map(math.isfinite, returns)) else "a daily return is not defined"


def constant(values: Sequence[float]) -> bool:
    """Whether the values differ by no more than rounding: a spread of at most 4 eps of the largest."""
    spread = max(values) - min(values)
    return spread <= 4 * sys.float_info.epsilon * max(abs(value) for value in values)


def _deviation(values: Sequence[float]) -> float:
    if constant(values):
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
