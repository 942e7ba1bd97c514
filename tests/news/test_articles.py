"""Articles: which shares they name, since when they are known, and what counts as one story."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.market.universe import Company, dax40
from arena_pipeline.news.articles import (
    Article,
    deduplicate,
    match_symbols,
    normalised_title,
    normalised_url,
    to_articles,
)
from arena_pipeline.news.feeds import FeedItem

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("SAP raises outlook", ["SAP.DE"]),
        ("SAP-Aktie steigt", ["SAP.DE"]),
        ("Sapient and sapphire", []),
        ("Siemens Energy gains", ["ENR.DE"]),
        ("Siemens-Energy-Aktie gewinnt", ["ENR.DE"]),
        ("Siemens Healthineers gains", ["SHL.DE"]),
        ("Siemens and Siemens Energy", ["ENR.DE", "SIE.DE"]),
        ("Porsche SE sells Porsche AG shares", ["P911.DE", "PAH3.DE"]),
        ("Porsche builds cars", []),
        ("Fresenius Medical Care falls", ["FME.DE"]),
        ("Fresenius falls", ["FRE.DE"]),
        ("Aktie der Deutschen Bank", ["DBK.DE"]),
        ("DEUTSCHE BÖRSE", ["DB1.DE"]),
        ("Münchener Rück", ["MUV2.DE"]),
        ("RHM.DE jumps", ["RHM.DE"]),
        ("E.ON pays", ["EOAN.DE"]),
        ("Continental breakfast", []),
        ("", []),
    ],
)
def test_aliases_are_whole_words_and_the_longest_wins(text: str, symbols: list[str]) -> None:
    assert list(match_symbols(text, dax40())) == symbols


def test_without_companies_nothing_is_named() -> None:
    assert match_symbols("SAP", {}) == ()


def test_an_alias_with_special_characters_is_taken_literally() -> None:
    companies = {"X.DE": Company("X.DE", "a.b", "", ("a.b (x)",))}
    assert match_symbols("about a.b (x)!", companies) == ("X.DE",)
    assert match_symbols("about acb (x)!", companies) == ()


def entry(
    title: str = "SAP raises outlook", url: str = "https://x.de/1", at: datetime | None = None
) -> FeedItem:
    return FeedItem(title, "", url, at, "wire", "en")


def test_live_articles_are_known_from_the_fetch_and_imported_ones_from_publication() -> None:
    published = NOW - timedelta(hours=5)
    items = [entry(at=published), entry(title="Undated")]
    live = to_articles(items, companies=dax40(), fetched_at=NOW, raw="r", live=True)
    imported = to_articles(items, companies=dax40(), fetched_at=NOW, raw="r", live=False)
    assert [article.known_at for article in live] == [NOW, NOW]
    assert [article.known_at for article in imported] == [published, NOW]
    assert live[0].published_at == published
    assert live[0].symbols == ("SAP.DE",)
    assert live[0].sentiment > 0
    assert live[0].id == imported[0].id


def test_the_share_of_a_feed_is_added_to_those_named() -> None:
    (article,) = to_articles(
        [entry()], companies=dax40(), fetched_at=NOW, raw="r", live=True, symbol="IFX.DE"
    )
    assert article.symbols == ("IFX.DE", "SAP.DE")


def test_an_id_does_not_depend_on_tracking_or_spelling() -> None:
    first = entry("SAP: raises outlook!", "https://www.x.de/a/?utm_source=rss&id=7#top")
    second = entry("sap raises  Outlook", "http://x.de/a?id=7")
    ids = {a.id for a in to_articles([first, second], companies={}, fetched_at=NOW, raw="r", live=True)}
    assert len(ids) == 1
    assert next(iter(ids)).startswith("article:")
    assert normalised_url("https://x.de/a?b=2&a=1") == "x.de/a?a=1&b=2"
    assert normalised_title("Ｓiemens — “up” 3,5%") == "siemens up 3 5"


def article(
    title: str,
    *,
    url: str = "",
    hours: float = 0,
    symbols: tuple[str, ...] = ("SAP.DE",),
    source: str = "wire",
    copies: int = 1,
) -> Article:
    known_at = NOW + timedelta(hours=hours)
    name = f"article:{normalised_url(url)}|{normalised_title(title)}"
    return Article(name, title, "", url, source, "en", None, known_at, symbols, 0.0, copies, "raw")


def test_the_same_address_is_one_story_and_the_earliest_is_kept() -> None:
    first = article("SAP: new title after an edit", url="https://x.de/1", hours=0)
    later = article("Old title", url="http://www.x.de/1/?utm_medium=x", hours=99, symbols=("IFX.DE",))
    (kept,) = deduplicate([later, first])
    assert kept == replace(first, copies=2, symbols=("IFX.DE", "SAP.DE"))


def test_the_same_story_from_twenty_outlets_is_one_with_twenty_copies() -> None:
    stories = [
        article(
            "SAP raises full year outlook on cloud", url=f"https://s{n}.de/x", hours=n / 2, source=f"s{n}"
        )
        for n in range(20)
    ]
    (kept,) = deduplicate(stories)
    assert kept.copies == 20
    assert kept.source == "s0"


def test_a_nearly_equal_title_is_one_story_only_within_two_days() -> None:
    first = article("SAP raises full-year outlook after strong cloud growth", url="https://a.de/1")
    close = article(
        "SAP raises full-year outlook after strong cloud growth, shares up", url="https://b.de/1", hours=47
    )
    late = replace(close, known_at=NOW + timedelta(hours=49))
    assert len(deduplicate([first, close])) == 1
    assert len(deduplicate([first, late])) == 2


def test_different_stories_and_different_shares_stay_apart() -> None:
    kept = deduplicate(
        [
            article("Siemens raises outlook for 2026", url="https://a.de/1", symbols=("SIE.DE",)),
            article("Siemens Energy raises outlook for 2026", url="https://a.de/2", symbols=("ENR.DE",)),
            article("SAP loses a court case over licences", url="https://a.de/3"),
            article("SAP", url="https://a.de/4"),
            article("SAP cloud", url="https://a.de/5"),
        ]
    )
    assert len(kept) == 5


def test_a_weekly_column_with_one_title_is_not_one_story() -> None:
    weeks = [article("Market outlook", url=f"https://a.de/{n}", hours=n * 168) for n in range(3)]
    assert len(deduplicate(weeks)) == 3


def test_a_refetched_article_is_no_copy() -> None:
    once = article("SAP raises outlook", url="https://a.de/1")
    (kept,) = deduplicate([once, replace(once, known_at=NOW + timedelta(hours=1), raw="later")])
    assert kept == once


TITLES = st.sampled_from(
    [
        "SAP raises full year outlook on cloud",
        "SAP raises full year outlook on strong cloud",
        "Infineon cuts full year outlook on chips",
        "SAP sued",
        "",
    ]
)
articles = st.lists(
    st.builds(
        article,
        TITLES,
        url=st.sampled_from(["", "https://a.de/1", "https://b.de/1", "https://c.de/1"]),
        hours=st.sampled_from([0, 1, 30, 47, 60, 96]),
        symbols=st.sampled_from([(), ("SAP.DE",), ("IFX.DE",), ("IFX.DE", "SAP.DE")]),
        source=st.sampled_from(["a", "b"]),
        copies=st.integers(1, 3),
    ),
    max_size=12,
)


@given(articles, st.randoms(use_true_random=False))
def test_deduplication_does_not_depend_on_order(found: list[Article], rng: random.Random) -> None:
    shuffled = list(found)
    rng.shuffle(shuffled)
    assert deduplicate(found) == deduplicate(shuffled)


@given(articles)
def test_deduplication_keeps_every_symbol_and_invents_nothing(found: list[Article]) -> None:
    kept = deduplicate(found)
    assert {s for a in kept for s in a.symbols} == {s for a in found for s in a.symbols}
    assert {a.id for a in kept} <= {a.id for a in found}
    assert [a.known_at for a in kept] == sorted(a.known_at for a in kept)
    assert min((a.known_at for a in kept), default=None) == min((a.known_at for a in found), default=None)
