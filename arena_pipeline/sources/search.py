"""Web search for news, by ddgs (https://github.com/deedy5/ddgs): optional, and best effort by its nature.

An engine's pages are read as they are today; it may refuse or change at any time. One engine is named and
asked directly, because ddgs itself mixes engines in random order, falls back to all of them without a word,
and reports a refusal as "no results". Links that it finds are strangers': `sources/articles.py` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from arena_pipeline.errors import ConfigError, NotCovered, RateLimited
from arena_pipeline.news.articles import normalised_url
from arena_pipeline.news.feeds import (
    FUTURE_TOLERANCE,
    MAX_SUMMARY,
    MAX_TITLE,
    MAX_URL,
    FeedItem,
    plain_text,
)
from arena_pipeline.sources.breaker import CircuitBreaker
from arena_pipeline.sources.budget import Budget, Unmetered, wait_for_turn
from arena_pipeline.sources.recorder import Recorded, Recorder, unanswered

VENDOR = "search"
BACKEND = "duckduckgo"
MAX_QUERY, MAX_FIELD, MAX_RESULTS = 200, 4000, 30
FIELDS = ("title", "body", "url", "date", "source")
REFUSED = 429
"""The status recorded for a refusal: ddgs does not pass on the engine's own."""


class Since(StrEnum):
    """How far back a search reaches."""

    DAY = "d"
    WEEK = "w"
    MONTH = "m"


@dataclass(frozen=True, slots=True)
class SearchReply:
    """What one search found, as feed items: `to_articles` takes them like those of a feed."""

    query: str
    recorded: Recorded
    items: tuple[FeedItem, ...]


class WebSearch:
    """News search at one engine. `proxy` and `ca_file` (PEM) may name a stand-in."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        clock: Callable[[], datetime],
        backend: str = BACKEND,
        timeout: int = 10,
        budget: Budget | None = None,
        breaker: CircuitBreaker | None = None,
        proxy: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._backend = backend
        self._timeout = timeout
        self._budget = budget or Unmetered()
        self._breaker = breaker or CircuitBreaker()
        self._proxy = proxy
        self._ca_file = ca_file

    def news(
        self, query: str, *, language: Literal["en", "de"] = "de", since: Since = Since.WEEK
    ) -> SearchReply:
        """What the engine finds about `query`, in its own order.

        Raises NotCovered (nothing found, or ddgs is not installed), RateLimited (our budget, or the engine
        refused: it does so without a reason, mostly after too many questions), SourceError (no answer, or
        none that can be read) and ConfigError (no such engine).
        """
        query = plain_text(query, MAX_QUERY)
        region = {"de": "de-de", "en": "us-en"}[language]
        request = f"/{self._backend}/news?" + urlencode({"q": query, "region": region, "since": since})
        recorded = self._recorder.recall(VENDOR, request)
        if recorded is None:
            recorded = self._ask(query, region, since)
            self._recorder.record(VENDOR, request, recorded)
        return SearchReply(query, recorded, _items(query, recorded, f"{VENDOR}-{self._backend}", language))

    def _ask(self, query: str, region: str, since: Since) -> Recorded:
        engine = self._engine()
        circuit = f"{VENDOR}-{self._backend}"
        refusal = self._breaker.refusal(circuit)
        if refusal is not None:
            return Recorded(0, b"", self._clock(), failure=refusal)
        try:
            wait_for_turn(self._budget, VENDOR, seconds=self._timeout)
        except RateLimited as error:
            return Recorded(0, b"", self._clock(), failure=str(error.args[0]))
        answer = self._answer(engine, query, region, since)
        if answer.status == 200:
            self._breaker.succeeded(circuit)
        else:
            self._breaker.failed(circuit)
        return answer

    def _engine(self) -> Any:
        try:
            from ddgs.engines import ENGINES
        except ImportError:
            raise NotCovered(
                "web search is not installed", remedy="install the extra: sentiment-arena[search]"
            ) from None
        engines: Mapping[str, Any] = ENGINES["news"]
        if self._backend not in engines:
            raise ConfigError(
                f"ddgs has no news engine {self._backend!r}",
                remedy=f"use one of: {', '.join(sorted(engines))}",
            )
        return engines[self._backend]

    def _answer(self, engine: Any, query: str, region: str, since: Since) -> Recorded:
        """The engine's answer as JSON. It has 200 with what it found, 429 for a refusal, or a failure."""
        from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException
        from lxml.etree import LxmlError
        from primp import PrimpError

        verify = str(self._ca_file) if self._ca_file else True
        try:
            client = engine(proxy=self._proxy, timeout=self._timeout, verify=verify)
        except PrimpError:  # its message repeats the proxy, which may hold a password
            return Recorded(0, b"", self._clock(), failure="search_proxy or search_ca_file is of no use")
        try:
            found = client.search(query, region=region, safesearch="moderate", timelimit=since.value)
        except TimeoutException:
            return Recorded(0, b"", self._clock(), failure=f"no answer within {self._timeout} s")
        except RatelimitException:
            found = None
        except DDGSException as error:
            if "vqd" not in str(error):  # the token of DuckDuckGo's first page: missing on its refusals
                reason = f"{type(error).__name__}: {error}"[:300]
                return Recorded(0, b"", self._clock(), failure=reason)
            found = None
        except (ValueError, TypeError, AttributeError, LookupError, LxmlError) as error:
            return Recorded(0, b"", self._clock(), failure=f"cannot be read ({type(error).__name__})")
        if found is None:
            return Recorded(REFUSED, b"", self._clock())
        results = [
            {name: str(getattr(result, name, None) or "")[:MAX_FIELD] for name in FIELDS}
            for result in found[:MAX_RESULTS]
        ]
        body = json.dumps({"results": results}, ensure_ascii=False).encode("utf-8", "replace")
        return Recorded(200, body, self._clock(), {"content-type": "application/json"})


def _items(query: str, recorded: Recorded, feed: str, language: Literal["en", "de"]) -> tuple[FeedItem, ...]:
    if recorded.kind is not None:
        raise unanswered(f"search for {query!r}", recorded)
    if recorded.status == REFUSED:
        raise RateLimited(f"search for {query!r}: the engine refused", remedy="try again in some minutes")
    results: Sequence[Mapping[str, str]] = json.loads(recorded.body)["results"]
    items: dict[str, FeedItem] = {}
    for result in results:
        url = result["url"].strip()
        if not _is_web_address(url):
            continue
        item = FeedItem(
            title=plain_text(result["title"], MAX_TITLE),
            summary=plain_text(result["body"], MAX_SUMMARY),
            url=url,
            published_at=_published_at(result["date"], recorded.fetched_at),
            feed=feed,
            language=language,
        )
        items.setdefault(normalised_url(url), item)
    if not items:
        raise NotCovered(f"search for {query!r} found nothing")
    return tuple(items.values())


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
    return usable and len(url) <= MAX_URL and url.isprintable() and " " not in url


def _published_at(text: str, fetched_at: datetime) -> datetime | None:
    """A time with its zone, not in the future. Engines that say "3 days ago" are read by ddgs."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None or not 1990 <= moment.year < 9000:
        return None
    return moment.astimezone(UTC) if moment <= fetched_at + FUTURE_TOLERANCE else None
