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
from datetime import date
from decimal import Decimal
from typing import Any

from arena_pipeline.errors import LedgerError
from arena_pipeline.scoring import metrics
from arena_pipeline.scoring.benchmark import Closes, benchmark_return, excess, market_returns
from arena_pipeline.scoring.days import counted_returns, other_days
from arena_pipeline.scoring.hac import hac_regression
from arena_pipeline.scoring.metrics import MIN_DAYS, TOO_FEW, Metric

OF_THE_RANKING = (
    "excess_return", "annualised_return", "volatility", "sharpe", "sortino", "max_drawdown", "calmar",
    "alpha", "alpha_standard_error", "alpha_p_value", "beta", "beta_standard_error", "exposure", "win_rate",
    "profit_factor", "expectancy", "turnover",
)  # fmt: skip
"""What a model without a rank does not have: its figures would be of days that do not count."""


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
    stands for something else, why; and why a model takes no part in what is said about chance
    (`significance`). `rank` is None for a model that the board cannot rank: it has no figures either, only
    what its book came to (value, return, trades, fees), and 0 days that count."""

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
    alpha_standard_error: float | None
    alpha_p_value: float | None
    beta: float | None
    beta_standard_error: float | None
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
    A model whose returns are not of the same days as the others' keeps its rank, and `reasons` says so.
    Raises LedgerError for days out of order, negative values and a model listed twice.
    """
    names = [record.model for record in records]
    if len(set(names)) != len(names):
        raise LedgerError("a model is on the board twice")
    closes = sorted((day, close) for day, close in benchmark if day <= as_of)
    unranked = unranked or {}
    rows = [_row(record, closes, as_of, () if record.model in unranked else left_out) for record in records]
    ranked = sorted((row for row in rows if row.model not in unranked), key=_standing)
    values = [_standing(row)[0] for row in ranked]
    last = sorted((row for row in rows if row.model in unranked), key=lambda row: row.model)
    others = not_comparable(records, as_of, left_out, unranked)
    return [
        *(
            replace(
                row,
                rank=values.index(_standing(row)[0]) + 1,
                reasons=row.reasons | _for_all(("rank", "significance"), others.get(row.model)),
            )
            for row in ranked
        ),
        *(_outside(row, unranked[row.model]) for row in last),
    ]


def not_comparable(
    records: Sequence[ModelRecord],
    as_of: date,
    left_out: Collection[date] = frozenset(),
    unranked: Collection[str] = (),
) -> dict[str, str]:
    """The ranked models whose daily returns are not of the same days as the others', and why."""
    return other_days(
        {
            record.model: returns_that_count(record, as_of, left_out).keys()
            for record in records
            if record.model not in unranked
        }
    )


def returns_that_count(
    record: ModelRecord, as_of: date, left_out: Collection[date] = frozenset()
) -> dict[date, float]:
    """The model's simple return on each day that counts."""
    counted = counted_returns(record.starting_cash_cents, record.navs, as_of, left_out)
    return {each.day: each.change for each in counted}


def _for_all(names: Sequence[str], reason: str | None) -> dict[str, str]:
    return {} if reason is None else dict.fromkeys(names, reason)


def _outside(row: BoardRow, why: str) -> BoardRow:
    """The line of a model without a rank: what its book came to, and no figure."""
    missing: dict[str, Any] = dict.fromkeys(OF_THE_RANKING)
    reasons = _for_all((*OF_THE_RANKING, "rank", "days", "significance", "luck", "skill"), why)
    kept = {name: reason for name, reason in row.reasons.items() if name not in reasons}
    told = {"total_return": f"of all days of the book, outside the ranking: {why}"}
    return replace(row, **missing, days=0, reasons=kept | told | reasons)


def _standing(row: BoardRow) -> tuple[float, str]:
    return (math.inf if row.total_return is None else -row.total_return, row.model)


def _row(record: ModelRecord, closes: Closes, as_of: date, left_out: Collection[date]) -> BoardRow:
    if any(later <= earlier for (earlier, _), (later, _) in itertools.pairwise(record.navs)):
        raise LedgerError(f"{record.model}: the days of its snapshots are not in order")
    values = [record.starting_cash_cents, *(nav for day, nav in record.navs if day <= as_of)]
    counted = counted_returns(record.starting_cash_cents, record.navs, as_of, left_out)
    days, returns = [each.day for each in counted], [each.change for each in counted]
    navs = _path(values, returns)
    total = metrics.total_return(navs)
    if not days:
        total = Metric(0.0, "no snapshot yet: the starting cash" if len(values) == 1 else "no day counts")
    market = market_returns(counted, closes)
    against = benchmark_return(counted, closes, market, left_out)
    figures = {
        "total_return": total,
        "benchmark_return": against,
        "excess_return": excess(total, against),
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
    names = ("alpha", "alpha_standard_error", "alpha_p_value", "beta", "beta_standard_error")
    if isinstance(market, str):
        return dict.fromkeys(names, Metric(None, market))
    fitted = hac_regression(returns, market)
    values = {name: getattr(fitted, name) for name in names}
    return {name: Metric(value, fitted.reason if value is None else None) for name, value in values.items()}
