"""A line of the board as JSON: money as text with two decimals, ratios as numbers, undefined as null."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from arena_pipeline.scoring.leaderboard import BoardRow
from arena_pipeline.trading.money import from_cents

MICRO = Decimal("0.000001")


def board_document(row: BoardRow) -> dict[str, Any]:
    """What `arena leaderboard --json` and `/api/leaderboard` show of one model; `reasons` explains nulls."""
    cost = row.llm_cost_usd
    return {
        "rank": row.rank,
        "model": row.model,
        "kind": row.kind,
        "nav": str(from_cents(row.nav_cents)),
        "return": row.total_return,
        "benchmark_return": row.benchmark_return,
        "excess_return": row.excess_return,
        "annualised_return": row.annualised_return,
        "volatility": row.volatility,
        "sharpe": row.sharpe,
        "sortino": row.sortino,
        "max_drawdown": row.max_drawdown,
        "calmar": row.calmar,
        "win_rate": row.win_rate,
        "profit_factor": row.profit_factor,
        "turnover": row.turnover,
        "trades": row.trades,
        "fees": str(from_cents(row.fees_cents)),
        "llm_cost_usd": None if cost is None else format(cost.quantize(MICRO, ROUND_HALF_UP), "f"),
        "days": row.days,
        "provisional": row.provisional,
        "reasons": row.reasons,
    }
