"""From a number to its evidence: the walk over the edges, down to the bytes in the archive.

Edges that follow from a row itself are not stored but found here: a run of bars contains its bars, and what
was read from outside points at the raw bytes by their hash. Of a bar that was restated a run contains the
vintage that its session knew; where that is not the first, the run's id here names the session.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, select

from arena_pipeline.errors import DataError
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.warehouse.research_tables import citations, extractions
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

REMEMBERS = "remembers"
"""The role of what a model was told of its own past. It is shown and not walked: each decision rests on the
ones before it, and would drag all of them along."""

KEY = r"\d{4}-\d\d-\d\dT\d\d:\d\d"
WINDOW = re.compile(
    r"bars:(?P<symbol>[^:]+):(?P<first>\d{4}-\d\d-\d\d)\.\.(?P<last>\d{4}-\d\d-\d\d)"
    rf"(?:@(?P<session>{KEY}))?"
)
RAW = re.compile(r"raw:[0-9a-f]{64}")
OF_A_SESSION = re.compile(
    rf"(?:indicators|momentum|watchlist|briefing):(?P<research>{KEY}):.+|decision:.+:(?P<decided>{KEY})"
    rf"|order:.+:(?P<ordered>{KEY}):[0-9]+"
)

LAKE_KINDS = {
    "bar": ("daily_bars", "intraday_bars"),
    "article": ("articles", "found_articles"),
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
    "extraction": extractions,
}


Bars = dict[str, list[tuple[str, int, datetime, str]]]
"""(day, vintage, known at, id) of daily bars by symbol, in the order of day and vintage."""


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
    if len(frontier) > 1:
        result.edges |= _as_known(store, _stored_edges(store, frontier - {root}))
    remembered: set[str] = set()
    walked: set[str] = set()
    steps = 0
    while frontier or remembered:
        rows = _rows(store, frontier | remembered)
        if root in frontier and root not in rows:
            raise DataError(
                f"nothing is stored under {root!r}", remedy="`arena decisions` lists decision ids"
            )
        for identity in frontier | remembered:
            result.nodes[identity] = {"id": identity, "kind": kind(identity), **rows.get(identity, {})}
        walked |= frontier
        if depth is not None and steps >= depth:
            known = result.nodes.keys()
            result.edges = {edge for edge in result.edges if edge.parent in known and edge.child in known}
            break
        edges = {*_as_known(store, _stored_edges(store, frontier)), *_implied_edges(store, frontier, rows)}
        result.edges |= edges
        frontier = {edge.parent for edge in edges if edge.role != REMEMBERS} - walked
        remembered = {edge.parent for edge in edges} - frontier - result.nodes.keys()
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
            for row in connection.execute(
                select(evidence).where(evidence.c.child.in_(part), evidence.c.superseded_at.is_(None))
            ):
                yield Edge(row.child, row.parent, row.role)


def _as_known(store: ArenaStore, edges: Iterable[Edge]) -> set[Edge]:
    """The edges; one to a run of bars names its session if that knew others than the first vintages."""
    found = set(edges)
    runs = {edge: session_of(edge.child) for edge in found if prefix(edge.parent) == "bars"}
    if not runs:
        return found
    bars = _bars(store, {edge.parent for edge in runs})
    for edge, session in runs.items():
        as_known = f"{edge.parent}@{session}"
        if session and _contained(store, bars, edge.parent) != _contained(store, bars, as_known):
            found = found - {edge} | {Edge(edge.child, as_known, edge.role)}
    return found


def _implied_edges(store: ArenaStore, children: Iterable[str], rows: Mapping[str, Row]) -> Iterator[Edge]:
    bars = _bars(store, {child for child in children if prefix(child) == "bars" and child in rows})
    for child in sorted(children):
        row = rows.get(child, {})
        if prefix(child) == "bars":
            for bar in _contained(store, bars, child):
                yield Edge(child, bar, "contains")
        elif prefix(child) == "llm" and row:
            yield Edge(child, f"raw:{row['sent_sha256']}", "sent")
            yield Edge(child, f"raw:{row['reply_sha256']}", "replied")
        elif row.get("raw"):
            yield Edge(child, f"raw:{row['raw']}", "read from")


def _bars(store: ArenaStore, runs: set[str]) -> Bars:
    """Every vintage of the daily bars within some runs, by symbol and day."""
    found: Bars = defaultdict(list)
    if not runs:
        return found
    named = [window_of(run) for run in runs]
    with store.query("daily_bars") as connection:
        result = connection.execute(
            "SELECT symbol, day, vintage, known_at, id FROM daily_bars "
            "WHERE list_contains($symbols, symbol) AND day BETWEEN $first::DATE AND $last::DATE "
            "ORDER BY symbol, day, vintage",
            {
                "symbols": sorted({symbol for symbol, _, _ in named}),
                "first": min(first for _, first, _ in named),
                "last": max(last for _, _, last in named),
            },
        )
        for symbol, day, vintage, known_at, identity in result.fetchall():
            found[symbol].append((day.isoformat(), vintage, known_at, identity))
    return found


def _contained(store: ArenaStore, bars: Bars, run: str) -> list[str]:
    """The daily bars in `bars:SAP.DE:2023-01-02..2025-10-23`, each in its first vintage; with `@` and a
    session, in the last vintage known before it."""
    symbol, first, last = window_of(run)
    within = [entry for entry in bars.get(symbol, ()) if first <= entry[0] <= last]
    match = WINDOW.fullmatch(run)
    session = match and match["session"]
    if not session:
        return [identity for _, vintage, _, identity in within if vintage == 1]
    time = trading_calendar(store.market).session(session).time
    return [*{day: identity for day, _, known_at, identity in within if known_at < time}.values()]


def session_of(identity: str) -> str | None:
    """The session of what was derived for one: of a decision, a briefing, an indicator row, …"""
    match = OF_A_SESSION.fullmatch(identity)
    return (match["research"] or match["decided"] or match["ordered"]) if match else None


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
            found.update(_run_rows(store, [identity for identity in ids if _is_run(identity)]))
        elif name == "raw":
            found.update(_archive_rows(store, [identity for identity in ids if RAW.fullmatch(identity)]))
    return found


def _is_run(identity: str) -> bool:
    match = WINDOW.fullmatch(identity)
    try:
        return match is not None and date.fromisoformat(match["first"]) <= date.fromisoformat(match["last"])
    except ValueError:
        return False


def _run_rows(store: ArenaStore, runs: Sequence[str]) -> dict[str, Row]:
    """Of the runs whose first and last bar are stored, what their ids say."""
    bars = _bars(store, set(runs))
    days = {symbol: {day for day, _, _, _ in entries} for symbol, entries in bars.items()}
    found: dict[str, Row] = {}
    for run in runs:
        symbol, first, last = window_of(run)
        if {first, last} <= days.get(symbol, set()):
            found[run] = {"symbol": symbol, "first": first, "last": last}
            if "@" in run:
                found[run]["as_known_at"] = run.partition("@")[2]
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
        if table is orders:
            for part in _chunks(ids):
                unknown = select(citations).where(
                    citations.c.order_id.in_(part), citations.c.evidence.is_(None)
                )
                for row in connection.execute(unknown.order_by(citations.c.cite)):
                    found[row.order_id].setdefault("unknown_cites", []).append(row.cite)
        for part in _chunks(ids) if table is exchanges else ():
            for row in connection.execute(select(model_costs).where(model_costs.c.exchange.in_(part))):
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
