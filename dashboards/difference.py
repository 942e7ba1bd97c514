"""The duel's curve and its interval as the coordinates of an SVG. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards import formats
from dashboards.lines import Tick, path, span, thinned, ticks

MOST = 240


@dataclass(frozen=True, slots=True)
class Drawn:
    """`curve` and `band` are the `d` of SVG paths; there is no band without an interval."""

    width: int
    height: int
    curve: str
    band: str
    ticks: Sequence[Tick]
    zero: float
    end: float
    """Where the curve ends, from above."""


def drawn(
    difference: Sequence[float], low: Sequence[float], high: Sequence[float], *, width: int, height: int
) -> Drawn | None:
    """The curve in so many units; None without two days."""
    if len(difference) < 2:
        return None
    lines = [thinned(values, MOST) for values in (difference, low, high) if values]
    bottom, top = span([*lines, [0.0]])

    def place(value: float) -> float:
        return height - (value - bottom) / (top - bottom) * height

    band = ""
    if low:
        there = path(lines[2], bottom, top, width, height)
        back = path(lines[1][::-1], bottom, top, width, height)
        band = there + _mirrored(back, width) + "Z"
    return Drawn(
        width,
        height,
        path(lines[0], bottom, top, width, height),
        band,
        [Tick(_points(value), place(value)) for value in ticks(bottom, top, 5)],
        place(0.0),
        place(difference[-1]),
    )


def _mirrored(drawn: str, width: int) -> str:
    """A path from left to right as one that goes on from right to left."""
    points = drawn.removeprefix("M").split("L")
    return "".join(f"L{width - float(x):.1f} {y}" for x, y in (point.split() for point in points))


def _points(value: float) -> str:
    whole = float(f"{value * 100:.6f}").is_integer()
    return formats.percent(value, signed=value != 0, places=0 if whole else 1)
