"""Contradictions and quality: each fabricated number is caught, and no finding makes a briefing better."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from arena_pipeline.assets.briefing_rows import briefing_from, briefing_row
from arena_pipeline.news.credibility import Level
from arena_pipeline.research.briefing import Briefing, BriefingSynthesis, compose_briefing
from arena_pipeline.research.contradictions import (
    NO_GROUNDS,
    Contradiction,
    Grounds,
    Kind,
    Severity,
    Story,
    among_facts,
    with_synthesis,
)
from arena_pipeline.research.facts import Fact, Facts
from arena_pipeline.research.quality import PASS, WEIGHTS, assess, lowered
from arena_pipeline.research.readings import Signal
from arena_pipeline.warehouse.digest import rows_digest
from arena_pipeline.warehouse.schemas import ADDED
from arena_pipeline.warehouse.store import frame_digest

UP, DOWN, FLAT = Signal.BULLISH, Signal.BEARISH, Signal.NEUTRAL


def facts(technical: list[Signal], news: list[Signal], figures: int = 0) -> Facts:
    return Facts(
        "SAP.DE",
        "SAP",
        "2026-03-02T08:30",
        tuple(
            Fact(f"T{n}", f"RSI {60 + n}.5", 60.5 + n, "indicators:x", s) for n, s in enumerate(technical, 1)
        ),
        tuple(Fact(f"N{n}", "news, 3 hours old", 0.5, f"article:{n}", s) for n, s in enumerate(news, 1)),
        tuple(Fact(f"F{n}", "EPS 5.10 EUR", "EPS", f"figure:{n}") for n in range(1, figures + 1)),
    )


def story(number: int = 1, sentiment: float = 0.3, **changes: Any) -> Story:
    signal = UP if sentiment > 0.15 else DOWN if sentiment < -0.15 else FLAT
    plain = Story(f"N{number}", "other", sentiment, signal, "reuters.com", Level.HIGH, 1, 3.0)
    return replace(plain, **changes)


def grounds(*stories: Story, **changes: Any) -> Grounds:
    plain = Grounds(19, 19, stories, 100.0, 0.0, 1, {}, {})
    return replace(plain, **changes)


def found(*stories: Story, **changes: Any) -> list[tuple[Kind, Severity]]:
    return [(each.kind, each.severity) for each in among_facts(facts([], []), grounds(*stories, **changes))]


def synthesis(
    text: str, cites: list[str], stance: str = "bullish", strength: float = 0.4
) -> BriefingSynthesis:
    points = [{"claim": "mixed", "text": text, "cites": cites}]
    return BriefingSynthesis.model_validate_json(
        json.dumps({"stance": stance, "strength": strength, "points": points})
    )


def compose(made: BriefingSynthesis | None, of: Facts, on: Grounds = NO_GROUNDS) -> Briefing:
    return compose_briefing(of, made, author_model="m", grounds=on)


GOOD = facts([UP, UP, UP, FLAT], [UP, UP], figures=1)
ON = grounds(story(1), story(2, publisher="ft.com"))


def test_a_briefing_of_agreeing_independent_fresh_facts_passes() -> None:
    quality = compose(synthesis("RSI 61.5", ["T1"]), GOOD, ON).quality
    assert quality is not None
    assert (quality.passed, quality.review, quality.penalty, quality.contradictions) == (True, False, 0.0, ())
    assert quality.parts == {
        "coverage": 53, "freshness": 100, "independence": 100, "agreement": 100, "citation": 100,
    }  # fmt: skip
    assert quality.score == 88


FABRICATIONS = (
    "RSI at 71.5", "upside of 873.5 percent", "a target of 300EUR", "up 1２ percent", "up ٧ percent",
    "Q3 was strong", "1.000.000 shares", "RSI 61.55", "the fraud cost 70%", "a bid of 480 euro", "P/E 18,2",
    "RSI 6.15", "EPS 5.10 EUR", "better than IFX.DE",
)  # fmt: skip


@pytest.mark.parametrize("text", FABRICATIONS)
def test_a_planted_fabrication_fails(text: str) -> None:
    briefing = compose(synthesis(text, ["T1"]), GOOD, ON)
    assert briefing.quality is not None
    assert not briefing.quality.passed
    assert briefing.review
    assert briefing.points == ()
    assert [each.severity for each in briefing.quality.contradictions] == [Severity.HIGH]


@given(st.decimals(0, 10**7, places=2), st.sampled_from(["T1", "F1", "N1"]))
def test_every_number_that_its_fact_does_not_state_fails(number: Decimal, cite: str) -> None:
    assume(number not in {Decimal("61.50"), Decimal("5.10"), Decimal("3.00")})
    briefing = compose(synthesis(f"it stands at {number}", [cite]), GOOD, ON)
    assert briefing.quality is not None
    assert not briefing.quality.passed


def test_news_in_both_directions_is_a_contradiction_of_sentiment() -> None:
    assert found(story(1), story(2, -0.3)) == [(Kind.SENTIMENT, Severity.LOW)]
    balanced = [story(1), story(2), story(3, -0.3), story(4, -0.3)]
    assert found(*balanced) == [(Kind.SENTIMENT, Severity.MEDIUM)]
    assert found(story(1), story(2)) == []


def test_one_event_told_both_ways_by_two_publishers_is_factual() -> None:
    told = [story(1, event="guidance"), story(2, -0.3, event="guidance", publisher="ft.com")]
    assert (Kind.FACTUAL, Severity.MEDIUM) in found(*told)
    assert (Kind.FACTUAL, Severity.MEDIUM) not in found(*(replace(each, publisher="ft.com") for each in told))


@pytest.mark.parametrize(
    ("changes", "others", "moved", "severe"),
    [
        ({}, [], 0.0, True),
        ({}, [], 0.05, True),
        ({}, [], -0.05, False),
        ({"level": Level.HIGH}, [], 0.0, False),
        ({"copies": 3}, [], 0.0, False),
        ({}, [story(2, -0.3, publisher="ft.com")], 0.0, False),
        ({}, [story(2, -0.3, publisher="blog.test")], 0.0, True),
        ({"sentiment": -0.5}, [], 0.0, False),
    ],
)
def test_a_strong_claim_needs_a_second_source_esteem_or_the_price(
    changes: dict[str, Any], others: list[Story], moved: float, severe: bool
) -> None:
    claim = story(1, -0.8, level=Level.LOW, publisher="blog.test")
    result = found(replace(claim, **changes), *others, change_1d=moved)
    assert ((Kind.FACTUAL, Severity.HIGH) in result) is severe


def test_figures_that_cannot_hold_at_the_price_are_contradictions_of_data() -> None:
    assert found(figures={"week52_high": (90.0, "F1")}) == [(Kind.DATA, Severity.MEDIUM)]
    assert found(figures={"week52_low": (110.0, "F1")}) == [(Kind.DATA, Severity.MEDIUM)]
    assert found(figures={"week52_low": (80.0, "F1"), "week52_high": (101.0, "F2")}) == []
    assert found(figures={"pe_ratio": (18.0, "F1"), "eps": (1.0, "F2")}) == [(Kind.DATA, Severity.LOW)]
    assert found(figures={"pe_ratio": (18.0, "F1"), "eps": (5.5, "F2")}) == []
    assert found(disputed={"F1": "finnhub says 21.30, 15 percent apart"}) == [(Kind.DATA, Severity.LOW)]


def test_a_stance_against_the_signals_is_found_and_severe_when_no_group_supports_it() -> None:
    mixed = facts([DOWN, DOWN, DOWN], [UP])
    assert [each.severity for each in with_synthesis(mixed, UP, 0.3, [])] == [Severity.MEDIUM]
    alone = facts([DOWN, DOWN], [DOWN])
    assert [each.severity for each in with_synthesis(alone, UP, 0.3, [])] == [Severity.HIGH]


def test_conviction_on_split_signals_is_uncertainty() -> None:
    split = facts([UP, DOWN, UP, DOWN], [UP, DOWN])
    assert [each.kind for each in with_synthesis(split, UP, 0.9, [])] == [Kind.UNCERTAINTY]
    assert with_synthesis(split, UP, 0.3, []) == []


findings = st.lists(
    st.builds(Contradiction, st.sampled_from(Kind), st.sampled_from(Severity), st.just("x")), max_size=6
)
bases = st.builds(
    facts,
    st.lists(st.sampled_from(Signal), max_size=5),
    st.lists(st.sampled_from(Signal), max_size=3),
    st.integers(0, 2),
)
ages = st.builds(
    lambda hours, days: grounds(*(story(n, hours=age) for n, age in enumerate(hours, 1)), bar_days=days),
    st.lists(st.floats(0, 500), max_size=3),
    st.one_of(st.none(), st.integers(0, 30)),
)


@given(bases, ages, findings, st.one_of(st.none(), st.floats(0, 1)), findings)
def test_a_further_finding_never_makes_a_briefing_better(
    of: Facts, on: Grounds, some: list[Contradiction], cited: float | None, more: list[Contradiction]
) -> None:
    before, after = assess(of, on, some, cited=cited), assess(of, on, [*some, *more], cited=cited)
    assert after.score <= before.score
    assert after.penalty >= before.penalty
    assert after.passed <= before.passed
    assert after.review >= before.review
    for quality in (before, after):
        assert 0 <= quality.score <= 100
        assert quality.parts.keys() == WEIGHTS.keys()
        assert all(0 <= part <= 100 for part in quality.parts.values())
        assert 0 <= quality.penalty <= 1
        assert not quality.passed or quality.score >= PASS


def test_the_weights_are_a_whole() -> None:
    assert sum(WEIGHTS.values()) == 100


@given(st.floats(0, 1), st.lists(st.floats(0, 1), max_size=4))
def test_a_confidence_is_lowered_and_never_raised(confidence: float, penalties: list[float]) -> None:
    assert 0 <= lowered(confidence, penalties) <= confidence + 5e-5
    assert lowered(confidence, []) == pytest.approx(confidence, abs=5e-5)


def test_quality_is_stored_with_the_briefing_and_read_again() -> None:
    briefing = compose(synthesis("RSI at 71.5", ["T1"]), GOOD, ON)
    assert briefing_from(briefing_row(briefing)) == briefing


def test_a_briefing_stored_before_quality_was_assessed_is_read_and_keeps_its_digest() -> None:
    row = briefing_row(compose(synthesis("RSI 61.5", ["T1"]), GOOD, ON))
    old = {name: value for name, value in row.items() if name not in ADDED["briefings"]}
    read = briefing_from(old)
    assert (read.quality, read.review) == (None, False)
    nulls = {**old, **dict.fromkeys(ADDED["briefings"])}
    written = rows_digest([{**old, "partition": "p"}])
    assert frame_digest("briefings", "p", [old]) == frame_digest("briefings", "p", [nulls]) == written
    assert frame_digest("briefings", "p", [row]) != written
