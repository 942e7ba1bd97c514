"""What a run left undone: decisions and briefings stopped by want of money, and shares without prices."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.research import HELD
from arena_pipeline.llm.failure import is_want_of_money
from arena_pipeline.warehouse.store import ArenaStore
from arena_pipeline.warehouse.tables import catalog, decisions

NO_SYNTHESIS = "no synthesis: "
"""How a briefing begins to say why it has no reading."""


def left_undone(store: ArenaStore, since: int) -> list[str]:
    """The ids of decisions that abstained and of briefings that stayed without a reading for want of money,
    among the partitions that were entered after the catalog's row `since`, by time."""
    with store.ledger.read() as connection:
        entered = connection.execute(
            select(catalog.c.asset, catalog.c.partition).where(
                catalog.c.id > since, catalog.c.asset.in_(["decisions", "briefings", HELD])
            )
        ).all()
        abstained = connection.execute(
            select(decisions.c.id, decisions.c.model, decisions.c.session, decisions.c.failure).where(
                decisions.c.failure.is_not(None)
            )
        ).all()
    new = {(row.asset, row.partition) for row in entered}
    found = [
        (row.session, row.id)
        for row in abstained
        if ("decisions", f"{row.model}|{row.session}") in new and is_want_of_money(row.failure)
    ]
    for asset in ("briefings", HELD):
        keys = [partition for name, partition in new if name == asset]
        for row in store.rows(asset, "NOT ok AND list_contains($keys, partition)", keys=keys) if keys else ():
            if any(is_want_of_money(problem.removeprefix(NO_SYNTHESIS)) for problem in row["problems"]):
                found.append((row["session"], row["id"]))
    return [identity for _, identity in sorted(set(found))]


def unpriced(arena: Arena, days: Iterable[date]) -> list[str]:
    """The symbols of the arena, benchmark included, of which no collected one of these days has a bar."""
    collected = sorted({str(day) for day in days} & arena.store.partitions("daily_bars").keys())
    if not collected:
        return []
    with arena.store.query("daily_bars") as connection:
        rows = connection.sql(
            "SELECT DISTINCT symbol FROM daily_bars WHERE list_contains($days, partition)",
            params={"days": collected},
        ).fetchall()
    return sorted(set(arena.priced_symbols) - {symbol for (symbol,) in rows})
