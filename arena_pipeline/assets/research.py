"""Group *research*: the watchlist and the briefings of a session, the same for every model.

Each article is read in a call of its own (`assets/extractions.py`), and what was read of it is checked. A
briefing is written once, by the research model, from facts that code derived; no text from outside gets into
it. A share that a model holds and that is not on the watchlist gets its briefing when first asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cached_property

from arena_pipeline.arena import Arena
from arena_pipeline.assets.authors import authors
from arena_pipeline.assets.briefing_rows import partition_of
from arena_pipeline.assets.costs import RESEARCH, note_costs
from arena_pipeline.assets.decided import shown_sessions
from arena_pipeline.assets.extractions import ArticleReader, Extraction
from arena_pipeline.assets.news import BASELINE_DAYS, blind_sessions, window_start
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.assets.technical import bar_window
from arena_pipeline.llm.client import ModelOutcome, ModelRequest
from arena_pipeline.llm.failure import WANT_OF_MONEY
from arena_pipeline.llm.prompts import synthesis_prompt
from arena_pipeline.market.bars import Bar
from arena_pipeline.market.calendar import Session
from arena_pipeline.news.articles import Article, deduplicate
from arena_pipeline.news.momentum import MomentumRow
from arena_pipeline.research.briefing import Briefing, BriefingSynthesis, briefing_id, compose_briefing
from arena_pipeline.research.chart import SPAN
from arena_pipeline.research.contradictions import Grounds
from arena_pipeline.research.extraction import Dropped, Verdict, judge
from arena_pipeline.research.facts import Facts, build_facts, newest
from arena_pipeline.research.figures import text_block, unify
from arena_pipeline.research.quality import grounds_of
from arena_pipeline.research.readings import Source
from arena_pipeline.research.technical import technical
from arena_pipeline.research.watchlist import watchlist as watchlist_of
from arena_pipeline.warehouse import readers
from arena_pipeline.warehouse.store import Edge, Partition, Row

HELD = "held_briefings"


def watchlist(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """The ten shares that news and prices moved most, with rank, score and the reason in words."""
    momenta = by_session(arena, "momentum", keys)
    indicators = by_session(arena, "indicators", keys)
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

    `ok` is false where the research model gave nothing usable: the facts stand alone then. What a model has
    decided from is not written again.
    """
    shown = shown_sessions(arena.store)
    standing = [
        Outcome(entry, {"reused": True})
        for entry in arena.store.in_force("briefings", [key for key in keys if key in shown])
    ]
    keys = sorted(set(keys) - {outcome.written.key for outcome in standing})
    if not keys:
        return standing
    listed = by_session(arena, "watchlist", keys)
    wanted = {key: sorted(listed[key], key=lambda symbol: listed[key][symbol]["rank"]) for key in keys}
    desk = ResearchDesk(arena, [arena.calendar.session(key) for key in keys], run)
    made = {key: desk.write(key, symbols) for key, symbols in wanted.items()}
    written = arena.store.write_frames(
        "briefings",
        [partition_of(key, [entry for entry, _ in made[key]]) for key in keys],
        run_id=run.id,
        now=arena.clock(),
    )
    return standing + [
        Outcome(
            entry,
            {
                "usable": sum(briefing.ok for briefing, _ in made[entry.key]),
                "to_review": sum(briefing.review for briefing, _ in made[entry.key]),
                "claims_dropped": sum(len(briefing.dropped) for briefing, _ in made[entry.key]),
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


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a briefing is written from, and what was left out of it."""

    facts: Facts
    grounds: Grounds
    dropped: Sequence[tuple[str, str]]
    extractions: Sequence[str]
    caveats: Sequence[str]


class ResearchDesk:
    """Writes the briefings of some sessions, from evidence that is read once for all of them."""

    def __init__(self, arena: Arena, sessions: Sequence[Session], run: Run) -> None:
        self._arena, self._run = arena, run
        self._sessions = list(sessions)
        self._keys = [session.key for session in self._sessions]
        self._days = [session.day for session in self._sessions]

    @cached_property
    def blind(self) -> dict[str, str]:
        """The sessions without any readable feed, by key, with the reason."""
        return blind_sessions(self._arena, self._sessions)

    @cached_property
    def _news(self) -> readers.NewsHistory:
        first = min(self._days) - timedelta(days=BASELINE_DAYS)
        return readers.news(self._arena.store, first, max(self._days))

    @cached_property
    def _figures(self) -> readers.FigureHistory:
        return readers.figures(self._arena.store, max(self._days))

    @cached_property
    def _indicators(self) -> dict[str, dict[str, Row]]:
        return by_session(self._arena, "indicators", self._keys)

    def write(self, key: str, symbols: Sequence[str]) -> Made:
        """Briefings for some shares in a session, each with the model's outcome. Nothing is stored."""
        arena, session = self._arena, self._arena.calendar.session(key)
        stories = {symbol: self._stories(session, symbol) for symbol in symbols}
        read = self._read(key, stories)
        evidence = [self._evidence(session, symbol, stories[symbol], read) for symbol in symbols]
        facts = [entry.facts for entry in evidence]
        authors = [self._author(entry) for entry in facts]
        outcomes = _synthesise(arena, facts, authors)
        note_costs(arena, key, RESEARCH, "synthesis", [entry for entry in outcomes if entry is not None])
        made: Made = []
        for entry, author, outcome in zip(evidence, authors, outcomes, strict=True):
            briefing = compose_briefing(
                entry.facts,
                outcome.answer if outcome else None,
                author_model=author if outcome else "",
                exchanges=tuple(exchange.id for exchange in outcome.exchanges) if outcome else (),
                failure=_failure(outcome),
                caveats=[*([self.blind[key]] if key in self.blind else []), *entry.caveats],
                grounds=entry.grounds,
                dropped=entry.dropped,
                extractions=entry.extractions,
            )
            made.append((briefing, outcome))
            if outcome is not None and not briefing.ok:
                money = outcome.failure is not None and outcome.failure.kind in WANT_OF_MONEY
                undone = "left undone: " if money else ""
                self._run.report(f"{undone}{briefing.id}: {'; '.join(briefing.problems)}")
        return made

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

    def _stories(self, session: Session, symbol: str) -> list[Article]:
        """The articles about a share that its briefing uses, one per story."""
        known = self._news.known(session.time, since=window_start(self._arena, session))
        return newest(deduplicate(article for article in known if symbol in article.symbols))

    def _read(self, key: str, stories: Mapping[str, Sequence[Article]]) -> dict[str, Extraction]:
        """What the research model read of some articles, by their ids; nothing where the rules read them."""
        if not self._arena.reads_with_model:
            return {}
        return self._reader.read(key, (article for told in stories.values() for article in told))

    @cached_property
    def _reader(self) -> ArticleReader:
        return ArticleReader(self._arena, self._run)

    def _evidence(
        self, session: Session, symbol: str, stories: Sequence[Article], read: Mapping[str, Extraction]
    ) -> Evidence:
        row = self._indicators.get(session.key, {}).get(symbol, {})
        indicators = {name: value for name, value in row.items() if isinstance(value, float)}
        bars = self._bars(session, symbol)
        readings = technical(indicators, bars)
        sources = {Source.INDICATORS: f"indicators:{session.key}:{symbol}"}
        if bars:
            sources[Source.BARS] = bar_window(symbol, bars[0].id, bars[-1].id)
        verdicts = self._judged(session, symbol, stories, read, bars)
        accepted = {each.article: each.reading for each in verdicts if each.reading is not None}
        dropped = {each.article: each.dropped for each in verdicts if each.dropped is not None}
        articles = [article for article in stories if article.id not in dropped]
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
            read=accepted,
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
            read=accepted,
            unconfirmed=[article for article, reason in dropped.items() if reason is Dropped.ALONE],
        )
        known = [read[article.id] for article in stories if article.id in read]
        unread = [entry.failure for entry in known if entry.failure]
        return Evidence(
            facts,
            grounds,
            dropped=[(article, reason.value) for article, reason in dropped.items()],
            extractions=sorted({entry.id for entry in known if entry.id}),
            caveats=[f"{len(unread)} articles were read by the rules: {unread[0]}"] if unread else [],
        )

    def _judged(
        self,
        session: Session,
        symbol: str,
        stories: Sequence[Article],
        read: Mapping[str, Extraction],
        bars: Sequence[Bar],
    ) -> list[Verdict]:
        quarters = self._arena.intraday_bars().known(symbol, session.time, since=session.day) if read else []
        traded = [float(bar.close) for bar in quarters if not bar.stale]
        return judge(
            symbol,
            stories,
            {name: entry.readings for name, entry in read.items() if entry.readings is not None},
            companies=self._arena.companies,
            session_day=session.day,
            prices=[*(float(bar.close) for bar in bars[-7:]), *traded[-1:]],
        )

    def _bars(self, session: Session, symbol: str) -> list[Bar]:
        known = self._arena.daily_bars().comparable(symbol, session.time, since=session.day - SPAN)
        return [bar for bar in known if not bar.stale]


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


def by_session(arena: Arena, asset: str, keys: Sequence[str]) -> dict[str, dict[str, Row]]:
    """session -> symbol -> row."""
    rows: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in arena.store.rows(asset, "list_contains($keys, session)", keys=list(keys)):
        rows[row["session"]][row["symbol"]] = row
    return rows


def _momentum_from(row: Row) -> MomentumRow:
    values = {name: row[name] for name in MomentumRow.__dataclass_fields__}
    return MomentumRow(**{**values, "inputs": tuple(row["inputs"])})


def _cost(made: Made) -> str:
    costs = [exchange.cost_usd for _, outcome in made if outcome for exchange in outcome.exchanges]
    return str(sum(cost for cost in costs if cost is not None)) if any(costs) else "none known"
