"""Whether what a decision rests on is still what was written: its partitions, hashed again now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena_pipeline.warehouse.lineage import prefix
from arena_pipeline.warehouse.redigest import unchanged
from arena_pipeline.warehouse.store import ArenaStore, Row

TABLE_OF = {"indicators": "indicators", "momentum": "momentum", "watchlist": "watchlist"}
LEDGER_DAYS = ("trades", "portfolio_snapshots")


@dataclass(frozen=True, slots=True)
class Check:
    """One partition; `digest` is the one written with it."""

    asset: str
    partition: str
    digest: str
    holds: bool


def checks_of(
    store: ArenaStore, decision: Mapping[str, Any], rows: Mapping[str, Row], books: Mapping[str, Row]
) -> Sequence[Check]:
    """The decision with its orders, its fills, the books it went into, and what it was told."""
    wanted: dict[str, set[str]] = defaultdict(set)
    wanted["decisions"].add(f"{decision['model']}|{decision['session']}")
    for book in books.values():
        for asset in LEDGER_DAYS:
            wanted[asset].add(f"{decision['model']}|{book['trading_day']}")
    for identity, row in rows.items():
        name, partition = prefix(identity), row.get("partition")
        if partition and name == "briefing":
            wanted["held_briefings" if "|" in partition else "briefings"].add(partition)
        elif partition and name in TABLE_OF:
            wanted[TABLE_OF[name]].add(partition)
    found = []
    for asset, partitions in wanted.items():
        written = store.partitions(asset)
        for partition, holds in sorted(unchanged(store, asset, partitions).items()):
            found.append(Check(asset, partition, written[partition], holds))
    return found
