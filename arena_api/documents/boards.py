"""Contestants and the board."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from arena_api.documents.common import (
    DAY,
    FRACTION,
    MONEY,
    SIMULATED,
    Cents,
    Document,
    Provenance,
    Shape,
)


class Contestant(Shape):
    id: str
    kind: str = Field(description="llm or baseline")
    model: str | None = Field(description="name at the model endpoint; null for a baseline")
    strategy: str | None = Field(description="rule of a baseline; null for a language model")
    knowledge_cutoff: str | None = Field(description="date up to which the model was trained")
    as_of: str | None = Field(description=f"{DAY}, of the newest snapshot")
    nav: Cents | None = Field(description=f"net asset value on that day: {MONEY}")


class Model(Contestant):
    simulated: bool = Field(description=SIMULATED)
    provenance: Provenance | None = Field(description="how its decisions were made")


class Models(Document):
    models: list[Contestant]


class Significance(Shape):
    sharpe_low: float | None = Field(description="lower end of the 95 % interval of the Sharpe ratio")
    sharpe_high: float | None = Field(description="its upper end")
    psr: float | None = Field(description="probability that the true Sharpe ratio is above zero")
    dsr: float | None = Field(description="the same above what the best of as many models by luck would show")
    shared_rank: int | None = Field(description="1 + the number of models that are significantly better")
    rank_low: int | None = Field(description="lower end of the 95 % interval of ranks, resampled days")
    rank_high: int | None = Field(description="its upper end")
    mean_rank: float | None
    p_best: float | None = Field(description="fraction of the resampled histories in which it is first")
    return_low: float | None = Field(description=f"lower end of the 95 % interval of the return: {FRACTION}")
    return_high: float | None = Field(description="its upper end")
    reason: str | None = Field(description="why a figure is null")


class LuckScore(Shape):
    percentile: float | None = Field(description="among traders by lot with the same orders, 0 to 1")
    stays: int = Field(description="holdings, each in a share that lots draw anew")
    draws: int
    seed: int
    reason: str | None


class DecisionSkill(Shape):
    horizon: int = Field(description="trading days")
    calls: int = Field(description="orders whose outcome is known")
    days: int
    waiting: int = Field(description="orders whose outcome is not known yet")
    rank_ic: float | None = Field(description="rank correlation of confidence and outcome, mean over days")
    rank_ic_t: float | None
    hit_rate: float | None = Field(description=FRACTION)
    hit_low: float | None
    hit_high: float | None
    brier: float | None
    brier_skill: float | None
    calibration_error: float | None
    calibration: list[dict[str, Any]]
    reasons: dict[str, str]


class BoardLine(Shape):
    rank: int | None = Field(description="by return over the days that count; null when it has none")
    model: str
    kind: str = Field(description="llm or baseline")
    nav: Cents = Field(description=f"net asset value: {MONEY}")
    total_return: float | None = Field(alias="return", description=f"since the start: {FRACTION}")
    benchmark_return: float | None = Field(description=FRACTION)
    excess_return: float | None = Field(description=f"return less the benchmark's: {FRACTION}")
    annualised_return: float | None = Field(description=FRACTION)
    volatility: float | None = Field(description=f"a year: {FRACTION}")
    sharpe: float | None = Field(description="ratio a year, at a risk-free rate of zero")
    sortino: float | None = Field(description="ratio a year")
    max_drawdown: float | None = Field(description=f"zero or negative: {FRACTION}")
    calmar: float | None = Field(description="ratio")
    alpha: float | None = Field(description=f"a year, against the benchmark: {FRACTION}")
    alpha_standard_error: float | None = Field(description=f"Newey-West, a year: {FRACTION}")
    alpha_p_value: float | None = Field(description="that alpha is zero, two-sided, Newey-West errors")
    beta: float | None = Field(description="against the benchmark")
    beta_standard_error: float | None = Field(description="Newey-West")
    exposure: float | None = Field(description=f"mean part of the net asset value in shares: {FRACTION}")
    win_rate: float | None = Field(description=f"of closed trades: {FRACTION}")
    profit_factor: float | None = Field(description="ratio")
    expectancy: Cents | None = Field(description=f"mean net result of a closed trade: {MONEY}")
    turnover: float | None = Field(description="times the mean net asset value, over the whole period")
    trades: int = Field(description="executed orders on the days that count; without a rank, all")
    fees: Cents = Field(description=f"paid on the days that count, without a rank on all: {MONEY}")
    llm_cost_usd: str | None = Field(description="US dollars, text with six decimals; null when not known")
    days: int = Field(description="trading days in the figures; 0 without a rank")
    provisional: bool = Field(description="a mark stands in for a close that is not known yet")
    reasons: dict[str, str] = Field(description="why a figure is null or stands for something else")
    significance: Significance | None = Field(description="what chance has to do with it")
    luck: LuckScore | None
    skill: dict[str, DecisionSkill] = Field(description="of single decisions, by horizon in trading days")


class Verdict(Shape):
    winner: str | None = Field(description="null while no model leads by more than chance")
    text: str
    reason: str


class Pair(Shape):
    first: str
    second: str
    mean_difference: float | None = Field(description="of the daily returns, a year, as a fraction")
    t: float | None
    p_value: float | None
    p_holm: float | None = Field(description="corrected for all pairs")
    days_needed: int | None = Field(
        description="trading days until a difference of this size would be significant in 80 % of the cases, "
        "corrected for all pairs"
    )
    reason: str | None


class AssessmentOfTheDay(Shape):
    as_of: str = Field(description=DAY)
    verdict: Verdict
    pairs: list[Pair]
    days: int = Field(description="trading days that count")
    left_out: dict[str, int] = Field(description="trading days that do not, by reason")
    trials: int = Field(description="models and prompt versions ever run")
    seed: int
    draws: int
    block: float | None = Field(description="mean length of a block of resampled days")
    level: float
    confidence: float
    terms: dict[str, str | None] = Field(description="on what terms orders filled")
    not_assessed: dict[str, str] = Field(
        description="ranked models that could not be compared, and why; with any there is no winner"
    )
    not_settled: list[str] = Field(
        description="models without a book of the day: until there is none, the board is provisional"
    )


class Robustness(Shape):
    as_of: str = Field(description=f"{DAY}, the last of a quarter")
    spans: list[dict[str, Any]] = Field(description="each model's best and worst rank, and how often it led")
    scenarios: list[dict[str, Any]] = Field(description="terms, and each model's rank under them")


class Variant(Shape):
    as_of: str | None = Field(description=f"{DAY}, the last of a quarter")
    fee: str = Field(description="per executed order, in the arena's currency")
    slippage_bp: str = Field(description="basis points")
    wait: str = Field(description="from which bar orders fill: now, next_bar or next_open")
    outcomes: list[dict[str, Any]] = Field(description="model, rank, nav and fills, in the order of ranks")


class Leaderboard(Document):
    models: list[BoardLine]
    assessment: AssessmentOfTheDay | None = Field(description="how sure the board is")
    robustness: Robustness | None = Field(description="the ranks under other fees, slippage and fills")
    variant: Variant | None = Field(
        default=None, description="the ranks under the terms asked for; absent when none were"
    )
