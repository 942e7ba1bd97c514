"""Feeds over the loopback: a feed that is down, moved or a web page is broken, never without news."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from arena_pipeline.errors import ConfigError
from arena_pipeline.settings import Feed, NewsSection, load_settings
from arena_pipeline.sources.feed_table import feeds_in_force, shipped_feeds
from arena_pipeline.sources.feeds import FeedReply, FeedSource, request_name
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder, Recorded
from tests.conftest import PROJECT

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


class Remembering(MemoryRecorder):
    """A recorder that also has the answers of an earlier collection."""

    def __init__(self, earlier: MemoryRecorder) -> None:
        super().__init__()
        self.earlier = earlier

    def last_good(self, vendor: str, request: str) -> Recorded | None:
        return self.earlier.answers.get((vendor, request))


class Changing:
    """A feed with an etag, which answers 304 as long as it has not changed."""

    def __init__(self, server: HTTPServer) -> None:
        self.etag, self.body = '"one"', RSS
        self.asked: list[tuple[str | None, str | None, str | None]] = []
        server.expect_request("/news").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        headers = request.headers
        known = headers.get("If-None-Match")
        self.asked.append((known, headers.get("If-Modified-Since"), headers.get("User-Agent")))
        if known == self.etag:
            return Response("", 304, headers={"ETag": self.etag})
        modified = "Mon, 02 Mar 2026 06:30:00 GMT"
        return Response(self.body, headers={"ETag": self.etag, "Last-Modified": modified})


def again(server: HTTPServer, earlier: MemoryRecorder) -> tuple[Remembering, FeedReply]:
    recorder = Remembering(earlier)
    http = Http(recorder, clock=lambda: NOW, timeout=2, attempts=1)
    feed = Feed(name="feed-0", url=server.url_for("/news"), language="de")
    (reply,) = FeedSource(http, [feed], memory=recorder).collect((), FIRST, LAST)
    return recorder, reply


def test_a_feed_that_has_not_changed_counts_with_what_it_held(httpserver: HTTPServer) -> None:
    feed = Changing(httpserver)
    first = MemoryRecorder()
    (before,) = collect(source(httpserver, "/news", recorder=first))
    second, reply = again(httpserver, first)
    assert feed.asked[0][:2] == (None, None)
    assert feed.asked[1][:2] == ('"one"', "Mon, 02 Mar 2026 06:30:00 GMT")
    assert (reply.recorded.status, reply.broken) == (304, None)
    assert reply.parsed == before.parsed
    third, once_more = again(httpserver, second)
    assert once_more.parsed == before.parsed
    feed.etag, feed.body = '"two"', RSS.replace("SAP gains", "SAP falls")
    _, changed = again(httpserver, third)
    assert changed.parsed is not None
    assert changed.parsed.items[0].title == "SAP falls"


def test_an_unchanged_feed_replays_from_its_own_recording_alone(httpserver: HTTPServer) -> None:
    Changing(httpserver)
    first = MemoryRecorder()
    collect(source(httpserver, "/news", recorder=first))
    second, reply = again(httpserver, first)
    replay = MemoryRecorder(offline=True)
    replay.answers = second.answers
    assert collect(source(httpserver, "/news", recorder=replay)) == [reply]


def test_unchanged_is_broken_where_nothing_was_read_before(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/news").respond_with_data("", status=304)
    (reply,) = collect(source(httpserver, "/news"))
    assert reply.broken == "feed-0: unchanged, but nothing was read before"


def test_a_vendor_that_wants_a_browser_gets_its_user_agent(httpserver: HTTPServer) -> None:
    feed = Changing(httpserver)
    http = Http(MemoryRecorder(), clock=lambda: NOW, timeout=2, attempts=1)
    agents = ("Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", None)
    feeds = [
        Feed(name=f"feed-{n}", url=httpserver.url_for("/news"), user_agent=agent)
        for n, agent in enumerate(agents)
    ]
    FeedSource(http, feeds).collect((), FIRST, LAST)
    assert feed.asked[0][2] == agents[0]
    assert "sentiment-arena" in str(feed.asked[1][2])


@pytest.mark.parametrize("path", ["/a", "/a?b=2&a=1", "/a?x=%5EX&y=", "/search?q=DAX+Aktie+when:1d&hl=de"])
def test_a_request_has_the_name_under_which_it_is_recorded(httpserver: HTTPServer, path: str) -> None:
    httpserver.expect_request("/a").respond_with_data(RSS)
    recorder = MemoryRecorder()
    url = httpserver.url_for(path)
    Http(recorder, clock=lambda: NOW, timeout=2, attempts=1).get("v", url, params={"p": "q r"})
    assert list(recorder.answers) == [("v", request_name(url, {"p": "q r"}))]


def test_the_shipped_feeds_say_what_is_known_of_them_and_the_dead_ones_are_off() -> None:
    feeds = {feed.name: feed for feed in shipped_feeds()}
    assert {"yahoo", "marketwatch-top", "seeking-alpha", "reuters", "wallstreet-online"} <= feeds.keys()
    assert all(len(feed.note) > 40 for feed in feeds.values())
    assert "{symbol}" in feeds["yahoo"].url
    assert str(feeds["yahoo"].user_agent).startswith("Mozilla/5.0")
    assert not feeds["reuters"].enabled
    assert {feed.language for feed in feeds_in_force(NewsSection(source="feeds"))} == {"de", "en"}


def test_the_shipped_configuration_shows_the_shipped_feeds(tmp_path: Path) -> None:
    shown = load_settings(Path(__file__).parents[2] / "arena.toml", home=tmp_path).news.feeds
    assert shown == shipped_feeds()


def test_the_page_on_sources_has_the_state_of_each_shipped_feed() -> None:
    page = (PROJECT / "docs" / "sources.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    stated = {row[0].strip("`"): (row[3], row[4]) for row in rows if len(row) == 5}
    assert stated == {feed.name: ("on" if feed.enabled else "off", feed.note) for feed in shipped_feeds()}


def test_listed_feeds_take_the_place_of_the_shipped_ones() -> None:
    mine, off = (Feed(name=name, url="https://x.de/rss", enabled=name == "mine") for name in ("mine", "off"))
    assert feeds_in_force(NewsSection(source="feeds", feeds=(mine, off))) == (mine,)


@pytest.mark.parametrize(
    ("feeds", "problem"),
    [
        ('[[news.feeds]]\nname = "a"\nurl = "https://x.de"\nenabled = false\n', "switched off"),
        ('[[news.feeds]]\nname = "a"\nurl = "https://x.de"\n' * 2, "more than once"),
        ('[[news.feeds]]\nname = "a"\nurl = "https://x.de"\nuser_agent = "a\\r\\nb"\n', "user_agent"),
    ],
)
def test_a_table_of_feeds_that_cannot_work_is_refused(tmp_path: Path, feeds: str, problem: str) -> None:
    config = tmp_path / "arena.toml"
    models = '[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n'
    config.write_text(f'[news]\nsource = "feeds"\n{feeds}{models}', encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        load_settings(config, home=tmp_path)
