"""A stance goes as far as independent sources bear it out, and never further than it was answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.news.credibility import Level
from arena_pipeline.research.bounds import LONE, bounded
from arena_pipeline.research.briefing import BriefingSynthesis, compose_briefing, to_prompt_block
from arena_pipeline.research.contradictions import NO_GROUNDS, Grounds, Story
from arena_pipeline.research.facts import Fact, Facts
from arena_pipeline.research.readings import Signal

BULLISH, BEARISH, NEUTRAL = Signal.BULLISH, Signal.BEARISH, Signal.NEUTRAL


def facts(*, bars: str = "", news: str = "", figures: str = "") -> Facts:
    """A fact for each + (bullish) and - (bearish)."""

    def group(letter: str, signs: str) -> tuple[Fact, ...]:
        signals = {"+": BULLISH, "-": BEARISH}
        return tuple(
            Fact(f"{letter}{n}", "said", None, f"article:{letter}{n}", signals[sign])
            for n, sign in enumerate(signs, start=1)
        )

    return Facts("SAP.DE", "SAP", "2025-03-07T08:30", group("T", bars), group("N", news), group("F", figures))


def grounds(*publishers: str, sign: int = 1, change: float | None = 0.0) -> Grounds:
    """Stories of one direction by these publishers."""
    signal = BULLISH if sign > 0 else BEARISH
    stories = tuple(
        Story(f"N{n}", "guidance", 0.5 * sign, signal, publisher, Level.MEDIUM, 1, 2.0)
        for n, publisher in enumerate(publishers, start=1)
    )
    return replace(NO_GROUNDS, stories=stories, change_1d=change)


@pytest.mark.parametrize(
    ("known", "behind", "strength"),
    [
        (facts(bars="++-", news="+"), grounds("reuters.com"), 1.0),
        (facts(news="++"), grounds("reuters.com", "handelsblatt.com"), 1.0),
        (facts(bars="+", figures="+"), grounds(), 1.0),
        (facts(bars="++-"), grounds(), LONE),
        (facts(news="++"), grounds("blog.example", "blog.example"), LONE),
        (facts(bars="--+", news="+"), grounds("blog.example"), LONE),
        (facts(bars="++", news="+"), grounds("reuters.com", change=-0.031), LONE),
        (facts(bars="++", news="+"), grounds("reuters.com", change=-0.019), 1.0),
    ],
    ids=[
        "bars and a paper",
        "two papers",
        "bars and figures",
        "bars alone",
        "one paper twice",
        "one paper against the bars",
        "the price fell",
        "the price hardly fell",
    ],
)
def test_a_strong_stance_needs_two_sources_and_no_price_against_it(
    known: Facts, behind: Grounds, strength: float
) -> None:
    found = bounded(BULLISH, 1.0, known, behind)
    assert (found.stance, found.strength) == (BULLISH, strength)
    assert bool(found.lowered) == (strength < 1.0)


def test_a_stance_that_nothing_bears_out_is_taken_back() -> None:
    found = bounded(BEARISH, 0.9, facts(bars="++-", news="+"), grounds("reuters.com"))
    assert (found.stance, found.strength) == (NEUTRAL, 0.0)
    assert found.lowered == ("bearish, strength 0.90, taken back: no source bears it out",)


def test_deciding_models_read_the_bounded_stance_and_the_briefing_says_why() -> None:
    answer = BriefingSynthesis.model_validate(
        {"stance": "bullish", "strength": 1.0, "points": [{"claim": "catalyst", "cites": ["T1"], "text": ""}]}
    )
    briefing = compose_briefing(facts(bars="++-"), answer, author_model="m", grounds=grounds())
    shown = to_prompt_block(briefing)
    assert briefing.ok
    assert (shown["stance"], shown["strength"]) == ("bullish", LONE)
    assert briefing.problems == ("strength 1.00 lowered to 0.50: borne out by our bars alone",)


@given(
    stance=st.sampled_from(list(Signal)),
    strength=st.floats(0, 1),
    bars=st.text("+-", max_size=6),
    figures=st.text("+-", max_size=3),
    publishers=st.lists(st.sampled_from(["a.example", "b.example", "c.example"]), max_size=4),
    sign=st.sampled_from([1, -1]),
    change=st.none() | st.floats(-0.2, 0.2),
)
def test_nothing_is_ever_raised_or_turned_round(
    stance: Signal,
    strength: float,
    bars: str,
    figures: str,
    publishers: list[str],
    sign: int,
    change: float | None,
) -> None:
    known = facts(bars=bars, news=("+" if sign > 0 else "-") * len(publishers), figures=figures)
    found = bounded(stance, strength, known, grounds(*publishers, sign=sign, change=change))
    assert found.strength <= strength
    assert found.stance in (stance, NEUTRAL)
    assert bool(found.lowered) == ((found.stance, found.strength) != (stance, strength))
