"""Articles of the figures' vendors, read into the same items as a feed's, so that they count the same way."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from arena_pipeline.news.feeds import MAX_SUMMARY, MAX_TITLE, MAX_URL, FeedItem, plain_text


def vendor_item(
    *, title: Any, summary: Any, url: Any, published_at: datetime | None, feed: str
) -> FeedItem | None:
    """An item of plain, capped text, or None for one without title and address. Vendors write English."""
    words = plain_text(title, MAX_TITLE) if isinstance(title, str) else ""
    address = url.strip() if isinstance(url, str) and _is_web_address(url.strip()) else ""
    if not words and not address:
        return None
    return FeedItem(
        title=words,
        summary=plain_text(summary, MAX_SUMMARY) if isinstance(summary, str) else "",
        url=address,
        published_at=published_at,
        feed=feed,
        language="en",
    )


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    plain = len(url) <= MAX_URL and url.isprintable() and " " not in url and not parts.username
    return bool(plain and host and parts.scheme.lower() in {"http", "https"})
