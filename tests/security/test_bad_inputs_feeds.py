"""What a feed may answer at its worst: each case ends as expected, and the arena is as it was."""

from __future__ import annotations

import gzip
import resource
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from xml.sax.saxutils import escape

import pytest

from arena_pipeline.arena import FEED_SECONDS
from arena_pipeline.assets import news
from arena_pipeline.assets.build import _cell
from arena_pipeline.settings import Feed, NewsSection
from arena_pipeline.sources.feeds import FeedSource
from arena_pipeline.sources.http import Http
from arena_pipeline.sources.recorder import MemoryRecorder
from tests.security.bad_inputs import BadInput, bad_inputs, invariant_names
from tests.security.conftest import Bench
from tests.security.invariants import INVARIANTS
from tests.security.stand_in import Answer, serve

pytestmark = pytest.mark.slow

DAY, SESSION = date(2026, 3, 2), "2026-03-02T08:30"
LIVE = datetime(2026, 3, 2, 7, 15, tzinfo=UTC)
DAYS_LATER = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
TITLE = "SAP raises its outlook after a strong quarter"
TODAY = "Mon, 02 Mar 2026 06:00:00 GMT"


def item(title: str = TITLE, link: str = "https://news.test/9", published: str = TODAY) -> str:
    dated = f"<pubDate>{published}</pubDate>" if published else ""
    return f"<item><title>{title}</title><link>{link}</link>{dated}</item>"


def rss(*items: str, prolog: str = "") -> bytes:
    return f'{prolog}<rss version="2.0"><channel><title>t</title>{"".join(items)}</channel></rss>'.encode()


@dataclass(frozen=True)
class Collected:
    """What the collection of one feed came to, for its trading day."""

    health: dict[str, Any]
    articles: list[dict[str, Any]]
    momentum: dict[str, dict[str, Any]]
    cpu_seconds: float

    def is_broken(self, reason: str) -> bool:
        """Broken for this reason, and told apart from a feed without news."""
        silent = [row["reason"] for row in self.momentum.values()]
        return (
            self.health["state"] == "broken"
            and reason in self.health["reason"]
            and not self.articles
            and all(text.startswith("blind: ") for text in silent)
        )


def collect(bench: Bench, answer: Answer | bytes, *, at: datetime = LIVE) -> Collected:
    """The day's articles, the health of the feed, and the momentum of the morning's session."""
    bench.stand.feed = serve(answer) if isinstance(answer, bytes) else answer
    bench.at(at)
    started = time.process_time()
    bench.steps([news.articles], [str(DAY)])
    seconds = time.process_time() - started
    bench.steps([news.feed_health], [str(DAY)])
    bench.steps([news.momentum], [SESSION])
    store = bench.arena.store
    (health,) = store.rows("feed_health", "partition = $day", day=str(DAY))
    return Collected(
        health,
        store.rows("articles", "partition = $day", day=str(DAY)),
        {row["symbol"]: row for row in store.rows("momentum", "partition = $key", key=SESSION)},
        seconds,
    )


def only(found: Collected) -> dict[str, Any]:
    assert found.health["state"] in {"healthy", "stale"}
    (article,) = found.articles
    return article


def bomb(depth: int) -> bytes:
    entities = '<!ENTITY e0 "ha">' + "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, depth + 1)
    )
    return rss(item(f"&e{depth};"), prolog=f'<?xml version="1.0"?><!DOCTYPE x [{entities}]>')


def quadratic() -> bytes:
    entity = f'<!ENTITY a "{"a" * 20_000}">'
    return rss(item("&a;" * 20_000), prolog=f'<?xml version="1.0"?><!DOCTYPE x [{entity}]>')


@cache
def gzip_bomb() -> bytes:
    """200 MB of blanks: ten members of 20 MB each."""
    return gzip.compress(b" " * 20_000_000, 9) * 10


def near_copies(count: int) -> bytes:
    before = ("", "UPDATE 1-", "Breaking: ", "CORRECTED-")
    titles = [f"{before[n % 4]}{TITLE}{' - Wire' if n % 3 else ''}" for n in range(count)]
    return rss(*(item(title, f"https://paper-{n}.test/story/{n}") for n, title in enumerate(titles)))


def entity_bomb(bench: Bench, case: BadInput) -> None:
    found = collect(bench, bomb(8))
    assert found.is_broken("declares entities; not parsed")
    assert found.cpu_seconds < 2
    started = time.process_time()
    with suppress(Exception):
        news_bytes(bomb(8))
    assert time.process_time() - started < 0.05


def news_bytes(body: bytes) -> object:
    from arena_pipeline.news.feeds import parse_feed

    return parse_feed(body, feed="wire", language="en", fetched_at=LIVE)


def quadratic_blow_up(bench: Bench, case: BadInput) -> None:
    assert collect(bench, quadratic()).is_broken("declares entities; not parsed")


def gzip_bomb_of_one_layer(bench: Bench, case: BadInput) -> None:
    body = gzip_bomb()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = collect(bench, serve(body, content_encoding="gzip"))
    assert found.is_broken("larger than 2000000 bytes")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 20_000
    assert found.cpu_seconds < 1


def gzip_bomb_of_two_layers(bench: Bench, case: BadInput) -> None:
    body = gzip.compress(gzip_bomb())
    assert collect(bench, serve(body, content_encoding="gzip, gzip")).is_broken("encoding not asked for")


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        for _ in range(40):
            handler.wfile.write(b"<")
            handler.wfile.flush()
            time.sleep(0.1)


def slow_drip(bench: Bench, case: BadInput) -> None:
    """The arena's deadline is ten seconds; the same client with one of half a second is held to that."""
    assert FEED_SECONDS == 10
    bench.stand.feed = drip
    http = Http(MemoryRecorder(), clock=lambda: LIVE, timeout=0.5)
    started = time.monotonic()
    (reply,) = FeedSource(http, bench.arena.settings.news.feeds).collect((), DAY, DAY)
    assert time.monotonic() - started < 2
    assert reply.parsed is None
    assert reply.broken is not None
    assert "no complete answer within 0.5 s" in reply.broken


def no_feed(reason: str) -> Callable[[Bench, BadInput], None]:
    def check(bench: Bench, case: BadInput) -> None:
        assert collect(bench, str(case.input).encode()).is_broken(reason)

    return check


def control_characters(bench: Bench, case: BadInput) -> None:
    text = str(case.input).encode().decode("unicode_escape")
    article = only(collect(bench, rss(item(f"{text} rises\x07 by\x1b a tenth"))))
    assert article["title"].isprintable()
    assert article["title"].startswith("SAP")
    assert article["title"].endswith("rises by a tenth")


def unknown_zone(bench: Bench, case: BadInput) -> None:
    """Undated: live it counts from the fetch; it is not moved to an hour that nobody knows."""
    article = only(collect(bench, rss(item(published=str(case.input)))))
    assert article["published_at"] is None
    assert article["known_at"] == LIVE


def undated_in_a_backfill(published: str | None) -> Callable[[Bench, BadInput], None]:
    def check(bench: Bench, case: BadInput) -> None:
        dated = item("Siemens opens a plant in Erlangen today", "https://news.test/10")
        body = rss(item(published=str(case.input) if published is None else published), dated)
        found = collect(bench, body, at=DAYS_LATER)
        assert [row["title"] for row in found.articles] == ["Siemens opens a plant in Erlangen today"]
        assert found.momentum["SAP.DE"]["articles"] == 0

    return check


def syndicated_copies(bench: Bench, case: BadInput) -> None:
    found = collect(bench, near_copies(20))
    assert len(found.articles) == 20
    assert found.momentum["SAP.DE"]["articles"] == 1


def hostile_link(bench: Bench, case: BadInput) -> None:
    body = rss(
        *(item(f"{TITLE} {n}", escape(link)) for n, link in enumerate([case.input, "file:///etc/passwd"]))
    )
    found = collect(bench, body)
    assert [row["url"] for row in found.articles] == ["", ""]
    assert [path for path in bench.stand.asked if path.startswith("/feed")] == ["/feed.xml"]


def markup_in_a_title(bench: Bench, case: BadInput) -> None:
    """Markup is taken out; what is escaped twice stays text, and is escaped where it is shown."""
    once, twice = escape(str(case.input)), escape(escape(str(case.input)))
    found = collect(bench, rss(item(f"{once} rises"), item(f"{twice} falls", "https://news.test/10")))
    titles = sorted(row["title"] for row in found.articles)
    assert titles == [f"{case.input} falls", "SAP rises"]
    assert "<" not in _cell(titles[0])
    assert "[" not in _cell("[x](javascript:alert(1))")


def redirect(target: str) -> Answer:
    return serve(b"", 302, location=target)


def redirect_to_a_private_address(bench: Bench, case: BadInput) -> None:
    target = str(case.input).partition("-> ")[2]
    assert collect(bench, redirect(target)).is_broken("redirected to another host")


def other_spellings_of_an_address(bench: Bench, case: BadInput) -> None:
    port = bench.stand.url.rpartition(":")[2]
    for target in case.input:
        spelled = target.rstrip("/") + f":{port}/inside"
        bench.stand.feed = redirect(spelled)
        http = Http(MemoryRecorder(), clock=lambda: LIVE, timeout=2)
        (reply,) = FeedSource(http, bench.arena.settings.news.feeds).collect((), DAY, DAY)
        assert reply.parsed is None, spelled
        assert "redirected" in str(reply.broken), spelled
    assert "/inside" not in bench.stand.asked


def every_feed_down(bench: Bench, case: BadInput) -> None:
    settings = bench.arena.settings
    down = tuple(Feed(name=name, url="http://127.0.0.1:9/feed.xml") for name in ("one", "two"))
    bench.arena.settings = settings.model_copy(update={"news": NewsSection(source="feeds", feeds=down)})
    bench.may_decide(DAY)
    bench.at(LIVE)
    bench.steps([news.articles, news.feed_health], [str(DAY)])
    bench.at(datetime(2026, 3, 2, 7, 31, tzinfo=UTC))
    from arena_pipeline.assets.graph import DECISION_STEPS, SESSION_STEPS

    bench.steps(SESSION_STEPS, [SESSION])
    bench.steps(DECISION_STEPS, [f"buyer|{SESSION}"])
    store = bench.arena.store
    health = store.rows("feed_health", "partition = $day", day=str(DAY))
    assert [(row["feed"], row["state"], row["status"]) for row in health] == [
        ("one", "broken", 0),
        ("two", "broken", 0),
    ]
    momentum = store.rows("momentum", "partition = $key", key=SESSION)
    blind = "blind: none of 2 feed requests was answered with a feed"
    assert {(row["articles"], row["reason"]) for row in momentum} == {(0, blind)}
    briefings = store.rows("briefings", "partition = $key", key=SESSION)
    assert briefings
    assert all(blind in row["problems"] for row in briefings)
    assert f"buyer decided {SESSION} {blind}" in bench.run.reports


CASES: dict[str, Callable[[Bench, BadInput], None]] = {
    "FEED-02": entity_bomb,
    "FEED-03": quadratic_blow_up,
    "FEED-04": gzip_bomb_of_one_layer,
    "FEED-05": gzip_bomb_of_two_layers,
    "FEED-08": slow_drip,
    "FEED-09": no_feed("no RSS or Atom feed"),
    "FEED-10": no_feed("no RSS or Atom feed"),
    "FEED-11": no_feed("the answer is empty"),
    "FEED-14": control_characters,
    "FEED-16": unknown_zone,
    "FEED-17": undated_in_a_backfill(None),
    "FEED-18": undated_in_a_backfill(""),
    "FEED-20": syndicated_copies,
    "FEED-21": hostile_link,
    "FEED-22": markup_in_a_title,
    "FEED-23": redirect_to_a_private_address,
    "FEED-24": other_spellings_of_an_address,
    "FEED-26": every_feed_down,
}
KINDS: dict[str, Callable[[Any], Answer | bytes]] = {
    "literal": lambda value: str(value).encode(),
    "generator:entities(8)": lambda _: bomb(8),
    "generator:quadratic": lambda _: quadratic(),
    "generator:gzip": lambda _: serve(gzip_bomb(), content_encoding="gzip"),
    "generator:gzip2": lambda _: serve(gzip.compress(gzip_bomb()), content_encoding="gzip, gzip"),
    "generator:dups": lambda _: near_copies(20),
    "server:redirect": lambda value: redirect(str(value).rpartition(" ")[2]),
}


def any_other(bench: Bench, case: BadInput) -> None:
    """A case that is not known by its id: as its kind of input says, it is a feed or broken with a reason."""
    if case.kind not in KINDS:
        warnings.warn(f"{case.id} ({case.name}): not covered, no input of kind {case.kind!r}", stacklevel=1)
        pytest.xfail(f"{case.id} is not covered: no input of kind {case.kind!r}")
    for value in case.input if isinstance(case.input, list) else [case.input]:
        found = collect(bench, KINDS[case.kind](value))
        assert (found.health["state"] == "broken") == bool(found.health["reason"])


@pytest.mark.recorded
@pytest.mark.parametrize("case", bad_inputs("feeds"), ids=lambda case: case.id)
def test_a_bad_feed_ends_as_expected_and_leaves_the_arena_as_it_was(
    bench: Bench, hold: Callable[[], None], case: BadInput
) -> None:
    CASES.get(case.id, any_other)(bench, case)
    hold()


@pytest.mark.recorded
def test_every_invariant_that_the_cases_name_is_evaluated(recorded_data: object) -> None:
    assert {invariant.__name__ for invariant in INVARIANTS} == invariant_names()
