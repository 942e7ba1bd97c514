"""What sharing briefings saved: how often each was used, and what it would have cost each model to research
for itself.

A model of its own research would pay for every briefing it is shown. The ratio is the share of those calls
that nobody had to pay for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from arena_pipeline.warehouse.research_tables import briefing_use, extractions
from arena_pipeline.warehouse.store import ArenaStore


@dataclass(frozen=True, slots=True)
class Shared:
    """Briefings together. `uses` counts every one that a decision was shown; `calls` the model calls behind
    the distinct ones, `alone` behind all uses."""

    briefings: int
    uses: int
    calls: int
    alone: int
    quality: float | None

    def document(self) -> dict[str, Any]:
        return {
            "briefings": self.briefings,
            "uses": self.uses,
            "hits": self.uses - self.briefings,
            "calls": self.calls,
            "calls_saved": self.alone - self.calls,
            "saved_ratio": None if not self.alone else round(1 - self.calls / self.alone, 4),
            "mean_quality": self.quality,
        }


def sharing_document(store: ArenaStore) -> dict[str, Any]:
    """`symbols`: one row per share. `why`: how often a briefing was shown for which reason. `total`: all
    together. `authors`: briefings by the model that wrote them, a confound of every comparison over time.
    `articles`: how many were read by a model, and how many of those in vain."""
    with store.ledger.read() as connection:
        rows = connection.execute(select(briefing_use)).all()
        failures = list(connection.scalars(select(extractions.c.failure)))
    by_symbol: dict[str, list[Row[Any]]] = defaultdict(list)
    why: dict[str, int] = defaultdict(int)
    for row in rows:
        by_symbol[row.symbol].append(row)
        why[row.why] += 1
    written = {row.briefing: row.author_model for row in rows}
    authors: dict[str, int] = defaultdict(int)
    for author in written.values():
        authors[author or "nobody"] += 1
    return {
        "symbols": [
            {"symbol": symbol, **_shared(used).document()} for symbol, used in sorted(by_symbol.items())
        ],
        "why": dict(sorted(why.items())),
        "authors": dict(sorted(authors.items())),
        "total": _shared(rows).document(),
        "articles": {
            "read_once": len(failures),
            "read_by_the_rules": sum(failure is not None for failure in failures),
        },
    }


def _shared(rows: Iterable[Row[Any]]) -> Shared:
    used = list(rows)
    distinct = {row.briefing: row for row in used}
    scores = [row.quality for row in distinct.values() if row.quality is not None]
    return Shared(
        len(distinct),
        len(used),
        sum(row.calls for row in distinct.values()),
        sum(row.calls for row in used),
        round(sum(scores) / len(scores), 1) if scores else None,
    )
