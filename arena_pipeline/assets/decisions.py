"""Group *arena*: what each model decides in each session.

A decision rests on the model's book, which rests on its earlier decisions; so the asset depends on itself
one session earlier and computes the book by replaying the earlier orders over the bars known at the session.
A decision is a fact: one that is stored is never made again, whatever is materialised. Earlier sessions that
were researched but not decided are caught up in order, so that runs may come in any order.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from arena_pipeline.arena import LATE_AFTER, Arena
from arena_pipeline.assets.books import decided_sessions, register_models, require_bars
from arena_pipeline.assets.costs import note_costs
from arena_pipeline.assets.orders import (
    Wish,
    accepted_orders,
    cancellation_from,
    cancellation_rows,
    order_from,
    order_rows,
)
from arena_pipeline.assets.research import ResearchDesk
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.assets.technical import bar_window
from arena_pipeline.errors import ChainGap
from arena_pipeline.llm.client import ModelOutcome, ModelRequest
from arena_pipeline.llm.failure import WANT_OF_MONEY
from arena_pipeline.llm.prompts import DecisionContext, PositionView, decision_prompt
from arena_pipeline.llm.research_models import maker
from arena_pipeline.llm.schemas import DecisionReply, OrderReply
from arena_pipeline.market.bars import Bar
from arena_pipeline.market.calendar import SUBMISSION_LATENCY, Session
from arena_pipeline.research.briefing import Briefing
from arena_pipeline.research.quality import lowered
from arena_pipeline.scoring.contamination import Contamination, flag
from arena_pipeline.settings import Model, ModelKind
from arena_pipeline.trading import baselines
from arena_pipeline.trading.baselines import BaselineContext
from arena_pipeline.trading.book import Book
from arena_pipeline.trading.limits import GateResult, OrderRequest, gate
from arena_pipeline.trading.money import from_cents, to_cents
from arena_pipeline.trading.orders import Order
from arena_pipeline.warehouse.store import Edge, Row, Written, utc_text
from arena_pipeline.warehouse.tables import cancellations as cancellations_table
from arena_pipeline.warehouse.tables import decisions as decisions_table
from arena_pipeline.warehouse.tables import orders as orders_table

RECENT = 5
OLDEST_PRICE = timedelta(days=7)
"""A share whose last price is older cannot be ordered: longer than any run of holidays without trading."""


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


@dataclass(frozen=True)
class View:
    """What a session may know: the book, the last known prices, and the closes of before."""

    session: Session
    book: Book
    prices: dict[str, Decimal]
    windows: dict[str, str]
    closes: dict[str, Sequence[tuple[date, Decimal]]]
    priced_on: dict[str, date]

    @property
    def tradable(self) -> set[str]:
        """The symbols whose last price is recent enough to size an order with."""
        oldest = self.session.day - OLDEST_PRICE
        return {symbol for symbol, day in self.priced_on.items() if day >= oldest}


def decisions(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """One decision per model and session, its orders beside it, each with the gate's verdict.

    `outcome` is decided or abstained; no order ever comes from an answer that could not be read.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        model, _, session = key.partition("|")
        wanted[model].append(session)
    with arena.store.ledger.transaction() as connection:
        register_models(arena, connection)
    outcomes = []
    for model, sessions in wanted.items():
        outcomes += _Chain(arena, arena.settings.model_named(model), run).decide(sorted(sessions))
    return outcomes


class _Chain:
    """The sessions of one model, in order."""

    def __init__(self, arena: Arena, model: Model, run: Run) -> None:
        self._arena, self._model, self._run = arena, model, run
        self._replay = arena.engine(model.id)
        self._recent: list[Row] = []
        self._desk: ResearchDesk | None = None

    def decide(self, wanted: Sequence[str]) -> list[Outcome]:
        arena = self._arena
        last = arena.calendar.session(wanted[-1])
        sessions = [s for s in arena.calendar.sessions(arena.start, last.day) if s.time <= last.time]
        stored = decided_sessions(arena.store, self._model.id)
        self._require(sessions, stored, set(wanted))
        earlier = accepted_orders(arena.store, self._model.id)
        days = {day.day: day for day in arena.market_days(last.day)}
        pending = sorted(days)
        knowledge = _Knowledge(arena)
        if self._model.kind is ModelKind.LLM:
            self._desk = ResearchDesk(arena, [s for s in sessions if s.key not in stored], self._run)
        outcomes = []
        for session in sessions:
            while pending and pending[0] < session.day:
                self._replay.run(days[pending.pop(0)])
            if session.key in stored:
                placed = earlier.get(session.key, [])
                if session.key in wanted:
                    outcomes.append(self._known(session))
            else:
                view = knowledge.view(session, self._book_at(session, days))
                choice = self._choose(session, view, sessions)
                written, placed = self._store(session, choice, view.book)
                if session.key in wanted:
                    outcomes.append(_outcome(written, choice))
            self._recent.append(_recent(session, placed))
            for wish in placed:
                if isinstance(wish, Order):
                    self._replay.submit(wish)
                else:
                    self._replay.cancel(wish)
        return outcomes

    def _require(self, sessions: Sequence[Session], stored: set[str], wanted: set[str]) -> None:
        if self._arena.origin is None and sessions[-1].time > self._arena.clock():
            raise ChainGap(
                f"{sessions[-1].key} lies in the future", remedy="decide a session when its time has come"
            )
        researched = self._arena.store.partitions("briefings")
        for session in sessions:
            if session.key not in stored and session.key not in researched:
                raise ChainGap(
                    f"{self._model.id} cannot decide {min(wanted)}: {session.key} has no briefings yet",
                    remedy=f"materialise briefings for {session.key} first, or run arena backfill",
                )
        require_bars(self._arena, [s.day for s in sessions if s.day < sessions[-1].day])

    def _book_at(self, session: Session, days: dict[date, Any]) -> Book:
        """The book as the session sees it: of its own day only what had happened before."""
        day = days.get(session.day)
        if day is None or session.time <= day.opens_at:
            return self._replay.book
        fork = self._replay.fork()
        fork.run(day, until=session.time)
        return fork.book

    def _choose(self, session: Session, view: View, sessions: Sequence[Session]) -> Choice:
        if self._desk is None:
            return self._follow_rule(session, view, sessions)
        return self._ask(session, view, self._desk)

    def _follow_rule(self, session: Session, view: View, sessions: Sequence[Session]) -> Choice:
        strategy = self._model.strategy
        if strategy is None:
            raise ValueError(f"{self._model.id} has no strategy")
        position = sessions.index(session)
        settings = self._arena.settings
        decision = baselines.decide(
            strategy,
            BaselineContext(
                model=self._model.id,
                session=session,
                first=position == 0,
                new_month=position == 0 or sessions[position - 1].day.month != session.day.month,
                book=view.book,
                closes=view.closes,
                symbols=settings.universe.symbols,
                benchmark=settings.universe.benchmark,
                fee=settings.arena.fee_per_order,
                seed=settings.arena.seed,
            ),
        )
        return Choice(
            results=[
                GateResult(order, True, None, "a baseline's order", order.quantity or 0)
                for order in decision.orders
            ],
            cancels=(),
            confidence=None,
            reasoning=decision.reasoning,
            failure=None,
            version=baselines.__name__.rsplit(".", 1)[-1],
            edges=[(view.windows[s], "decided from") for s in decision.symbols_used if s in view.windows],
        )

    def _ask(self, session: Session, view: View, desk: ResearchDesk) -> Choice:
        arena, settings = self._arena, self._arena.settings
        briefings = desk.briefings_for(session, view.book.holdings.keys() & set(arena.symbols))
        prompt = decision_prompt(self._context(session, view, briefings))
        (outcome,) = arena.models.ask_all(
            [
                ModelRequest(
                    model=str(self._model.model),
                    purpose="decision",
                    system=prompt.system,
                    user=prompt.user,
                    schema=DecisionReply,
                    spender=self._model.id,
                )
            ]
        )
        note_costs(arena, session.key, self._model.id, "decision", [outcome])
        reply = outcome.answer
        requests = [_request(order, briefings) for order in (reply.orders if reply else ())]
        cancels = reply.cancel if reply else []
        results = gate(
            requests,
            book=view.book,
            prices={symbol: view.prices[symbol] for symbol in arena.symbols if symbol in view.tradable},
            allowed=frozenset(arena.symbols),
            limits=settings.limits,
            fee=settings.arena.fee_per_order,
            cancelled=cancels,
            under_review=[entry.symbol for entry in briefings if entry.review]
            if settings.research.review_blocks
            else (),
        )
        if outcome.failure:
            undone = "left undone: " if outcome.failure.kind in WANT_OF_MONEY else ""
            self._run.report(f"{undone}{self._model.id} abstained in {session.key}: {outcome.failure}")
        blind = desk.blind.get(session.key)
        if blind:
            self._run.report(f"{self._model.id} decided {session.key} {blind}")
        self._report_another_maker(session, outcome)
        return Choice(
            results=results,
            cancels=cancels,
            confidence=reply.confidence if reply else None,
            reasoning=reply.reasoning if reply else "",
            failure=None if outcome.failure is None else str(outcome.failure),
            version=prompt.version,
            edges=[
                *((briefing.id, "decided from") for briefing in briefings),
                *((exchange.id, "answered by") for exchange in outcome.exchanges),
                *(
                    (view.windows[symbol], "priced by")
                    for symbol in sorted(view.book.holdings)
                    if symbol in view.windows
                ),
            ],
            blind=blind,
        )

    def _report_another_maker(self, session: Session, outcome: ModelOutcome[DecisionReply]) -> None:
        """An endpoint may answer under a dated name of the model, but not with another maker's."""
        served = outcome.exchanges[-1].model_served if outcome.exchanges else None
        asked = str(self._model.model)
        if served is not None and "/" in served and "/" in asked and maker(served) != maker(asked):
            self._run.report(f"{self._model.id} asked {asked} in {session.key} and was answered by {served}")

    def _context(self, session: Session, view: View, briefings: Sequence[Any]) -> DecisionContext:
        settings, book = self._arena.settings, view.book
        shown = {briefing.symbol for briefing in briefings} | book.holdings.keys()
        value = sum(
            to_cents(view.prices[symbol] * holding.quantity) if symbol in view.prices else holding.cost_cents
            for symbol, holding in book.holdings.items()
        )
        limits = settings.limits
        return DecisionContext(
            session=session.key,
            session_name=session.name.value,
            currency=settings.arena.currency,
            cash=from_cents(book.cash_cents),
            nav=from_cents(book.cash_cents + book.receivable_cents + value),
            fee_per_order=settings.arena.fee_per_order,
            positions=tuple(
                PositionView(
                    symbol, holding.quantity, from_cents(holding.cost_cents), view.prices.get(symbol)
                )
                for symbol, holding in book.holdings.items()
            ),
            briefings=tuple(briefings),
            prices={symbol: view.prices[symbol] for symbol in sorted(shown) if symbol in view.prices},
            open_orders=tuple(_shown(order) for order in book.open_orders),
            recent_decisions=tuple(self._recent[-RECENT:]),
            limits=limits.model_dump(mode="json"),
            market={"exchange": settings.arena.market, "benchmark": settings.universe.benchmark},
        )

    def _store(self, session: Session, choice: Choice, book: Book) -> tuple[Written, list[Wish]]:
        arena, model = self._arena, self._model
        submitted_at, provenance, late = self._circumstances(session)
        identity = f"decision:{model.id}:{session.key}"
        decision: Row = {
            "id": identity,
            "model": model.id,
            "session": session.key,
            "trading_day": session.day.isoformat(),
            "session_time": utc_text(session.time),
            "submitted_at": utc_text(submitted_at),
            "outcome": "abstained" if choice.failure else "decided",
            "confidence": None if choice.confidence is None else repr(choice.confidence),
            "reasoning": choice.reasoning,
            "failure": choice.failure,
            "code_version": choice.version,
            "provenance": provenance,
            "late": late,
            "simulated": arena.settings.simulated,
        }
        rows = order_rows(model.id, session.key, identity, choice.results, submitted_at)
        withdrawn = cancellation_rows(
            model.id, session.key, identity, choice.cancels, book.open_orders, submitted_at
        )
        now = arena.clock()
        with arena.store.ledger.transaction() as connection:
            decided = select(decisions_table.c.id).where(decisions_table.c.id == identity)
            if connection.execute(decided).first() is not None:
                return self._decided_elsewhere(session)
            connection.execute(
                decisions_table.insert().values(
                    **decision,
                    contamination=self._contamination(session, provenance).value,
                    run_id=self._run.id,
                    recorded_at=utc_text(now),
                )
            )
            if rows:
                connection.execute(orders_table.insert(), rows)
            if withdrawn:
                connection.execute(cancellations_table.insert(), withdrawn)
            arena.store.add_edges(
                connection,
                [
                    *(Edge(identity, parent, role) for parent, role in choice.edges),
                    *(Edge(row["id"], identity, "ordered by") for row in rows),
                ],
            )
            written = arena.store.note_partition(
                connection,
                "decisions",
                f"{model.id}|{session.key}",
                [decision, *rows, *withdrawn],
                run_id=self._run.id,
                now=now,
            )
        return written, [
            *(order_from(row) for row in rows if row["accepted"]),
            *(cancellation_from(row) for row in withdrawn if row["accepted"]),
        ]

    def _decided_elsewhere(self, session: Session) -> tuple[Written, list[Wish]]:
        """What another run decided in the meantime: that stands, and this answer is dropped."""
        self._run.report(f"{self._model.id} decided {session.key} in another run; that decision stands")
        placed = accepted_orders(self._arena.store, self._model.id).get(session.key, [])
        return self._known(session).written, placed

    def _circumstances(self, session: Session) -> tuple[datetime, str, bool]:
        """When the orders went out, and whether that was live and late; a replay takes what was recorded."""
        arena = self._arena
        if arena.origin is not None:
            with arena.origin.ledger.read() as connection:
                row = connection.execute(
                    select(decisions_table).where(
                        decisions_table.c.model == self._model.id, decisions_table.c.session == session.key
                    )
                ).one()
            return datetime.fromisoformat(row.submitted_at), row.provenance, row.late
        if arena.is_live(session):
            return arena.clock(), "live", False
        same_day = arena.is_today(session.day) and arena.clock() - session.time > LATE_AFTER
        if same_day:
            return arena.clock(), "live", True
        return session.time + SUBMISSION_LATENCY, "backfill", False

    def _contamination(self, session: Session, provenance: str) -> Contamination:
        """Whether the model may have known how the day ended. No part of the decision's digest: it judges the
        decision by what the configuration says of the model."""
        ignorant = self._model.kind is ModelKind.BASELINE or self._arena.settings.fictional
        return flag(
            session.day,
            self._model.knowledge_cutoff,
            needs_knowledge=provenance != "live" and not ignorant,
        )

    def _known(self, session: Session) -> Outcome:
        key = f"{self._model.id}|{session.key}"
        digest = self._arena.store.partitions("decisions")[key]
        return Outcome(Written(key, 1, digest, 1, changed=False), {"reused": True})


class _Knowledge:
    """Prices as known at each of some sessions, from bars loaded once."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._daily, self._intraday = arena.daily_bars(), arena.intraday_bars()
        self._fresh: dict[str, tuple[list[datetime], list[Bar], list[tuple[date, Decimal]]]] = {}

    def view(self, session: Session, book: Book) -> View:
        closes: dict[str, Sequence[tuple[date, Decimal]]] = {}
        windows: dict[str, str] = {}
        prices: dict[str, Decimal] = {}
        priced_on: dict[str, date] = {}
        for symbol in self._arena.priced_symbols:
            bars, series = self._known(symbol, session)
            if bars:
                closes[symbol] = series
                windows[symbol] = bar_window(symbol, bars[0].id, bars[-1].id)
                prices[symbol], priced_on[symbol] = bars[-1].close, bars[-1].day
            quarters = self._intraday.known(symbol, session.time, since=session.day)
            fresh = [bar for bar in quarters if not bar.stale]
            if fresh:
                prices[symbol], priced_on[symbol] = fresh[-1].close, session.day
        return View(session, book, prices, windows, closes, priced_on)

    def _known(self, symbol: str, session: Session) -> tuple[list[Bar], list[tuple[date, Decimal]]]:
        """The daily bars known before a session, without stale ones, and their closes by day, on the scale
        of the session."""
        if not self._daily.is_settled(symbol):
            bars = [bar for bar in self._daily.comparable(symbol, session.time) if not bar.stale]
            return bars, [(bar.day, bar.close) for bar in bars]
        if symbol not in self._fresh:
            bars = [bar for bar in self._daily.all(symbol) if not bar.stale]
            self._fresh[symbol] = (
                [bar.known_at for bar in bars],
                bars,
                [(bar.day, bar.close) for bar in bars],
            )
        known_at, bars, series = self._fresh[symbol]
        count = bisect.bisect_left(known_at, session.time)
        return bars[:count], series[:count]


def _request(order: OrderReply, briefings: Sequence[Briefing]) -> OrderRequest:
    """The order, with its confidence lowered by the briefings of its share and of the facts that it cites."""
    rests_on = {order.symbol, *(cite.rpartition(":")[0] for cite in order.cites)}
    penalties = [entry.confidence_penalty for entry in briefings if entry.symbol in rests_on]
    return OrderRequest(
        **order.model_dump(exclude={"cites"}), lowered_confidence=lowered(order.confidence, penalties)
    )


def _shown(order: Order) -> Row:
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


def _recent(session: Session, placed: Sequence[Wish]) -> Row:
    return {
        "session": session.key,
        "orders": [
            {"symbol": wish.symbol, "side": wish.side.value, "quantity": wish.quantity}
            for wish in placed
            if isinstance(wish, Order)
        ],
    }


def _outcome(written: Written, choice: Choice) -> Outcome:
    accepted = [result for result in choice.results if result.accepted]
    return Outcome(
        written,
        {
            "outcome": "abstained" if choice.failure else "decided",
            "orders": len(accepted),
            "refused": len(choice.results) - len(accepted),
            "failure": choice.failure or "none",
            "news": choice.blind or "read",
        },
        [
            {"side": r.request.side.value, "symbol": r.request.symbol, "quantity": r.shares}
            for r in accepted[:8]
        ],
    )
