"""An article is news once: when it was first seen, and only if it was recent then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from arena_pipeline.arena import Arena
from arena_pipeline.assets.news import articles
from arena_pipeline.assets.step import Run
from tests.sources.stand_in import arena_at, morning

FRIDAY, APRIL = date(2025, 3, 7), date(2025, 4, 22)
Read = Callable[..., set[str]]


@pytest.fixture
def read(httpserver: HTTPServer, tmp_path: Path) -> Iterator[Read]:
    """The titles that are news on a day on which the feed holds these items, read at some hours (UTC)."""
    opened: list[Arena] = []

    def _read(day: date, *items: tuple[str, datetime | None], hours: tuple[int, ...] = (7,)) -> set[str]:
        httpserver.clear()
        httpserver.expect_request("/feed").respond_with_data(_feed(items), content_type="text/xml")
        news = f'source = "feeds"\n[[news.feeds]]\nname = "wire"\nurl = "{httpserver.url_for("/feed")}"'
        for hour in hours:
            arena = arena_at(
                tmp_path,
                morning(day, hour),
                source="none",
                url="http://127.0.0.1:9/",
                symbols=("SAP.DE",),
                news=news,
            )
            opened.append(arena)
            articles(arena, [str(day)], Run("test"))
        return {row["title"] for row in arena.store.rows("articles", "partition = $day", day=str(day))}

    yield _read
    for arena in opened:
        arena.close()


def _feed(items: tuple[tuple[str, datetime | None], ...]) -> str:
    entries = "".join(
        f"<item><title>{title}</title><link>https://news.test/{title.replace(' ', '-')}</link>"
        + (f"<pubDate>{format_datetime(at)}</pubDate>" if at else "")
        + "</item>"
        for title, at in items
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{entries}</channel></rss>'


def test_an_undated_article_is_news_on_its_first_day_and_never_again(read: Read) -> None:
    carried = ("SAP opens an office", None)
    assert read(FRIDAY, carried) == {"SAP opens an office"}
    assert read(FRIDAY, carried, hours=(12,)) == {"SAP opens an office"}
    assert read(date(2025, 3, 10), carried) == set()
    assert read(APRIL, carried, ("SAP wins an order", None)) == {"SAP wins an order"}


def test_what_was_old_when_it_was_first_seen_is_no_news(read: Read) -> None:
    weeks, days = morning(FRIDAY) - timedelta(days=20), morning(FRIDAY) - timedelta(days=4)
    assert read(FRIDAY, ("SAP of last month", weeks), ("SAP of this week", days)) == {"SAP of this week"}
