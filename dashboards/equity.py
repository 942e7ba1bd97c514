"""The equity chart's numbers: one document for the script, and the same as a table and as lines of an SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from arena_api.reading import Document
from dashboards import formats
from dashboards.lines import Label, Line, Tick, Values, apart, path, span, thinned
from dashboards.lines import ticks as round_values
from dashboards.palette import BENCHMARK_CLASS

RANGES = {"1w": 6, "1m": 22, "3m": 64, "all": None}
"""The newest so many trading days: the change over 5, 21 and 63 of them."""

UNITS = ("pct", "eur", "rel")
DEFAULT_RANGE, DEFAULT_UNIT = "3m", "pct"
FIELDS = {"eur": "nav_cents", "pct": "return", "rel": "excess"}
MOST_POINTS = 600
"""So many days at most go to a browser; of more, evenly chosen ones before the longest period of `RANGES`."""

WIDTH, HEIGHT, LABELS, MARGIN, GAP = 1100, 380, 236, 64, 17
"""Of the SVG, in its own units: labels take a strip at the right, ticks a margin at the left."""

Classes = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Picture:
    """The chart without a script."""

    lines: Sequence[Line]
    labels: Sequence[Label]
    ticks: Sequence[Tick]
    zero: float | None
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Table:
    """The chart's numbers as text, the newest day first; the last column is the benchmark."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, Sequence[str]]]


def document(found: Document, classes: Classes) -> Document:
    """What the script draws. Values in cents, drawdowns in hundredths of a per cent, `market` a fraction."""
    days = found["days"]
    kept = _kept(len(days))
    return {
        "start": found["starting_cash_cents"],
        "days": [days[index] for index in kept],
        "market": [found["benchmark_return"][index] for index in kept],
        "models": [
            {
                "id": model["id"],
                "kind": model["kind"],
                "classes": classes(model["id"]),
                "base": _base(model["nav_cents"], found["benchmark_return"]),
                "nav": [model["nav_cents"][index] for index in kept],
                "drawdown": [_hundredths(model["drawdown"][index]) for index in kept],
            }
            for model in found["models"]
        ],
    }


def picture(found: Document, classes: Classes, unit: str, period: str, model: str | None) -> Picture | None:
    """The lines of a period in a unit; of one model and the benchmark, or of all. None without two days."""
    shown = _shown(found, classes, unit, period, model)
    if len(found["days"]) < 2 or not shown:
        return None
    low, high = span([values for _, _, values in shown])
    right, bottom = WIDTH - LABELS - MARGIN, HEIGHT

    def place(value: float) -> float:
        return bottom - (value - low) / (high - low) * bottom

    ends = [(name, kind, _last(values)) for name, kind, values in shown]
    known = [(name, kind, value) for name, kind, value in ends if value is not None]
    spots = apart([place(value) for _, _, value in known], GAP, 8, bottom - 4)
    days = _cut(found["days"], period)
    base = found["starting_cash_cents"] / 100 if unit == "eur" else 0.0
    return Picture(
        lines=[Line(kind, path(thinned(values, 130), low, high, right, bottom)) for _, kind, values in shown],
        labels=[
            Label(f"{text(value, unit)} {name}", kind, spot, place(value))
            for (name, kind, value), spot in zip(known, spots, strict=True)
        ],
        ticks=[Tick(text(value, unit, axis=True), place(value)) for value in round_values(low, high)],
        zero=place(base) if low <= base <= high else None,
        first=formats.day(days[0]),
        last=formats.day(days[-1]),
    )


def table(found: Document, classes: Classes, unit: str, period: str, model: str | None) -> Table:
    """The same numbers, a row for each day."""
    shown = _shown(found, classes, unit, period, model)
    days = _cut(found["days"], period)
    rows = [(day, [text(values[index], unit) for _, _, values in shown]) for index, day in enumerate(days)]
    return Table([(name, kind) for name, kind, _ in shown], rows[::-1])


def text(value: float | None, unit: str, *, axis: bool = False) -> str:
    """A value of the chart as its labels show it."""
    if unit == "eur":
        return formats.amount(value, 0)
    if axis and value == 0:
        return formats.percent(value, signed=False, places=0)
    return formats.percent(value, places=1 if axis else 2)


def _shown(
    found: Document, classes: Classes, unit: str, period: str, model: str | None
) -> list[tuple[str, str, Values]]:
    scale = 100 if unit == "eur" else 1
    rows = [
        (each["id"], classes(each["id"]), _scaled(_cut(each[FIELDS[unit]], period), scale))
        for each in found["models"]
        if model in (None, each["id"])
    ]
    market = _cut(found["benchmark_return"], period)
    start = found["starting_cash_cents"] / 100
    if unit == "eur":
        market = [None if value is None else start * (1 + value) for value in market]
    elif unit == "rel":
        market = [None if value is None else 0.0 for value in market]
    return [*rows, (benchmark_name(found["benchmark"]), BENCHMARK_CLASS, market)] if rows else []


def benchmark_name(symbol: str) -> str:
    """An index as people call it."""
    return {"^GDAXI": "DAX", "^GSPC": "S&P 500", "^FTSE": "FTSE 100"}.get(symbol, symbol)


def _cut(values: Sequence[Any], period: str) -> list[Any]:
    newest = RANGES[period]
    return list(values) if newest is None else list(values[-newest:])


def _kept(count: int) -> Sequence[int]:
    if count <= MOST_POINTS:
        return range(count)
    newest = max(days for days in RANGES.values() if days)
    older, places = count - newest, MOST_POINTS - newest
    return [*(round(index * older / places) for index in range(places)), *range(older, count)]


def _base(navs: Sequence[int | None], market: Sequence[float | None]) -> float:
    """The benchmark's return up to the day before a model's first."""
    first = next((index for index, value in enumerate(navs) if value is not None), 0)
    return (market[first - 1] or 0.0) if first else 0.0


def _scaled(values: Sequence[float | None], scale: int) -> list[float | None]:
    return [None if value is None else value / scale for value in values]


def _last(values: Values) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


def _hundredths(value: float | None) -> int | None:
    return None if value is None else round(value * 10_000)
