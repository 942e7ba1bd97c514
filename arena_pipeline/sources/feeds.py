"""News feeds over the network: one request per feed, or per share where the address holds `{symbol}`.

A feed that does not answer with a feed is *broken* and says why. It is never taken for a feed without news.
A feed that was read before is asked whether it has changed (RFC 9110, 13): if not, what it held counts again,
and is recorded as this answer, so that a replay needs no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from arena_pipeline.errors import FeedBroken
from arena_pipeline.news.feeds import ParsedFeed, parse_feed
from arena_pipeline.settings import Feed
from arena_pipeline.sources.recorder import Recorded

HEADERS = {"Accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.1"}
UNCHANGED = 304


class Getter(Protocol):
    """What a feed needs of `sources.http.Http`: failures and statuses are returned, not raised."""

    def get(
        self,
        vendor: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Recorded: ...


class Memory(Protocol):
    """A recorder that knows earlier answers. `record` replaces what this collection holds of a request."""

    def last_good(self, vendor: str, request: str) -> Recorded | None: ...

    def record(self, vendor: str, request: str, answer: Recorded, *, sent: bytes = b"") -> None: ...


@dataclass(frozen=True, slots=True)
class FeedReply:
    """What came of one request: `parsed`, or `broken` with the reason; `symbol` for a feed per share.

    `asked_from` is the first day of a request that named its days; None for a feed that holds what it holds.
    """

    feed: Feed
    symbol: str | None
    recorded: Recorded
    parsed: ParsedFeed | None
    broken: str | None
    asked_from: date | None = None


class FeedSource:
    """The configured feeds. Each is a vendor of its own in the archive, `feed-<name>`.

    Without a `memory` nothing is asked conditionally: a replay has none.
    """

    def __init__(self, http: Getter, feeds: Sequence[Feed], *, memory: Memory | None = None) -> None:
        self._http = http
        self._feeds = tuple(feeds)
        self._memory = memory

    def collect(
        self, symbols: Sequence[str], first: date, last: date, *, params: Mapping[str, str] | None = None
    ) -> list[FeedReply]:
        """Every feed's reply, in the order of the configuration and of `symbols`.

        `{from}` and `{to}` in an address become `first` and `last` (ISO dates); `params` are added to every
        query. Raises nothing for what a vendor does.
        """
        replies = []
        for feed in self._feeds:
            for symbol in symbols if "{symbol}" in feed.url else (None,):
                url = _filled(feed.url, symbol, first, last)
                reply = _read(feed, symbol, self._ask(feed, url, params))
                replies.append(replace(reply, asked_from=first) if "{from}" in feed.url else reply)
        return replies

    def _ask(self, feed: Feed, url: str, params: Mapping[str, str] | None) -> Recorded:
        vendor, request = f"feed-{feed.name}", request_name(url, params)
        headers = HEADERS | ({"user-agent": feed.user_agent} if feed.user_agent else {})
        earlier = self._memory.last_good(vendor, request) if self._memory else None
        if earlier is not None:
            headers |= _validators(earlier)
        answer = self._http.get(vendor, url, params=params, headers=headers)
        if answer.status != UNCHANGED or self._memory is None or earlier is None:
            return answer
        kept = replace(answer, body=earlier.body, headers={**earlier.headers, **answer.headers})
        self._memory.record(vendor, request, kept)
        return kept


def request_name(url: str, params: Mapping[str, str] | None = None) -> str:
    """The name under which `Http` records a GET: path and sorted query, without host."""
    parts = urlsplit(url)
    query = sorted([*parse_qsl(parts.query, keep_blank_values=True), *(params or {}).items()])
    return f"{parts.path or '/'}?{urlencode(query)}" if query else parts.path or "/"


def _validators(earlier: Recorded) -> dict[str, str]:
    """The headers that ask for a change since an answer; none where it carried no validator."""
    etag, modified = earlier.headers.get("etag"), earlier.headers.get("last-modified")
    return ({"If-None-Match": etag} if etag else {}) | ({"If-Modified-Since": modified} if modified else {})


def _filled(url: str, symbol: str | None, first: date, last: date) -> str:
    url = url.replace("{from}", first.isoformat()).replace("{to}", last.isoformat())
    return url.replace("{symbol}", quote(symbol, safe="")) if symbol else url


def _read(feed: Feed, symbol: str | None, recorded: Recorded) -> FeedReply:
    where = f"{feed.name} for {symbol}" if symbol else feed.name
    if recorded.failure is not None:
        return FeedReply(feed, symbol, recorded, None, f"{where}: no answer ({recorded.failure})")
    if recorded.status == UNCHANGED and not recorded.body:
        return FeedReply(feed, symbol, recorded, None, f"{where}: unchanged, but nothing was read before")
    if recorded.status not in {200, UNCHANGED}:
        return FeedReply(feed, symbol, recorded, None, f"{where}: status {recorded.status}")
    try:
        parsed = parse_feed(
            recorded.body,
            feed=feed.name,
            language=feed.language,
            fetched_at=recorded.fetched_at,
            content_type=recorded.headers.get("content-type", ""),
        )
    except FeedBroken as error:
        return FeedReply(feed, symbol, recorded, None, str(error))
    return FeedReply(feed, symbol, recorded, parsed, None)
