"""Articles of the figures' vendors, read into the same items as a feed's, so that they count the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from arena_pipeline.news.feeds import (
    FUTURE_TOLERANCE,
    MAX_SUMMARY,
    MAX_TITLE,
    MAX_URL,
    FeedItem,
    ParsedFeed,
    plain_text,
)
from arena_pipeline.sources.vendors import number

FIRST_YEAR = 1990
"""What is dated earlier has no date: the web had no news."""


@dataclass(frozen=True, slots=True)
class NewsShape:
    """Where a vendor keeps what of an article, and how it writes a time (None: not one)."""

    title: str
    published: str
    moment: Callable[[Any], datetime | None]


def parsed_news(vendor: str, shape: NewsShape, entries: list[Any], *, fetched_at: datetime) -> ParsedFeed:
    """Articles as feed items; one that is unusable is refused by its place. A time that cannot be is none."""
    items: list[FeedItem] = []
    rejected: list[str] = []
    for place, entry in enumerate(entries, start=1):
        fields: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
        item = _item(vendor, shape, fields, fetched_at)
        if item is None:
            rejected.append(f"item {place} has neither a title nor a usable link")
        else:
            items.append(item)
    return ParsedFeed(tuple(items), tuple(rejected))


def moment_of_seconds(value: Any) -> datetime | None:
    """A time in seconds since 1970, UTC."""
    seconds = number(value)
    try:
        return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _item(vendor: str, shape: NewsShape, fields: Mapping[str, Any], fetched_at: datetime) -> FeedItem | None:
    """An item of plain, capped text, or None for one without title and address. Vendors write English."""
    title, summary, url = (fields.get(name) for name in (shape.title, "summary", "url"))
    moment = shape.moment(fields.get(shape.published))
    words = plain_text(title, MAX_TITLE) if isinstance(title, str) else ""
    address = url.strip() if isinstance(url, str) and _is_web_address(url.strip()) else ""
    if not words and not address:
        return None
    return FeedItem(
        title=words,
        summary=plain_text(summary, MAX_SUMMARY) if isinstance(summary, str) else "",
        url=address,
        published_at=moment if moment is not None and _possible(moment, fetched_at) else None,
        feed=vendor,
        language="en",
    )


def _possible(moment: datetime, fetched_at: datetime) -> bool:
    return moment.year >= FIRST_YEAR and moment <= fetched_at + FUTURE_TOLERANCE


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    plain = len(url) <= MAX_URL and url.isprintable() and " " not in url and not parts.username
    return bool(plain and host and parts.scheme.lower() in {"http", "https"})
