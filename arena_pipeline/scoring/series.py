"""A book's value day by day, as a chart shows it: return, drawdown, and the benchmark beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from arena_pipeline.scoring.benchmark import LONGEST_CLOSURE, Closes


@dataclass(frozen=True, slots=True)
class Point:
    """The end of one trading day. `total_return` and `benchmark_return` count from the start, `drawdown`
    (zero or negative) from the highest value so far, the starting cash included; all are fractions. None
    where the start was nothing, or a close is missing."""

    day: date
    nav_cents: int
    total_return: float | None
    drawdown: float | None
    benchmark_return: float | None


def daily_series(
    navs: Sequence[tuple[date, int]], *, starting_cash_cents: int, benchmark: Closes
) -> list[Point]:
    """A point for each day with a value, in order. `benchmark` are closes, including the one before the first
    day, which its return is counted from."""
    if not navs:
        return []
    closes = dict(benchmark)
    before = [(day, close) for day, close in sorted(benchmark) if day < navs[0][0]]
    base = before[-1][1] if before and navs[0][0] - before[-1][0] <= LONGEST_CLOSURE else None
    points, peak = [], starting_cash_cents
    for day, nav in navs:
        peak = max(peak, nav)
        close = closes.get(day)
        points.append(
            Point(
                day,
                nav,
                nav / starting_cash_cents - 1 if starting_cash_cents else None,
                nav / peak - 1 if peak else None,
                float(close / base) - 1 if close is not None and base else None,
            )
        )
    return points
