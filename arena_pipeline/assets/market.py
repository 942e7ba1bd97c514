"""Group *market*: bars and corporate actions per trading day, as the vendor gave them, vintage by vintage.

Source: `prices.source` in arena.toml. A daily bar is known when trading has ended, a 15-minute bar when its
quarter has. A day without rows means that the vendor has none; the partition's `missing` says why.
Before the first day, the bars that the indicators look back on are kept in a partition named `history`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from arena_pipeline.arena import HISTORY, Arena
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.market.bars import Bar
from arena_pipeline.market.checks import Finding
from arena_pipeline.market.indicators import indicator_anchor
from arena_pipeline.market.vintages import append_vintages
from arena_pipeline.sources.prices import PriceReply
from arena_pipeline.trading.corporate_actions import CorporateAction
from arena_pipeline.warehouse.rows import action_row, bar_from, bar_row
from arena_pipeline.warehouse.store import Partition, Row, Written

LOOK_BACK_DAYS = 40
"""Trading days read before the first one asked for, so that a stale bar is seen against its predecessor."""


def daily_bars(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """Daily bars of every share and of the benchmark, with what the bar checks found.

    One row per symbol and vintage: open, high, low, close in EUR (the market's currency), volume in shares.
    Bars that repeat the previous close without volume are marked stale; rows that cannot be right are
    quarantined in `bar_findings` with file and line.
    """
    days = [date.fromisoformat(key) for key in keys]
    first, last = min(days), max(days)
    with_history = HISTORY not in arena.store.partitions("daily_bars")
    anchor = indicator_anchor(arena.start)
    since = anchor if with_history else _days_before(arena, first)
    collection = arena.collection("daily_bars", keys)
    reply = arena.prices(collection).daily(arena.priced_symbols, min(since, first), last)
    wanted = [*([HISTORY] if with_history else []), *keys]
    bars, restated = _merge(arena, "daily_bars", wanted, reply.bars, collection.at)
    for text in restated:
        run.report(text)
    findings = _by_partition_findings(arena, reply.findings, wanted)
    now = arena.clock()
    arena.store.write_frames(
        "bar_findings", [Partition(key, findings[key]) for key in wanted], run_id=run.id, now=now
    )
    written = arena.store.write_frames(
        "daily_bars",
        [Partition(key, [bar_row(bar) for bar in bars[key]]) for key in wanted],
        run_id=run.id,
        now=now,
        within=lambda connection: collection.enter(connection, run.id),
    )
    return [
        _outcome(entry, bars[entry.key], reply, len(findings[entry.key]))
        for entry in written
        if entry.key != HISTORY
    ]


def intraday_bars(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """15-minute bars of every share and of the benchmark, where the vendor has them.

    One row per symbol, quarter hour and vintage. `files` have none; Yahoo keeps about 60 days.
    """
    days = [date.fromisoformat(key) for key in keys]
    collection = arena.collection("intraday_bars", keys)
    reply = arena.prices(collection).intraday(arena.priced_symbols, min(days), max(days))
    bars, restated = _merge(arena, "intraday_bars", keys, reply.bars, collection.at)
    for text in restated:
        run.report(text)
    written = arena.store.write_frames(
        "intraday_bars",
        [Partition(key, [bar_row(bar) for bar in bars[key]]) for key in keys],
        run_id=run.id,
        now=arena.clock(),
        within=lambda connection: collection.enter(connection, run.id),
    )
    return [_outcome(entry, bars[entry.key], reply, 0) for entry in written]


def corporate_actions(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """Splits and dividends by the trading day on which they take effect.

    One row per event: the ratio of a split (new shares for one old), the gross dividend per share in EUR
    (the market's currency). Whether the book applies a split depends on the adjustment of its bars.
    """
    days = [date.fromisoformat(key) for key in keys]
    collection = arena.collection("corporate_actions", keys)
    since = arena.calendar.previous_day(min(days))
    reply = arena.prices(collection).actions(arena.symbols, since, max(days))
    rows: dict[str, list[Row]] = {key: _stored(arena, "corporate_actions", key) for key in keys}
    for action in reply.actions:
        key = _effective_day(arena, action)
        if key in rows and action.id not in {row["id"] for row in rows[key]}:
            rows[key].append(action_row(action))
    written = arena.store.write_frames(
        "corporate_actions",
        [Partition(key, rows[key]) for key in keys],
        run_id=run.id,
        now=arena.clock(),
        within=lambda connection: collection.enter(connection, run.id),
    )
    return [
        Outcome(entry, preview=_preview(rows[entry.key], "symbol kind ex_date ratio amount"))
        for entry in written
    ]


def _merge(
    arena: Arena, asset: str, keys: Sequence[str], incoming: Iterable[Bar], seen_at: datetime
) -> tuple[dict[str, list[Bar]], list[str]]:
    """What each partition shall hold: its stored vintages and what is new; and the restatements in words."""
    fresh: dict[str, list[Bar]] = defaultdict(list)
    start = arena.start
    for bar in incoming:
        fresh[bar.day.isoformat() if bar.day >= start else HISTORY].append(bar)
    stored: dict[str, list[Bar]] = defaultdict(list)
    if set(keys) & arena.store.partitions(asset).keys():
        for row in arena.store.rows(asset, "list_contains($keys, partition)", keys=list(keys)):
            stored[row["partition"]].append(bar_from(row))
    merged: dict[str, list[Bar]] = {}
    restated: list[str] = []
    for key in keys:
        merged[key], changes = append_vintages(stored[key], fresh[key], seen_at=seen_at)
        restated += [
            f"{change.after.id} restates close {change.before.close} as {change.after.close}"
            for change in changes
        ]
    return merged, restated


def _by_partition_findings(
    arena: Arena, findings: Iterable[Finding], keys: Sequence[str]
) -> dict[str, list[Row]]:
    """Findings under the trading day that they fall on or before; those without a date under `history`."""
    rows: dict[str, list[Row]] = {key: [] for key in keys}
    for finding in findings:
        if finding.day is None or finding.day < arena.start:
            key = HISTORY
        elif arena.calendar.is_trading_day(finding.day):
            key = finding.day.isoformat()
        else:
            key = arena.calendar.next_day(finding.day).isoformat()
        if key in rows:
            rows[key].append(
                {
                    "id": f"finding:{finding.symbol}:{finding.day}:{finding.kind.value}:{finding.line}",
                    "kind": finding.kind.value,
                    "symbol": finding.symbol,
                    "day": finding.day,
                    "detail": finding.detail,
                    "file": finding.file,
                    "line": finding.line,
                    "quarantined": finding.quarantined,
                }
            )
    return rows


def _stored(arena: Arena, asset: str, key: str) -> list[Row]:
    if key not in arena.store.partitions(asset):
        return []
    return [
        {name: value for name, value in row.items() if name != "partition"}
        for row in arena.store.rows(asset, "partition = $key", key=key)
    ]


def _effective_day(arena: Arena, action: CorporateAction) -> str:
    day = action.ex_date
    return (day if arena.calendar.is_trading_day(day) else arena.calendar.next_day(day)).isoformat()


def _days_before(arena: Arena, day: date) -> date:
    for _ in range(LOOK_BACK_DAYS):
        day = arena.calendar.previous_day(day)
    return day


def _outcome(written: Written, bars: Sequence[Bar], reply: PriceReply, findings: int) -> Outcome:
    missing = sorted(set(reply.missing))
    reason = f"{len(missing)}: {missing[0]}: {reply.missing[missing[0]]}" if missing else "none"
    if reply.reaches_from is not None and written.key < str(reply.reaches_from):
        reason = f"all: not covered before {reply.reaches_from}"
    return Outcome(
        written,
        {
            "symbols": len({bar.symbol for bar in bars}),
            "stale": sum(bar.stale for bar in bars),
            "restated": sum(bar.vintage > 1 for bar in bars),
            "findings": findings,
            "missing": reason,
        },
        [
            {
                "symbol": bar.symbol,
                "start": bar.start,
                "open": bar.open,
                "close": bar.close,
                "volume": bar.volume,
            }
            for bar in bars[:8]
        ],
    )


def _preview(rows: Sequence[Row], columns: str) -> list[Row]:
    return [{name: row[name] for name in columns.split()} for row in rows[:8]]
