"""A model's page, and the list of models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from arena_api.reading import Document, books, models, operations, profiles
from arena_api.reading import decisions as lists
from arena_api.reading.equity import equity as all_books
from arena_api.reading.pages import Asked, WrongCursor, key_of
from arena_pipeline.errors import DataError
from arena_pipeline.strategies import Strategy, Style
from dashboards import equity
from dashboards.calibration import SIDE, dots
from dashboards.shell import Shell, ShellOf, chosen

HERE = "/models"
router = APIRouter()

SHOWN = ("trade", "decision", "snapshot", "position_mark", "board")
"""Messages that change a model's page."""

TRADES, DECISIONS = 15, 8
"""So many are shown at a time."""

STRATEGIES = {
    Strategy.CASH: "never buys anything",
    Strategy.BENCHMARK: "buys the benchmark once and holds it",
    Strategy.EQUAL_WEIGHT: "buys every share once, each for the same amount",
    Strategy.MOMENTUM: "holds the shares that rose most, and looks again at times",
    Strategy.RANDOM: "buys and sells by lot",
    Style.SWING: "is told to swing trade: 3 to 20 trading days",
    Style.DAY: "is told to day trade: hours, at most until the next trading day",
    Style.VALUE: "is told to invest by value: weeks and months",
}
"""What a model does, in words."""


@router.get("/models")
def index(shell: ShellOf) -> HTMLResponse:
    board = models.board(shell.reading)
    lines = {line["model"]: line for line in board["models"]}
    return shell.page(
        "models.html", here=HERE, models=models.models(shell.reading), lines=lines, strategies=STRATEGIES
    )


@router.get("/models/{identity}")
def model(shell: ShellOf, identity: str) -> HTMLResponse:
    live = shell.live(*SHOWN)
    try:
        found = models.model(shell.reading, identity)
    except DataError:
        return shell.missing(identity, here=HERE)
    reading, asked = shell.reading, shell.request.query_params
    unit = chosen(asked.get("unit"), equity.UNITS, equity.DEFAULT_UNIT)
    period = chosen(asked.get("range"), equity.RANGES, equity.DEFAULT_RANGE)
    all_models = all_books(reading)
    view = (all_models, shell.series, unit, period, identity)
    held = books.position_list(reading, identity)
    performance = books.performance(reading, identity)
    return shell.page(
        "model.html",
        here=HERE,
        live=live,
        model=found,
        strategies=STRATEGIES,
        portfolio=books.portfolio(reading, identity),
        line=performance["metrics"],
        line_as_of=performance["metrics_as_of"],
        equity=all_models,
        unit=unit,
        period=period,
        picture=equity.picture(*view),
        table=equity.table(*view),
        benchmark_name=equity.benchmark_name(all_models["benchmark"]),
        held=held,
        openings=profiles.openings(
            reading, identity, [row["symbol"] for row in held["positions"]], held["as_of"]
        ),
        trades=lists.trades_of(reading, identity, _asked(shell, "trades", TRADES)),
        reasoning=lists.reasoning(reading, identity, _asked(shell, "decisions", DECISIONS)),
        counts=profiles.decision_counts(reading, identity),
        bill=_bill(operations.costs(reading), identity),
        skill=_skill(shell, performance["metrics"]),
        side=SIDE,
    )


def _asked(shell: Shell, name: str, limit: int) -> Asked:
    """The page of a list that the address names; its first where it names none that there is."""
    cursor = shell.request.query_params.get(name)
    try:
        return Asked(limit=limit, after=key_of(cursor) if cursor else None)
    except WrongCursor:
        return Asked(limit=limit)


def _bill(costs: Document, identity: str) -> dict[str, Any] | None:
    """What a model's own calls cost; None when it made none."""
    return next((each for each in costs["models"] if each["model"] == identity), None)


def _skill(shell: Shell, line: Document | None) -> dict[str, Any] | None:
    """What the board says of a model's forecasts over one horizon, with the dots of its calibration."""
    found = (line or {}).get("skill") or {}
    if not found:
        return None
    horizons = sorted(found, key=int)
    horizon = chosen(shell.request.query_params.get("horizon"), horizons, horizons[-1])
    chosen_one = found[horizon]
    return {**chosen_one, "horizons": horizons, "chosen": horizon, "dots": dots(chosen_one["calibration"])}
