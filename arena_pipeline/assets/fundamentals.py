"""Group *fundamentals*: figures of the companies, by the trading day on which they were asked for.

Source: Alpha Vantage (25 calls a day on the free plan) or the sandbox. Each share is asked for on the first
day and then on every twentieth trading day, by a fixed rota, so that a backfill asks like a live arena. A
share that the vendor does not cover is a normal outcome, noted as such.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from arena_pipeline.arena import Arena
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.errors import NotCovered, SourceError
from arena_pipeline.sources.fundamentals import AlphaVantage, Figure
from arena_pipeline.warehouse.store import Partition, Row

ROTA_DAYS = 20
ASKED_AT = time(8, 0)


def financials(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """Company figures: market value, ratios, dividend yield, and the like.

    One row per share and figure; a share without figures has one row that says why in `note`. Values are in
    the unit named beside them (EUR, fraction, shares or none).
    """
    if arena.settings.fundamentals.source == "none":
        written = arena.store.write_frames(
            "financials", [Partition(key, []) for key in keys], run_id=run.id, now=arena.clock()
        )
        return [Outcome(entry, {"asked": 0, "source": "none configured"}) for entry in written]
    collection = arena.collection("financials", keys)
    vendor = arena.fundamentals(collection)
    rows: dict[str, list[Row]] = {}
    asked: dict[str, int] = {}
    for key in keys:
        day = date.fromisoformat(key)
        due = [symbol for symbol in arena.symbols if is_due(arena, symbol, day)]
        asked[key] = len(due)
        at = datetime.combine(day, ASKED_AT, tzinfo=arena.calendar.zone).astimezone(UTC)
        rows[key] = [row for symbol in due for row in _ask(vendor, symbol, at, run)]
    written = arena.store.write_frames(
        "financials",
        [Partition(key, rows[key]) for key in keys],
        run_id=run.id,
        now=arena.clock(),
        within=lambda connection: collection.enter(connection, run.id),
    )
    return [
        Outcome(
            entry,
            {
                "asked": asked[entry.key],
                "not_covered": sum(row["value"] is None for row in rows[entry.key]),
            },
            [{name: row[name] for name in ("symbol", "name", "value")} for row in rows[entry.key][:8]],
        )
        for entry in written
    ]


def is_due(arena: Arena, symbol: str, day: date) -> bool:
    """Whether the rota asks for a share on a trading day."""
    if day == arena.start:
        return True
    place = int.from_bytes(hashlib.sha256(symbol.encode()).digest()[:4], "big")
    return (len(arena.calendar.days(arena.start, day)) + place) % ROTA_DAYS == 0


def _ask(vendor: AlphaVantage, symbol: str, at: datetime, run: Run) -> list[Row]:
    try:
        return [_row(figure) for figure in vendor.overview(symbol, at)]
    except NotCovered as error:
        note = f"not covered: {error}"
    except SourceError as error:
        note = f"failed: {error}"
        run.report(f"financials of {symbol}: {error}")
    return [
        {
            "id": f"figure:{symbol}:none:{at.date()}",
            "symbol": symbol,
            "name": "none",
            "value": None,
            "unit": "",
            "period": "",
            "source": "",
            "known_at": at,
            "raw": "",
            "note": note,
        }
    ]


def _row(figure: Figure) -> Row:
    return {
        "id": figure.id,
        "symbol": figure.symbol,
        "name": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "period": figure.period,
        "source": figure.source,
        "known_at": figure.known_at,
        "raw": figure.raw,
        "note": None,
    }
