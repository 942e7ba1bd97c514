"""Group *research*: what is searched for and found about the shares of a session's watchlist.

Source: a web search (ddgs), Alpha Vantage's news where there is a key, and the pages behind the best links.
All of them answer with what holds now. So they are asked in the minutes before a session, and what is found
is known since it was fetched; a session that has begun, or is made up in a backfill, asks nobody and says so.

What is asked follows from the watchlist and the templates of `research/queries.toml`, or is worded by the
research model (`assets/wording.py`). It is archived beside the answers: a replay asks what was asked.
"""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from arena_pipeline.arena import Arena
from arena_pipeline.assets.searching import (
    ENGINE,
    OPEN,
    SKIPPED,
    SUBJECT,
    VENDORS,
    Desk,
    Question,
    skipped,
)
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.assets.wording import NOT_WORDED, worded_by_a_model
from arena_pipeline.errors import ArchiveMissing
from arena_pipeline.market.calendar import Session
from arena_pipeline.news.articles import DUPLICATE_WINDOW, OLD_AFTER
from arena_pipeline.research.coverage import Ask, Learned, not_covered
from arena_pipeline.research.found import Found, best, sift, worth_reading
from arena_pipeline.research.queries import Reach, filled, queries
from arena_pipeline.sources import alphavantage
from arena_pipeline.sources.recorder import Recorded
from arena_pipeline.sources.vendors import symbol_map
from arena_pipeline.warehouse import coverage, readers
from arena_pipeline.warehouse.edges import edges_of
from arena_pipeline.warehouse.recorder import Collection, RecordedCollection
from arena_pipeline.warehouse.rows import article_row
from arena_pipeline.warehouse.store import Edge, Partition, Row

ANSWERS = "found_answers"
PLANNER = "plan"
"""The vendor under which a plan is archived."""

BACKFILL = "backfill: a search answers with today"
NOT_INSTALLED = "web search is not installed: install the extra sentiment-arena[search]"


def found_articles(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """Articles that a search found for the shares of the watchlist, beside those of the feeds.

    One row per article, with the share and the question that it was found for, whose word its text is, how
    credible its source is and how much of it is about the share. What came of each question and page is kept
    in `found_answers`.
    """
    rows, answers = (_stored(arena, table, keys) for table in ("found_articles", ANSWERS))
    with arena.store.ledger.read() as connection:
        edges = edges_of(connection, "found_articles", keys)
    searches = [
        _searched(arena, _Search(key, rows[key], answers[key], list(edges.get(key, ()))), run) for key in keys
    ]
    now = arena.clock()

    def remember(connection: Connection) -> None:
        for search in searches:
            if search.collection is not None:
                search.collection.enter(connection, run.id)
            coverage.enter(arena.store, connection, search.learned)

    written = arena.store.write_frames(
        "found_articles",
        [Partition(search.key, list(search.rows.values()), search.edges) for search in searches],
        run_id=run.id,
        now=now,
        within=remember,
    )
    arena.store.write_frames(
        ANSWERS,
        [Partition(search.key, list(search.answers.values())) for search in searches],
        run_id=run.id,
        now=now,
    )
    return [
        Outcome(
            entry,
            search.figures,
            [
                {name: row[name] for name in ("symbol", "vendor", "credibility", "relevance", "source")}
                for row in list(search.rows.values())[:8]
            ],
        )
        for entry, search in zip(written, searches, strict=True)
    ]


@dataclass
class _Search:
    """What a session found. `collection` is None where nobody was asked."""

    key: str
    rows: dict[str, Row] = field(default_factory=dict)
    answers: dict[str, Row] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    learned: list[Learned] = field(default_factory=list)
    collection: Collection | RecordedCollection | None = None

    @property
    def figures(self) -> dict[str, int | str]:
        """How many questions and pages came to what, and why found articles were left out."""
        told = Counter(f"{row['vendor'] or 'search'}: {row['outcome']}" for row in self.answers.values())
        whys = sorted({row["reason"] for row in self.answers.values() if row["outcome"] == SKIPPED})
        left_out = {f"left out, {why}": count for why, count in self.left_out.items() if count}
        return {**told, **left_out, **({"skipped": "; ".join(whys)} if whys else {})}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is asked, in order; `without` says for each vendor that is not asked why."""

    questions: tuple[Question, ...]
    without: dict[str, str]

    def body(self) -> bytes:
        asked = [
            [q.vendor, q.symbol, q.text, q.language, q.reach, *([q.by] if q.by else [])]
            for q in self.questions
        ]
        return json.dumps({"questions": asked, "without": self.without}, ensure_ascii=False).encode()


def _plan_from(body: bytes) -> _Plan:
    document = json.loads(body)
    return _Plan(
        tuple(
            Question(vendor, symbol, text, language, Reach(reach), *by)
            for vendor, symbol, text, language, reach, *by in document["questions"]
        ),
        document["without"],
    )


def _is_ahead(arena: Arena, session: Session) -> bool:
    return arena.is_today(session.day) and arena.clock() < session.time


def off(arena: Arena) -> str:
    """Why this arena searches for nothing; empty where it does."""
    if arena.settings.research.search == "off":
        return 'switched off: [research] search = "off"'
    if arena.settings.news.source == "none":
        return "no news by choice"
    return "the sandbox has no search" if arena.settings.news.source == "sandbox" else ""


def _searched(arena: Arena, search: _Search, run: Run) -> _Search:
    """The search with what was found for it, if its session may still be searched for."""
    session, reason = arena.calendar.session(search.key), off(arena)
    collection = None if reason else arena.collection("found_articles", [search.key])
    plan = _planned(arena, session, search, collection, run) if collection else None
    if collection is None or plan is None:
        search.answers = search.answers or skipped(session, reason or BACKFILL)
        return search
    search.collection = collection
    desk = Desk(arena, session, collection)
    _ask(arena, search, desk, plan)
    _report(desk, run, expected={NOT_INSTALLED} if arena.settings.research.search == "auto" else set())
    return search


def _report(desk: Desk, run: Run, *, expected: Set[str]) -> None:
    """Say aloud, once each, why questions were not answered, but for the reasons that were expected."""
    counts = Counter(
        (row["vendor"], row["reason"]) for row in desk.answers.values() if row["outcome"] in OPEN
    )
    for (vendor, reason), count in counts.items():
        if reason in expected:
            continue
        run.report(f"found_articles: {vendor}: {reason}" + (f" ({count} times)" if count > 1 else ""))


def _planned(
    arena: Arena, session: Session, search: _Search, collection: Collection | RecordedCollection, run: Run
) -> _Plan | None:
    """The plan of a session, archived when it is made; a replay reads it from there.

    None is made for a session that is not ahead.
    """
    request = f"/found_articles/{session.key}"
    if arena.origin is not None:
        try:
            made = collection.recall(PLANNER, request)
        except ArchiveMissing:
            return None
        return _plan_from(made.body) if made else None
    if not _is_ahead(arena, session):
        return None
    plan = _plan(arena, session, search, collection, run)
    collection.record(PLANNER, request, Recorded(200, plan.body(), arena.clock()))
    return plan


def _plan(
    arena: Arena, session: Session, search: _Search, collection: Collection | RecordedCollection, run: Run
) -> _Plan:
    """The best placed shares first, each with its news at the vendors and then its queries; without what was
    answered already, and what is known not to be covered."""
    settings = arena.settings.research
    without: dict[str, str] = {}
    vendors = {vendor.name: vendor for vendor in arena.figure_vendors(collection)}
    if importlib.util.find_spec("ddgs") is None:
        without[ENGINE] = NOT_INSTALLED
    uncovered = not_covered(coverage.learned(arena.store), collection.at)
    calls = {alphavantage.VENDOR: settings.alphavantage_news, ENGINE: settings.queries_per_session}
    questions: list[Question] = []
    watched = _watched(arena, session.key)
    worded = worded_by_a_model(arena, session.key, watched, run) if ENGINE not in without else NOT_WORDED
    for symbol in watched:
        asked = [
            Question(name, symbol)
            for name in VENDORS
            if name in vendors and symbol_map(VENDORS[name]).vendor_symbol(symbol) is not None
            if Ask(name, symbol, SUBJECT) not in uncovered
        ]
        if ENGINE not in without:
            at_most = settings.queries_per_share
            templates = queries(arena.companies[symbol], arena.styles, session.key, at_most=at_most)
            own = worded.queries.get(symbol, ())
            asked += [
                Question(ENGINE, symbol, q.text, q.language, q.reach, worded.by if q in own else "")
                for q in filled(own, templates, at_most=at_most)
            ]
        for question in asked:
            known = search.answers.get(question.answered_as(session.key))
            if calls.get(question.vendor, 1) > 0 and (known is None or known["outcome"] in OPEN):
                calls[question.vendor] = calls.get(question.vendor, 1_000) - 1
                questions.append(question)
    return _Plan(tuple(questions), without)


def _watched(arena: Arena, key: str) -> dict[str, str]:
    """Why each share is watched, by symbol, the best placed first."""
    rows = arena.store.rows("watchlist", "partition = $key", key=key)
    return {row["symbol"]: row["why"] for row in sorted(rows, key=lambda row: row["rank"])}


def _ask(arena: Arena, search: _Search, desk: Desk, plan: _Plan) -> None:
    """Ask what is planned, read the best pages, and put what is kept beside what was kept before."""
    settings, at = arena.settings.research, desk.collection.at
    for vendor, reason in plan.without.items():
        desk.leave_out(vendor, reason)
    found: list[Found] = []
    worded: dict[str, str] = {}
    for question in plan.questions:
        entries = desk.ask(question)
        found += entries
        worded |= {entry.article.id: question.by for entry in entries if question.by}
    day = desk.session.day
    reach = OLD_AFTER + DUPLICATE_WINDOW
    known = readers.news(arena.store, day - reach, day).known(at, since=at - reach)
    sifted = sift(found, feeds=known, seen=_seen(arena, found, at), at=at)
    kept = {entry.article.id: entry for entry in sifted.kept}
    pages = worth_reading(sifted.kept, per_share=settings.pages_per_share, in_all=settings.pages_per_session)
    dropped = 0
    for entry in pages:
        read = desk.read(entry)
        if read is None:
            dropped += 1
            del kept[entry.article.id]
        else:
            kept[entry.article.id] = read
    chosen = best(kept.values(), per_share=settings.articles_per_share)
    search.left_out = Counter(sifted.left_out) + Counter(
        {"not about its share": dropped, "more than are kept": len(kept) - len(chosen)}
    )
    for entry in chosen:
        search.rows[entry.article.id] = _row(search.key, entry)
        search.edges.append(Edge(entry.article.id, f"raw:{entry.answer}", "found in"))
        if entry.article.id in worded:
            search.edges.append(Edge(entry.article.id, worded[entry.article.id], "asked for by"))
    search.answers = {
        identity: row
        for identity, row in search.answers.items()
        if row["outcome"] not in OPEN or identity in desk.answers
    } | desk.answers
    for row in desk.answers.values():
        row["kept"] = sum(
            entry.symbol == row["symbol"] and row["raw"] in {entry.answer, entry.article.raw}
            for entry in chosen
        )
    search.learned = desk.learned


def _seen(arena: Arena, found: Sequence[Found], at: datetime) -> set[str]:
    """Those of the found articles that a feed or an earlier search had already, however long ago."""
    ids = sorted({entry.article.id for entry in found}) or [""]
    return {
        row["id"]
        for table in ("articles", "found_articles")
        for row in arena.store.rows(table, "known_at < $at AND list_contains($ids, id)", at=at, ids=ids)
    }


def _row(key: str, entry: Found) -> Row:
    return {
        **article_row(entry.article),
        "session": key,
        "symbol": entry.symbol,
        "query": entry.query,
        "vendor": entry.vendor,
        "credibility": entry.credibility.value,
        "relevance": entry.relevance,
    }


def _stored(arena: Arena, table: str, keys: Sequence[str]) -> dict[str, dict[str, Row]]:
    """What each session has already, by the rows' ids."""
    stored: dict[str, dict[str, Row]] = {key: {} for key in keys}
    for row in arena.store.rows(table, "list_contains($keys, partition)", keys=list(keys)):
        stored[row["partition"]][row["id"]] = {n: value for n, value in row.items() if n != "partition"}
    return stored
