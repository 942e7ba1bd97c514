"""How far a briefing may be trusted: a score with its parts, what it takes off a decision's confidence, and
whether a person should look at it.

Code alone decides. Nothing that a model answers has a field for any of this, and every finding can only take
away: lower the score, raise the penalty, raise the flag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from arena_pipeline.news.articles import Article
from arena_pipeline.news.credibility import Level, credibility
from arena_pipeline.news.sentiment import event_class
from arena_pipeline.research.contradictions import Contradiction, Grounds, Severity, Story
from arena_pipeline.research.extraction import Reading as ArticleReading
from arena_pipeline.research.extraction import publisher_of
from arena_pipeline.research.facts import Facts, signal_of
from arena_pipeline.research.figures import UnifiedFigure
from arena_pipeline.research.readings import Reading

WEIGHTS: Mapping[str, int] = {
    "coverage": 25, "freshness": 20, "independence": 15, "agreement": 25, "citation": 15,
}  # fmt: skip
"""Of the score, in percent."""

PASS = 50
"""The least score of a briefing that passes; a HIGH contradiction fails it at any score."""

COSTS: Mapping[Severity, int] = {Severity.LOW: 10, Severity.MEDIUM: 25, Severity.HIGH: 50}
"""What a contradiction takes off the part `agreement`."""

PENALTIES: Mapping[Severity, float] = {Severity.LOW: 0.0, Severity.MEDIUM: 0.1, Severity.HIGH: 0.2}
"""What it adds to the penalty."""

ESTEEM: Mapping[Level, float] = {Level.HIGH: 1.0, Level.MEDIUM: 0.7, Level.LOW: 0.4}
ENOUGH_ESTEEM = 1.5
"""Publishers that add up to this are independent enough: two of high credibility, or four of low."""

FRESH_HOURS, STALE_HOURS = 24, 96
FRESH_DAYS, STALE_DAYS = 4, 10
"""News and bars count whole up to the first and not at all from the second; four days reach over Easter."""

TECHNICAL, NEWS, FIGURES = 60, 30, 10
"""What each group of facts adds to the part `coverage`."""

PENALTY_NO_SYNTHESIS = 0.5
PENALTY_NO_NEWS = 0.2
PENALTY_NO_INDICATORS = 0.3
PENALTY_UNKNOWN_CITE = 0.2
"""Of an order that cites a fact which was not shown."""


@dataclass(frozen=True, slots=True)
class Quality:
    """`score` and its `parts` run from 0 to 100. `penalty` in [0, 1] is taken off a confidence; `review` asks
    a person to look before anybody buys."""

    score: int
    parts: Mapping[str, int]
    contradictions: tuple[Contradiction, ...]
    passed: bool
    penalty: float
    review: bool


def assess(
    facts: Facts, grounds: Grounds, contradictions: Sequence[Contradiction], *, cited: float | None
) -> Quality:
    """`cited` is the share of a synthesis's points that rest on their facts; None where there is none."""
    parts = {
        "coverage": _coverage(facts, grounds),
        "freshness": _freshness(grounds),
        "independence": _independence(grounds.stories),
        "agreement": max(0, 100 - sum(COSTS[each.severity] for each in contradictions)),
        "citation": round(100 * (cited or 0.0)),
    }
    score = round(sum(WEIGHTS[name] * part for name, part in parts.items()) / 100)
    severe = any(each.severity is Severity.HIGH for each in contradictions)
    return Quality(
        score,
        parts,
        tuple(contradictions),
        score >= PASS and not severe,
        _penalty(facts, contradictions, synthesised=cited == 1.0),
        severe,
    )


def lowered(confidence: float, penalties: Sequence[float]) -> float:
    """A confidence less the greatest of some penalties: never more than it was, never below 0."""
    return round(max(0.0, confidence - max([0.0, *penalties])), 4)


def grounds_of(
    facts: Facts,
    *,
    at: datetime,
    articles: Sequence[Article],
    readings: Sequence[Reading],
    indicators: Mapping[str, float],
    bar_days: int | None,
    figures: Sequence[UnifiedFigure],
    currency: str,
    read: Mapping[str, ArticleReading] | None = None,
    unconfirmed: Sequence[str] = (),
) -> Grounds:
    """What is known of the evidence behind some facts. Figures in another currency than the market's cannot
    be compared with its prices and are left out. `read` are the checked readings by the article's id;
    `unconfirmed` the articles whose strong claim stands alone and is not among the facts."""
    by_id = {article.id: article for article in articles}
    named = {fact.evidence: fact.id for fact in facts.figures}
    shown = [entry for entry in figures if entry.preferred.id in named]
    units = {f"{currency}/share", "ratio"}
    return Grounds(
        sum(reading.text is not None for reading in readings),
        len(readings),
        tuple(
            _story(fact.id, by_id[fact.evidence], (read or {}).get(fact.evidence), at)
            for fact in facts.news
            if fact.evidence in by_id
        ),
        indicators.get("close"),
        indicators.get("change_1d"),
        bar_days,
        {
            entry.name: (float(entry.preferred.value or 0), named[entry.preferred.id])
            for entry in shown
            if entry.preferred.unit in units
        },
        {named[entry.preferred.id]: entry.note for entry in shown if entry.note is not None},
        tuple(unconfirmed),
    )


def _story(fact: str, article: Article, reading: ArticleReading | None, at: datetime) -> Story:
    esteem = credibility(article.url)
    sentiment = article.sentiment if reading is None else reading.sentiment
    return Story(
        fact,
        event_class(article.title, article.summary) if reading is None else reading.event.value,
        sentiment,
        signal_of(sentiment),
        publisher_of(article),
        esteem.level,
        article.copies,
        (at - article.known_at).total_seconds() / 3600,
    )


def _coverage(facts: Facts, grounds: Grounds) -> int:
    expected = max(grounds.readings_expected, len(facts.technical))
    technical = TECHNICAL * len(facts.technical) / expected if expected else 0.0
    return round(technical + (NEWS if facts.news else 0) + (FIGURES if facts.figures else 0))


def _freshness(grounds: Grounds) -> int:
    """Of the newest story and the last bar; without either, nothing is fresh."""
    found = []
    if grounds.stories:
        hours = min(story.hours for story in grounds.stories)
        found.append(_fading(hours, FRESH_HOURS, STALE_HOURS))
    if grounds.bar_days is not None:
        found.append(_fading(grounds.bar_days, FRESH_DAYS, STALE_DAYS))
    return round(100 * sum(found) / len(found)) if found else 0


def _fading(age: float, fresh: float, stale: float) -> float:
    return min(1.0, max(0.0, (stale - age) / (stale - fresh)))


def _independence(stories: Sequence[Story]) -> int:
    publishers = {story.publisher: ESTEEM[story.level] for story in stories}
    return round(100 * min(1.0, sum(publishers.values()) / ENOUGH_ESTEEM))


def _penalty(facts: Facts, contradictions: Sequence[Contradiction], *, synthesised: bool) -> float:
    penalty = 0.0 if synthesised else PENALTY_NO_SYNTHESIS
    penalty += 0.0 if facts.news else PENALTY_NO_NEWS
    penalty += 0.0 if facts.technical else PENALTY_NO_INDICATORS
    penalty += sum(PENALTIES[each.severity] for each in contradictions)
    return round(min(penalty, 1.0), 2)
