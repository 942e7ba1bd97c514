"""Group *arena*: what each model decides in each session.

A decision rests on the model's book, which rests on its earlier decisions; so the asset depends on itself
one session earlier and computes the book by replaying the earlier orders over the bars known at the session.
A decision is a fact: one that is stored is never made again, whatever is materialised. Earlier sessions that
were researched but not decided are caught up in order, so that runs may come in any order.

Models in one run go through the sessions together: what they need of a session is researched in one go, and
then all of them are asked at the same time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from arena_pipeline.arena import Arena
from arena_pipeline.assets.books import decided_sessions, register_models, require_bars
from arena_pipeline.assets.choices import Choice, Question, choice_of, question
from arena_pipeline.assets.costs import note_costs
from arena_pipeline.assets.decision_rows import store_decision
from arena_pipeline.assets.held import SharingDesk, Shown
from arena_pipeline.assets.knowledge import Knowledge, View
from arena_pipeline.assets.memory import Memory
from arena_pipeline.assets.orders import Wish, accepted_orders
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.errors import ChainGap
from arena_pipeline.llm.client import ModelOutcome
from arena_pipeline.llm.failure import WANT_OF_MONEY
from arena_pipeline.llm.research_models import maker
from arena_pipeline.llm.schemas import DecisionReply
from arena_pipeline.market.calendar import Session
from arena_pipeline.research.sharing import Why
from arena_pipeline.settings import Model
from arena_pipeline.trading import baselines
from arena_pipeline.trading.baselines import BaselineContext
from arena_pipeline.trading.book import Book, DayResult, MarketDay
from arena_pipeline.trading.limits import GateResult
from arena_pipeline.trading.orders import Order
from arena_pipeline.warehouse.store import Written


@dataclass(frozen=True)
class _Need:
    """A model wants to see briefings: those of the session, and of the shares it holds."""

    session: Session
    held: frozenset[str]


@dataclass(frozen=True)
class _Ask:
    """A model is to be asked."""

    session: Session
    question: Question


_Talk = Generator[_Need | _Ask, Any, list[Outcome]]
"""A chain at work: it says what it needs next, and is sent it: briefings, or the model's outcome."""


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
    knowledge = Knowledge(arena)
    chains = [
        _Chain(arena, arena.contestant(model), run, sorted(sessions), knowledge)
        for model, sessions in wanted.items()
    ]
    return [outcome for outcomes in _together(arena, run, chains) for outcome in outcomes]


def _together(arena: Arena, run: Run, chains: Sequence[_Chain]) -> list[list[Outcome]]:
    """Run chains side by side, the earliest session first; what each did, in their order."""
    undecided = {s.key: s for chain in chains if chain.asks for s in chain.undecided}
    desk = SharingDesk(arena, [undecided[key] for key in sorted(undecided)], run)
    done: list[list[Outcome]] = [[] for _ in chains]
    waiting: dict[int, tuple[_Talk, _Need | _Ask]] = {}

    def go_on(place: int, talk: _Talk, answer: Any) -> None:
        try:
            waiting[place] = (talk, talk.send(answer))
        except StopIteration as end:
            waiting.pop(place, None)
            done[place] = end.value

    for place, chain in enumerate(chains):
        go_on(place, chain.decide(desk), None)
    while waiting:
        first = min(item.session.time for _, item in waiting.values())
        here = {place: pair for place, pair in waiting.items() if pair[1].session.time == first}
        needs = {place: (talk, item) for place, (talk, item) in here.items() if isinstance(item, _Need)}
        if needs:
            session = next(item.session for _, item in needs.values())
            desk.prepare(session, {symbol for _, item in needs.values() for symbol in item.held})
            for place, (talk, item) in needs.items():
                go_on(place, talk, desk.briefings_for(session, item.held))
            continue
        asks = {place: (talk, item) for place, (talk, item) in here.items() if isinstance(item, _Ask)}
        outcomes = arena.models.ask_all([item.question.request for _, item in asks.values()])
        for (place, (talk, _)), outcome in zip(asks.items(), outcomes, strict=True):
            go_on(place, talk, outcome)
    return done


class _Chain:
    """The sessions of one model, in order."""

    def __init__(
        self, arena: Arena, model: Model, run: Run, wanted: Sequence[str], knowledge: Knowledge
    ) -> None:
        self._arena, self._model, self._run, self._wanted = arena, model, run, set(wanted)
        self._knowledge = knowledge
        self._replay = arena.engine(model.id)
        self._memory = Memory(arena.store, model.id, arena.symbols)
        self._last = arena.calendar.session(wanted[-1])
        self._sessions = [
            s for s in arena.calendar.sessions(arena.start, self._last.day) if s.time <= self._last.time
        ]
        self._stored = decided_sessions(arena.store, model.id)
        self._require()

    @property
    def asks(self) -> bool:
        """Whether there is a language model to ask."""
        return self._model.rule is None

    @property
    def undecided(self) -> list[Session]:
        return [session for session in self._sessions if session.key not in self._stored]

    def decide(self, desk: SharingDesk) -> _Talk:
        arena = self._arena
        earlier = accepted_orders(arena.store, self._model.id)
        days = {day.day: day for day in arena.market_days(self._last.day)}
        pending = sorted(days)
        outcomes = []
        for session in self._sessions:
            while pending and pending[0] < session.day:
                self._memory.live_through(self._replay.run(days[pending.pop(0)]))
            if session.key in self._stored:
                placed = earlier.get(session.key, [])
                if session.key in self._wanted:
                    outcomes.append(self._known(session))
            else:
                book, today = self._book_at(session, days)
                view = self._knowledge.view(session, book)
                if self.asks:
                    choice = yield from self._ask(session, view, desk, today)
                else:
                    choice = self._follow_rule(session, view)
                written, placed = self._store(session, choice, view.book)
                if session.key in self._wanted:
                    outcomes.append(_outcome(written, choice))
                if self.asks:
                    self._memory.learn(session)
            for wish in placed:
                if isinstance(wish, Order):
                    self._replay.submit(wish)
                else:
                    self._replay.cancel(wish)
        return outcomes

    def _require(self) -> None:
        if self._arena.origin is None and self._sessions[-1].time > self._arena.clock():
            raise ChainGap(
                f"{self._sessions[-1].key} lies in the future",
                remedy="decide a session when its time has come",
            )
        researched = self._arena.store.partitions("briefings")
        for session in self.undecided:
            if session.key not in researched:
                raise ChainGap(
                    f"{self._model.id} cannot decide {min(self._wanted)}: {session.key} has no briefings yet",
                    remedy=f"materialise briefings for {session.key} first, or run arena backfill",
                )
        require_bars(self._arena, [s.day for s in self._sessions if s.day < self._last.day])

    def _book_at(self, session: Session, days: dict[date, MarketDay]) -> tuple[Book, list[DayResult]]:
        """The book as the session sees it, and the day under way: of it only what had happened before."""
        day = days.get(session.day)
        if day is None or session.time <= day.opens_at:
            return self._replay.book, []
        fork = self._replay.fork()
        today = fork.run(day, until=session.time)
        return fork.book, [today]

    def _follow_rule(self, session: Session, view: View) -> Choice:
        if self._model.rule is None:
            raise ValueError(f"{self._model.id} has no rule to follow")
        position = self._sessions.index(session)
        settings = self._arena.settings
        decision = baselines.decide(
            self._model.rule,
            BaselineContext(
                model=self._model.id,
                session=session,
                first=position == 0,
                new_month=position == 0 or self._sessions[position - 1].day.month != session.day.month,
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

    def _ask(
        self, session: Session, view: View, desk: SharingDesk, today: Sequence[DayResult]
    ) -> Generator[_Need | _Ask, Any, Choice]:
        arena, model = self._arena, self._model
        held = frozenset(view.book.holdings.keys() & set(arena.symbols))
        shown: Iterable[Shown] = yield _Need(session, held)
        earlier = self._sessions[: self._sessions.index(session)]
        asked = question(arena, model, session, view, list(shown), self._memory.recall(earlier, today))
        outcome: ModelOutcome[DecisionReply] = yield _Ask(session, asked)
        note_costs(arena, session.key, model.id, "decision", [outcome])
        if outcome.failure:
            undone = "left undone: " if outcome.failure.kind in WANT_OF_MONEY else ""
            self._run.report(f"{undone}{model.id} abstained in {session.key}: {outcome.failure}")
        blind = desk.blind.get(session.key)
        if blind:
            self._run.report(f"{model.id} decided {session.key} {blind}")
        self._report_another_maker(session, outcome)
        return choice_of(arena, view, asked, outcome, blind=blind)

    def _report_another_maker(self, session: Session, outcome: ModelOutcome[DecisionReply]) -> None:
        """An endpoint may answer under a dated name of the model, but not with another maker's."""
        served = outcome.exchanges[-1].model_served if outcome.exchanges else None
        asked = str(self._model.model)
        if served is not None and "/" in served and "/" in asked and maker(served) != maker(asked):
            self._run.report(f"{self._model.id} asked {asked} in {session.key} and was answered by {served}")

    def _store(self, session: Session, choice: Choice, book: Book) -> tuple[Written, list[Wish]]:
        stored = store_decision(self._arena, self._model, self._run, session, choice, book)
        if stored is not None:
            return stored
        self._run.report(f"{self._model.id} decided {session.key} in another run; that decision stands")
        placed = accepted_orders(self._arena.store, self._model.id).get(session.key, [])
        return self._known(session).written, placed

    def _known(self, session: Session) -> Outcome:
        key = f"{self._model.id}|{session.key}"
        digest = self._arena.store.partitions("decisions")[key]
        return Outcome(Written(key, 1, digest, 1, changed=False), {"reused": True})


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
            "briefings": len(choice.shown),
            "still_good": sum(entry.why is Why.STILL_GOOD for entry in choice.shown),
            "unknown_cites": sum(evidence is None for evidence in choice.cited.values()),
        },
        [
            {"side": r.request.side.value, "symbol": r.request.symbol, "quantity": r.shares}
            for r in accepted[:8]
        ],
    )
