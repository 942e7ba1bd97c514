"""The benchmark's returns over the same spans as a model's, from its closes."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from decimal import Decimal

from arena_pipeline.scoring.days import DayReturn
from arena_pipeline.scoring.metrics import Metric

LONGEST_CLOSURE = timedelta(days=10)
"""No exchange is closed for longer, so an older close is not the one of the day before."""

Closes = Sequence[tuple[date, Decimal]]


def market_returns(counted: Sequence[DayReturn], closes: Closes) -> list[float] | str:
    """The benchmark's return over the span of each of the model's, from the close of the model's value before
    (for the first one, the close before its day); or which close is not known."""
    known = dict(closes)
    order = sorted({*known, *(each.day for each in counted)})
    before = dict(zip(order[1:], order, strict=False))
    found = []
    for since, day, _ in counted:
        previous = before.get(day) if since is None else since
        if since is None and previous is not None and day - previous > LONGEST_CLOSURE:
            previous = None
        if previous is None or not known.get(previous, 0) > 0:
            return f"no benchmark close on {since or f'the day before {day}'}"
        if day not in known:
            return f"no benchmark close on {day}"
        found.append(float(known[day] / known[previous]) - 1)
    return found


def benchmark_return(
    counted: Sequence[DayReturn], closes: Closes, market: Sequence[float] | str, left_out: Collection[date]
) -> Metric:
    """The close of the last day over the close before the first day, less one; over days with some left out,
    the returns of the `market` compounded."""
    if not counted:
        return Metric(None, "no trading day yet")
    first, last = counted[0].day, counted[-1].day
    if any(first < day < last for day in left_out):
        if isinstance(market, str):
            return Metric(None, market)
        return Metric(math.prod(1 + change for change in market) - 1)
    before = [(day, close) for day, close in closes if day < first]
    if not before or first - before[-1][0] > LONGEST_CLOSURE or before[-1][1] <= 0:
        return Metric(None, f"no benchmark close on the day before {first}")
    end = dict(closes).get(last)
    if end is None:
        return Metric(None, f"no benchmark close on {last}")
    return Metric(float(end / before[-1][1]) - 1)


def excess(total: Metric, market: Metric) -> Metric:
    """The model's total return less the benchmark's."""
    if total.value is None or market.value is None:
        return Metric(None, total.reason if total.value is None else market.reason)
    return Metric(total.value - market.value)
