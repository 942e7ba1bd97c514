"""Whether what is shown comes from decisions made live, in a backfill, or both."""

from __future__ import annotations

from sqlalchemy import Connection, exists, select

from arena_pipeline.warehouse.tables import decisions

LIVE, BACKFILL, MIXED = "live", "backfill", "mixed"


def provenance(connection: Connection, model: str | None = None, as_of: str | None = None) -> str | None:
    """Of all decisions, or of one model's, up to a trading day (YYYY-MM-DD) if one is given: `live`,
    `backfill`, `mixed`, or None where there is none."""
    found = []
    for kind in (LIVE, BACKFILL):
        wanted = [decisions.c.provenance == kind]
        if model is not None:
            wanted.append(decisions.c.model == model)
        if as_of is not None:
            wanted.append(decisions.c.trading_day <= as_of)
        if connection.scalar(select(exists().where(*wanted))):
            found.append(kind)
    return together(found)


def together(kinds: list[str]) -> str | None:
    """One word for several rows' provenance."""
    distinct = set(kinds)
    if len(distinct) > 1:
        return MIXED
    return distinct.pop() if distinct else None
