"""The contestants and the board."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select

from arena_api.reading import Document, Reading
from arena_pipeline.errors import DataError
from arena_pipeline.warehouse import tables, views
from arena_pipeline.warehouse.store import ArenaStore

CLEAN, ALL_DAYS = "clean", "all"
"""The days that a board counts: those whose outcome no model may have known, or all."""


def models(reading: Reading) -> Document:
    """Every contestant, with the newest value of its book."""
    store = reading.store()
    if store is None:
        return {"simulated": reading.simulated, "as_of": None, "provenance": None, "models": []}
    return views.model_list(store, simulated=reading.simulated)


def model(reading: Reading, identity: str) -> Document:
    """One contestant. Raises DataError for an unknown one."""
    registered(reading, identity)
    found = models(reading)
    (line,) = (each for each in found["models"] if each["id"] == identity)
    return {"simulated": found["simulated"], "provenance": found["provenance"], **line}


def registered(reading: Reading, identity: str) -> ArenaStore:
    """The store, for the id of a contestant. Raises DataError when there is none of that name."""
    store = reading.store()
    if store is not None:
        with store.ledger.read() as connection:
            if connection.scalar(select(tables.models.c.id).where(tables.models.c.id == identity)):
                return store
    raise DataError(f"there is no model {identity!r}", remedy="/api/models lists them")


def board(
    reading: Reading,
    as_of: date | None = None,
    *,
    days: str = CLEAN,
    terms: dict[str, str] | None = None,
) -> Document:
    """The board of a trading day, the newest unless `as_of` is given. `days`: over those that count, or over
    all. `terms` adds as `variant` the ranks under those terms (`fee`, `slippage_bp`, `wait`): raises
    DataError when there are none such."""
    store = reading.store()
    if store is None:
        found: Document = {
            "as_of": None,
            "simulated": reading.simulated,
            "provenance": None,
            "models": [],
            "assessment": None,
            "robustness": None,
        }
    else:
        found = views.board(store, simulated=reading.simulated, as_of=as_of, all_days=days == ALL_DAYS)
    if terms:
        found["variant"] = _variant(found, terms)
    return found


def days_around(reading: Reading, day: str | None) -> tuple[str | None, str | None]:
    """The trading days with a board before and after one."""
    store = reading.store()
    if store is None or day is None:
        return None, None
    found = tables.leaderboard.c.trading_day
    current = tables.leaderboard.c.superseded_at.is_(None)
    with store.ledger.read() as connection:
        before = connection.scalar(select(func.max(found)).where(current, found < day))
        after = connection.scalar(select(func.min(found)).where(current, found > day))
    return before, after


def _variant(board: Document, terms: dict[str, str]) -> Document:
    robustness = board["robustness"] or {"as_of": None, "scenarios": []}
    for scenario in robustness["scenarios"]:
        if all(scenario[name] == value for name, value in terms.items()):
            return {"as_of": robustness["as_of"], **scenario}
    asked = ", ".join(f"{name} {value}" for name, value in terms.items())
    raise DataError(
        f"no ranks are stored under {asked}",
        remedy="the board's `robustness` lists the terms there are, from the end of its first quarter on",
    )
