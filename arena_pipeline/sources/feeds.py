"""News feeds over the network: one request per feed, or per share where the address holds `{symbol}`.

A feed that does not answer with a feed is *broken* and says why. It is never taken for a feed without news.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from urllib.parse import quote

from arena_pipeline.errors import FeedBroken
from arena_pipeline.news.feeds import ParsedFeed, parse_feed
from arena_pipeline.settings import Feed
from arena_pipeline.sources.recorder import Recorded

HEADERS = {"Accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.1"}


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


@dataclass(frozen=True, slots=True)
class FeedReply:
    """What came of one request: `parsed`, or `broken` with the reason; `symbol` for a feed per share."""

    feed: Feed
    symbol: str | None
    recorded: Recorded
    parsed: ParsedFeed | None
    broken: str | None


class FeedSource:
    """The configured feeds. Each is a vendor of its own in the archive, `feed-<name>`."""

    def __init__(self, http: Getter, feeds: Sequence[Feed]) -> None:
        self._http = http
        self._feeds = tuple(feeds)

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
                recorded = self._http.get(f"feed-{feed.name}", url, params=params, headers=HEADERS)
                replies.append(_read(feed, symbol, recorded))
        return replies


def _filled(url: str, symbol: str | None, first: date, last: date) -> str:
    url = url.replace("{from}", first.isoformat()).replace("{to}", last.isoformat())
    return url.replace("{symbol}", quote(symbol, safe="")) if symbol else url


def _read(feed: Feed, symbol: str | None, recorded: Recorded) -> FeedReply:
    where = f"{feed.name} for {symbol}" if symbol else feed.name
    if recorded.failure is not None:
        return FeedReply(feed, symbol, recorded, None, f"{where}: no answer ({recorded.failure})")
    if recorded.status != 200:
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
