"""From a number to its evidence: the walk over the edges, down to the bytes in the archive.

Edges that follow from a row itself are not stored but found here: a run of bars contains its bars, and what
was read from outside points at the raw bytes by their hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, select

from arena_pipeline.errors import DataError
from arena_pipeline.warehouse.store import CHUNK, ArenaStore, Edge, Row
from arena_pipeline.warehouse.tables import (
    decisions,
    evidence,
    exchanges,
    fetches,
    fills,
    leaderboard,
    model_costs,
    orders,
    snapshots,
)

KINDS = {
    "bars": "bar_window",
    "llm": "llm_exchange",
    "raw": "archive_entry",
    "board": "leaderboard",
}
"""What an id's prefix means where it is not the kind itself."""

WINDOW = re.compile(r"bars:(?P<symbol>[^:]+):(?P<first>\d{4}-\d\d-\d\d)\.\.(?P<last>\d{4}-\d\d-\d\d)")

LAKE_KINDS = {
    "bar": ("daily_bars", "intraday_bars"),
    "article": ("articles",),
    "figure": ("financials",),
    "indicators": ("indicators",),
    "momentum": ("momentum",),
    "watchlist": ("watchlist",),
    "briefing": ("briefings", "held_briefings"),
    "action": ("corporate_actions",),
}
LEDGER_KINDS: dict[str, Table] = {
    "decision": decisions,
    "order": orders,
    "fill": fills,
    "snapshot": snapshots,
    "board": leaderboard,
    "llm": exchanges,
}


@dataclass
class Lineage:
    """The evidence below `root`: each node once, with what is known of it, and the edges between them."""

    root: str
    nodes: dict[str, Row] = field(default_factory=dict)
    edges: set[Edge] = field(default_factory=set)

    def document(self) -> dict[str, Any]:
        """As JSON: `{"root", "nodes": [{"id", "kind", ...}], "edges": [{"child", "parent", "role"}]}`."""
        return {
            "root": self.root,
            "nodes": [self.nodes[identity] for identity in sorted(self.nodes)],
            "edges": [
                {"child": edge.child, "parent": edge.parent, "role": edge.role}
                for edge in sorted(self.edges, key=lambda edge: (edge.child, edge.parent, edge.role))
            ],
        }


def prefix(identity: str) -> str:
    return identity.split(":", 1)[0]


def kind(identity: str) -> str:
    """What an id stands for: `bar`, `article`, `briefing`, `llm_exchange`, …"""
    return KINDS.get(prefix(identity), prefix(identity))


def lineage(store: ArenaStore, root: str, *, depth: int | None = None) -> Lineage:
    """Everything that `root` was made from; of a decision also its orders and what became of them.

    `depth` bounds how many edges away a node may be. Raises DataError when nothing has this id.
    """
    result = Lineage(root)
    frontier = {root, *_outcomes(store, root)}
    result.edges |= set(_stored_edges(store, frontier - {root})) if len(frontier) > 1 else set()
    seen: set[str] = set()
    steps = 0
    while frontier:
        rows = _rows(store, frontier)
        if root in frontier and root not in rows:
            raise DataError(
                f"nothing is stored under {root!r}", remedy="`arena decisions` lists decision ids"
            )
        for identity in frontier:
            result.nodes[identity] = {"id": identity, "kind": kind(identity), **rows.get(identity, {})}
        seen |= frontier
        if depth is not None and steps >= depth:
            result.edges = {edge for edge in result.edges if edge.parent in seen and edge.child in seen}
            break
        edges = {*_stored_edges(store, frontier), *_implied_edges(store, frontier, rows)}
        result.edges |= edges
        frontier = {edge.parent for edge in edges} - seen
        steps += 1
    return result


def existing(store: ArenaStore, identities: Iterable[str]) -> set[str]:
    """Those of some ids that something is stored under."""
    return set(_rows(store, set(identities)))


def _outcomes(store: ArenaStore, root: str) -> list[str]:
    """Of a decision: its orders and their fills, which are made from it."""
    if prefix(root) != "decision":
        return []
    with store.ledger.read() as connection:
        placed = list(connection.scalars(select(orders.c.id).where(orders.c.decision == root)))
        executed = connection.scalars(
            select(fills.c.id).where(fills.c.order_id.in_(placed), fills.c.superseded_at.is_(None))
        )
        return [*placed, *executed]


def _stored_edges(store: ArenaStore, children: Iterable[str]) -> Iterator[Edge]:
    with store.ledger.read() as connection:
        for part in _chunks(sorted(children)):
            for row in connection.execute(select(evidence).where(evidence.c.child.in_(part))):
                yield Edge(row.child, row.parent, row.role)


def _implied_edges(store: ArenaStore, children: Iterable[str], rows: Mapping[str, Row]) -> Iterator[Edge]:
    for child in sorted(children):
        row = rows.get(child, {})
        if prefix(child) == "bars":
            for bar in _window(store, child):
                yield Edge(child, bar, "contains")
        elif prefix(child) == "llm" and row:
            yield Edge(child, f"raw:{row['sent_sha256']}", "sent")
            yield Edge(child, f"raw:{row['reply_sha256']}", "replied")
        elif row.get("raw"):
            yield Edge(child, f"raw:{row['raw']}", "read from")


def _window(store: ArenaStore, identity: str) -> list[str]:
    """The daily bars in `bars:SAP.DE:2023-01-02..2025-10-23`, each in its first vintage."""
    symbol, first, last = window_of(identity)
    rows = store.rows(
        "daily_bars",
        "symbol = $symbol AND day BETWEEN $first::DATE AND $last::DATE AND vintage = 1",
        symbol=symbol,
        first=first,
        last=last,
    )
    return [row["id"] for row in rows]


def window_of(identity: str) -> tuple[str, str, str]:
    """Symbol, first and last day in the id of a run of bars."""
    match = WINDOW.fullmatch(identity)
    if match is None:
        raise DataError(
            f"{identity!r} names no run of bars", remedy="write it like bars:SAP.DE:2025-01-02..2025-10-24"
        )
    return match["symbol"], match["first"], match["last"]


def _rows(store: ArenaStore, identities: set[str]) -> dict[str, Row]:
    """What is stored under each id, without what only storage needs."""
    by_prefix: dict[str, list[str]] = {}
    for identity in sorted(identities):
        by_prefix.setdefault(prefix(identity), []).append(identity)
    found: dict[str, Row] = {}
    for name, ids in by_prefix.items():
        if name in LAKE_KINDS:
            for asset in LAKE_KINDS[name]:
                for row in store.rows(asset, "list_contains($ids, id)", ids=ids):
                    found[row["id"]] = _plain(row, drop=("id", "partition"))
        elif name in LEDGER_KINDS:
            found.update(_ledger_rows(store, LEDGER_KINDS[name], ids))
        elif name == "bars":
            found.update(
                {
                    identity: dict(zip(("symbol", "first", "last"), window_of(identity), strict=True))
                    for identity in ids
                }
            )
        elif name == "raw":
            found.update(_archive_rows(store, ids))
    return found


def _ledger_rows(store: ArenaStore, table: Table, ids: Sequence[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    with store.ledger.read() as connection:
        for part in _chunks(ids):
            statement = select(table).where(table.c.id.in_(part))
            if "superseded_at" in table.c:
                statement = statement.where(table.c.superseded_at.is_(None))
            for row in connection.execute(statement):
                found[row.id] = _plain(
                    dict(row._mapping), drop=("id", "row_id", "superseded_at", "partition")
                )
        if table is exchanges:
            for row in connection.execute(select(model_costs).where(model_costs.c.exchange.in_(list(ids)))):
                found[row.exchange] |= {
                    name: value
                    for name, value in _plain(dict(row._mapping), drop=("exchange",)).items()
                    if value is not None
                }
    return found


def _archive_rows(store: ArenaStore, ids: Sequence[str]) -> dict[str, Row]:
    hashes = {identity: identity.removeprefix("raw:") for identity in ids}
    found: dict[str, Row] = {
        identity: {
            "sha256": sha256,
            "file": str(store.archive.path(sha256).relative_to(store.archive.folder)),
        }
        for identity, sha256 in hashes.items()
        if store.archive.path(sha256).is_file()
    }
    with store.ledger.read() as connection:
        for part in _chunks(list(hashes.values())):
            for row in connection.execute(select(fetches).where(fetches.c.sha256.in_(part))):
                entry = found.get(f"raw:{row.sha256}")
                if entry is not None:
                    entry |= {"vendor": row.vendor, "request": row.request, "fetched_at": row.fetched_at}
    return found


def _plain(row: Mapping[str, Any], *, drop: Sequence[str]) -> Row:
    return {
        name: value if isinstance(value, str | int | float | bool | list | type(None)) else str(value)
        for name, value in row.items()
        if name not in drop
    }


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
