from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import feedparser
import numpy as np
import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from arena_pipeline.market.calendar import BERLIN
from arena_pipeline.sandbox import events as events_module
from arena_pipeline.sandbox.events import DRIFT_PER_MAGNITUDE, EVENT_CHANCE, LEADING_SHARE, Event, EventKind
from arena_pipeline.sandbox.feeds import feed
from arena_pipeline.sandbox.market import SandboxMarket
from arena_pipeline.sandbox.news import SandboxArticle, articles

START, END = date(2018, 1, 2), date(2023, 12, 22)
NOW = datetime(2025, 11, 20, 17, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def events(market: SandboxMarket) -> list[Event]:
    return [event for symbol in market.symbols for event in market.events(symbol, START, END)]


@pytest.fixture(scope="module")
def published(market: SandboxMarket) -> list[SandboxArticle]:
    return [
        item
        for symbol in market.symbols
        for item in articles(market, symbol, date(2024, 1, 1), date(2024, 12, 31))
    ]


def returns_after(market: SandboxMarket, chosen: list[Event]) -> list[float]:
    """Two-day log returns: of a leading event's day and the next, or of the two after a lagging one's."""
    found = []
    for event in chosen:
        leads = event.kind is EventKind.LEADING
        base = market.calendar.previous_day(event.day) if leads else event.day
        last = market.calendar.next_day(market.calendar.next_day(base))
        closes = market.daily(event.symbol, base, last).close
        found.append(float(np.log(closes[-1] / closes[0])))
    return found


def test_events_are_as_frequent_as_documented(market: SandboxMarket, events: list[Event]) -> None:
    days = len(market.calendar.days(START, END)) * len(market.symbols)
    assert len(events) / days == pytest.approx(EVENT_CHANCE, rel=0.05)
    leading = sum(event.kind is EventKind.LEADING for event in events)
    assert leading / len(events) == pytest.approx(LEADING_SHARE, rel=0.05)
    assert {event.magnitude for event in events} == {1, 2, 3}


def test_leading_news_is_known_before_the_session_that_it_moves(events: list[Event]) -> None:
    for event in events:
        if event.kind is EventKind.LEADING:
            local = event.published_at.astimezone(BERLIN).replace(tzinfo=None)
            assert datetime.combine(event.day - timedelta(days=1), time(17, 45)) <= local
            assert local < datetime.combine(event.day, time(7, 30))


def test_lagging_news_comes_after_the_close_of_its_day(market: SandboxMarket, events: list[Event]) -> None:
    for event in events:
        if event.kind is EventKind.LAGGING:
            assert event.published_at > market.calendar.hours(event.day).closes_at
            assert event.published_at.astimezone(BERLIN).date() == event.day


def test_prices_drift_with_leading_news_by_the_documented_size(
    market: SandboxMarket, events: list[Event]
) -> None:
    leading = [event for event in events if event.kind is EventKind.LEADING]
    good = np.mean(returns_after(market, [event for event in leading if event.direction > 0]))
    bad = np.mean(returns_after(market, [event for event in leading if event.direction < 0]))
    expected = 2 * DRIFT_PER_MAGNITUDE * np.mean([event.magnitude for event in leading])
    assert good - bad == pytest.approx(expected, rel=0.2)
    assert good - bad > 0.01


def test_the_drift_can_be_bought_at_the_open_after_the_news(
    market: SandboxMarket, events: list[Event]
) -> None:
    gains = []
    for event in events:
        if event.kind is EventKind.LEADING and event.magnitude == 3:
            bars = market.daily(event.symbol, event.day, market.calendar.next_day(event.day))
            gains.append(event.direction * float(np.log(bars.close[-1] / bars.open[0])))
    assert np.mean(gains) == pytest.approx(3 * DRIFT_PER_MAGNITUDE, rel=0.2)


def test_lagging_news_tells_of_its_day_and_moves_nothing_afterwards(
    market: SandboxMarket, events: list[Event]
) -> None:
    lagging = [event for event in events if event.kind is EventKind.LAGGING]
    good = np.mean(returns_after(market, [event for event in lagging if event.direction > 0]))
    bad = np.mean(returns_after(market, [event for event in lagging if event.direction < 0]))
    assert abs(good - bad) < 0.002
    told = []
    for event in lagging:
        closes = market.daily(event.symbol, market.calendar.previous_day(event.day), event.day).close
        told.append(event.direction * float(np.log(closes[1] / closes[0])))
    assert np.mean(told) > 0.004


def test_articles_are_the_same_for_any_window(market: SandboxMarket) -> None:
    wide = articles(market, "SAP.DE", date(2024, 1, 1), date(2024, 12, 31))
    narrow = [
        item
        for month in range(1, 13)
        for item in articles(
            market,
            "SAP.DE",
            date(2024, month, 1),
            (date(2024, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1),
        )
    ]
    assert narrow == wide


def test_english_words_carry_the_direction_mostly_but_not_always(published: list[SandboxArticle]) -> None:
    analyzer = SentimentIntensityAnalyzer()
    told = [item for item in published if item.direction and item.language == "en"]
    right = np.mean(
        [
            analyzer.polarity_scores(f"{item.title}. {item.summary}")["compound"] * item.direction > 0
            for item in told
        ]
    )
    assert 0.65 < right < 0.99


def test_news_has_noise_copies_undated_items_two_languages_and_second_companies(
    market: SandboxMarket, published: list[SandboxArticle]
) -> None:
    names = {market.company(symbol).name for symbol in market.symbols}
    told = [item for item in published if item.direction]
    copies = [item for item in told if item.title.endswith(f" - {item.source}")]
    assert 0.2 < sum(not item.direction for item in published) / len(published) < 0.8
    assert 0.08 < len(copies) / len(told) < 0.18
    assert 0.01 < np.mean([not item.dated for item in published]) < 0.05
    assert {item.language for item in published} == {"en", "de"}
    assert any(sum(name in f"{item.title} {item.summary}" for name in names) > 1 for item in told)
    assert all(item.url.startswith("https://sandbox.invalid/") for item in published)
    assert len({item.url for item in published}) == len(published)


def test_a_feed_reads_in_feedparser_with_its_dates_in_berlin_time(market: SandboxMarket) -> None:
    document = feed(market, "SAP.DE", date(2025, 3, 3), date(2025, 6, 30), now=NOW)
    parsed = feedparser.parse(document)
    assert not parsed.bozo
    expected = articles(market, "SAP.DE", date(2025, 3, 3), date(2025, 6, 30))[::-1]
    assert [entry.title for entry in parsed.entries] == [item.title for item in expected]
    for entry, item in zip(parsed.entries, expected, strict=True):
        assert entry.link == item.url
        assert entry.summary == item.summary
        if item.dated:
            read = datetime(*entry.published_parsed[:6], tzinfo=UTC)
            assert read == item.published_at.replace(second=0, microsecond=0)
            assert entry.published.endswith(("+0100", "+0200"))
        else:
            assert "published" not in entry


def test_a_feed_never_holds_an_article_of_the_future(market: SandboxMarket) -> None:
    now = datetime(2025, 6, 3, 10, 0, tzinfo=UTC)
    shown = feedparser.parse(feed(market, "market", date(2025, 6, 1), date(2025, 6, 30), now=now))
    times = [
        datetime(*entry.published_parsed[:6], tzinfo=UTC) for entry in shown.entries if "published" in entry
    ]
    assert times
    assert max(times) <= now
    assert times == sorted(times, reverse=True)


def test_a_feed_in_one_language_leaves_out_the_other(market: SandboxMarket) -> None:
    window = date(2025, 6, 1), date(2025, 6, 30)
    german = feedparser.parse(feed(market, "market", *window, now=NOW, language="de"))
    english = feedparser.parse(feed(market, "market", *window, now=NOW, language="en"))
    both = feedparser.parse(feed(market, "market", *window, now=NOW))
    assert german.feed.language == "de"
    assert len(german.entries) + len(english.entries) == len(both.entries)
    assert len(german.entries) > 0


def test_the_documentation_states_the_signal_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    for name in ("EVENT_CHANCE", "LEADING_SHARE", "DRIFT_PER_MAGNITUDE", "DRIFT_DAYS", "LARGE_MOVE"):
        assert f"| `{name}` | {getattr(events_module, name)} |" in page
    weights = ", ".join(str(weight) for weight in events_module.MAGNITUDE_WEIGHTS)
    assert f"| `MAGNITUDE_WEIGHTS` | {weights} |" in page
