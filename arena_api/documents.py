"""The answers' shapes, for the OpenAPI document. They are the documents that `arena … --json` prints.

Money is text with two decimals in the arena's currency unless a field says otherwise, a price has four
decimals, a ratio is a fraction (0.05 is five per cent), a time is UTC in ISO 8601. What is not defined is
null.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DAY = "trading day, such as 2025-10-24"
SESSION = "session in Europe/Berlin, such as 2025-10-24T08:30"
TIME = "UTC, ISO 8601"
MONEY = "text with two decimals, in the arena's currency"
FRACTION = "fraction, 0.05 is five per cent; null when not defined, see `reasons`"
SIMULATED = "whether anything in the answer comes from the sandbox"


class Shape(BaseModel):
    """A field that a document has and its shape does not know is passed on."""

    model_config = ConfigDict(extra="allow")


class NewestDays(Shape):
    bars: str | None = Field(description=f"newest {DAY}, with daily bars")
    snapshots: str | None = Field(description=f"newest {DAY}, with a book's value")
    leaderboard: str | None = Field(description=f"newest {DAY}, with a leaderboard")


class Health(Shape):
    status: Literal["ok"]
    version: str
    simulated: bool = Field(description=SIMULATED)
    newest: NewestDays


class Contestant(Shape):
    id: str
    kind: str = Field(description="llm or baseline")
    model: str | None = Field(description="name at the model endpoint; null for a baseline")
    strategy: str | None = Field(description="rule of a baseline; null for a language model")
    knowledge_cutoff: str | None = Field(description="date up to which the model was trained")
    as_of: str | None = Field(description=f"{DAY}, of the newest snapshot")
    nav: str | None = Field(description=f"net asset value on that day: {MONEY}")


class Models(Shape):
    simulated: bool = Field(description=SIMULATED)
    models: list[Contestant]


class Significance(Shape):
    sharpe_low: float | None = Field(description="lower end of the 90 % interval of the Sharpe ratio")
    sharpe_high: float | None = Field(description="its upper end")
    psr: float | None = Field(description="probability that the true Sharpe ratio is above zero")
    dsr: float | None = Field(description="the same above what the best of as many models by luck would show")
    shared_rank: int | None = Field(description="1 + the number of models that are significantly better")
    rank_low: int | None = Field(description="lower end of the 90 % interval of ranks, resampled days")
    rank_high: int | None = Field(description="its upper end")
    mean_rank: float | None
    p_best: float | None = Field(description="fraction of the resampled histories in which it is first")
    return_low: float | None = Field(description=f"lower end of the 90 % interval of the return: {FRACTION}")
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
    nav: str = Field(description=f"net asset value: {MONEY}")
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
    beta: float | None = Field(description="against the benchmark")
    alpha_p_value: float | None = Field(description="that alpha is zero, two-sided, Newey-West errors")
    exposure: float | None = Field(description=f"mean part of the net asset value in shares: {FRACTION}")
    win_rate: float | None = Field(description=f"of closed trades: {FRACTION}")
    profit_factor: float | None = Field(description="ratio")
    expectancy: str | None = Field(description=f"mean net result of a closed trade: {MONEY}")
    turnover: float | None = Field(description="times the mean net asset value, over the whole period")
    trades: int = Field(description="executed orders on the days that count; without a rank, all")
    fees: str = Field(description=f"paid on the days that count, without a rank on all: {MONEY}")
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
    days_needed: int | None = Field(description="until a difference of this size could be significant")
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


class Leaderboard(Shape):
    as_of: str | None = Field(description=f"{DAY}; null before the first")
    simulated: bool = Field(description=SIMULATED)
    models: list[BoardLine]
    assessment: AssessmentOfTheDay | None = Field(description="how sure the board is")
    robustness: Robustness | None = Field(description="the ranks under other fees, slippage and fills")


class DecisionLine(Shape):
    id: str = Field(description="decision:<model>:<session>")
    model: str
    session: str = Field(description=SESSION)
    trading_day: str = Field(description=DAY)
    session_time: str = Field(description=TIME)
    submitted_at: str = Field(description=f"when its orders were submitted: {TIME}")
    outcome: str = Field(description="decided or abstained")
    failure: str | None = Field(description="why it abstained")
    reasoning: str = Field(description="the model's own words, unchecked: plain text, never markup")
    confidence: float | None = Field(description="0 to 1")
    horizon_days: int | None = Field(
        description="trading days after which the model judges its orders; null for a rule"
    )
    code_version: str
    provenance: str = Field(description="live or backfill")
    late: bool
    simulated: bool = Field(description=SIMULATED)
    contamination: str = Field(
        description="clean, contaminated or unknown: may the model have known how the day ended?"
    )
    run_id: str
    orders: int = Field(description="number of orders")


class Decisions(Shape):
    simulated: bool = Field(description=SIMULATED)
    decisions: list[DecisionLine]


class Fill(Shape):
    id: str
    quantity: int = Field(description="whole shares")
    price: str = Field(description="a share, four decimals, in the arena's currency")
    fee: str = Field(description=MONEY)
    filled_at: str = Field(description=TIME)
    bar: str = Field(description="id of the bar it was filled at")


class Citation(Shape):
    cite: str = Field(description="SYMBOL:FACT, as the model wrote it")
    evidence: str | None = Field(description="id of what the fact rests on; null: no such fact was shown")


class Order(Shape):
    id: str
    seq: int
    symbol: str
    side: str = Field(description="buy or sell")
    quantity: int = Field(description="whole shares; of an order sized at its fill, as sized by the gate")
    amount: str | None = Field(
        description="how much it is for, sized at the fill: text, in the arena's currency"
    )
    weight: str | None = Field(description="the part of the net asset value to hold after the fill, 0 to 1")
    type: str = Field(description="market, limit, stop or stop_limit")
    limit_price: str | None = Field(description="a share, in the arena's currency")
    stop_price: str | None = Field(description="a share, in the arena's currency")
    time_in_force: str = Field(description="GTC (good till cancelled) or DAY")
    parent: str | None = Field(description="id of the order whose fill it waits for")
    oco: str | None = Field(description="id of the order that its fill cancels")
    replaces: str | None = Field(description="id of the order that it takes the place of")
    reason: str = Field(description="the model's own words: plain text, never markup")
    confidence: float | None = Field(description="0 to 1")
    lowered_confidence: float | None = Field(
        description="the confidence less the penalty of the briefings that the order rests on"
    )
    cites: list[Citation]
    accepted: bool = Field(description="whether the order gate let it through")
    refusal: str | None = Field(description="the gate's rule that refused it")
    refusal_detail: str | None
    submitted_at: str = Field(description=TIME)
    state: str = Field(description="open, filled, refused (by the gate) or rejected (at its bar)")
    fill: Fill | None = Field(default=None, description="only when filled")
    rejection: str | None = Field(default=None, description="only when rejected")


class Decision(DecisionLine):
    orders: list[Order]  # type: ignore[assignment]


class Node(Shape):
    id: str
    kind: str = Field(description="decision, briefing, article, bar, llm_exchange, archive_entry, …")


class EvidenceEdge(Shape):
    child: str = Field(description="id of what was made")
    parent: str = Field(description="id of what it was made from")
    role: str = Field(description="the part that the parent played")


class Lineage(Shape):
    root: str
    nodes: list[Node] = Field(description="each with the fields of what is stored under its id")
    edges: list[EvidenceEdge]


class Trade(Shape):
    id: str
    model: str
    model_kind: str = Field(description="llm or baseline")
    decision_id: str
    order_id: str
    symbol: str
    side: str = Field(description="buy or sell")
    quantity: int = Field(description="whole shares")
    price: str = Field(description="a share, four decimals, in the arena's currency")
    notional: str = Field(description=f"quantity times price: {MONEY}")
    fee: str = Field(description=MONEY)
    net: str | None = Field(description=f"result of a sale after fees: {MONEY}; null for a purchase")
    filled_at: str = Field(description=TIME)
    trading_day: str = Field(description=DAY)
    bar: str = Field(description="id of the bar it was filled at")


class Trades(Shape):
    simulated: bool = Field(description=SIMULATED)
    trades: list[Trade]


class Problem(BaseModel):
    """RFC 9457, `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = Field(default=None, description="of a 422: parameter and problem")
