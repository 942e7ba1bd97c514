"""Invariants against looking ahead: nothing rests on what was not known at its time.

A session's evidence was known before the session, a day's before its end. What is checked are the edges in
force; that they are the ones that the steps lay is what the replay compares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime

from sqlalchemy import select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.technical import bar_window
from arena_pipeline.errors import DataError
from arena_pipeline.warehouse.lineage import REMEMBERS, WINDOW, prefix, session_of, window_of
from arena_pipeline.warehouse.readers import end_of_day
from arena_pipeline.warehouse.store import Edge
from arena_pipeline.warehouse.tables import evidence

Problems = Iterator[str]
Vintages = Mapping[tuple[str, str], list[tuple[datetime, str]]]
"""(known at, id) of each vintage of a daily bar, oldest first, by symbol and day."""

SHARED_WITH = ("decision", "order")
"""What may rest on a briefing of an earlier session."""

OF_DAYS = ("snapshot", "board")
"""What is derived for a day, by what was known at its end."""


def every_run_of_bars_was_known_to_its_session(arena: Arena) -> Problems:
    """Its first and last bar are stored, and some vintage of the last was known before the session; an
    indicator row names the vintages that were in force then, and rests on the run between them."""
    edges = [edge for edge in edges_in_force(arena) if prefix(edge.parent) == "bars"]
    bars = _daily_bars(arena)
    for edge in edges:
        if WINDOW.fullmatch(edge.parent) is None:
            yield f"{edge.child} {edge.role} {edge.parent}, which is no run of bars"
            continue
        symbol, first, last = window_of(edge.parent)
        time = _time(arena, edge.child)
        missing = [day for day in (first, last) if (symbol, day) not in bars]
        if time is None:
            yield f"{edge.child} {edge.role} {edge.parent}, and belongs to no session"
        elif missing:
            yield f"{edge.child} {edge.role} {edge.parent}, and there is no bar of {', '.join(missing)}"
        elif bars[symbol, last][0][0] >= time:
            yield (
                f"{edge.child} {edge.role} {edge.parent}, whose last bar was known only at "
                f"{bars[symbol, last][0][0]}"
            )
    yield from _indicator_problems(arena, edges, bars)


def evidence_is_as_old_as_what_rests_on_it(arena: Arena) -> Problems:
    """What a session made rests on rows of the same session, a decision also on briefings that were written
    for an earlier one and shared, and on what its model remembers, as known before the session; a snapshot
    and a board line rest on bars and corporate actions that were known at the end of their day."""
    edges = edges_in_force(arena)
    of_days = [
        edge for edge in edges if prefix(edge.child) in OF_DAYS and prefix(edge.parent) in ("bar", "action")
    ]
    remembered = [edge for edge in edges if edge.role == REMEMBERS and prefix(edge.parent) == "bar"]
    known_at = _known_at(arena, {edge.parent for edge in (*of_days, *remembered)})
    for edge in remembered:
        time = _time(arena, edge.child)
        if edge.parent in known_at and (time is None or known_at[edge.parent] >= time):
            yield f"{edge.child} {edge.role} {edge.parent}, known only at {known_at[edge.parent]}"
    for edge in of_days:
        until = end_of_day(arena.calendar, _day_of(edge.child))
        if edge.parent in known_at and known_at[edge.parent] >= until:
            yield f"{edge.child} {edge.role} {edge.parent}, known only at {known_at[edge.parent]}"
    for edge in edges:
        session, other = session_of(edge.child), session_of(edge.parent)
        if not session or not other or session == other:
            continue
        if other > session or prefix(edge.child) not in SHARED_WITH:
            yield f"{edge.child} {edge.role} {edge.parent}, which is of another session"


def edges_in_force(arena: Arena) -> list[Edge]:
    with arena.store.ledger.read() as connection:
        return [
            Edge(row.child, row.parent, row.role)
            for row in connection.execute(
                select(evidence.c.child, evidence.c.parent, evidence.c.role).where(
                    evidence.c.superseded_at.is_(None)
                )
            )
        ]


def _indicator_problems(arena: Arena, edges: Collection[Edge], bars: Vintages) -> Problems:
    laid: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        laid[edge.child].add(edge.parent)
    with arena.store.query("indicators") as connection:
        rows = connection.execute(
            "SELECT id, symbol, first_bar, last_bar FROM indicators WHERE first_bar IS NOT NULL ORDER BY id"
        ).fetchall()
    for identity, symbol, first_bar, last_bar in rows:
        time = _time(arena, identity)
        if laid[identity] != {bar_window(symbol, first_bar, last_bar)}:
            yield f"{identity} was computed from {first_bar} to {last_bar}, its evidence says otherwise"
        for bar in (first_bar, last_bar):
            known = [
                vintage
                for known_at, vintage in bars.get((symbol, bar.split(":")[2]), ())
                if time is not None and known_at < time
            ]
            if known[-1:] != [bar]:
                yield f"{identity} was computed from {bar}, and {', '.join(known[-1:]) or 'no bar'} was known"


def _daily_bars(arena: Arena) -> Vintages:
    found: dict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
    with arena.store.query("daily_bars") as connection:
        for symbol, day, known_at, identity in connection.execute(
            "SELECT symbol, day, known_at, id FROM daily_bars ORDER BY symbol, day, vintage"
        ).fetchall():
            found[symbol, day.isoformat()].append((known_at, identity))
    return dict(found)


def _known_at(arena: Arena, identities: set[str]) -> dict[str, datetime]:
    return {
        row["id"]: row["known_at"]
        for asset in ("daily_bars", "intraday_bars", "corporate_actions")
        for row in arena.store.rows(asset, "list_contains($ids, id)", ids=sorted(identities) or [""])
    }


def _time(arena: Arena, identity: str) -> datetime | None:
    """When the session of an id was, UTC; None where the id names none that the calendar has."""
    session = session_of(identity)
    if session is None:
        return None
    try:
        return arena.calendar.session(session).time
    except DataError:
        return None


def _day_of(identity: str) -> date:
    """The trading day in the id of a snapshot (at its end) or of a board line (in its middle)."""
    part = identity.rsplit(":", 1)[1] if prefix(identity) == "snapshot" else identity.split(":")[1]
    return date.fromisoformat(part)
