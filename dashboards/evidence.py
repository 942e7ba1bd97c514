"""The evidence of one decision as its page shows it: what it rests on, grouped by kind.

A run of bars stays one entry, `bars:SAP.DE:2023-01-02..2025-10-23`. The whole walk, with each of its bars, is
`/api/decisions/{id}/lineage`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from arena_pipeline.warehouse.lineage import LAKE_KINDS, kind, prefix, window_of
from arena_pipeline.warehouse.research_tables import extractions
from arena_pipeline.warehouse.store import CHUNK, ArenaStore, Row
from arena_pipeline.warehouse.tables import evidence, exchanges, fetches, model_costs

HASHES = ("raw", "sent_sha256", "reply_sha256")
"""Columns that name archived bytes."""

MAX_STEPS = 6
"""A decision's bytes are four edges away from it."""

SHOWN = 200
"""Entries of one kind that a page lists."""

TITLES = {
    "briefing": "Briefings",
    "extraction": "Readings of articles",
    "article": "Articles",
    "momentum": "News momentum",
    "indicators": "Indicators",
    "figure": "Company figures",
    "bar_window": "Runs of daily bars",
    "bar": "Single bars",
    "action": "Splits and dividends",
    "watchlist": "Watchlist entries",
    "llm_exchange": "Model calls",
    "archive_entry": "Archived answers and requests",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of evidence. `known_at` is UTC; `sha256` names the raw bytes it was read from."""

    id: str
    title: str = ""
    source: str = ""
    known_at: datetime | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The evidence of one kind: how many there are, and the first `SHOWN` of them."""

    kind: str
    title: str
    count: int
    items: Sequence[Item]


def groups(store: ArenaStore, roots: Iterable[str]) -> list[Group]:
    """What a decision, its orders and its fills (`roots`) were made from, the roots left out."""
    roots = set(roots)
    rows = _walk(store, roots)
    found: dict[str, list[Item]] = {}
    for identity in sorted(set(rows) - roots):
        found.setdefault(kind(identity), []).append(_item(identity, rows[identity]))
    order = [*TITLES, *sorted(set(found) - set(TITLES))]
    return [
        Group(name, TITLES.get(name, name), len(found[name]), found[name][:SHOWN])
        for name in order
        if name in found
    ]


def _walk(store: ArenaStore, roots: set[str]) -> dict[str, Row]:
    """Every id below the roots, with what is stored under it; runs of bars are not opened."""
    seen: dict[str, Row] = {}
    frontier = roots
    for _ in range(MAX_STEPS):
        rows = _rows(store, frontier)
        seen |= {identity: rows.get(identity, {}) for identity in frontier}
        parents = set(_parents(store, [identity for identity in frontier if prefix(identity) != "bars"]))
        for row in rows.values():
            parents |= {f"raw:{row[name]}" for name in HASHES if row.get(name)}
        frontier = parents - set(seen)
        if not frontier:
            break
    return seen


def _parents(store: ArenaStore, children: Sequence[str]) -> Iterator[str]:
    with store.ledger.read() as connection:
        for part in _chunks(children):
            yield from connection.scalars(
                select(evidence.c.parent).where(
                    evidence.c.child.in_(part), evidence.c.superseded_at.is_(None)
                )
            )


def _rows(store: ArenaStore, identities: Iterable[str]) -> dict[str, Row]:
    by_prefix: dict[str, list[str]] = {}
    for identity in sorted(identities):
        by_prefix.setdefault(prefix(identity), []).append(identity)
    found: dict[str, Row] = {}
    for name, ids in by_prefix.items():
        for asset in LAKE_KINDS.get(name, ()):
            found |= {row["id"]: row for row in store.rows(asset, "list_contains($ids, id)", ids=ids)}
    found |= _read(store, by_prefix.get("extraction", []))
    found |= _calls(store, by_prefix.get("llm", []))
    found |= _fetched(store, by_prefix.get("raw", []))
    return found


def _read(store: ArenaStore, ids: Sequence[str]) -> dict[str, Row]:
    with store.ledger.read() as connection:
        return {
            row.id: {"source": row.model, "readings": json.loads(row.readings), "failure": row.failure}
            for part in _chunks(ids)
            for row in connection.execute(select(extractions).where(extractions.c.id.in_(part)))
        }


def _calls(store: ArenaStore, ids: Sequence[str]) -> dict[str, Row]:
    statement = select(
        exchanges, model_costs.c.model_served, model_costs.c.model_asked, model_costs.c.purpose
    )
    statement = statement.outerjoin(model_costs, model_costs.c.exchange == exchanges.c.id)
    with store.ledger.read() as connection:
        return {
            row.id: dict(row._mapping)
            for part in _chunks(ids)
            for row in connection.execute(statement.where(exchanges.c.id.in_(part)))
        }


def _fetched(store: ArenaStore, ids: Sequence[str]) -> dict[str, Row]:
    hashes = [identity.removeprefix("raw:") for identity in ids]
    with store.ledger.read() as connection:
        return {
            f"raw:{row.sha256}": dict(row._mapping)
            for part in _chunks(hashes)
            for row in connection.execute(select(fetches).where(fetches.c.sha256.in_(part)))
        }


def _item(identity: str, row: Row) -> Item:
    known_at = row.get("known_at") or row.get("fetched_at")
    sha256 = row.get("raw") or row.get("reply_sha256") or ""
    if prefix(identity) == "raw":
        sha256 = identity.removeprefix("raw:")
    return Item(
        id=identity,
        title=_title(prefix(identity), identity, row),
        source=str(row.get("source") or row.get("vendor") or row.get("author_model") or ""),
        known_at=_utc(known_at),
        sha256=sha256,
    )


def _title(name: str, identity: str, row: Row) -> str:
    """What a reader recognises it by."""
    if name == "bars":
        symbol, first, last = window_of(identity)
        return f"{symbol}, {first} to {last}"
    if not row:
        return ""
    match name:
        case "article":
            return str(row["title"])
        case "extraction":
            claims = [f"{r['symbol']}: {r['event']}, direction {r['direction']:+d}" for r in row["readings"]]
            return row["failure"] or "; ".join(claims) or "about no share"
        case "briefing":
            return f"{row['symbol']}: {row['stance']}, strength {_number(row['strength'])}{_quality(row)}"
        case "figure":
            return f"{row['symbol']}: {row['name']} {_number(row['value'])} {row['unit'] or ''}".rstrip()
        case "momentum":
            return f"{row['symbol']}: score {_number(row['score'])} of {row['articles']} articles"
        case "indicators":
            return f"{row['symbol']}: {row['bars_used']} bars, RSI {_number(row['rsi_14'])}"
        case "bar":
            return f"{row['symbol']}: close {row['close']}, volume {row['volume']}"
        case "llm":
            served = row["model_served"] or row["model_asked"] or "unknown model"
            return f"{served} ({row['purpose']})" if row["purpose"] else str(served)
        case "raw":
            return str(row["request"])
        case _:
            return str(row.get("symbol") or "")


def _quality(row: Row) -> str:
    """Nothing for a briefing that was stored before quality was assessed."""
    if row.get("quality_score") is None:
        return ""
    return f", quality {row['quality_score']} of 100{', to be reviewed' if row['review'] else ''}"


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _utc(value: Any) -> datetime | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
