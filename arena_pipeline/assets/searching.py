"""Asks search engine, vendors and pages about the shares of a session, and says what came of each question.

A failure is an answer with a reason, never an error. What closed (a limit, a key that is not taken) is not
asked again in the session. What a vendor does not cover on this plan is remembered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from arena_pipeline.arena import Arena
from arena_pipeline.errors import KeyRefused, NotCovered, PremiumOnly, RateLimited, SourceError
from arena_pipeline.market.calendar import Session
from arena_pipeline.news.articles import Article, to_articles
from arena_pipeline.news.feeds import FeedItem
from arena_pipeline.research.coverage import Ask, Coverage, Learned
from arena_pipeline.research.found import Found, as_read, found_in
from arena_pipeline.research.queries import Language, Reach
from arena_pipeline.sources import alphavantage
from arena_pipeline.sources.alphavantage import AlphaVantage
from arena_pipeline.sources.articles import ArticleSource
from arena_pipeline.sources.recorder import Failure, Recorded
from arena_pipeline.sources.search import Since, WebSearch
from arena_pipeline.sources.vendors import FigureVendor
from arena_pipeline.warehouse.recorder import Collection, RecordedCollection
from arena_pipeline.warehouse.store import Row

ENGINE, PAGE = "ddgs", "page"
VENDORS = {alphavantage.VENDOR: f"{alphavantage.VENDOR}-news"}
"""The vendors of news, and the name of the map with the shares whose news each has. Finnhub's is read with
the feeds (`vendor_news.py`), for every share that it covers."""

SKIPPED, ANSWERED, NOTHING_FOUND = "skipped", "answered", "nothing found"
OPEN = frozenset({SKIPPED, "failed", "refused", "not asked"})
"""Outcomes after which the same question is asked again, if the session has not begun."""

SUBJECT = "news"
"""What the vendors' coverage is remembered under."""

SINCE = {Reach.DAY: Since.DAY, Reach.WEEK: Since.WEEK, Reach.MONTH: Since.MONTH}


@dataclass(frozen=True, slots=True)
class Question:
    """One call: a query at the search engine, or a share's news at a vendor (without text)."""

    vendor: str
    symbol: str
    text: str = ""
    language: Language = "en"
    reach: Reach = Reach.DAY
    by: str = ""
    """The model exchange that worded it; empty for a template."""

    def answered_as(self, session: str) -> str:
        """The id of the row that says what came of it."""
        asked = hashlib.sha256(f"{self.vendor}\n{self.symbol}\n{self.text}".encode()).hexdigest()[:12]
        return f"search:{session}:{self.symbol}:{self.vendor}:{asked}"


@dataclass
class Desk:
    """Asks for one session. `answers` are the rows of `found_answers`, by id."""

    arena: Arena
    session: Session
    collection: Collection | RecordedCollection
    answers: dict[str, Row] = field(default_factory=dict)
    learned: list[Learned] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)

    def ask(self, question: Question) -> list[Found]:
        """What the answer holds, judged by titles and summaries; nothing where there is none."""
        if question.vendor in self.closed:
            self._note(question, "not asked", self.closed[question.vendor])
            return []
        try:
            recorded, items = self._askers()[question.vendor](question)
        except NotCovered as error:
            self._uncovered(question, error)
            return []
        except (RateLimited, KeyRefused) as error:
            held_back = Failure.HELD_BACK in str(error)
            self.closed[question.vendor] = str(error)
            self._note(question, "not asked" if held_back else "refused", str(error))
            return []
        except SourceError as error:
            self._note(question, "failed", str(error))
            return []
        if question.vendor != ENGINE:
            self._learn(question, Coverage.COVERED, "")
        found = found_in(
            self._articles(recorded, items),
            symbol=question.symbol,
            query=question.text,
            vendor=question.vendor,
            companies=self.arena.companies,
        )
        self._note(question, ANSWERED, "", at=recorded.fetched_at, items=len(items), raw=recorded.sha256)
        return found

    def read(self, entry: Found) -> Found | None:
        """The entry as its own page has it, or as it was where the page cannot be read. None: not about
        it."""
        url = entry.article.url
        question = Question(PAGE, entry.symbol, url)
        reply = self._pages.read(url)
        page, recorded = reply.page, reply.recorded
        if page is None or recorded is None:
            self._note(question, str(reply.unread), reply.reason)
            return entry
        if recorded.fetched_at >= self.session.time:
            self._note(question, "late", "it came after the session had begun", at=recorded.fetched_at)
            return entry
        read = as_read(
            entry,
            url=page.url,
            text=page.text,
            published_on=page.published_on,
            fetched_at=recorded.fetched_at,
            raw=recorded.sha256,
            companies=self.arena.companies,
        )
        reason = "" if read else "old, or not about its share"
        self._note(question, ANSWERED, reason, at=recorded.fetched_at, items=1, raw=recorded.sha256)
        return read

    def leave_out(self, vendor: str, reason: str) -> None:
        """Say that one vendor is not asked in this session."""
        identity = f"search:{self.session.key}:none:{vendor}"
        self.answers[identity] = answer_row(
            self.session, identity, Question(vendor, ""), "not asked", reason, self.collection.at
        )

    @cached_property
    def _engine(self) -> WebSearch:
        return self.arena.web_search(self.collection, until=self.session.time)

    @cached_property
    def _pages(self) -> ArticleSource:
        return self.arena.article_pages(self.collection, until=self.session.time)

    @cached_property
    def _vendors(self) -> tuple[FigureVendor, ...]:
        return self.arena.figure_vendors(self.collection)

    def _askers(self) -> dict[str, Callable[[Question], tuple[Recorded, tuple[FeedItem, ...]]]]:
        return {ENGINE: self._search, alphavantage.VENDOR: self._alphavantage}

    def _search(self, question: Question) -> tuple[Recorded, tuple[FeedItem, ...]]:
        reply = self._engine.news(question.text, language=question.language, since=SINCE[question.reach])
        return reply.recorded, reply.items

    def _alphavantage(self, question: Question) -> tuple[Recorded, tuple[FeedItem, ...]]:
        for vendor in self._vendors:
            if isinstance(vendor, AlphaVantage):
                since = self.session.time - timedelta(days=1)
                recorded, parsed = vendor.news_sentiment(question.symbol, since, self.collection.at)
                return recorded, parsed.items
        raise KeyRefused(f"{alphavantage.VENDOR} has no key")

    def _articles(self, recorded: Recorded, items: Iterable[FeedItem]) -> list[Article]:
        return to_articles(
            items,
            companies=self.arena.companies,
            fetched_at=recorded.fetched_at,
            raw=recorded.sha256,
            live=True,
        )

    def _uncovered(self, question: Question, error: NotCovered) -> None:
        if question.vendor == ENGINE:
            self._note(question, NOTHING_FOUND, str(error))
            return
        premium = isinstance(error, PremiumOnly)
        self._learn(question, Coverage.PREMIUM if premium else Coverage.NOT_COVERED, str(error))
        self._note(question, "premium" if premium else "not covered", str(error))

    def _learn(self, question: Question, coverage: Coverage, reason: str) -> None:
        ask = Ask(question.vendor, question.symbol, SUBJECT)
        self.learned.append(Learned(ask, coverage, self.collection.at, reason))

    def _note(
        self,
        question: Question,
        outcome: str,
        reason: str,
        *,
        at: datetime | None = None,
        items: int = 0,
        raw: str = "",
    ) -> None:
        identity = question.answered_as(self.session.key)
        row = answer_row(self.session, identity, question, outcome, reason, at or self.collection.at)
        self.answers[identity] = row | {"items": items, "raw": raw}


def skipped(session: Session, reason: str) -> dict[str, Row]:
    """The answer of a session that asks nobody, by its id."""
    identity = f"search:{session.key}:none"
    return {identity: answer_row(session, identity, Question("", ""), SKIPPED, reason, session.time)}


def answer_row(
    session: Session, identity: str, question: Question, outcome: str, reason: str, known_at: datetime
) -> Row:
    return {
        "id": identity,
        "session": session.key,
        "vendor": question.vendor,
        "symbol": question.symbol,
        "asked": question.text,
        "outcome": outcome,
        "reason": reason[:500],
        "items": 0,
        "kept": 0,
        "known_at": known_at,
        "raw": "",
    }
