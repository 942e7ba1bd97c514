"""The board as JSON: money as text with two decimals, ratios as numbers, undefined as null."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from arena_pipeline.scoring.leaderboard import BoardRow
from arena_pipeline.scoring.luck import Luck
from arena_pipeline.scoring.significance import Assessment, ModelAssessment
from arena_pipeline.scoring.skill import Skill
from arena_pipeline.trading.money import from_cents

MICRO = Decimal("0.000001")

DIGITS = 10
"""Significant digits of a statistic. The last bits of a sum depend on the machine's order of adding, and a
stored figure must come out the same everywhere."""


def board_document(
    row: BoardRow,
    assessment: ModelAssessment | None = None,
    *,
    luck: Luck | None = None,
    skill: Mapping[int, Skill] | None = None,
) -> dict[str, Any]:
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
        "alpha": rounded(row.alpha),
        "alpha_standard_error": rounded(row.alpha_standard_error),
        "alpha_p_value": rounded(row.alpha_p_value),
        "beta": rounded(row.beta),
        "beta_standard_error": rounded(row.beta_standard_error),
        "exposure": row.exposure,
        "win_rate": row.win_rate,
        "profit_factor": row.profit_factor,
        "expectancy": None if row.expectancy is None else str(row.expectancy),
        "turnover": row.turnover,
        "trades": row.trades,
        "fees": str(from_cents(row.fees_cents)),
        "llm_cost_usd": None if cost is None else format(cost.quantize(MICRO, ROUND_HALF_UP), "f"),
        "days": row.days,
        "provisional": row.provisional,
        "reasons": row.reasons,
        "significance": None if assessment is None else _significance(assessment),
        "luck": None if luck is None else rounded(asdict(luck)),
        "skill": {str(horizon): rounded(each.to_json()) for horizon, each in (skill or {}).items()},
    }


def assessment_document(
    assessment: Assessment,
    *,
    as_of: date,
    left_out: Mapping[str, int],
    terms: Mapping[str, str | None],
    not_settled: Sequence[str] = (),
) -> dict[str, Any]:
    """What the board of a day says as a whole: how sure it is, which days it leaves out and why, on what
    terms orders filled, and which models have no book of the day yet: with any the board is provisional."""
    found = assessment.to_json()
    del found["models"]
    return {
        "as_of": as_of.isoformat(),
        **{name: rounded(value) for name, value in found.items()},
        "left_out": dict(left_out),
        "terms": dict(terms),
        "not_settled": list(not_settled),
    }


def rounded(value: Any) -> Any:
    """The same with every float at `DIGITS` significant digits."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value


def _significance(found: ModelAssessment) -> dict[str, Any]:
    """Flat, under the names that the board uses."""
    rank = found.rank
    return {
        "sharpe_low": rounded(found.sharpe.low),
        "sharpe_high": rounded(found.sharpe.high),
        "psr": rounded(found.psr.value),
        "dsr": rounded(found.dsr.value),
        "shared_rank": found.shared_rank,
        "rank_low": rank.low if rank else None,
        "rank_high": rank.high if rank else None,
        "mean_rank": rounded(rank.mean) if rank else None,
        "p_best": rounded(rank.p_best) if rank else None,
        "return_low": rounded(rank.return_low) if rank else None,
        "return_high": rounded(rank.return_high) if rank else None,
        "reason": found.reason or found.sharpe.reason,
    }
