"""What a session knew: watchlist, momentum, indicators and briefings, each of one session."""

from __future__ import annotations

import json
from typing import Any

from arena_api.reading import Document, Reading
from arena_api.reading.stored import asset_state, newest_partition, partitions_of_session
from arena_api.reading.values import plain
from arena_pipeline.errors import DataError
from arena_pipeline.warehouse.store import Row

SHARED, HELD = "briefings", "held_briefings"
TABLES = ("watchlist", "momentum", "indicators")


def session_table(
    reading: Reading, table: str, session: str | None = None, symbol: str | None = None
) -> Document:
    """The rows of one of `TABLES` in a session, the newest unless one is given; of one share, or of all."""
    session, rows = _rows(reading, (table,), session)
    shown = [plain(row, drop=("partition",)) for row in rows if symbol in (None, row["symbol"])]
    if table == "watchlist":
        shown.sort(key=lambda row: row["rank"])
    return _document(reading, session, {table: shown})


def briefings(reading: Reading, session: str | None = None, symbol: str | None = None) -> Document:
    """The briefings of a session, the newest unless one is given: the watchlist's, and those of shares that a
    model holds."""
    session, rows = _rows(reading, (SHARED, HELD), session)
    shown = [_briefing(row) for row in rows if symbol in (None, row["symbol"])]
    return _document(reading, session, {"briefings": sorted(shown, key=lambda row: str(row["symbol"]))})


def briefing(reading: Reading, session: str, symbol: str) -> Document:
    """One briefing. Raises DataError when there is none of that session and share."""
    found: list[Document] = briefings(reading, session, symbol)["briefings"]
    if not found:
        raise DataError(
            f"there is no briefing on {symbol} in {session}", remedy="/api/briefings?session= lists them"
        )
    return {"simulated": reading.simulated, "as_of": session, "provenance": None, **found[0]}


def _rows(
    reading: Reading, tables: tuple[str, ...], session: str | None
) -> tuple[str | None, list[dict[str, Any]]]:
    """The session, and its rows in these tables with the name of their table as `table`."""
    store = reading.store()
    if store is None:
        return session, []
    session = session or newest_partition(store, tables[0])
    if session is None:
        return None, []
    key = session

    def read() -> list[dict[str, Any]]:
        return [
            {**row, "table": table}
            for table in tables
            for row in store.rows_in(table, partitions_of_session(store, table, key))
        ]

    return key, reading.remembered((tables, key), asset_state(store, *tables), read)


def _briefing(row: Row) -> Document:
    found = plain(row, drop=("partition", "table", "points", "facts", "quality_parts", "contradictions"))
    parts, contradictions = row.get("quality_parts"), row.get("contradictions")
    return found | {
        "held": row["table"] == HELD,
        "points": json.loads(row["points"]),
        "facts": json.loads(row["facts"]),
        "quality_parts": None if parts is None else json.loads(parts),
        "contradictions": None if contradictions is None else json.loads(contradictions),
    }


def _document(reading: Reading, session: str | None, rows: Document) -> Document:
    found = {
        name: [{key: value for key, value in row.items() if key != "table"} for row in each]
        for name, each in rows.items()
    }
    as_of = session if any(found.values()) else None
    return {"simulated": reading.simulated, "as_of": as_of, "provenance": None, "session": session, **found}
