"""What a model chose in a session: the question that a language model is asked, and its answer judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arena_pipeline.arena import Arena
from arena_pipeline.assets.held import Shown
from arena_pipeline.assets.knowledge import View
from arena_pipeline.assets.memory import Recollection
from arena_pipeline.llm.client import ModelOutcome, ModelRequest
from arena_pipeline.llm.prompts import DecisionContext, PositionView, Prompt, decision_prompt
from arena_pipeline.llm.schemas import DecisionReply, OrderReply
from arena_pipeline.market.calendar import Session
from arena_pipeline.research.briefing import Briefing, cited_fact
from arena_pipeline.research.quality import PENALTY_UNKNOWN_CITE, lowered
from arena_pipeline.settings import Model
from arena_pipeline.strategies import Style
from arena_pipeline.trading.limits import GateResult, OrderRequest, gate
from arena_pipeline.trading.money import from_cents, to_cents
from arena_pipeline.trading.orders import Order
from arena_pipeline.warehouse.store import Row


@dataclass(frozen=True)
class Choice:
    """What a model chose, before it is stored."""

    results: Sequence[GateResult]
    cancels: Sequence[str]
    confidence: float | None
    reasoning: str
    failure: str | None
    version: str
    edges: Sequence[tuple[str, str]]
    blind: str | None = None
    """Why nothing was known of the news: no feed answered. None also for a baseline, which reads none."""
    horizon_days: int | None = None
    shown: Sequence[Shown] = ()
    cited: Mapping[str, str | None] = field(default_factory=dict)
    """Each citation of its orders with what the fact rests on; None where no such fact was shown."""


@dataclass(frozen=True)
class Question:
    """What a model is asked in a session, and what it is shown for it."""

    prompt: Prompt
    request: ModelRequest[DecisionReply]
    shown: Sequence[Shown]
    recalled: Recollection


def question(
    arena: Arena, model: Model, session: Session, view: View, shown: Sequence[Shown], recalled: Recollection
) -> Question:
    prompt = decision_prompt(_context(arena, model, session, view, shown, recalled.told))
    request = ModelRequest(
        model=str(model.model),
        purpose="decision",
        system=prompt.system,
        user=prompt.user,
        schema=DecisionReply,
        spender=model.id,
    )
    return Question(prompt, request, shown, recalled)


def choice_of(
    arena: Arena, view: View, asked: Question, outcome: ModelOutcome[DecisionReply], *, blind: str | None
) -> Choice:
    """The answer before the gate: no order comes from one that could not be read."""
    reply, settings = outcome.answer, arena.settings
    briefings = {entry.briefing.symbol: entry.briefing for entry in asked.shown}
    cited = {
        cite: fact.evidence if (fact := cited_fact(briefings, cite)) else None
        for order in (reply.orders if reply else ())
        for cite in order.cites
    }
    cancels = reply.cancel if reply else []
    results = gate(
        [_request(order, briefings, cited) for order in (reply.orders if reply else ())],
        book=view.book,
        prices={symbol: view.prices[symbol] for symbol in arena.symbols if symbol in view.tradable},
        allowed=frozenset(arena.symbols),
        limits=settings.limits,
        fee=settings.arena.fee_per_order,
        cancelled=cancels,
        under_review=[symbol for symbol, entry in briefings.items() if entry.review]
        if settings.research.review_blocks
        else (),
    )
    return Choice(
        results=results,
        cancels=cancels,
        confidence=reply.confidence if reply else None,
        reasoning=reply.reasoning if reply else "",
        failure=None if outcome.failure is None else str(outcome.failure),
        version=asked.prompt.version,
        edges=[
            *((entry.briefing.id, "decided from") for entry in asked.shown),
            *((exchange.id, "answered by") for exchange in outcome.exchanges),
            *asked.recalled.edges,
            *(
                (view.windows[symbol], "priced by")
                for symbol in sorted(view.book.holdings)
                if symbol in view.windows
            ),
        ],
        blind=blind,
        horizon_days=reply.horizon_days if reply else None,
        shown=asked.shown,
        cited=cited,
    )


def _context(
    arena: Arena, model: Model, session: Session, view: View, shown: Sequence[Shown], recent: Sequence[Row]
) -> DecisionContext:
    settings, book = arena.settings, view.book
    symbols = {entry.briefing.symbol for entry in shown} | book.holdings.keys()
    value = sum(
        to_cents(view.prices[symbol] * holding.quantity) if symbol in view.prices else holding.cost_cents
        for symbol, holding in book.holdings.items()
    )
    return DecisionContext(
        session=session.key,
        session_name=session.name.value,
        currency=settings.arena.currency,
        cash=from_cents(book.cash_cents),
        nav=from_cents(book.cash_cents + book.receivable_cents + value),
        fee_per_order=settings.arena.fee_per_order,
        positions=tuple(
            PositionView(symbol, holding.quantity, from_cents(holding.cost_cents), view.prices.get(symbol))
            for symbol, holding in book.holdings.items()
        ),
        briefings=tuple(entry.briefing for entry in shown),
        prices={symbol: view.prices[symbol] for symbol in sorted(symbols) if symbol in view.prices},
        open_orders=tuple(_open_order(order) for order in book.open_orders),
        recent_decisions=tuple(recent),
        limits=settings.limits.model_dump(mode="json"),
        market={"exchange": settings.arena.market, "benchmark": settings.universe.benchmark},
        strategy=model.style or Style.SWING,
    )


def _request(
    order: OrderReply, briefings: Mapping[str, Briefing], cited: Mapping[str, str | None]
) -> OrderRequest:
    """The order, with its confidence lowered by the briefings of its share and of the facts that it cites,
    and by a citation that leads nowhere."""
    rests_on = {order.symbol, *(cite.rpartition(":")[0] for cite in order.cites)}
    penalties = [entry.confidence_penalty for symbol, entry in briefings.items() if symbol in rests_on]
    if any(cited[cite] is None for cite in order.cites):
        penalties.append(PENALTY_UNKNOWN_CITE)
    return OrderRequest(
        **order.model_dump(exclude={"cites"}),
        lowered_confidence=lowered(order.confidence, penalties),
        cites=tuple(dict.fromkeys(order.cites)),
    )


def _open_order(order: Order) -> dict[str, Any]:
    """An open order as its model sees it; terms that it does not have are left out."""
    terms = {
        "limit": order.limit,
        "stop": order.stop,
        "amount": order.amount,
        "weight": order.weight,
        "cancels": order.oco,
        "waits_for": order.parent,
    }
    return {
        "id": order.id,
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.type.value,
        "quantity": order.quantity,
        "time_in_force": order.time_in_force.value,
        **{name: value for name, value in terms.items() if value is not None},
    }
