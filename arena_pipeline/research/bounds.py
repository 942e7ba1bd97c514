"""How far a stance may go: what a research model answers, cut down to what independent sources bear out.

The research model may be the attacker's, and its stance and strength reach deciding models. A source is a
publisher whose stories have the stance's direction, our bars where most technical facts have it, and the
figures likewise. Code only lowers: it takes a stance back, or takes strength off it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from arena_pipeline.research.contradictions import ANSWERED, OPPOSITE, Grounds, side_of
from arena_pipeline.research.facts import Facts
from arena_pipeline.research.readings import Signal

LONE = 0.5
"""The most strength of a stance that one source bears out, or that the price has just gone against."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A stance and its strength as deciding models read them, and what was taken off, in our words."""

    stance: Signal
    strength: float
    lowered: tuple[str, ...] = ()


def sources_for(stance: Signal, facts: Facts, grounds: Grounds) -> Collection[str]:
    """Who bears out a direction; copies and further stories of one publisher count once."""
    groups = {"our bars": facts.technical, "figures": facts.figures}
    return {
        *(name for name, group in groups.items() if group and side_of(group) is stance),
        *(story.publisher for story in grounds.stories if story.signal is stance),
    }


def bounded(stance: Signal, strength: float, facts: Facts, grounds: Grounds) -> Bounded:
    """A stance as far as it is borne out. A neutral one claims nothing and stays."""
    if stance not in OPPOSITE:
        return Bounded(stance, strength)
    sources = sources_for(stance, facts, grounds)
    if not sources:
        said = f"{stance}, strength {strength:.2f}, taken back: no source bears it out"
        return Bounded(Signal.NEUTRAL, 0.0, (said,))
    reasons = []
    if len(sources) < 2:
        reasons.append(f"borne out by {next(iter(sources))} alone")
    moved = (grounds.change_1d or 0.0) * (1 if stance is Signal.BULLISH else -1)
    if moved <= -ANSWERED:
        reasons.append(f"the price moved {grounds.change_1d or 0.0:+.1%} against it in a day")
    if not reasons or strength <= LONE:
        return Bounded(stance, strength)
    return Bounded(
        stance, LONE, tuple(f"strength {strength:.2f} lowered to {LONE:.2f}: {reason}" for reason in reasons)
    )
