"""The board: every registered model, ranked by what its book is worth.

Below `MIN_DAYS` trading days a ratio says more about chance than about a model, so the board shows none:
the figures that would be scaled to a year are None with that reason. Definitions: docs/scoring.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from arena_pipeline.errors import LedgerError
from arena_pipeline.scoring import metrics
from arena_pipeline.scoring.metrics import Metric

MIN_DAYS = 60

LONGEST_CLOSURE = timedelta(days=10)
"""No exchange is closed for longer, so an older close is not the one of the day before."""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What the board needs of one model. `navs` are the days' net asset values in cents, without the
    start; `closed_nets` the net cents of its sales; `trades` its fills; bought and sold are notionals."""

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


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One line of the board. Ratios are fractions; `reasons` says of each figure that is None, or that
    stands for something else, why."""

    rank: int
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
    win_rate: float | None
    profit_factor: float | None
    turnover: float | None
    trades: int
    fees_cents: int
    llm_cost_usd: Decimal | None
    days: int
    provisional: bool
    reasons: dict[str, str]


def leaderboard(
    records: Sequence[ModelRecord], *, benchmark: Sequence[tuple[date, Decimal]], as_of: date
) -> list[BoardRow]:
    """Rank the models by the value of their books on `as_of`; later days are left out.

    `benchmark` are closes, including the one before the first day. Equal values share a rank, the next
    rank is skipped, and the name orders within. Raises LedgerError for days out of order, negative values
    and a model listed twice.
    """
    names = [record.model for record in records]
    if len(set(names)) != len(names):
        raise LedgerError("a model is on the board twice")
    closes = sorted((day, close) for day, close in benchmark if day <= as_of)
    unranked = [_row(record, closes, as_of) for record in records]
    unranked.sort(key=lambda row: (-row.nav_cents, row.model))
    values = [row.nav_cents for row in unranked]
    return [replace(row, rank=values.index(row.nav_cents) + 1) for row in unranked]


def _row(record: ModelRecord, closes: Sequence[tuple[date, Decimal]], as_of: date) -> BoardRow:
    if any(later <= earlier for (earlier, _), (later, _) in itertools.pairwise(record.navs)):
        raise LedgerError(f"{record.model}: the days of its snapshots are not in order")
    days = [day for day, _ in record.navs if day <= as_of]
    navs = [record.starting_cash_cents, *(nav for _, nav in record.navs[: len(days)])]
    returns = metrics.daily_returns(navs)
    total = metrics.total_return(navs)
    if not days:
        total = Metric(0.0, "no snapshot yet: the starting cash")
    market = _benchmark_return(days, closes)
    figures = {
        "total_return": total,
        "benchmark_return": market,
        "excess_return": _excess(total, market),
        "annualised_return": _mature(metrics.annualised_return(navs), days),
        "volatility": _mature(metrics.volatility(returns), days),
        "sharpe": _mature(metrics.sharpe(returns), days),
        "sortino": _mature(metrics.sortino(returns), days),
        "max_drawdown": metrics.max_drawdown(navs),
        "calmar": _mature(metrics.calmar(navs), days),
        "win_rate": metrics.win_rate(record.closed_nets),
        "profit_factor": metrics.profit_factor(record.closed_nets),
        "turnover": metrics.turnover(record.bought_cents, record.sold_cents, navs),
    }
    reasons = {name: figure.reason for name, figure in figures.items() if figure.reason is not None}
    if record.llm_cost_usd is None:
        reasons["llm_cost_usd"] = "not known"
    return BoardRow(
        rank=0,
        model=record.model,
        kind=record.kind,
        nav_cents=navs[-1],
        **{name: figure.value for name, figure in figures.items()},
        trades=record.trades,
        fees_cents=record.fees_cents,
        llm_cost_usd=record.llm_cost_usd,
        days=len(days),
        provisional=record.provisional,
        reasons=reasons,
    )


def _mature(figure: Metric, days: Sequence[date]) -> Metric:
    return figure if len(days) >= MIN_DAYS else Metric(None, f"fewer than {MIN_DAYS} trading days")


def _benchmark_return(days: Sequence[date], closes: Sequence[tuple[date, Decimal]]) -> Metric:
    """The close of the last day over the close before the first day, less one."""
    if not days:
        return Metric(None, "no trading day yet")
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
