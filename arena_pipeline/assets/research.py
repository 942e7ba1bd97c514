"""Group *research*: the watchlist and the briefings of a session, the same for every model.

A briefing is written once, by the research model, from facts that code derived; no text from outside gets
into it. A share that a model holds and that is not on the watchlist gets its briefing when first asked for.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from functools import cached_property

from arena_pipeline.arena import Arena
from arena_pipeline.assets.authors import authors
from arena_pipeline.assets.costs import note_costs
from arena_pipeline.assets.news import BASELINE_DAYS, blind_sessions, window_start
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.assets.technical import bar_window
from arena_pipeline.llm.client import ModelOutcome, ModelRequest
from arena_pipeline.llm.failure import WANT_OF_MONEY
from arena_pipeline.llm.prompts import synthesis_prompt
from arena_pipeline.market.bars import Bar
from arena_pipeline.market.calendar import Session
from arena_pipeline.news.articles import deduplicate
from arena_pipeline.news.momentum import MomentumRow
from arena_pipeline.research.briefing import Briefing, BriefingSynthesis, Point, briefing_id, compose_briefing
from arena_pipeline.research.chart import SPAN
from arena_pipeline.research.contradictions import Contradiction, Grounds, Kind, Severity
from arena_pipeline.research.facts import Fact, Facts, build_facts
from arena_pipeline.research.figures import text_block, unify
from arena_pipeline.research.quality import Quality, grounds_of
from arena_pipeline.research.readings import Signal, Source
from arena_pipeline.research.technical import technical
from arena_pipeline.research.watchlist import watchlist as watchlist_of
from arena_pipeline.warehouse import readers
from arena_pipeline.warehouse.digest import canonical
from arena_pipeline.warehouse.store import Edge, Partition, Row

RESEARCH = "research"
HELD = "held_briefings"


def watchlist(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """The ten shares that news and prices moved most, with rank, score and the reason in words."""
    momenta = _by_session(arena, "momentum", keys)
    indicators = _by_session(arena, "indicators", keys)
    partitions = []
    for key in keys:
        rows = watchlist_of([_momentum_from(row) for row in momenta[key].values()], indicators[key])
        partitions.append(
            Partition(
                key,
                [{"id": f"watchlist:{key}:{row.symbol}", "session": key, **asdict(row)} for row in rows],
                [
                    Edge(f"watchlist:{key}:{row.symbol}", source[key][row.symbol]["id"], role)
                    for row in rows
                    for source, role in ((momenta, "ranked by"), (indicators, "ranked by"))
                    if row.symbol in source[key]
                ],
            )
        )
    written = arena.store.write_frames("watchlist", partitions, run_id=run.id, now=arena.clock())
    return [
        Outcome(entry, preview=[{n: row[n] for n in ("rank", "symbol", "score", "why")} for row in part.rows])
        for entry, part in zip(written, partitions, strict=True)
    ]


def briefings(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """One briefing per share of the watchlist: stance, strength and cited points over derived facts.

    `ok` is false where the research model gave nothing usable: the facts stand alone then.
    """
    listed = _by_session(arena, "watchlist", keys)
    wanted = {key: sorted(listed[key], key=lambda symbol: listed[key][symbol]["rank"]) for key in keys}
    desk = ResearchDesk(arena, [arena.calendar.session(key) for key in keys], run)
    made = {key: desk.write(key, symbols) for key, symbols in wanted.items()}
    written = arena.store.write_frames(
        "briefings", [partition_of(key, made[key]) for key in keys], run_id=run.id, now=arena.clock()
    )
    return [
        Outcome(
            entry,
            {
                "usable": sum(briefing.ok for briefing, _ in made[entry.key]),
                "to_review": sum(briefing.review for briefing, _ in made[entry.key]),
                "cost_usd": _cost(made[entry.key]),
            },
            [
                {
                    "symbol": briefing.symbol,
                    "stance": briefing.stance.value,
                    "strength": briefing.strength,
                    "quality": briefing.quality.score if briefing.quality else None,
                    "review": briefing.review,
                }
                for briefing, _ in made[entry.key]
            ],
        )
        for entry in written
    ]


Made = list[tuple[Briefing, ModelOutcome[BriefingSynthesis] | None]]


class ResearchDesk:
    """Writes the briefings of some sessions, from evidence that is read once for all of them."""

    def __init__(self, arena: Arena, sessions: Sequence[Session], run: Run) -> None:
        self._arena, self._run = arena, run
        self._keys = [session.key for session in sessions]
        self._days = [session.day for session in sessions]
        self._sessions = list(sessions)

    @cached_property
    def blind(self) -> dict[str, str]:
        """The sessions without any readable feed, by key, with the reason."""
        return blind_sessions(self._arena, self._sessions)

    @cached_property
    def _news(self) -> readers.NewsHistory:
        first = min(self._days) - timedelta(days=BASELINE_DAYS)
        return readers.articles(self._arena.store, first, max(self._days))

    @cached_property
    def _figures(self) -> readers.FigureHistory:
        return readers.figures(self._arena.store, max(self._days))

    @cached_property
    def _indicators(self) -> dict[str, dict[str, Row]]:
        return _by_session(self._arena, "indicators", self._keys)

    @cached_property
    def _shared(self) -> dict[str, dict[str, Row]]:
        return _by_session(self._arena, "briefings", self._keys)

    @cached_property
    def _held(self) -> dict[str, dict[str, Row]]:
        return _held_briefings(self._arena, self._keys)

    def write(self, key: str, symbols: Sequence[str]) -> Made:
        """Briefings for some shares in a session, each with the model's outcome. Nothing is stored."""
        arena, session = self._arena, self._arena.calendar.session(key)
        evidence = [self._evidence(session, symbol) for symbol in symbols]
        facts = [entry for entry, _ in evidence]
        authors = [self._author(entry) for entry in facts]
        outcomes = _synthesise(arena, facts, authors)
        note_costs(arena, key, RESEARCH, "synthesis", [entry for entry in outcomes if entry is not None])
        made: Made = []
        for (entry, grounds), author, outcome in zip(evidence, authors, outcomes, strict=True):
            briefing = compose_briefing(
                entry,
                outcome.answer if outcome else None,
                author_model=author if outcome else "",
                exchanges=tuple(exchange.id for exchange in outcome.exchanges) if outcome else (),
                failure=_failure(outcome),
                caveats=[self.blind[key]] if key in self.blind else [],
                grounds=grounds,
            )
            made.append((briefing, outcome))
            if outcome is not None and not briefing.ok:
                money = outcome.failure is not None and outcome.failure.kind in WANT_OF_MONEY
                undone = "left undone: " if money else ""
                self._run.report(f"{undone}{briefing.id}: {'; '.join(briefing.problems)}")
        return made

    def briefings_for(self, session: Session, held: Iterable[str]) -> list[Briefing]:
        """The session's briefings and those of held shares; a missing one is written and kept."""
        shared = self._shared.get(session.key, {})
        on_demand = self._held.setdefault(session.key, {})
        wanted = sorted(set(held) - shared.keys())
        missing = [symbol for symbol in wanted if symbol not in on_demand]
        if missing:
            made = self.write(session.key, missing)
            self._arena.store.write_frames(
                HELD,
                [
                    replace(partition_of(session.key, [entry]), key=f"{session.key}|{entry[0].symbol}")
                    for entry in made
                ],
                run_id=self._run.id,
                now=self._arena.clock(),
                first_stands=True,
            )
            on_demand.update(_held_briefings(self._arena, [session.key])[session.key])
        return [briefing_from(row) for row in [*shared.values(), *(on_demand[symbol] for symbol in wanted)]]

    @cached_property
    def _authors(self) -> dict[str, str]:
        """During a replay, who wrote each briefing: the choice may have changed since."""
        origin = self._arena.origin
        if origin is None:
            return {}
        return authors(origin, RESEARCH, ("briefings", HELD), self._keys, self._arena.symbols)

    def _author(self, facts: Facts) -> str:
        if not self._arena.has_research_model:
            return ""
        return (
            self._authors.get(briefing_id(facts.session, facts.symbol)) or self._arena.research_choice.model
        )

    def _evidence(self, session: Session, symbol: str) -> tuple[Facts, Grounds]:
        row = self._indicators.get(session.key, {}).get(symbol, {})
        indicators = {name: value for name, value in row.items() if isinstance(value, float)}
        bars = self._bars(session, symbol)
        readings = technical(indicators, bars)
        sources = {Source.INDICATORS: f"indicators:{session.key}:{symbol}"}
        if bars:
            sources[Source.BARS] = bar_window(symbol, bars[0].id, bars[-1].id)
        known = self._news.known(session.time, since=window_start(self._arena, session))
        articles = deduplicate(article for article in known if symbol in article.symbols)
        figures = unify(self._figures.known(symbol, session.time))
        facts = build_facts(
            symbol=symbol,
            name=self._arena.companies[symbol].name,
            session=session.key,
            at=session.time,
            technical=readings,
            evidence=sources,
            articles=articles,
            figures=text_block(figures),
        )
        grounds = grounds_of(
            facts,
            at=session.time,
            articles=articles,
            readings=readings,
            indicators=indicators,
            bar_days=(session.day - bars[-1].day).days if bars else None,
            figures=figures,
            currency=self._arena.settings.arena.currency,
        )
        return facts, grounds

    def _bars(self, session: Session, symbol: str) -> list[Bar]:
        known = self._arena.daily_bars().comparable(symbol, session.time, since=session.day - SPAN)
        return [bar for bar in known if not bar.stale]


def briefing_row(briefing: Briefing) -> Row:
    return {
        "id": briefing.id,
        "session": briefing.session,
        "symbol": briefing.symbol,
        "stance": briefing.stance.value,
        "strength": briefing.strength,
        "points": canonical([point.model_dump(mode="json") for point in briefing.points]),
        "facts": canonical(briefing.facts.document()),
        "problems": list(briefing.problems),
        "confidence_penalty": briefing.confidence_penalty,
        "author_model": briefing.author_model,
        "llm": list(briefing.llm),
        "ok": briefing.ok,
        **_quality_columns(briefing.quality),
    }


def briefing_from(row: Row) -> Briefing:
    facts = json.loads(row["facts"])
    groups = {
        group: tuple(
            Fact(
                entry["id"],
                entry["text"],
                entry["value"],
                entry["evidence"],
                Signal(entry["signal"]) if entry["signal"] else None,
            )
            for entry in facts[group]
        )
        for group in ("technical", "news", "figures")
    }
    return Briefing(
        id=row["id"],
        session=row["session"],
        symbol=row["symbol"],
        stance=Signal(row["stance"]),
        strength=row["strength"],
        points=tuple(Point.model_validate(point) for point in json.loads(row["points"])),
        facts=Facts(facts["symbol"], facts["name"], facts["session"], **groups),
        confidence_penalty=row["confidence_penalty"],
        problems=tuple(row["problems"]),
        author_model=row["author_model"],
        llm=tuple(row["llm"]),
        ok=row["ok"],
        quality=_quality_from(row),
    )


def _quality_columns(quality: Quality | None) -> Row:
    if quality is None:
        return {}
    return {
        "quality_score": quality.score,
        "quality_parts": canonical(dict(quality.parts)),
        "contradictions": canonical([asdict(found) for found in quality.contradictions]),
        "quality_passed": quality.passed,
        "review": quality.review,
    }


def _quality_from(row: Row) -> Quality | None:
    """None for a row of a file that was written before quality was assessed."""
    if row.get("quality_score") is None:
        return None
    return Quality(
        score=row["quality_score"],
        parts=json.loads(row["quality_parts"]),
        contradictions=tuple(
            Contradiction(
                Kind(found["kind"]), Severity(found["severity"]), found["text"], tuple(found["facts"])
            )
            for found in json.loads(row["contradictions"])
        ),
        passed=row["quality_passed"],
        penalty=row["confidence_penalty"],
        review=row["review"],
    )


def partition_of(key: str, made: Made) -> Partition:
    edges = []
    for briefing, _ in made:
        edges += [Edge(briefing.id, fact.evidence, "rests on") for fact in briefing.facts.all]
        edges += [Edge(briefing.id, exchange, "written by") for exchange in briefing.llm]
        edges.append(Edge(briefing.id, f"momentum:{key}:{briefing.symbol}", "rests on"))
    return Partition(key, [briefing_row(briefing) for briefing, _ in made], edges)


def _failure(outcome: ModelOutcome[BriefingSynthesis] | None) -> str | None:
    if outcome is None:
        return "no model reads briefings in this arena"
    return None if outcome.failure is None else str(outcome.failure)


def _synthesise(
    arena: Arena, facts: Sequence[Facts], authors: Sequence[str]
) -> Sequence[ModelOutcome[BriefingSynthesis] | None]:
    if not arena.has_research_model:
        return [None] * len(facts)
    requests = []
    for entry, author in zip(facts, authors, strict=True):
        prompt = synthesis_prompt(entry)
        requests.append(
            ModelRequest(
                model=author,
                purpose="synthesis",
                system=prompt.system,
                user=prompt.user,
                schema=BriefingSynthesis,
                spender=RESEARCH,
            )
        )
    return arena.models.ask_all(requests)


def _held_briefings(arena: Arena, keys: Sequence[str]) -> dict[str, dict[str, Row]]:
    """session -> symbol -> row. Each is a partition of its own: runs of two models may write at once."""
    rows: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in arena.store.rows(HELD, "list_contains($keys, session)", keys=list(keys)):
        rows[row["session"]][row["symbol"]] = row
    return rows


def _by_session(arena: Arena, asset: str, keys: Sequence[str]) -> dict[str, dict[str, Row]]:
    """session -> symbol -> row."""
    rows: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in arena.store.rows(asset, "list_contains($keys, partition)", keys=list(keys)):
        rows[row["session"]][row["symbol"]] = row
    return rows


def _momentum_from(row: Row) -> MomentumRow:
    values = {name: row[name] for name in MomentumRow.__dataclass_fields__}
    return MomentumRow(**{**values, "inputs": tuple(row["inputs"])})


def _cost(made: Made) -> str:
    costs = [exchange.cost_usd for _, outcome in made if outcome for exchange in outcome.exchanges]
    return str(sum(cost for cost in costs if cost is not None)) if any(costs) else "none known"
