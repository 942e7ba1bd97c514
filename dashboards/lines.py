"""Line charts as SVG: coordinates, ticks, and labels at the ends of lines that never overlap. Pure functions.

The charts that react to a pointer are drawn by a script from the same numbers; these stand in for them where
there is none, and serve as sparklines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Label:
    """A text at the right end of a line; `y` is where it stands, `line_y` where the line ends."""

    text: str
    classes: str
    y: float
    line_y: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A horizontal grid line: its value as text, and where it is."""

    text: str
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """One drawn line: `path` is the `d` of an SVG path, `classes` give its colour."""

    classes: str
    path: str


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near as possible to those wanted, at least `gap` apart, in the same order, between `low` and
    `high` while there is room."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [0.0] * len(wanted)
    at = low - gap
    for index in order:
        at = max(wanted[index], at + gap)
        placed[index] = at
    limit = high
    for index in reversed(order):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - gap
    return placed


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values within a span, near `about` of them."""
    span = high - low
    if not span > 0:
        return [low]
    step = 10 ** math.floor(math.log10(span / about))
    step *= min((1, 2, 2.5, 5, 10), key=lambda factor: abs(span / (step * factor) - about))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def span(lines: Sequence[Values], pad: float = 0.05) -> tuple[float, float]:
    """From below the lowest to above the highest of all values."""
    known = [value for values in lines for value in values if value is not None]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    room = (high - low) * pad or max(abs(high) * pad, 0.01)
    return low - room, high + room


def path(values: Values, low: float, high: float, width: float, height: float) -> str:
    """The `d` of an SVG path through values at even distances; a missing one breaks the line."""
    step = width / max(len(values) - 1, 1)
    parts, pen = [], "M"
    for index, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        y = height - (value - low) / (high - low) * height
        parts.append(f"{pen}{index * step:.1f} {y:.1f}")
        pen = "L"
    return "".join(parts)


def thinned(values: Values, most: int) -> list[float | None]:
    """At most so many of the values, evenly, the last one among them."""
    if len(values) <= most:
        return list(values)
    return [values[round(index * (len(values) - 1) / (most - 1))] for index in range(most)]


def sparkline(values: Values, width: int = 120, height: int = 32, most: int = 60) -> str:
    """The `d` of a small line over its own span."""
    shown = thinned(values, most)
    low, high = span([shown])
    return path(shown, low, high, width, height)
