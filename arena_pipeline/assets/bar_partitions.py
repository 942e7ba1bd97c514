"""What the partitions of bars shall hold once a vendor has been read again.

A reading brings the days that were asked for and those before them. Each bar goes to the partition of its
own day: what is new there is added, what is said differently becomes a vintage, and nothing is taken away. A
share whose past comes on another scale than it is stored on, which is a split that the vendor has worked in
without saying so, or has said without working it in, is held back whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median

from arena_pipeline.arena import HISTORY, Arena
from arena_pipeline.assets.decided import decided_until
from arena_pipeline.market.bars import Adjustment, Bar
from arena_pipeline.market.checks import Finding, FindingKind, nominal_hours
from arena_pipeline.market.splits import Split, Splits, same_as_traded
from arena_pipeline.market.vintages import Missed, Restatement, append_vintages
from arena_pipeline.sources.prices import PriceReply
from arena_pipeline.warehouse.rows import bar_from, utc
from arena_pipeline.warehouse.store import Row

NAMED = 12
"""So many changes of the past are told one by one."""

RESCALED, ALIKE = 0.01, 0.002
"""A past that lies further than this fraction from the stored one, by factors as alike as this, has another
scale: no trade and no repair changes all closes by one factor."""

IMPORTED_AFTER = timedelta(days=1)
"""A day that is read for the first time so long after its close is imported, not lived through."""

FEWEST = 3
"""Bars that must agree on the factor."""


@dataclass
class Merged:
    """`bars` are all partitions to write, those asked for first; `changes` and `late` are what became another
    vintage or came after its partition had been read without it, by partition; `held` says which shares were
    held back, in words."""

    bars: dict[str, list[Bar]] = field(default_factory=dict)
    changes: dict[str, list[Restatement]] = field(default_factory=dict)
    late: dict[str, list[Bar]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)

    @property
    def reports(self) -> list[str]:
        told = [str(change) for changes in self.changes.values() for change in changes]
        more = [f"and {len(told) - NAMED} more bars were restated"] if len(told) > NAMED else []
        held = [f"{symbol} is held back: {why}" for symbol, why in sorted(self.held.items())]
        return told[:NAMED] + more + held


def merge(arena: Arena, asset: str, keys: Sequence[str], reply: PriceReply, seen_at: datetime) -> Merged:
    """The partitions `keys` with what a reading at `seen_at` brought, and others whose past it changes.
    Partitions that were never collected are left alone."""
    seen_at = utc(seen_at)
    fresh: dict[str, list[Bar]] = defaultdict(list)
    for bar in reply.bars:
        fresh[bar.day.isoformat() if bar.day >= arena.start else HISTORY].append(bar)
    times = arena.store.stored_at(asset)
    wanted = [*keys, *sorted(key for key in fresh if key in times and key not in set(keys))]
    stored: dict[str, list[Bar]] = defaultdict(list)
    if times.keys() & set(wanted):
        for row in arena.store.rows(asset, "list_contains($keys, partition)", keys=wanted):
            stored[row["partition"]].append(bar_from(row))
    splits = Splits(
        Split(split.symbol, split.ex_date, split.ratio, split.known_at)
        for split in reply.splits
        if split.ratio is not None
    )

    def same(known: Bar, bar: Bar) -> bool:
        return same_as_traded(known, bar, splits.ratio(bar.symbol, bar.day, seen_at))

    merged = Merged(held=_on_another_scale(stored, fresh))
    missed = _missed(arena, seen_at)
    for key in wanted:
        incoming = [bar for bar in fresh[key] if bar.symbol not in merged.held]
        bars, changes = append_vintages(
            stored[key],
            incoming,
            seen_at=seen_at,
            looked_at=_looked_at(arena, key, times),
            missed=missed,
            same=same,
        )
        late = [bar for bar in bars[len(stored[key]) :] if bar.vintage == 1 and bar.known_at > bar.end]
        if key in keys or changes or late:
            merged.bars[key], merged.changes[key], merged.late[key] = bars, changes, late
    return merged


def _looked_at(arena: Arena, key: str, times: Mapping[str, tuple[datetime, datetime]]) -> datetime | None:
    """When a partition was last read, as far as sessions may have relied on it; None for one that was never
    read and for an import of days long past, whose bars count from when they were public, until a session
    has been decided without them."""
    if key not in times:
        return None
    first, newest = times[key]
    day = arena.start if key == HISTORY else date.fromisoformat(key)
    closed = nominal_hours(arena.calendar, day).closes_at
    return newest if first - closed <= IMPORTED_AFTER else None


def _missed(arena: Arena, seen_at: datetime) -> Missed | None:
    """Bars of before the newest session that was decided: that session and all before it did without them. Of
    an arena whose sessions are long past the following one knows them, else they are known from now on."""
    until = decided_until(arena, seen_at)
    if until is None:
        return None
    return Missed(until, seen_at if seen_at - until <= IMPORTED_AFTER else until)


def _on_another_scale(
    stored: Mapping[str, Sequence[Bar]], fresh: Mapping[str, Sequence[Bar]]
) -> dict[str, str]:
    """The shares whose closes all differ from the stored ones by one factor, and which."""
    known = {
        (bar.symbol, bar.start): bar
        for bars in stored.values()
        for bar in sorted(bars, key=lambda bar: bar.vintage)
    }
    factors: dict[str, list[float]] = defaultdict(list)
    for bar in (bar for bars in fresh.values() for bar in bars):
        before = known.get((bar.symbol, bar.start))
        if before is not None and before.adjustment is bar.adjustment is Adjustment.RAW:
            factors[bar.symbol].append(float(bar.close / before.close))
    held = {}
    for symbol, all_of_it in factors.items():
        middle = median(all_of_it)
        alike = max(all_of_it) - min(all_of_it) <= ALIKE * middle
        if len(all_of_it) >= FEWEST and alike and abs(middle - 1) > RESCALED:
            held[symbol] = (
                f"{len(all_of_it)} closes came at {middle:.4g} times what is stored, and no split says why"
            )
    return held


def finding_rows(
    arena: Arena, merged: Merged, reply: PriceReply, keys: Sequence[str]
) -> dict[str, list[Row]]:
    """The rows of `bar_findings` for all partitions that are written: what the checks found, which shares the
    vendor failed on, which were held back, and what has changed of the past. A partition is complete when
    none of them is `not_answered` or `another_scale`."""
    rows: dict[str, dict[str, Row]] = {key: {} for key in merged.bars}
    for key in merged.bars.keys() - set(keys):
        filled = {bar.symbol for bar in merged.late[key]}
        for row in arena.store.rows("bar_findings", "partition = $key", key=key):
            if not (row["symbol"] in filled and row["kind"] == FindingKind.NOT_ANSWERED):
                rows[key][row["id"]] = {name: row[name] for name in row if name != "partition"}
    for finding in reply.findings:
        key = _partition_of(arena, finding)
        if key in keys or any(bar.symbol == finding.symbol for bar in merged.late.get(key, ())):
            _enter(rows[key], finding)
    for key in keys:
        day = None if key == HISTORY else date.fromisoformat(key)
        for symbol, gap in reply.gaps.items():
            why = f"{gap.value}: {reply.missing[symbol]}"
            _enter(rows[key], Finding(FindingKind.NOT_ANSWERED, symbol, day, why))
        for symbol, why in merged.held.items():
            _enter(rows[key], Finding(FindingKind.ANOTHER_SCALE, symbol, day, why, quarantined=True))
    for key, bars in merged.bars.items():
        for bar in bars:
            if bar.vintage > 1:
                why = f"vintage {bar.vintage}, known since {bar.known_at.isoformat()}: close {bar.close}"
                _enter(rows[key], Finding(FindingKind.CHANGED_HISTORY, bar.symbol, bar.day, why))
    return {key: list(by_id.values()) for key, by_id in rows.items()}


def owed(arena: Arena, key: str) -> set[str]:
    """The symbols that the vendor has failed on in a partition so far."""
    rows = arena.store.rows(
        "bar_findings", "partition = $key AND kind = $kind", key=key, kind=FindingKind.NOT_ANSWERED.value
    )
    return {row["symbol"] for row in rows}


def _enter(rows: dict[str, Row], finding: Finding) -> None:
    identity = f"finding:{finding.symbol}:{finding.day}:{finding.kind.value}:{finding.line}"
    rows[identity] = {
        "id": identity,
        "kind": finding.kind.value,
        "symbol": finding.symbol,
        "day": finding.day,
        "detail": finding.detail,
        "file": finding.file,
        "line": finding.line,
        "quarantined": finding.quarantined,
    }


def _partition_of(arena: Arena, finding: Finding) -> str:
    """The trading day that a finding falls on or before; `history` for those without a date."""
    if finding.day is None or finding.day < arena.start:
        return HISTORY
    on_it = arena.calendar.is_trading_day(finding.day)
    return (finding.day if on_it else arena.calendar.next_day(finding.day)).isoformat()


def symbols_of(bars: Iterable[Bar]) -> set[str]:
    return {bar.symbol for bar in bars}
