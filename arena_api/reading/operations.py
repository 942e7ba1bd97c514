"""How the arena itself fares: health, what language models cost, and what is wrong with the data."""

from __future__ import annotations

import json
from datetime import datetime
from importlib.metadata import version
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from arena_api.reading import Document, Reading
from arena_api.reading.stored import asset_state, newest_partition
from arena_api.reading.values import plain
from arena_pipeline.errors import ArenaError, LedgerError
from arena_pipeline.warehouse import coverage, views
from arena_pipeline.warehouse.costs import Bill, cost_document, day_bill
from arena_pipeline.warehouse.outbox import outbox
from arena_pipeline.warehouse.provenance import provenance
from arena_pipeline.warehouse.store import ArenaStore
from arena_pipeline.warehouse.tables import catalog, decisions
from arena_pipeline.warehouse.views import newest_snapshot

MOST_CHECKS = 2_000
"""So many results of checks are looked through for the last of each."""

NOTHING = {"bars": None, "snapshots": None, "leaderboard": None}


def health(reading: Reading) -> Document:
    """That the server answers; `degraded`, with the reason, when what it reads from cannot be read."""
    try:
        store = reading.store()
        newest = NOTHING if store is None else views.newest_days(store)
        state, reason = "ok", None if store is not None else "nothing has been run yet"
    except (ArenaError, SQLAlchemyError):
        newest, state, reason = NOTHING, "degraded", "the ledger cannot be read; the server's log says why"
    return {
        "status": state,
        "reason": reason,
        "version": version("sentiment-arena"),
        "simulated": reading.simulated,
        "newest": newest,
    }


def readiness(reading: Reading) -> Document:
    """Whether ledger and lake can be read, and how old their newest partition is. Raises LedgerError when one
    cannot be read."""
    store = reading.store()
    if store is None:
        return {"ready": True, "simulated": reading.simulated, "newest_partition": None, "age_seconds": None}
    try:
        with store.ledger.read() as connection:
            known_at = connection.scalar(select(func.max(catalog.c.known_at)))
            path = connection.scalar(
                select(catalog.c.path)
                .where(catalog.c.path.is_not(None), catalog.c.superseded_at.is_(None))
                .order_by(catalog.c.id.desc())
                .limit(1)
            )
    except SQLAlchemyError as error:
        raise LedgerError(f"the ledger cannot be read: {error}") from error
    if path is not None:
        _require_file(store, path)
    age = None
    if known_at is not None:
        age = max((reading.clock() - datetime.fromisoformat(known_at)).total_seconds(), 0.0)
    return {
        "ready": True,
        "simulated": reading.simulated,
        "newest_partition": known_at,
        "age_seconds": age,
    }


def costs(reading: Reading) -> Document:
    """Tokens and cost of the models' calls, by model, session and day, and what a month would come to."""
    store = reading.store()
    if store is None:
        return {
            "simulated": reading.simulated,
            "as_of": None,
            "provenance": None,
            "sessions": [],
            "days": [],
            "models": [],
            "month": None,
        }
    found = cost_document(store, simulated=reading.simulated)
    with store.ledger.read() as connection:
        made = provenance(connection)
    newest = max((line["session"] for line in found["sessions"]), default=None)
    return {"as_of": newest, "provenance": made, **found}


def day_cost(reading: Reading, day: str) -> Document:
    """What the models' calls for one trading day cost."""
    store = reading.store()
    return Bill().document() if store is None else day_bill(store, day)


def quality(reading: Reading) -> Document:
    """What is wrong with the newest data: what each asset check last found, findings of the bar checks,
    feeds, models at their endpoint, vendors' coverage, and how many decisions were abstained from."""
    store = reading.store()
    if store is None:
        return {
            "simulated": reading.simulated,
            "as_of": None,
            "provenance": None,
            "bars": None,
            "checks": [],
            "findings": [],
            "feeds": [],
            "models": [],
            "coverage": [],
            "decisions": {},
        }
    bars = newest_partition(store, "daily_bars")
    with store.ledger.read() as connection:
        outcomes = connection.execute(
            select(decisions.c.outcome, func.count()).group_by(decisions.c.outcome)
        ).all()
        as_of = newest_snapshot(connection)
        made = provenance(connection)
        checks = _last_checks(connection)
    return {
        "simulated": reading.simulated,
        "as_of": as_of,
        "provenance": made,
        "bars": bars,
        "checks": checks,
        "findings": _newest(reading, store, "bar_findings"),
        "feeds": _newest(reading, store, "feed_health"),
        "models": _newest(reading, store, "model_catalog"),
        "coverage": [
            {
                "vendor": entry.ask.vendor,
                "symbol": entry.ask.symbol,
                "subject": entry.ask.subject,
                "outcome": entry.coverage.value,
                "learned_at": entry.at.isoformat(),
                "reason": entry.reason,
            }
            for entry in {each.ask: each for each in coverage.learned(store)}.values()
        ],
        "decisions": {row[0]: row[1] for row in outcomes},
    }


def _last_checks(connection: Connection) -> list[dict[str, Any]]:
    """What each asset check found when it last ran, as its run told listeners."""
    told = connection.execute(
        select(outbox.c.at, outbox.c.data)
        .where(outbox.c.kind == "check")
        .order_by(outbox.c.number.desc())
        .limit(MOST_CHECKS)
    )
    last: dict[str, dict[str, Any]] = {}
    for row in told:
        found = json.loads(row.data)
        last.setdefault(found["check"], {"asset": None, **found, "at": row.at})
    return [last[name] for name in sorted(last)]


def _newest(reading: Reading, store: ArenaStore, asset: str) -> list[dict[str, Any]]:
    """The rows of a table's newest partition, with its key as `partition`."""

    def read() -> list[dict[str, Any]]:
        key = newest_partition(store, asset)
        return [] if key is None else [plain(row) for row in store.rows_in(asset, [key])]

    return reading.remembered((asset, "newest"), asset_state(store, asset), read)


def _require_file(store: ArenaStore, path: str) -> None:
    if not store.lake.exists(path):
        raise LedgerError(f"{path} is not in the lake", remedy="restore it from a backup, or rebuild")
