"""Contradictions in a briefing, found by code: among its facts, and between them and what a model wrote.

Rules with fixed thresholds, which are conventions. They can miss a contradiction; they cannot be talked out
of one, because they read numbers, signals and event classes, never a text from outside.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from arena_pipeline.news.credibility import Level
from arena_pipeline.research.facts import Fact, Facts
from arena_pipeline.research.readings import Signal

STRONG = 0.6
"""A story whose sentiment is further from zero claims something out of the ordinary."""

ANSWERED = 0.02
"""The price answers a story when it has moved this fraction in its direction within a day."""

CONVINCED = 0.7
"""A synthesis of this strength is sure of itself."""

SPLIT = 0.2
"""Signals are split when one side leads by less than this fraction of them."""

OPPOSITE = {Signal.BULLISH: Signal.BEARISH, Signal.BEARISH: Signal.BULLISH}


class Kind(enum.StrEnum):
    """What disagrees: claims, directions, figures, or conviction with its grounds."""

    FACTUAL = "factual"
    SENTIMENT = "sentiment"
    DATA = "data"
    UNCERTAINTY = "uncertainty"


class Severity(enum.StrEnum):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One finding; `facts` are the ids of the facts that it is about."""

    kind: Kind
    severity: Severity
    text: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """What code knows of the article behind a news fact. `publisher` is the domain that the table of
    credibility knows, else the feed; `hours` since it was known."""

    fact: str
    event: str
    sentiment: float
    signal: Signal
    publisher: str
    level: Level
    copies: int
    hours: float


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a briefing rests on beside its facts. Readings are those of the technical section; `change_1d` is
    a fraction; `bar_days` how old the last bar is; `figures` the value of each name, in the market's currency
    or without one, with the id of its fact; `disputed` what vendors disagree about, by that id;
    `unconfirmed` the articles whose strong claim was dropped, because nothing else bears it out."""

    readings_said: int
    readings_expected: int
    stories: tuple[Story, ...]
    close: float | None
    change_1d: float | None
    bar_days: int | None
    figures: Mapping[str, tuple[float, str]]
    disputed: Mapping[str, str]
    unconfirmed: tuple[str, ...] = ()


NO_GROUNDS = Grounds(0, 0, (), None, None, None, {}, {})


def among_facts(facts: Facts, grounds: Grounds) -> list[Contradiction]:
    """What does not agree before any model has read it."""
    return [
        *_news_against_news(grounds.stories),
        *_one_event_both_ways(grounds.stories),
        *_alone_and_unanswered(grounds),
        *_dropped_for_want_of_a_second_voice(grounds),
        *_news_against_prices(facts),
        *_figures_against_prices(grounds),
    ]


def with_synthesis(
    facts: Facts, stance: Signal, strength: float, problems: Sequence[str]
) -> list[Contradiction]:
    """What a synthesis says against the facts. `problems` are those of `check_synthesis`: what is stated and
    stands in no fact."""
    found = [Contradiction(Kind.FACTUAL, Severity.HIGH, problem) for problem in problems]
    against = OPPOSITE.get(stance)
    signals = [fact.signal for fact in facts.all if fact.signal is not None]
    if against is not None and signals.count(against) > signals.count(stance):
        alone = not any(stance is side_of(group) for group in (facts.technical, facts.news))
        text = f"{stance}, with {signals.count(against)} of {len(signals)} signals {against}"
        found.append(Contradiction(Kind.SENTIMENT, Severity.HIGH if alone else Severity.MEDIUM, text))
    lead = abs(signals.count(Signal.BULLISH) - signals.count(Signal.BEARISH))
    if strength >= CONVINCED and signals and lead < SPLIT * len(signals):
        text = f"strength {strength:.2f}, with one side leading by {lead} of {len(signals)} signals"
        found.append(Contradiction(Kind.UNCERTAINTY, Severity.MEDIUM, text))
    return found


def side_of(facts: Sequence[Fact]) -> Signal:
    """The direction that most of some facts have; neutral where neither has more."""
    signals = [fact.signal for fact in facts]
    balance = signals.count(Signal.BULLISH) - signals.count(Signal.BEARISH)
    return Signal.BULLISH if balance > 0 else Signal.BEARISH if balance < 0 else Signal.NEUTRAL


def _news_against_news(stories: Sequence[Story]) -> Iterator[Contradiction]:
    sides = {signal: [story for story in stories if story.signal is signal] for signal in OPPOSITE}
    fewer, more = sorted(map(len, sides.values()))
    if fewer:
        text = f"{len(sides[Signal.BULLISH])} stories positive, {len(sides[Signal.BEARISH])} negative"
        named = tuple(story.fact for side in sides.values() for story in side)
        severity = Severity.MEDIUM if 2 * fewer >= more and fewer > 1 else Severity.LOW
        yield Contradiction(Kind.SENTIMENT, severity, text, named)


def _one_event_both_ways(stories: Sequence[Story]) -> Iterator[Contradiction]:
    events: dict[str, list[Story]] = defaultdict(list)
    for story in stories:
        if story.event != "other" and story.signal is not Signal.NEUTRAL:
            events[story.event].append(story)
    for event, told in sorted(events.items()):
        if len({story.signal for story in told}) == 2 and len({story.publisher for story in told}) > 1:
            named = tuple(story.fact for story in told)
            yield Contradiction(Kind.FACTUAL, Severity.MEDIUM, f"event {event} told both ways", named)


def _alone_and_unanswered(grounds: Grounds) -> Iterator[Contradiction]:
    """A strong claim of one publisher that the table does not hold in high esteem, which nobody else confirms
    and the price does not answer."""
    for story in grounds.stories:
        if abs(story.sentiment) < STRONG or story.level is Level.HIGH or story.copies > 1:
            continue
        others = {each.publisher for each in grounds.stories if each.signal is story.signal}
        moved = (grounds.change_1d or 0.0) * (1 if story.sentiment > 0 else -1)
        if others == {story.publisher} and moved < ANSWERED:
            text = (
                f"a strong claim, event {story.event.replace('_', ' ')}, by one {story.level} source; "
                f"the price moved {grounds.change_1d or 0.0:+.1%}"
            )
            yield Contradiction(Kind.FACTUAL, Severity.HIGH, text, (story.fact,))


def _dropped_for_want_of_a_second_voice(grounds: Grounds) -> Iterator[Contradiction]:
    """A claim out of the ordinary that no fact rests on: if it is true, the facts lack what matters most."""
    if grounds.unconfirmed:
        count = len(grounds.unconfirmed)
        text = f"{count} strong {'claim' if count == 1 else 'claims'} of one source, not used"
        yield Contradiction(Kind.FACTUAL, Severity.HIGH, text)


def _news_against_prices(facts: Facts) -> Iterator[Contradiction]:
    news, prices = side_of(facts.news), side_of(facts.technical)
    if OPPOSITE.get(news) is prices:
        yield Contradiction(Kind.SENTIMENT, Severity.LOW, f"news is {news}, prices are {prices}")


def _figures_against_prices(grounds: Grounds) -> Iterator[Contradiction]:
    """Figures that vendors disagree about, or that cannot hold at the last known price."""
    for fact, note in grounds.disputed.items():
        yield Contradiction(Kind.DATA, Severity.LOW, note, (fact,))
    close = grounds.close
    if not close:
        return
    bounds = (("week52_high", "above", close, 1.0), ("week52_low", "below", -close, -1.0))
    for name, side, price, sign in bounds:
        if name in grounds.figures and price > sign * grounds.figures[name][0] * (1 + sign * ANSWERED):
            value, fact = grounds.figures[name]
            text = f"the close {close:.2f} lies {side} the stated {name.replace('_', ' ')} {value:.2f}"
            yield Contradiction(Kind.DATA, Severity.MEDIUM, text, (fact,))
    if {"pe_ratio", "eps"} <= grounds.figures.keys():
        (ratio, one), (eps, other) = grounds.figures["pe_ratio"], grounds.figures["eps"]
        implied = ratio * eps
        if implied > 0 and not 0.5 <= implied / close <= 2:
            text = f"P/E {ratio:.1f} and EPS {eps:.2f} make {implied:.2f} a share, the close is {close:.2f}"
            yield Contradiction(Kind.DATA, Severity.LOW, text, (one, other))
