"""Who wrote the briefings of an arena that is derived again: the choice of model may have changed since."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
from sqlalchemy import select

from arena_pipeline.research.briefing import briefing_id
from arena_pipeline.warehouse.store import CHUNK, ArenaStore
from arena_pipeline.warehouse.tables import model_costs


def authors(
    origin: ArenaStore, spender: str, assets: Sequence[str], sessions: Sequence[str], symbols: Sequence[str]
) -> dict[str, str]:
    """The research model of each briefing of some sessions, by the briefing's id.

    As the briefings in the lake say; where its files are gone, as the costs of the session say, in which
    nearly always one model wrote all of them.
    """
    try:
        return {
            row["id"]: row["author_model"]
            for asset in assets
            for row in origin.rows(asset, "list_contains($keys, session)", keys=list(sessions))
        }
    except duckdb.IOException:
        pass
    found: dict[str, str] = {}
    with origin.ledger.read() as connection:
        for start in range(0, len(sessions), CHUNK):
            for row in connection.execute(
                select(model_costs.c.session, model_costs.c.model_asked).where(
                    model_costs.c.spender == spender,
                    model_costs.c.session.in_(sessions[start : start + CHUNK]),
                )
            ):
                found |= {briefing_id(row.session, symbol): row.model_asked for symbol in symbols}
    return found
