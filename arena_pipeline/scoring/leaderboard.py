"""The board: every registered model, ranked by what it made of its money on the days that count.

A day counts unless it is left out for all models alike (see `contamination.py`). Below `MIN_DAYS` trading
days a ratio says more about chance than about a model, so the board shows none: the figures that would be
scaled to a year are None with that reason. Definitions: docs/scoring.md.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from arena_pipeline.errors import LedgerError
from arena_pipeline.scoring import metrics
from arena_pipeline.scoring.hac import hac_regression
from arena_pipeline.scoring.metrics import MIN_DAYS, TOO_FEW, Metric

LONGEST_CLOSURE = timedelta(days=10)
"""No exchange is closed for longer, so an older close is not the one of the day before."""

Closes = Sequence[tuple[date, Decimal]]


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What the board needs of one model. `navs` are the days' net asset values in cents, without the
    start; `closed_nets` the net cents of its sales; `trades` its fills; bought and sold are notionals;
    `invested` the fraction of the net asset value that was in shares at the end of each day."""

    model: str
    kind: str
    navs: Sequence[tuple[date, int]]
    starting_cash_cents: int
    closed_nets: Sequence[int]
    trades: int
    fees_cents: int
    bought_cents: int
    sold_cents: int
    llm_cost_usd: Decimal | None
    provisional: bool
    invested: Sequence[tuple[date, float]] = ()


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One line of the board. Ratios are fractions; `reasons` says of each figure that is None, or that
    stands for something else, why. `rank` is None for a model that the board cannot rank."""

    rank: int | None
    model: str
    kind: str
    nav_cents: int
    total_return: float | None
    benchmark_return: float | None
    excess_return: float | None
    annualised_return: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float | None
    calmar: float | None
    alpha: float | None
    beta: float | None
    alpha_p_value: float | None
    exposure: float | None
    win_rate: float | None
    profit_factor: float | None
    expectancy: Decimal | None
    turnover: float | None
    trades: int
    fees_cents: int
    llm_cost_usd: Decimal | None
    days: int
    provisional: bool
    reasons: dict[str, str]


def leaderboard(
    records: Sequence[ModelRecord],
    *,
    benchmark: Closes,
    as_of: date,
    left_out: Collection[date] = frozenset(),
    unranked: Mapping[str, str] | None = None,
) -> list[BoardRow]:
    """Rank the models by their return up to `as_of`; later days, and those `left_out`, do not count.

    `benchmark` are closes, including the one before the first day. `unranked` says of models why they have
    no rank; they come last. Equal returns share a rank, the next rank is skipped, and the name orders within.
    Raises LedgerError for days out of order, negative values and a model listed twice.
    """
    names = [record.model for record in records]
    if len(set(names)) != len(names):
        raise LedgerError("a model is on the board twice")
    closes = sorted((day, close) for day, close in benchmark if day <= as_of)
    rows = [_row(record, closes, as_of, left_out) for record in records]
    unranked = unranked or {}
    ranked = sorted((row for row in rows if row.model not in unranked), key=_standing)
    values = [_standing(row)[0] for row in ranked]
    last = sorted((row for row in rows if row.model in unranked), key=lambda row: row.model)
    return [
        *(replace(row, rank=values.index(_standing(row)[0]) + 1) for row in ranked),
        *(replace(row, reasons=row.reasons | {"rank": unranked[row.model]}) for row in last),
    ]


def returns_that_count(
    record: ModelRecord, as_of: date, left_out: Collection[date] = frozenset()
) -> dict[date, float]:
    """The model's simple return on each day that counts."""
    values = [record.starting_cash_cents, *(nav for day, nav in record.navs if day <= as_of)]
    returns = metrics.daily_returns(values)
    days = (day for day, _ in record.navs if day <= as_of)
    return {day: value for day, value in zip(days, returns, strict=True) if day not in left_out}


def _standing(row: BoardRow) -> tuple[float, str]:
    return (math.inf if row.total_return is None else -row.total_return, row.model)


def _row(record: ModelRecord, closes: Closes, as_of: date, left_out: Collection[date]) -> BoardRow:
    if any(later <= earlier for (earlier, _), (later, _) in itertools.pairwise(record.navs)):
        raise LedgerError(f"{record.model}: the days of its snapshots are not in order")
    values = [record.starting_cash_cents, *(nav for day, nav in record.navs if day <= as_of)]
    counted = returns_that_count(record, as_of, left_out)
    days, returns = list(counted), list(counted.values())
    navs = _path(values, returns)
    total = metrics.total_return(navs)
    if not days:
        total = Metric(0.0, "no snapshot yet: the starting cash" if len(values) == 1 else "no day counts")
    market = _market_returns(days, closes)
    against = _benchmark_return(days, closes, market, left_out)
    figures = {
        "total_return": total,
        "benchmark_return": against,
        "excess_return": _excess(total, against),
        "annualised_return": _mature(metrics.annualised_return(navs), days),
        "volatility": _mature(metrics.volatility(returns), days),
        "sharpe": _mature(metrics.sharpe(returns), days),
        "sortino": _mature(metrics.sortino(returns), days),
        "max_drawdown": metrics.max_drawdown(navs),
        "calmar": _mature(metrics.calmar(navs), days),
        **_regression(returns, market),
        "exposure": _exposure(record, days),
        "win_rate": metrics.win_rate(record.closed_nets),
        "profit_factor": metrics.profit_factor(record.closed_nets),
        "turnover": metrics.turnover(record.bought_cents, record.sold_cents, navs),
    }
    expectancy = metrics.expectancy(record.closed_nets)
    reasons = {name: figure.reason for name, figure in figures.items() if figure.reason is not None}
    if expectancy.reason is not None:
        reasons["expectancy"] = expectancy.reason
    if record.llm_cost_usd is None:
        reasons["llm_cost_usd"] = "not known"
    return BoardRow(
        rank=None,
        model=record.model,
        kind=record.kind,
        nav_cents=values[-1],
        **{name: figure.value for name, figure in figures.items()},
        expectancy=expectancy.value,
        trades=record.trades,
        fees_cents=record.fees_cents,
        llm_cost_usd=record.llm_cost_usd,
        days=len(days),
        provisional=record.provisional,
        reasons=reasons,
    )


def _path(values: Sequence[int], returns: Sequence[float]) -> Sequence[float]:
    """The values themselves if every day counts, else the starting cash grown by the returns that do."""
    if len(returns) == len(values) - 1:
        return values
    growth = itertools.accumulate(
        returns, lambda value, change: value * (1 + change), initial=float(values[0])
    )
    return list(growth)


def _mature(figure: Metric, days: Sequence[date]) -> Metric:
    return figure if len(days) >= MIN_DAYS else Metric(None, TOO_FEW)


def _exposure(record: ModelRecord, days: Collection[date]) -> Metric:
    counted = set(days)
    shares = [share for day, share in record.invested if day in counted]
    return Metric(math.fsum(shares) / len(shares)) if shares else Metric(None, "no trading day yet")


def _regression(returns: Sequence[float], market: Sequence[float] | str) -> dict[str, Metric]:
    names = ("alpha", "beta", "alpha_p_value")
    if isinstance(market, str):
        return dict.fromkeys(names, Metric(None, market))
    fitted = hac_regression(returns, market)
    values = (fitted.alpha, fitted.beta, fitted.alpha_p_value)
    return {
        name: Metric(value, fitted.reason if value is None else None)
        for name, value in zip(names, values, strict=True)
    }


def _market_returns(days: Sequence[date], closes: Closes) -> list[float] | str:
    """The benchmark's return on each day, from the close before it; or which close is not known."""
    known = dict(closes)
    order = sorted({*known, *days})
    before = dict(zip(order[1:], order, strict=False))
    found = []
    for day in days:
        previous = before.get(day)
        if previous is None or day - previous > LONGEST_CLOSURE or not known.get(previous, 0) > 0:
            return f"no benchmark close on the day before {day}"
        if day not in known:
            return f"no benchmark close on {day}"
        found.append(float(known[day] / known[previous]) - 1)
    return found


def _benchmark_return(
    days: Sequence[date], closes: Closes, market: Sequence[float] | str, left_out: Collection[date]
) -> Metric:
    """The close of the last day over the close before the first day, less one; over days with gaps, the
    daily returns compounded."""
    if not days:
        return Metric(None, "no trading day yet")
    if any(days[0] < day < days[-1] for day in left_out):
        if isinstance(market, str):
            return Metric(None, market)
        return Metric(math.prod(1 + change for change in market) - 1)
    before = [(day, close) for day, close in closes if day < days[0]]
    if not before or days[0] - before[-1][0] > LONGEST_CLOSURE or before[-1][1] <= 0:
        return Metric(None, f"no benchmark close on the day before {days[0]}")
    last = dict(closes).get(days[-1])
    if last is None:
        return Metric(None, f"no benchmark close on {days[-1]}")
    return Metric(float(last / before[-1][1]) - 1)


def _excess(total: Metric, market: Metric) -> Metric:
    if total.value is None or market.value is None:
        return Metric(None, total.reason if total.value is None else market.reason)
    return Metric(total.value - market.value)
