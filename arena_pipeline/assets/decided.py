"""How far decisions reach. What a decision rests on is not made otherwise once it is stored: what comes to be
known of the past afterwards counts from then on.

A replay asks the store that it replays, for what had been decided at the time that it has come to.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select

from arena_pipeline.arena import Arena
from arena_pipeline.warehouse.research_tables import briefing_use
from arena_pipeline.warehouse.store import ArenaStore, utc_text
from arena_pipeline.warehouse.tables import decisions


def decided_until(arena: Arena, at: datetime) -> datetime | None:
    """The time of the newest session that any model had decided before `at` (UTC); None before the first."""
    return _newest(arena, at)


def shown_until(arena: Arena, at: datetime) -> datetime | None:
    """The same of the sessions whose briefings a model was shown: they rest on news too."""
    return _newest(arena, at, exists().where(briefing_use.c.decision == decisions.c.id))


def shown_sessions(store: ArenaStore) -> set[str]:
    """The sessions in which a model was shown briefings, by key."""
    with store.ledger.read() as connection:
        return set(connection.scalars(select(briefing_use.c.session).distinct()))


def _newest(arena: Arena, at: datetime, *conditions: ColumnElement[bool]) -> datetime | None:
    with (arena.origin or arena.store).ledger.read() as connection:
        newest = connection.scalar(
            select(func.max(decisions.c.session_time)).where(
                decisions.c.recorded_at < utc_text(at), *conditions
            )
        )
    return None if newest is None else datetime.fromisoformat(newest)
