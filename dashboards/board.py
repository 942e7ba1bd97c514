"""The leaderboard as its page shows it: sorted by a column, intervals as marks on a common scale, and the
ranks under other terms as a surface. Pure functions over the API's documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be sorted by. `first` is the order that a click asks for at first: `-` is the largest
    on top."""

    key: str
    label: str
    first: str
    value: Callable[[Line], Any]
    why: str = ""


def _number(name: str) -> Callable[[Line], Any]:
    return lambda line: None if line[name] is None else float(line[name])


def _luck(line: Line) -> float | None:
    return line["luck"]["percentile"] if line["luck"] else None


COLUMNS = (
    Column(
        "rank", "Rank", "", _number("rank"), "by return; below it the interval of ranks over resampled days"
    ),
    Column("model", "Model", "", lambda line: line["model"]),
    Column("nav", "Value", "-", _number("nav"), "net asset value: cash and holdings at the day’s close"),
    Column("return", "Return", "-", _number("return"), "since the start; the bar is its interval"),
    Column("excess", "vs benchmark", "-", _number("excess_return"), "return less the benchmark’s"),
    Column(
        "sharpe", "Sharpe", "-", _number("sharpe"), "a year, at a risk-free rate of zero; with its interval"
    ),
    Column("drawdown", "Max drawdown", "-", _number("max_drawdown"), "from the highest value so far"),
    Column("wins", "Win rate", "-", _number("win_rate"), "of closed trades"),
    Column(
        "luck",
        "Luck score",
        "-",
        _luck,
        "percentile among traders with the same orders in shares drawn by lot",
    ),
    Column("trades", "Trades", "-", _number("trades"), "executed orders"),
    Column("fees", "Fees", "", _number("fees"), "paid for executed orders; deducted"),
    Column("cost", "Model cost", "", _number("llm_cost_usd"), "of its calls; not deducted"),
    Column("days", "Clean days", "-", _number("days"), "trading days whose outcome no model may have known"),
)
BY_KEY = {column.key: column for column in COLUMNS}
SORTS = {f"{sign}{key}" for sign in ("", "-") for key in BY_KEY}


def in_order(found: Sequence[Line], sort: str) -> list[Line]:
    """The lines by a column, `-` for the largest first; what is not defined comes last either way."""
    value = BY_KEY[sort.removeprefix("-")].value
    known = [line for line in found if value(line) is not None]
    known.sort(key=value, reverse=sort.startswith("-"))
    return known + [line for line in found if value(line) is None]


def next_sort(column: Column, sort: str) -> str | None:
    """What a click on a column's head asks for; None is the page's own order, by rank."""
    wanted = f"{column.first}{column.key}"
    if sort == wanted:
        wanted = column.key if column.first else f"-{column.key}"
    return None if wanted == "rank" else wanted


@dataclass(frozen=True, slots=True)
class Mark:
    """A value and its interval, places from 0 to `WIDTH`; `low` and `high` are None where there is none."""

    at: float
    low: float | None
    high: float | None


WIDTH = 120
"""Of the drawing in a cell, in its own units."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Those of all lines by model, on one scale, and where zero is on it."""

    zero: float
    of: Mapping[str, Mark]


def return_marks(found: Sequence[Line]) -> Marks:
    """Returns with their intervals. The scale holds zero and all of them."""
    values = [0.0]
    for line in found:
        values += [value for value in (line["return"], *_interval(line)) if value is not None]
    low, high = min(values), max(values)
    room = (high - low) or 1.0

    def place(value: float) -> float:
        return round(4 + (value - low) / room * (WIDTH - 8), 1)

    marks = {}
    for line in found:
        if line["return"] is not None:
            below, above = _interval(line)
            known = below is not None and above is not None
            ends = (place(below), place(above)) if known else (None, None)  # type: ignore[arg-type]
            marks[line["model"]] = Mark(place(line["return"]), *ends)
    return Marks(place(0.0), marks)


def _interval(line: Line) -> tuple[float | None, float | None]:
    found = line["significance"]
    return (found["return_low"], found["return_high"]) if found else (None, None)


def tied(found: Sequence[Line]) -> set[str]:
    """The models that share their rank with another, because chance may have put one before the other."""
    shared = [(line["significance"] or {}).get("shared_rank") for line in found]
    return {
        line["model"]
        for line, rank in zip(found, shared, strict=True)
        if rank is not None and shared.count(rank) > 1
    }


WAITS = {"now": "at once", "next_bar": "one bar later", "next_open": "at the next opening"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A rank under some terms; `heat` from -3 (far worse) to 3 (far better than under the arena's own)."""

    rank: int | None
    heat: int


@dataclass(frozen=True, slots=True)
class Surface:
    """Ranks under all terms: `groups` of columns by when orders fill, within them `subgroups`
    by slippage, and `columns` of slippage and fee."""

    groups: Sequence[tuple[str, int]]
    subgroups: Sequence[tuple[str, int]]
    columns: Sequence[tuple[str, str]]
    own: int | None
    rows: Sequence[tuple[str, Sequence[Cell], Line]]


def surface(robustness: Line | None, terms: Mapping[str, str | None] | None) -> Surface | None:
    """The stored ranks under other fees, slippage and fills; `own` is the column of the arena's own terms, if
    those are among them."""
    if not robustness or not robustness["scenarios"]:
        return None
    order = list(WAITS)
    scenarios = sorted(
        robustness["scenarios"],
        key=lambda each: (order.index(each["wait"]), float(each["slippage_bp"]), float(each["fee"])),
    )
    waits = [each["wait"] for each in scenarios]
    own = next((index for index, each in enumerate(scenarios) if _same(each, terms)), None)
    ranks = [{outcome["model"]: outcome["rank"] for outcome in each["outcomes"]} for each in scenarios]
    rows = []
    for spread in robustness["spans"]:
        model = spread["model"]
        base = None if own is None else ranks[own].get(model)
        cells = [Cell(found.get(model), _heat(found.get(model), base)) for found in ranks]
        rows.append((model, cells, spread))
    return Surface(
        groups=[(WAITS[wait], waits.count(wait)) for wait in dict.fromkeys(waits)],
        subgroups=[
            (slippage, len(list(run)))
            for (_, slippage), run in groupby(scenarios, key=lambda each: (each["wait"], each["slippage_bp"]))
        ],
        columns=[(each["slippage_bp"], each["fee"]) for each in scenarios],
        own=own,
        rows=rows,
    )


def _same(scenario: Line, terms: Mapping[str, str | None] | None) -> bool:
    if terms is None or scenario["wait"] != "now":
        return False
    return float(scenario["fee"]) == float(terms["fee_per_order"] or 0) and float(
        scenario["slippage_bp"]
    ) == float(terms["slippage_bp"] or 0)


def _heat(rank: int | None, base: int | None) -> int:
    if rank is None or base is None:
        return 0
    return max(-3, min(3, base - rank))
