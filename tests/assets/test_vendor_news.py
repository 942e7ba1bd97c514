"""News of Finnhub counts as a feed's does: matched by name, deduplicated, replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.news import articles
from arena_pipeline.assets.step import Run
from arena_pipeline.rederive import rederive
from arena_pipeline.research.coverage import Coverage
from arena_pipeline.warehouse import coverage
from arena_pipeline.warehouse.tables import collections
from tests.sources.stand_in import CANARY, StandIn, arena_at, morning, ticking

FRIDAY = date(2025, 3, 7)
HOUR = int(datetime(2025, 3, 7, 6, 0, tzinfo=UTC).timestamp())
RSS = (
    '<?xml version="1.0"?><rss version="2.0"><channel><title>t</title><item>'
    "<title>SAP raises its outlook</title><link>https://news.test/1</link>"
    "<pubDate>Fri, 07 Mar 2025 06:30:00 +0000</pubDate></item></channel></rss>"
)


def item(number: int, headline: str) -> dict[str, object]:
    return {"headline": headline, "url": f"https://news.test/{number}", "summary": "", "datetime": HOUR}


@pytest.fixture
def vendors(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setenv("FINNHUB_API_KEY", CANARY)
    httpserver.expect_request("/feed.xml").respond_with_data(RSS, content_type="application/rss+xml")
    return StandIn(httpserver)


@pytest.fixture
def opened(vendors: StandIn, tmp_path: Path) -> Iterator[Callable[..., Arena]]:
    arenas: list[Arena] = []

    def open_with(source: str, day: date = FRIDAY) -> Arena:
        url = vendors.server.url_for("/")
        news = f'source = "feeds"\n[[news.feeds]]\nname = "wire"\nurl = "{url}feed.xml"'
        arenas.append(
            arena_at(tmp_path, morning(day), source=source, url=url, symbols=("SAP.DE", "SIE.DE"), news=news)
        )
        return arenas[-1]

    yield open_with
    for arena in arenas:
        arena.close()


def test_company_and_general_news_are_articles_of_the_shares_they_name(
    vendors: StandIn, opened: Callable[..., Arena]
) -> None:
    vendors.answers = {
        ("company-news", "SAP"): [item(1, "SAP raises its outlook"), item(2, "Nothing about anybody")],
        ("news", ""): [item(3, "Siemens and SAP win orders")],
    }
    arena = opened("finnhub")
    articles(arena, [str(FRIDAY)], Run("test"))
    rows = {row["url"]: row for row in arena.store.rows("articles")}
    assert {url: row["symbols"] for url, row in rows.items()} == {
        "https://news.test/1": ["SAP.DE"],
        "https://news.test/3": ["SAP.DE", "SIE.DE"],
    }
    assert rows["https://news.test/3"]["source"] == "finnhub"
    assert {(row["feed"], row["symbol"]) for row in arena.store.rows("feed_answers")} == {
        ("wire", None),
        ("finnhub", None),
        ("finnhub", "SAP.DE"),
    }
    assert vendors.asked == [("news", ""), ("company-news", "SAP")]
    result = rederive(arena)
    assert (result.problems, len(vendors.asked)) == ([], 2)


def test_news_that_the_plan_does_not_cover_is_no_broken_feed_and_an_outage_is(
    vendors: StandIn, opened: Callable[..., Arena]
) -> None:
    vendors.answers = {("company-news", "SAP"): 403, ("news", ""): "<html>"}
    run = Run("test")
    articles(opened("vendors"), [str(FRIDAY)], run)
    assert run.reports == ["feed finnhub is broken: finnhub's answer for the market is no JSON"]


@pytest.mark.parametrize("status", [401, 403])
def test_news_that_the_plan_does_not_cover_is_not_asked_for_again_for_a_while(
    vendors: StandIn, opened: Callable[..., Arena], status: int
) -> None:
    vendors.answers = {("company-news", "SAP"): status, ("news", ""): []}
    arena = opened("finnhub")
    articles(arena, [str(FRIDAY)], Run("test"))
    learned = {entry.ask.symbol: entry.coverage for entry in coverage.learned(arena.store)}
    assert learned == {"SAP.DE": Coverage.PREMIUM, "market": Coverage.COVERED}
    assert rederive(arena).problems == []
    for days, asked in ((3, ["news"]), (31, ["news", "company-news"])):
        vendors.asked.clear()
        later = FRIDAY + timedelta(days=days)
        articles(opened("finnhub", later), [str(later)], Run("test"))
        assert [what for what, _ in vendors.asked] == asked


def test_a_wrong_key_is_no_lack_of_coverage_of_news(vendors: StandIn, opened: Callable[..., Arena]) -> None:
    vendors.forbidden = '{"error": "Invalid API key"}'
    vendors.answers = {("company-news", "SAP"): 401, ("news", ""): 401}
    arena = opened("finnhub")
    articles(arena, [str(FRIDAY)], Run("test"))
    assert coverage.learned(arena.store) == []


def test_a_broken_feed_of_the_vendor_is_broken_as_of_the_collection_though_the_clock_went_on(
    vendors: StandIn, opened: Callable[..., Arena]
) -> None:
    vendors.answers = {("company-news", "SAP"): [], ("news", ""): "<html>"}
    arena = opened("finnhub")
    arena.clock = ticking(morning(FRIDAY))
    articles(arena, [str(FRIDAY)], Run("test"))
    with arena.store.ledger.read() as connection:
        (collected_at,) = connection.scalars(select(collections.c.at)).all()
    (broken,) = [row for row in arena.store.rows("feed_answers") if row["broken"]]
    assert broken["known_at"] == datetime.fromisoformat(collected_at)
    assert rederive(arena).problems == []


def test_without_finnhub_only_the_feeds_are_read(vendors: StandIn, opened: Callable[..., Arena]) -> None:
    arena = opened("none")
    articles(arena, [str(FRIDAY)], Run("test"))
    assert len(arena.store.rows("articles")) == 1
    assert vendors.asked == []
    assert rederive(arena).problems == []
