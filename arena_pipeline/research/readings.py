"""A reading: one thing that numbers say, with the way it points, or the reason why they say nothing."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Signal(enum.StrEnum):
    """Which way a fact points, by the usual reading of its kind."""

    BULLISH = "bullish"
    NEUTRAL = "neutral"
    BEARISH = "bearish"


class Source(enum.StrEnum):
    """What a reading was computed from."""

    INDICATORS = "indicators"
    BARS = "bars"


Said = tuple[str, float, Signal | None]
"""Text, the number it is about, and its signal."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`text` and `value` are None exactly if there is a `reason`; `signal` may be None with a text."""

    name: str
    source: Source
    text: str | None
    value: float | None
    signal: Signal | None
    reason: str | None = None

    @classmethod
    def missing(cls, name: str, source: Source, reason: str) -> Reading:
        return cls(name, source, None, None, None, reason)


def by_sign(value: float, *, margin: float = 0.0) -> Signal:
    """Bullish above `margin`, bearish below `-margin`."""
    if value > margin:
        return Signal.BULLISH
    return Signal.BEARISH if value < -margin else Signal.NEUTRAL
