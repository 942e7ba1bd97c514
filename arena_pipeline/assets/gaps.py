"""What a vendor of prices failed on and still owes, kept so that every later reading asks for it again.

A reading reaches some days back by itself. What stays unanswered for longer would be lost without a word: a
dividend that is never posted, quarter hours in which no stop is filled. So each unanswered share is kept with
its day, in the table `ASSET_gaps`, until a reading that reaches back so far is answered. Daily bars have
`bar_findings` for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from arena_pipeline.arena import Arena
from arena_pipeline.sources.prices import Gap
from arena_pipeline.warehouse.store import ArenaStore, Partition, Row

KEEP_GAPS = ("corporate_actions", "intraday_bars")
"""The assets whose gaps are kept here."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A share that was not answered on a trading day, the first of those that are owed, and why."""

    symbol: str
    since: date
    reason: str

    def __str__(self) -> str:
        return f"{self.symbol} since {self.since}: {self.reason}"


def owed(store: ArenaStore, asset: str) -> dict[str, Owed]:
    """What the vendor owes for an asset, by symbol."""
    rows = sorted(store.rows(f"{asset}_gaps"), key=lambda row: str(row["partition"]), reverse=True)
    return {row["symbol"]: Owed(row["symbol"], _day(row), row["reason"]) for row in rows}


def asked_from(
    owing: Mapping[str, Owed], symbols: Iterable[str], since: date, last: date
) -> dict[date, list[str]]:
    """From which day each symbol is asked for, up to `last`: `since`, or where it is owed longer, the day
    since which one of those is. At most two groups, that of `since` first."""
    late = {symbol: owing[symbol].since for symbol in symbols if symbol in owing}
    late = {symbol: day for symbol, day in late.items() if day < since and day <= last}
    groups = {since: [symbol for symbol in symbols if symbol not in late]}
    if late:
        groups[min(late.values())] = list(late)
    return {day: group for day, group in groups.items() if group}


def remember(
    arena: Arena,
    asset: str,
    keys: Collection[str],
    gaps: Mapping[str, Gap],
    missing: Mapping[str, str],
    groups: Mapping[date, Collection[str]],
    *,
    run_id: str,
) -> None:
    """Enter who was not answered on the days `keys`, and take out for whom the vendor has answered since:
    what it does not keep for so long is not owed any more. To be called when what came is stored."""
    table, last = f"{asset}_gaps", max(keys)
    since = {symbol: str(day) for day, group in groups.items() for symbol in group}
    held: dict[str, list[Row]] = defaultdict(list)
    for row in arena.store.rows(table):
        held[row["partition"]].append({name: value for name, value in row.items() if name != "partition"})
    parts = []
    for key in sorted({*keys, *held}):
        kept = [
            row
            for row in held[key]
            if key not in keys
            and (row["symbol"] in gaps or not since.get(row["symbol"], "9999") <= key <= last)
        ]
        new = [_row(symbol, key, gap, missing[symbol]) for symbol, gap in gaps.items() if key in keys]
        if kept + new != held[key]:
            parts.append(Partition(key, kept + new))
    if parts:
        arena.store.write_frames(table, parts, run_id=run_id, now=arena.clock())


def _row(symbol: str, key: str, gap: Gap, reason: str) -> Row:
    return {"id": f"gap:{symbol}:{key}", "symbol": symbol, "gap": gap.value, "reason": reason[:300]}


def _day(row: Row) -> date:
    return date.fromisoformat(row["partition"])
