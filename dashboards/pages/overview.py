"""The arena at a glance: who leads, how all did, what they last did and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse

from arena_api.reading import Document, Reading, books, models, operations
from arena_api.reading import decisions as lists
from arena_api.reading.equity import SOURCES
from arena_api.reading.equity import equity as all_books
from arena_api.reading.pages import MAX_ROWS, Asked
from arena_api.reading.stored import asset_state
from arena_pipeline.errors import DataError
from arena_pipeline.warehouse.listings import Span
from dashboards import equity, lines
from dashboards.shell import Shell, ShellOf, chosen

router = APIRouter()

RAILS = ("trades", "decisions", "positions")
NEWEST = 14
"""Rows of the rail."""

LOOKED_AT = 100
"""Decisions among which those that say something are looked for."""

HOLDINGS = 5
"""Of each model, where all are shown."""

SPARK_DAYS = 64


@router.get("/")
def overview(shell: ShellOf) -> HTMLResponse:
    asked = shell.request.query_params
    live = shell.live()
    found = all_books(shell.reading)
    model = _model(shell)
    parts = _parts(shell, found, model)
    if found["days"] or parts["board"]["models"]:
        live = replace(live, address="/dash/overview.html")
    period = chosen(asked.get("range"), equity.RANGES, equity.DEFAULT_RANGE)
    unit = chosen(asked.get("unit"), equity.UNITS, equity.DEFAULT_UNIT)
    view = (found, unit, period, model)
    return shell.page(
        "overview.html",
        here="/",
        live=live,
        equity=found,
        unit=unit,
        period=period,
        **_chart(shell, *view),
        **parts,
    )


@router.get("/dash/overview.html")
def overview_parts(shell: ShellOf) -> HTMLResponse:
    """What changes with the data, for the script to put in place of what a page shows. `n`, the number of the
    newest message that the asker has seen, keeps answers from before it away."""
    found = all_books(shell.reading)
    return shell.part("overview_parts.html", **_parts(shell, found, _model(shell)))


@router.get("/dash/equity.json")
def equity_document(shell: ShellOf) -> JSONResponse:
    """The chart's numbers. `n` as in `overview_parts`."""
    return JSONResponse(equity.document(all_books(shell.reading), shell.series))


def _chart(shell: Shell, found: Document, unit: str, period: str, model: str | None) -> dict[str, Any]:
    """The chart without a script and its table; of all models it is made once for as long as it holds."""

    def made() -> dict[str, Any]:
        view = (found, shell.series, unit, period, model)
        return {"picture": equity.picture(*view), "table": equity.table(*view)}

    store = shell.reading.store()
    if model is not None or store is None:
        return made()
    state = asset_state(store, *SOURCES)
    return shell.reading.remembered(("equity chart", unit, period), state, made)


def _model(shell: Shell) -> str | None:
    """The only model to show, if one is asked for that there is."""
    asked = shell.request.query_params.get("model")
    if asked is None:
        return None
    return chosen(asked, [each["id"] for each in models.models(shell.reading)["models"]], None)


def _parts(shell: Shell, found: Document, model: str | None) -> dict[str, Any]:
    reading = shell.reading
    rail = chosen(shell.request.query_params.get("rail"), RAILS, RAILS[0])
    board = models.board(reading)
    return {
        "board": board,
        "model": model,
        "known": [(each["id"], each["kind"]) for each in found["models"]],
        "rail": rail,
        "rails": RAILS,
        "rows": ROWS[rail](reading, model),
        "today": _today(reading, board),
        "sparks": {each["id"]: _spark(each) for each in found["models"]},
        "benchmark_name": equity.benchmark_name(found["benchmark"]),
    }


def _today(reading: Reading, board: Document) -> dict[str, Any] | None:
    """Trades, fees and model cost of the board's day."""
    day = board["as_of"]
    if day is None:
        return None
    only = date.fromisoformat(day)
    done = lists.trades(reading, Asked(Span(only, only), limit=MAX_ROWS))
    return {
        "day": day,
        "trades": len(done["trades"]),
        "more": done["next_cursor"] is not None,
        "fees": sum((Decimal(trade["fee"]) for trade in done["trades"]), Decimal(0)),
        "cost": operations.day_cost(reading, day),
    }


def _trades(reading: Reading, model: str | None) -> list[dict[str, Any]]:
    """The newest trades, each with the model's own reason."""
    found: list[dict[str, Any]] = lists.trades(reading, Asked(limit=NEWEST), model=model)["trades"]
    reasons = lists.words(reading, [trade["order_id"] for trade in found])
    return [{**trade, "reason": reasons.get(trade["order_id"], "")} for trade in found]


def _decisions(reading: Reading, model: str | None) -> list[dict[str, Any]]:
    """The newest decisions; of all models those of language models, and those with orders."""
    found: list[dict[str, Any]] = lists.decisions(reading, Asked(limit=LOOKED_AT), model=model)["decisions"]
    if model is None:
        kinds = {each.id: each.kind for each in reading.settings.models}
        found = [each for each in found if each["orders"] or kinds.get(each["model"], "llm") == "llm"]
    return found[:NEWEST]


def _positions(reading: Reading, model: str | None) -> list[dict[str, Any]]:
    """What models hold: all of one model's, or the largest of each."""
    shown = [model] if model else [each["id"] for each in models.models(reading)["models"]]
    found = []
    for name in shown:
        try:
            held = books.position_list(reading, name)
        except DataError:
            continue
        rows = held["positions"]
        kept = rows if model else rows[:HOLDINGS]
        found.append({"model": name, "as_of": held["as_of"], "held": kept, "count": len(rows)})
    return sorted(found, key=lambda each: not each["count"])


def _spark(series: Document) -> str:
    return lines.sparkline(series["nav_cents"][-SPARK_DAYS:])


ROWS = {"trades": _trades, "decisions": _decisions, "positions": _positions}
