"""Feeds over the loopback: a feed that is down, moved or a web page is broken, never without news."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.settings import Feed
from arena_pipeline.sources.feeds import FeedReply, FeedSource
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
FIRST, LAST = date(2026, 2, 27), date(2026, 3, 2)
RSS = (
    '<rss version="2.0"><channel><item><title>SAP gains</title><link>https://x.de/1</link>'
    "<pubDate>Mon, 02 Mar 2026 06:00:00 GMT</pubDate></item></channel></rss>"
)


def source(server: HTTPServer, *paths: str, recorder: MemoryRecorder | None = None) -> FeedSource:
    http = Http(recorder or MemoryRecorder(), clock=lambda: NOW, timeout=2, attempts=1)
    feeds = [Feed(name=f"feed-{n}", url=server.url_for(path), language="de") for n, path in enumerate(paths)]
    return FeedSource(http, feeds)


def collect(found: FeedSource, symbols: tuple[str, ...] = ("SAP.DE",), **options: Any) -> list[FeedReply]:
    return found.collect(symbols, FIRST, LAST, **options)


def test_a_feed_is_read_in_its_language(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/news").respond_with_data(RSS, content_type="application/rss+xml")
    (reply,) = collect(source(httpserver, "/news"))
    assert reply.broken is None
    assert reply.parsed is not None
    (item,) = reply.parsed.items
    assert (item.title, item.feed, item.language) == ("SAP gains", "feed-0", "de")
    assert item.published_at == datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
    assert reply.symbol is None
    assert reply.recorded.body == RSS.encode()


def test_a_feed_per_share_is_asked_once_for_each(httpserver: HTTPServer) -> None:
    seen: list[str] = []

    def answer(request: Request) -> Response:
        seen.append(request.full_path)
        return Response(RSS, content_type="application/rss+xml")

    httpserver.expect_request("/rss").respond_with_handler(answer)
    replies = collect(
        source(httpserver, "/rss?s={symbol}&from={from}&to={to}"), ("SAP.DE", "^X Y"), params={"extra": "1"}
    )
    assert [reply.symbol for reply in replies] == ["SAP.DE", "^X Y"]
    assert all(reply.parsed for reply in replies)
    assert "s=SAP.DE" in seen[0]
    assert "from=2026-02-27" in seen[0]
    assert "to=2026-03-02" in seen[0]
    assert "extra=1" in seen[0]
    assert "s=%5EX" in seen[1]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("<html><h1>429 Too Many Requests</h1></html>", 200, "no RSS or Atom"),
        ('{"error":"rate limited"}', 200, "no RSS or Atom"),
        ("", 200, "empty"),
        ('<!DOCTYPE x [<!ENTITY a "b">]>' + RSS, 200, "entities"),
        (RSS, 429, "status 429"),
        (RSS, 404, "status 404"),
        (RSS, 500, "status 500"),
    ],
)
def test_what_is_no_feed_is_broken_with_the_reason(
    httpserver: HTTPServer, body: str, status: int, reason: str
) -> None:
    httpserver.expect_request("/news").respond_with_data(body, status=status)
    (reply,) = collect(source(httpserver, "/news"))
    assert reply.parsed is None
    assert reply.broken is not None
    assert reason in reply.broken
    assert "feed-0" in reply.broken


def test_one_broken_feed_does_not_stop_the_others(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/bad").respond_with_data("down", status=503)
    httpserver.expect_request("/good").respond_with_data(RSS)
    replies = collect(source(httpserver, "/bad", "/good"))
    assert [reply.broken is None for reply in replies] == [False, True]


def test_a_feed_that_is_down_is_broken() -> None:
    http = Http(MemoryRecorder(), clock=lambda: NOW, timeout=2, attempts=1)
    (reply,) = FeedSource(http, [Feed(name="gone", url="http://127.0.0.1:9/news")]).collect((), FIRST, LAST)
    assert reply.broken is not None
    assert reply.broken.startswith("gone: no answer (")


def test_a_feed_without_news_is_not_broken(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/news").respond_with_data('<rss version="2.0"><channel></channel></rss>')
    (reply,) = collect(source(httpserver, "/news"))
    assert reply.broken is None
    assert reply.parsed is not None
    assert reply.parsed.items == ()


def test_two_feeds_with_one_path_have_answers_of_their_own(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/news").respond_with_data(RSS)
    recorder = MemoryRecorder()
    live = collect(source(httpserver, "/news", "/news", recorder=recorder))
    assert {vendor for vendor, _ in recorder.answers} == {"feed-feed-0", "feed-feed-1"}
    recorder.offline = True
    assert collect(source(httpserver, "/news", "/news", recorder=recorder)) == live
