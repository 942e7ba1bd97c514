"""What is stored of the evidence behind one decision: each piece once, with its row, and the edges between.

A run of bars stays one piece, `bars:SAP.DE:2023-01-02..2025-10-23`. The whole walk, with each of its bars, is
`/api/decisions/{id}/lineage`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, select

from arena_pipeline.errors import DataError
from arena_pipeline.trading.money import from_cents
from arena_pipeline.warehouse.lineage import (
    LAKE_KINDS,
    REMEMBERS,
    kind,
    prefix,
    session_of,
    window_of,
)
from arena_pipeline.warehouse.research_tables import extractions
from arena_pipeline.warehouse.store import CHUNK, ArenaStore, Edge, Row
from arena_pipeline.warehouse.tables import (
    evidence,
    exchanges,
    fetches,
    fills,
    model_costs,
    orders,
    snapshots,
)
from dashboards import formats

HASHES = {"raw": "read from", "sent_sha256": "sent", "reply_sha256": "replied"}
"""Columns that name archived bytes, and what they are to the row."""

OF_A_SESSION = ("indicators", "momentum", "watchlist", "briefing")
"""Their ids name session and share."""

REMEMBERED = "remembered"

MAX_STEPS = 6
"""A decision's bytes are four edges away from it."""

TITLES = {
    "briefing": "Briefings",
    "article": "Articles",
    "extraction": "Readings of articles",
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


@dataclass
class Walk:
    """Every id below some roots with what is stored under it, if anything is; and the edges. `remembered` are
    the ids among them that a model was only told of its own past: what they rest on is not here."""

    rows: dict[str, Row] = field(default_factory=dict)
    edges: set[Edge] = field(default_factory=set)
    remembered: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence as a page shows it.

    `source` is who it came from; `session` is whose knowledge it sums up; `known_at` is UTC; `sha256` names
    the raw bytes it was read from; `stored` is its row as JSON text.
    """

    id: str
    kind: str
    symbol: str = ""
    session: str = ""
    title: str = ""
    source: str = ""
    known_at: datetime | None = None
    sha256: str = ""
    stored: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The pieces of one kind, in the order of their ids."""

    kind: str
    title: str
    pieces: Sequence[Piece]


def walk(store: ArenaStore, roots: Iterable[str]) -> Walk:
    """What a decision, its orders and its fills (`roots`) were made from; runs of bars are not opened, and
    neither is what the model was told of its past."""
    found = Walk()
    walked: set[str] = set()
    frontier = set(roots)
    for _ in range(MAX_STEPS):
        rows = _rows(store, frontier)
        found.rows |= {identity: rows.get(identity, {}) for identity in frontier}
        edges = set(_edges(store, [identity for identity in frontier if prefix(identity) != "bars"]))
        for identity, row in rows.items():
            edges |= {
                Edge(identity, f"raw:{row[name]}", role) for name, role in HASHES.items() if row.get(name)
            }
        found.edges |= edges
        walked |= frontier
        found.remembered |= {edge.parent for edge in edges if edge.role == REMEMBERS}
        frontier = {edge.parent for edge in edges if edge.role != REMEMBERS} - walked
        if not frontier:
            break
    found.remembered -= walked
    rows = _rows(store, found.remembered)
    found.rows |= {identity: rows.get(identity, {}) for identity in found.remembered}
    return found


def groups(found: Walk, without: Iterable[str] = ()) -> list[Group]:
    """The pieces of a walk by kind, without its roots; last what was only remembered."""
    left_out = set(without)
    by_kind: dict[str, list[Piece]] = {}
    for identity in sorted(set(found.rows) - left_out):
        name = REMEMBERED if identity in found.remembered else kind(identity)
        by_kind.setdefault(name, []).append(piece(identity, found.rows[identity]))
    order = [*TITLES, *sorted(set(by_kind) - {*TITLES, REMEMBERED}), REMEMBERED]
    titles = {**TITLES, REMEMBERED: "What it was told of its own past"}
    return [Group(name, titles.get(name, name), by_kind[name]) for name in order if name in by_kind]


def books_after(store: ArenaStore, fill_ids: Sequence[str]) -> dict[str, Row]:
    """The snapshots that some fills went into, by id, each with the fills among them under `fills`."""
    found: dict[str, Row] = {}
    with store.ledger.read() as connection:
        for part in _chunks(fill_ids):
            made = connection.execute(
                select(evidence.c.child, evidence.c.parent).where(
                    evidence.c.parent.in_(part),
                    evidence.c.superseded_at.is_(None),
                    evidence.c.child.startswith("snapshot:"),
                )
            ).all()
            for row in connection.execute(
                select(snapshots).where(
                    snapshots.c.id.in_({each.child for each in made}), snapshots.c.superseded_at.is_(None)
                )
            ):
                found[row.id] = {
                    "trading_day": row.trading_day,
                    "nav": str(from_cents(row.nav_cents)),
                    "cash": str(from_cents(row.cash_cents)),
                    "recorded_at": row.recorded_at,
                    "fills": sorted(each.parent for each in made if each.child == row.id),
                }
    return found


def piece(identity: str, row: Row) -> Piece:
    name = prefix(identity)
    sha256 = row.get("raw") or row.get("reply_sha256") or ""
    if name == "raw":
        sha256 = identity.removeprefix("raw:")
    return Piece(
        id=identity,
        kind=kind(identity),
        symbol=symbol_of(identity, row),
        session=session_of(identity) or "",
        title=_title(name, identity, row),
        source=str(row.get("source") or row.get("vendor") or row.get("author_model") or ""),
        known_at=moment(row.get("known_at") or row.get("fetched_at")),
        sha256=sha256,
        stored=stored_text(row),
    )


def symbol_of(identity: str, row: Row) -> str:
    """The share that a piece is about; empty where it is about none or several."""
    if row.get("symbol"):
        return str(row["symbol"])
    if prefix(identity) == "bars":
        try:
            return window_of(identity)[0]
        except DataError:
            return ""
    return ""


def stored_text(row: Row) -> str:
    """A row as JSON to read; what is stored as JSON text inside it is opened. Empty for no row."""
    if not row:
        return ""
    kept = {name: value for name, value in row.items() if value is not None and name != "partition"}
    opened = {name: _opened(value) for name, value in kept.items()}
    return json.dumps(opened, indent=2, ensure_ascii=False, default=str)


def moment(value: Any) -> datetime | None:
    """A stored time, UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def _opened(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _edges(store: ArenaStore, children: Sequence[str]) -> Iterator[Edge]:
    with store.ledger.read() as connection:
        for part in _chunks(children):
            for row in connection.execute(
                select(evidence).where(evidence.c.child.in_(part), evidence.c.superseded_at.is_(None))
            ):
                yield Edge(row.child, row.parent, row.role)


def _rows(store: ArenaStore, identities: Iterable[str]) -> dict[str, Row]:
    by_prefix: dict[str, list[str]] = {}
    for identity in sorted(identities):
        by_prefix.setdefault(prefix(identity), []).append(identity)
    found: dict[str, Row] = {}
    for name, ids in by_prefix.items():
        keys = _partitions(name, ids)
        for asset in LAKE_KINDS.get(name, ()):
            rows = store.rows_in(asset, keys, "list_contains($ids, id)", ids=ids)
            found |= {row["id"]: row for row in rows}
    found |= _read(store, by_prefix.get("extraction", []))
    found |= _calls(store, by_prefix.get("llm", []))
    found |= _fetched(store, by_prefix.get("raw", []))
    for name, table in (("order", orders), ("fill", fills)):
        found |= _ledger(store, table, by_prefix.get(name, []))
    return found


def _partitions(name: str, ids: Sequence[str]) -> list[str] | None:
    """The partitions that rows of these ids are in, where the ids tell; None: any may hold them."""
    if name not in OF_A_SESSION:
        return None
    keys = set()
    for identity in ids:
        session = session_of(identity)
        if session is None:
            return None
        keys |= {session, f"{session}|{identity.rpartition(':')[2]}"}
    return sorted(keys)


def _ledger(store: ArenaStore, table: Table, ids: Sequence[str]) -> dict[str, Row]:
    statement = select(table)
    if "superseded_at" in table.c:
        statement = statement.where(table.c.superseded_at.is_(None))
    with store.ledger.read() as connection:
        return {
            row.id: {name: value for name, value in row._mapping.items() if name not in ("id", "row_id")}
            for part in _chunks(ids)
            for row in connection.execute(statement.where(table.c.id.in_(part)))
        }


def _read(store: ArenaStore, ids: Sequence[str]) -> dict[str, Row]:
    with store.ledger.read() as connection:
        return {
            row.id: {
                "source": row.model,
                "article": row.article,
                "readings": json.loads(row.readings),
                "failure": row.failure,
                "exchanges": json.loads(row.exchanges),
            }
            for part in _chunks(ids)
            for row in connection.execute(select(extractions).where(extractions.c.id.in_(part)))
        }


def _calls(store: ArenaStore, ids: Sequence[str]) -> dict[str, Row]:
    costs = model_costs.c
    statement = select(
        exchanges,
        costs.model_served,
        costs.model_asked,
        costs.purpose,
        costs.provider,
        costs.prompt_tokens,
        costs.completion_tokens,
        costs.cost_usd,
        costs.cost_source,
    )
    statement = statement.outerjoin(model_costs, costs.exchange == exchanges.c.id)
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


def _title(name: str, identity: str, row: Row) -> str:
    """What a reader recognises it by."""
    if name == "bars":
        try:
            symbol, first, last = window_of(identity)
        except DataError:
            return ""
        return f"{symbol}, {first} to {last}"
    if name == "decision":
        session = session_of(identity)
        return f"Decision of {formats.session(session)}" if session else identity
    if not row:
        return ""
    match name:
        case "order":
            return f"{row['side']} {row['quantity']} {row['symbol']}"
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


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
