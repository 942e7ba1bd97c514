"""What a search found about the shares of a session: which of it is worth keeping, and whose page to read.

Kept is what names its share clearly enough, is recent, is not in the feeds already, and is no copy of what
else was found. A stranger's text decides nothing here but how often it names a company.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from arena_pipeline.market.universe import Company
from arena_pipeline.news.articles import Article, deduplicate, is_news
from arena_pipeline.news.credibility import Level, credibility
from arena_pipeline.news.feeds import MAX_SUMMARY
from arena_pipeline.news.relevance import relevance
from arena_pipeline.news.sentiment import score

RELEVANT = 0.3
"""From which relevance an article is about a share. A list of ten that names it in its opening has 0.23, one
that names it alone in its summary 0.5."""

RANKS = {Level.HIGH: 0, Level.MEDIUM: 1, Level.LOW: 2}


@dataclass(frozen=True, slots=True)
class Found:
    """An article, the share and the question that it was found with, and how far it goes.

    `relevance` is to `symbol`, in [0, 1]; `answer` the sha256 of the answer that named it. `vendor` says
    whose word its text is: the search engine's or vendor's summary, or "page" for the article's own.
    """

    article: Article
    symbol: str
    query: str
    vendor: str
    credibility: Level
    relevance: float
    answer: str

    @property
    def order(self) -> tuple[int, float, str]:
        """The better first: by the source's credibility, then relevance."""
        return (RANKS[self.credibility], -self.relevance, self.article.id)


@dataclass(frozen=True, slots=True)
class Sifted:
    """What is worth going on with, the better first, and how many were left out and why."""

    kept: tuple[Found, ...]
    left_out: Mapping[str, int]


def found_in(
    articles: Iterable[Article], *, symbol: str, query: str, vendor: str, companies: Mapping[str, Company]
) -> list[Found]:
    """The articles of one answer, each judged by its title and summary."""
    return [
        _judged(article, article.summary, symbol, query, vendor, article.raw, companies)
        for article in articles
    ]


def sift(found: Iterable[Found], *, feeds: Iterable[Article], seen: Iterable[str], at: datetime) -> Sifted:
    """What of it is about its share, recent, and not known yet. `feeds` are the articles known at `at` from
    elsewhere, `seen` the ids of all that were ever stored.

    Of what says the same the better source is kept, and its copies counted.
    """
    left_out = dict.fromkeys(("not about its share", "old", "seen before", "a copy"), 0)
    before, fresh = frozenset(seen), {}
    for entry in sorted(found, key=lambda entry: entry.order):
        if entry.relevance < RELEVANT:
            left_out["not about its share"] += 1
        elif not is_news(entry.article):
            left_out["old"] += 1
        elif entry.article.id in before:
            left_out["seen before"] += 1
        elif entry.article.id in fresh:
            left_out["a copy"] += 1
        else:
            fresh[entry.article.id] = entry
    by_rank = [
        replace(entry.article, known_at=at + timedelta(microseconds=place))
        for place, entry in enumerate(fresh.values())
    ]
    stories = {story.id: story for story in deduplicate([*feeds, *by_rank])}
    kept = tuple(
        replace(entry, article=replace(entry.article, copies=stories[name].copies))
        for name, entry in fresh.items()
        if name in stories
    )
    left_out["a copy"] += len(fresh) - len(kept)
    return Sifted(kept, left_out)


def worth_reading(found: Sequence[Found], *, per_share: int, in_all: int) -> list[Found]:
    """Whose pages to fetch: the best of each share, and no more than so many."""
    taken: list[Found] = []
    for entry in sorted(found, key=lambda entry: entry.order):
        of_share = sum(other.symbol == entry.symbol for other in taken)
        if entry.article.url and of_share < per_share and len(taken) < in_all:
            taken.append(entry)
    return taken


def as_read(
    entry: Found,
    *,
    url: str,
    text: str,
    published_on: date | None,
    fetched_at: datetime,
    raw: str,
    companies: Mapping[str, Company],
) -> Found | None:
    """The article as its own page has it; None where the page says that it is old or about something else.

    Its summary is the page's opening. `url` is where the page was at last: whose word it is.
    """
    if published_on is not None and not is_news(
        replace(
            entry.article,
            published_at=datetime.combine(published_on, fetched_at.timetz()),
            known_at=fetched_at,
        )
    ):
        return None
    opening = text if len(text) <= MAX_SUMMARY else text[: MAX_SUMMARY - 1].rstrip() + "…"
    article = replace(
        entry.article,
        url=url,
        summary=opening,
        sentiment=score(entry.article.title, opening, entry.article.language),
        known_at=fetched_at,
        raw=raw,
    )
    judged = _judged(article, text, entry.symbol, entry.query, "page", entry.answer, companies)
    return judged if judged.relevance >= RELEVANT else None


def best(found: Iterable[Found], *, per_share: int) -> list[Found]:
    """The better ones of each share."""
    counts: Counter[str] = Counter()
    kept = []
    for entry in sorted(found, key=lambda entry: entry.order):
        counts[entry.symbol] += 1
        if counts[entry.symbol] <= per_share:
            kept.append(entry)
    return kept


def _judged(
    article: Article,
    text: str,
    symbol: str,
    query: str,
    vendor: str,
    answer: str,
    companies: Mapping[str, Company],
) -> Found:
    """With the shares that it is about, and named after its publisher where that is one of our table."""
    esteem = credibility(article.url)
    about = {
        name: relevance(name, title=article.title, text=text, companies=companies).score
        for name in {*article.symbols, symbol}
    }
    symbols = tuple(sorted(name for name, value in about.items() if value >= RELEVANT))
    source = esteem.domain or article.source
    return Found(
        replace(article, symbols=symbols, source=source),
        symbol,
        query,
        vendor,
        esteem.level,
        about[symbol],
        answer,
    )
