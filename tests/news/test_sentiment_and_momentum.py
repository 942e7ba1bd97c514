"""Sentiment of headlines, and momentum that uses nothing known at or after its moment."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.news.articles import Article
from arena_pipeline.news.momentum import momentum
from arena_pipeline.news.sentiment import event_class, lexicon, score

AT = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("title", "language", "sign"),
    [
        ("SAP raises outlook after record quarter", "en", 1),
        ("Infineon beats estimates, shares surge", "en", 1),
        ("Siemens Energy shares plunge after profit warning", "en", -1),
        ("Bayer fined in court over recall", "en", -1),
        ("Allianz holds annual general meeting", "en", 0),
        ("Bayer hebt Prognose an: Gewinn steigt", "de", 1),
        ("Rheinmetall erhält Großauftrag", "de", 1),
        ("Rheinmetall-Aktie stürzt nach Gewinnwarnung ab", "de", -1),
        ("Zalando senkt Prognose, Kurssturz", "de", -1),
        ("Hauptversammlung der Allianz", "de", 0),
        ("", "en", 0),
    ],
)
def test_the_sign_follows_the_news(title: str, language: str, sign: int) -> None:
    value = score(title, "", language)
    assert (value > 0.1) - (value < -0.1) == sign


def test_a_german_negation_turns_the_sign() -> None:
    assert score("Gewinn steigt", "", "de") > 0
    assert score("Gewinn steigt nicht", "", "de") < 0
    assert score("kein Verlust", "", "de") > 0


def test_the_title_weighs_more_than_the_summary() -> None:
    assert score("SAP shares surge", "SAP shares plunge", "en") > score(
        "SAP shares plunge", "SAP shares surge", "en"
    )


@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(["en", "de", "fr"]))
def test_sentiment_is_bounded_and_repeatable(title: str, summary: str, language: str) -> None:
    value = score(title, summary, language)
    assert -1 <= value <= 1
    assert value == score(title, summary, language)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Analyst upgrades SAP", "rating"),
        ("SAP raises outlook", "guidance"),
        ("BASF: Umsatz im Quartal", "earnings"),
        ("Rheinmetall erhält Großauftrag", "order"),
        ("Bayer in court", "legal"),
        ("Hello world", "other"),
    ],
)
def test_events_are_of_a_closed_set(title: str, kind: str) -> None:
    assert event_class(title, "") == kind
    assert kind in {*lexicon()["events"], "other"}


def article(
    hours: float,
    sentiment: float = 0.5,
    *,
    symbol: str = "SAP.DE",
    source: str = "a",
    name: str = "",
    copies: int = 1,
) -> Article:
    known_at = AT - timedelta(hours=hours)
    unique = f"{symbol}{hours}{source}{name}"
    return Article(
        f"article:{unique}", unique, "", f"https://{source}.de/{unique}", source, "en", None, known_at,
        (symbol,), sentiment, copies, "raw",
    )  # fmt: skip


def test_no_news_is_zero_with_a_reason() -> None:
    row = momentum([], symbol="SAP.DE", at=AT)
    assert (row.articles, row.score, row.weighted, row.inputs) == (0, 0.0, 0.0, ())
    assert row.mean_sentiment is None
    assert row.baseline is None
    assert row.volume_ratio is None
    assert row.reason == "no news"


def test_only_the_window_and_the_share_count() -> None:
    found = [article(1), article(23.9), article(24.1), article(2, symbol="IFX.DE")]
    row = momentum(found, symbol="SAP.DE", at=AT)
    assert set(row.inputs) == {found[0].id, found[1].id}
    assert row.articles == 2
    assert row.mean_sentiment == 0.5
    assert row.reason is None


def test_the_window_reaches_back_to_the_session_given() -> None:
    row = momentum([article(60)], symbol="SAP.DE", at=AT, since=AT - timedelta(hours=66))
    assert row.articles == 1


def test_the_score_is_direction_times_attention() -> None:
    found = [article(1, -0.6), article(1, -0.6, source="b")]
    row = momentum(found, symbol="SAP.DE", at=AT)
    assert row.weighted == pytest.approx(-0.6)
    assert row.score == pytest.approx(-0.6 * math.log(3), abs=1e-6)
    assert row.distinct_sources == 2


def test_fresh_and_widely_carried_stories_count_more() -> None:
    fresh = momentum([article(1, 0.8), article(23, -0.8)], symbol="SAP.DE", at=AT)
    carried = momentum([article(5, 0.8, copies=9), article(5, -0.8, name="x")], symbol="SAP.DE", at=AT)
    assert fresh.score > 0
    assert carried.score > 0
    assert fresh.mean_sentiment == 0


def test_volume_is_compared_with_the_days_before() -> None:
    before = [article(24 * day + 12, name=str(day)) for day in range(1, 21)]
    now = [article(hours, source=f"s{hours}") for hours in (1, 2, 3)]
    row = momentum(before + now, symbol="SAP.DE", at=AT)
    assert row.baseline == pytest.approx(1.0, abs=0.06)
    assert row.volume_ratio == pytest.approx(3.0, abs=0.2)
    quiet = momentum(before, symbol="SAP.DE", at=AT)
    assert quiet.volume_ratio == 0.0


@given(
    st.lists(st.tuples(st.floats(-72, 72), st.floats(-1, 1), st.sampled_from("abc")), max_size=15),
)
def test_momentum_uses_nothing_known_at_or_after_its_moment(rows: list[tuple[float, float, str]]) -> None:
    found = [article(hours, value, source=source) for hours, value, source in rows]
    known = [a for a in found if a.known_at < AT]
    assert momentum(found, symbol="SAP.DE", at=AT) == momentum(known, symbol="SAP.DE", at=AT)


def test_an_article_of_the_very_moment_is_not_seen() -> None:
    assert momentum([article(0)], symbol="SAP.DE", at=AT).articles == 0


def test_copies_that_come_later_do_not_count() -> None:
    early = article(1, 0.5)
    later = Article(**{**{f: getattr(early, f) for f in Article.__slots__}, "known_at": AT, "source": "z"})
    assert momentum([early, later], symbol="SAP.DE", at=AT) == momentum([early], symbol="SAP.DE", at=AT)
