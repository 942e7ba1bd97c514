"""Every recorded feed is read, or broken with a typed reason: those in the folder named by ARENA_FEEDS, else
the recorded data's. A broken one raises FeedBroken: it is never the empty ParsedFeed of a feed without news.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from arena_pipeline.errors import FeedBroken
from arena_pipeline.news.feeds import ParsedFeed, parse_feed

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
FEED_MARKS = (b"<rss", b"<feed", b"<rdf:RDF", b"<RDF", b"<channel")


@pytest.fixture(scope="module")
def bodies(recorded_data: Path) -> dict[str, bytes]:
    folder = Path(os.environ.get("ARENA_FEEDS") or recorded_data / "feeds")
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def read(name: str, body: bytes) -> ParsedFeed | FeedBroken:
    try:
        return parse_feed(body, feed=name, language="en", fetched_at=NOW)
    except FeedBroken as error:
        return error


@pytest.mark.recorded
def test_every_recorded_feed_is_read_or_broken_with_a_reason(bodies: dict[str, bytes]) -> None:
    found = {name: read(name, body) for name, body in bodies.items()}
    broken = {name: result for name, result in found.items() if isinstance(result, FeedBroken)}
    parsed = {name: result for name, result in found.items() if isinstance(result, ParsedFeed)}
    empty = {name for name, result in parsed.items() if not result.items}
    reasons = Counter(str(error).removeprefix(f"{name}: ")[:60] for name, error in broken.items())
    items = sum(len(feed.items) for feed in parsed.values())
    print(f"{len(found)} files: {len(parsed)} read with {items} items, {len(empty)} of them without any")
    print(f"{len(broken)} broken: {dict(reasons)}; 0 other exceptions")
    assert found
    for name, error in broken.items():
        assert str(error).startswith(f"{name}: ")
        assert len(str(error)) > len(name) + 10


@pytest.mark.recorded
def test_a_file_that_is_read_as_empty_is_a_feed_without_entries(bodies: dict[str, bytes]) -> None:
    """Told by the bytes alone, without the parser: a feed's own element, and no entry in it."""
    for name, body in bodies.items():
        result = read(name, body)
        if isinstance(result, ParsedFeed) and not result.items:
            text = body.replace(b"\0", b"")
            assert any(mark in text for mark in FEED_MARKS), name
            assert b"<entry>" not in text, name
            assert b"<item>" not in text, name


@pytest.mark.recorded
def test_what_is_read_is_bounded_plain_and_dated_in_utc(bodies: dict[str, bytes]) -> None:
    for name, body in bodies.items():
        result = read(name, body)
        for item in result.items if isinstance(result, ParsedFeed) else ():
            assert len(item.title) <= 300, name
            assert len(item.summary) <= 1000, name
            assert item.url == "" or item.url.startswith(("http://", "https://")), name
            assert item.published_at is None or item.published_at.tzinfo is UTC, name
            assert item.published_at is None or item.published_at <= NOW, name
