"""A model's confidence against how often it was right, as the coordinates of an SVG. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SIDE = 300
"""Of the square, in its own units; 0 is below and left, 1 above and right."""


@dataclass(frozen=True, slots=True)
class Dot:
    """Calls of similar confidence: where they are, how far their hit rate may be off, and how many."""

    x: float
    y: float
    low: float
    high: float
    radius: float
    calls: int
    confidence: float
    hit_rate: float
    hit_low: float
    hit_high: float


def dots(bins: Sequence[Mapping[str, Any]]) -> list[Dot]:
    """The bins of a board's `skill`; a dot's area grows with its calls."""
    most = max((each["calls"] for each in bins), default=1)
    return [
        Dot(
            x=SIDE * each["confidence"],
            y=SIDE * (1 - each["hit_rate"]),
            low=SIDE * (1 - each["low"]),
            high=SIDE * (1 - each["high"]),
            radius=3 + 6 * math.sqrt(each["calls"] / most),
            calls=each["calls"],
            confidence=each["confidence"],
            hit_rate=each["hit_rate"],
            hit_low=each["low"],
            hit_high=each["high"],
        )
        for each in bins
    ]
