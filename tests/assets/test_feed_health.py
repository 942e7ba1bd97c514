"""The health of feeds from collection to session: what a session knew of them, and that a replay agrees."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from werkzeug import Request, Response

from arena_pipeline.assets import market, news
from arena_pipeline.assets.graph import BOARD_STEPS, BOOK_STEPS
from arena_pipeline.assets.step import Run
from arena_pipeline.rederive import rederive
from arena_pipeline.verify import verify
from arena_pipeline.warehouse.tables import positions

MONDAY, TUESDAY = date(2025, 3, 3), date(2025, 3, 4)
SAP = (MONDAY, 6, "SAP raises its outlook after a strong quarter")


def utc(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


@pytest.fixture
def collect(world: Any) -> Any:
    """Reads the feeds for a day at a time of that day, as a live run does."""

    def _collect(day: date, at: datetime) -> Any:
        arena = world.arena(now=at)
        for step in (news.articles, news.feed_health):
            step(arena, [str(day)], Run("live"))
        return arena

    return _collect


def health(arena: Any, day: date) -> list[tuple[Any, ...]]:
    rows = arena.store.rows("feed_health", "partition = $day", day=str(day))
    return [(row["state"], row["status"], row["items"], row["age_hours"]) for row in rows]


def reasons(arena: Any, session: str) -> dict[str, str | None]:
    news.momentum(arena, [session], Run("live"))
    rows = arena.store.rows("momentum", "partition = $key", key=session)
    return {row["symbol"]: row["reason"] for row in rows}


def test_a_feed_that_answered_is_healthy_and_a_share_that_it_does_not_name_has_no_news(publish, collect):
    publish(SAP)
    arena = collect(MONDAY, utc(MONDAY, 7, 15))
    assert health(arena, MONDAY) == [("healthy", 200, 1, 1.25)]
    assert reasons(arena, f"{MONDAY}T08:30") == {"SAP.DE": None, "SIE.DE": "no news", "ALV.DE": "no news"}


def test_a_broken_feed_is_never_no_news(publish, collect, httpserver: HTTPServer):
    publish()
    httpserver.clear()
    httpserver.expect_request("/feed.xml").respond_with_data("<html>Blocked</html>")
    arena = collect(MONDAY, utc(MONDAY, 7, 15))
    assert health(arena, MONDAY) == [("broken", 200, 0, None)]
    found = set(reasons(arena, f"{MONDAY}T08:30").values())
    assert found == {"blind: none of 1 feed requests was answered with a feed"}


def test_a_feed_without_entries_is_empty_and_there_is_no_news(publish, collect):
    publish()
    arena = collect(MONDAY, utc(MONDAY, 7, 15))
    assert health(arena, MONDAY) == [("empty", 200, 0, None)]
    assert set(reasons(arena, f"{MONDAY}T08:30").values()) == {"no news"}


def test_a_session_knows_of_a_feed_what_was_known_before_it_and_a_replay_agrees(
    world, publish, collect, httpserver: HTTPServer
):
    publish(SAP)
    reasons(collect(MONDAY, utc(MONDAY, 7, 15)), f"{MONDAY}T08:30")
    httpserver.clear()
    httpserver.expect_request("/feed.xml").respond_with_data("gone", status=410)
    arena = collect(MONDAY, utc(MONDAY, 12, 45))
    assert health(arena, MONDAY) == [("broken", 410, 0, None)]
    assert set(reasons(arena, f"{MONDAY}T14:00").values()) == {
        None,
        "blind: none of 1 feed requests was answered with a feed",
    }
    assert reasons(arena, f"{MONDAY}T08:30")["SIE.DE"] == "no news"
    replayed = rederive(world.arena(now=utc(MONDAY, 18)))
    assert replayed.problems == []
    assert replayed.digests >= 4


def test_an_unchanged_feed_is_asked_conditionally_and_replays_without_the_network(
    world, publish, collect, httpserver: HTTPServer
):
    publish(SAP)
    body, conditions = world.rss(), []

    def answer(request: Request) -> Response:
        conditions.append(request.headers.get("If-None-Match"))
        if conditions[-1] == '"1"':
            return Response("", 304)
        return Response(body, headers={"ETag": '"1"', "Content-Type": "application/rss+xml"})

    httpserver.clear()
    httpserver.expect_request("/feed.xml").respond_with_handler(answer)
    collect(MONDAY, utc(MONDAY, 7, 15))
    arena = collect(MONDAY, utc(MONDAY, 12, 45))
    assert conditions == [None, '"1"']
    assert health(arena, MONDAY) == [("healthy", 304, 1, 6.75)]
    assert len(arena.store.rows("articles", "partition = $day", day=str(MONDAY))) == 1
    assert rederive(world.arena(now=utc(MONDAY, 18))).problems == []
    assert conditions == [None, '"1"']


def test_an_article_that_a_feed_still_carries_is_news_on_one_day_only(world, publish, collect):
    publish(SAP)
    collect(MONDAY, utc(MONDAY, 7, 15))
    publish(SAP, (TUESDAY, 6, "Siemens wins a large order"))
    arena = collect(TUESDAY, utc(TUESDAY, 7, 15))
    titles = {str(day): [] for day in (MONDAY, TUESDAY)}
    for row in arena.store.rows("articles"):
        titles[row["partition"]].append(row["title"])
    assert titles == {str(MONDAY): [SAP[2]], str(TUESDAY): ["Siemens wins a large order"]}
    assert health(arena, TUESDAY) == [("healthy", 200, 2, 1.25)]


def test_an_article_that_a_backfill_finds_after_a_live_day_leaves_the_arena_sound(world, publish, collect):
    publish(SAP)
    collect(TUESDAY, utc(TUESDAY, 7, 15))
    arena = world.arena()
    for day in (MONDAY, TUESDAY):
        for step in (news.articles, news.feed_health):
            step(arena, [str(day)], Run("backfill"))
    known = [row["known_at"] for row in arena.store.rows("articles")]
    assert len(known) == 2
    assert [violation for violation in verify(arena) if "known" in violation.invariant] == []


def test_in_a_backfill_a_feed_says_nothing_of_the_days_before_its_oldest_item(world, publish):
    publish(SAP, (TUESDAY, 6, "Siemens wins a large order"))
    arena, friday = world.arena(), date(2025, 2, 28)
    for step in (news.articles, news.feed_health):
        step(arena, [str(friday), str(MONDAY), str(TUESDAY)], Run("backfill"))
    assert [len(health(arena, day)) for day in (friday, MONDAY, TUESDAY)] == [0, 1, 1]
    assert set(reasons(arena, f"{friday}T08:30").values()) == {"blind: no feed was read"}
    assert reasons(arena, f"{MONDAY}T08:30")["SIE.DE"] == "no news"
    assert rederive(arena).problems == []


def test_in_a_backfill_a_feed_without_items_says_something_of_the_newest_day_only(world, publish):
    publish()
    arena = world.arena()
    for step in (news.articles, news.feed_health):
        step(arena, [str(MONDAY), str(TUESDAY)], Run("backfill"))
    assert [len(health(arena, day)) for day in (MONDAY, TUESDAY)] == [0, 1]


def test_in_a_backfill_a_broken_feed_is_broken_for_every_day(world, publish, httpserver: HTTPServer):
    publish()
    httpserver.clear()
    httpserver.expect_request("/feed.xml").respond_with_data("gone", status=410)
    arena = world.arena()
    for step in (news.articles, news.feed_health):
        step(arena, [str(MONDAY), str(TUESDAY)], Run("backfill"))
    assert [health(arena, day)[0][0] for day in (MONDAY, TUESDAY)] == ["broken", "broken"]


def test_in_a_backfill_a_feed_whose_address_names_the_days_counts_for_all_of_them(world, publish):
    publish((TUESDAY, 6, "Siemens wins a large order"))
    world.feed_url += "?from={from}&to={to}"
    arena = world.arena()
    for step in (news.articles, news.feed_health):
        step(arena, [str(MONDAY), str(TUESDAY)], Run("backfill"))
    assert [len(health(arena, day)) for day in (MONDAY, TUESDAY)] == [1, 1]
    assert set(reasons(arena, f"{MONDAY}T08:30").values()) == {"no news"}


def test_the_official_close_marks_the_day_again(world, steps):
    """At 17:35 the price may be from before the closing auction; at 18:05 it is final."""
    days = world.days(last=TUESDAY)
    official = world.prices["SAP.DE"][TUESDAY].close
    row = world.prices["SAP.DE"][TUESDAY]
    row.close = row.low
    early = world.arena(now=utc(TUESDAY, 16, 35))
    steps.all(early, days)
    before = marks(early)
    world.prices["SAP.DE"][TUESDAY].close = official
    late = world.arena(now=utc(TUESDAY, 17, 5))
    run = Run("official")
    for step in (market.daily_bars, market.intraday_bars):
        step(late, [str(TUESDAY)], run)
    for step in BOOK_STEPS:
        step(late, [f"equal-weight|{TUESDAY}"], run)
    for step in BOARD_STEPS:
        step(late, [str(TUESDAY)], run)
    after = marks(late)
    assert (before["SAP.DE"], after["SAP.DE"]) == (f"{row.low}00", f"{official}00")
    assert {symbol: price for symbol, price in before.items() if symbol != "SAP.DE"} == {
        symbol: price for symbol, price in after.items() if symbol != "SAP.DE"
    }
    assert any("restates close" in text for text in run.reports)


def marks(arena: Any) -> dict[str, str]:
    with arena.store.ledger.read() as connection:
        rows = connection.execute(
            select(positions.c.symbol, positions.c.price).where(
                positions.c.partition == f"equal-weight|{TUESDAY}", positions.c.superseded_at.is_(None)
            )
        ).all()
    return dict(rows)
