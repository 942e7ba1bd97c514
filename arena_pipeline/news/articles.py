"""Articles: which shares a feed item is about, since when it is known, and which items are one story."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from rapidfuzz import fuzz

from arena_pipeline.market.universe import Company
from arena_pipeline.news.feeds import FeedItem
from arena_pipeline.news.sentiment import score

NEAR_DUPLICATE = 90.0
"""rapidfuzz token_set_ratio from which two titles count as one story (a syndicated copy measured 90)."""

DUPLICATE_WINDOW = timedelta(hours=48)
OLD_AFTER = timedelta(days=5)
"""An article whose own date lies further back than this when it is first seen is no news: longer than any run
of holidays without a collection."""

_MIN_WORDS = 4
_TRACKING = re.compile(
    r"(utm_.*|fbclid|gclid|msclkid|mc_[ce]id|guccounter|guce_.*|\.tsrc|tsrc|cmp|cmpid|ref|ref_src|src|wt_.*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Article:
    """One article. `id` is `article:<sha256 of normalised url and title>`, so a refetch has the same id.

    `known_at` (UTC) is when the arena could first read it; `sentiment` lies in [-1, 1]; `copies` counts the
    appearances of the story, itself included; `raw` is the sha256 of the feed's bytes.
    """

    id: str
    title: str
    summary: str
    url: str
    source: str
    language: str
    published_at: datetime | None
    known_at: datetime
    symbols: tuple[str, ...]
    sentiment: float
    copies: int
    raw: str


def normalised_url(url: str) -> str:
    """The address without scheme, `www.`, fragment, tracking parameters and closing slash."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = sorted(pair for pair in pairs if not _TRACKING.fullmatch(pair[0]))
    return f"{host}{parts.path.rstrip('/')}" + (f"?{urlencode(query)}" if query else "")


def normalised_title(title: str) -> str:
    """The words of a title: compatibility form, case folded, punctuation and doubled spaces removed."""
    folded = unicodedata.normalize("NFKC", title).casefold()
    return " ".join(re.findall(r"[^\W_]+", folded))


def _spellings(alias: str) -> list[str]:
    """The alias and its German cases ("der Deutschen Bank"), with single spaces for hyphens."""
    words = " ".join(re.split(r"[\s\-]+", alias.casefold()))
    cases = [f"deutsche{ending} {words[9:]}" for ending in "nr"] if words.startswith("deutsche ") else []
    return [words, *cases]


@functools.lru_cache(maxsize=64)
def _alias_pattern(companies: tuple[Company, ...]) -> tuple[re.Pattern[str], Mapping[str, str]]:
    by_alias = {
        spelling: company.symbol
        for company in companies
        for alias in (*company.aliases, company.symbol)
        for spelling in _spellings(alias)
    }
    longest_first = sorted(by_alias, key=lambda alias: (-len(alias), alias))
    words = (r"[\s\-‐‑–]+".join(map(re.escape, alias.split(" "))) for alias in longest_first)
    return re.compile(rf"(?<!\w)({'|'.join(words)})(?!\w)"), by_alias


def count_mentions(text: str, companies: Mapping[str, Company]) -> Counter[str]:
    """How often a text names each share. Aliases are whole words in any case, hyphenated or not.

    The longest alias wins and uses up its words: "Siemens Energy" does not name Siemens as well.
    """
    if not companies:
        return Counter()
    pattern, by_alias = _alias_pattern(tuple(companies.values()))
    folded = unicodedata.normalize("NFKC", text).casefold()
    found = (" ".join(re.split(r"[\s\-‐‑–]+", match[1])) for match in pattern.finditer(folded))
    return Counter(by_alias[alias] for alias in found)


def match_symbols(text: str, companies: Mapping[str, Company]) -> tuple[str, ...]:
    """The shares that a text names, sorted; see `count_mentions`."""
    return tuple(sorted(count_mentions(text, companies)))


def to_articles(
    items: Iterable[FeedItem],
    *,
    companies: Mapping[str, Company],
    fetched_at: datetime,
    raw: str,
    live: bool,
    symbol: str | None = None,
) -> list[Article]:
    """Articles of one fetched feed. Live, an article is known from the fetch; in an import of history, from
    its publication, and if undated from the fetch. `symbol` is the share of a feed that is about one share.
    """
    articles = []
    for item in items:
        name = f"{normalised_url(item.url)}\n{normalised_title(item.title)}"
        named = match_symbols(f"{item.title}\n{item.summary}", companies)
        articles.append(
            Article(
                id=f"article:{hashlib.sha256(name.encode()).hexdigest()}",
                title=item.title,
                summary=item.summary,
                url=item.url,
                source=item.feed,
                language=item.language,
                published_at=item.published_at,
                known_at=fetched_at if live or item.published_at is None else item.published_at,
                symbols=tuple(sorted({*named, symbol})) if symbol else named,
                sentiment=score(item.title, item.summary, item.language),
                copies=1,
                raw=raw,
            )
        )
    return articles


def is_news(article: Article) -> bool:
    """Whether an article was recent when it became known. One without a date counts from then, as new."""
    return article.published_at is None or article.known_at - article.published_at <= OLD_AFTER


class _Groups:
    """Union-find over positions."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def root(self, item: int) -> int:
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        self._parent[self.root(one)] = self.root(other)


def _join_near_duplicates(articles: Sequence[Article], titles: Sequence[str], groups: _Groups) -> None:
    """Titles about a common share (or both about none) within the window; articles come sorted by time."""
    by_symbol: defaultdict[str, list[int]] = defaultdict(list)
    for position, article in enumerate(articles):
        if titles[position].count(" ") >= _MIN_WORDS - 1:
            for symbol in article.symbols or ("",):
                by_symbol[symbol].append(position)
    for positions in by_symbol.values():
        first = 0
        for index, later in enumerate(positions):
            while articles[later].known_at - articles[positions[first]].known_at > DUPLICATE_WINDOW:
                first += 1
            for earlier in positions[first:index]:
                if fuzz.token_set_ratio(titles[earlier], titles[later], score_cutoff=NEAR_DUPLICATE):
                    groups.join(earlier, later)


def deduplicate(articles: Iterable[Article]) -> list[Article]:
    """One article per story, sorted by `known_at` and id, whatever the order of the input.

    The same id, the same address, the same title within 48 hours, or a title nearly the same within 48 hours
    about a common share is one story. The earliest known is kept; copies are added up over different ids and
    symbols united, so what a session may see has to be selected before, not after.
    """
    ordered = sorted(articles, key=lambda a: (a.known_at, a.id, a.source, a.raw, a.title, a.summary))
    titles = [normalised_title(article.title) for article in ordered]
    groups = _Groups(len(ordered))
    seen: dict[str, int] = {}
    for position, article in enumerate(ordered):
        for key in (article.id, f"url {url}" if (url := normalised_url(article.url)) else ""):
            if key:
                groups.join(position, seen.setdefault(key, position))
        if titles[position]:
            key = f"title {titles[position]}"
            previous = seen.get(key)
            if previous is not None and article.known_at - ordered[previous].known_at <= DUPLICATE_WINDOW:
                groups.join(position, previous)
            seen[key] = position
    _join_near_duplicates(ordered, titles, groups)
    members: defaultdict[int, list[Article]] = defaultdict(list)
    for position, article in enumerate(ordered):
        members[groups.root(position)].append(article)
    return sorted((_one_story(group) for group in members.values()), key=lambda a: (a.known_at, a.id))


def _one_story(group: list[Article]) -> Article:
    copies: dict[str, int] = {}
    for article in group:
        copies[article.id] = max(copies.get(article.id, 0), article.copies)
    symbols = {symbol for article in group for symbol in article.symbols}
    return replace(group[0], copies=sum(copies.values()), symbols=tuple(sorted(symbols)))
