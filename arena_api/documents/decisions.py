"""Decisions, orders, trades, and the evidence below."""

from __future__ import annotations

from pydantic import Field

from arena_api.documents.common import (
    DAY,
    MONEY,
    PRICE,
    SESSION,
    SIMULATED,
    TIME,
    Cents,
    Page,
    Price,
    Shape,
)


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


class Decisions(Page):
    decisions: list[DecisionLine]


class Fill(Shape):
    id: str
    quantity: int = Field(description="whole shares")
    price: Price = Field(description=PRICE)
    fee: Cents = Field(description=MONEY)
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


class Reasoning(Page):
    model: str
    decisions: list[Decision] = Field(description="newest first, with what became of each order")


class Node(Shape):
    id: str
    kind: str = Field(description="decision, briefing, article, bar, llm_exchange, archive_entry, …")


class EvidenceEdge(Shape):
    child: str = Field(description="id of what was made")
    parent: str = Field(description="id of what it was made from")
    role: str = Field(description="the part that the parent played")


class Lineage(Shape):
    simulated: bool = Field(description=SIMULATED)
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
    price: Price = Field(description=PRICE)
    notional: Cents = Field(description=f"quantity times price: {MONEY}")
    fee: Cents = Field(description=MONEY)
    net: Cents | None = Field(description=f"result of a sale after fees: {MONEY}; null for a purchase")
    filled_at: str = Field(description=TIME)
    trading_day: str = Field(description=DAY)
    bar: str = Field(description="id of the bar it was filled at")
    provenance: str = Field(description="how it was decided: live or backfill")


class Trades(Page):
    trades: list[Trade]
