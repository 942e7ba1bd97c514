"""Group *market*: bars and corporate actions per trading day, as the vendor gave them, vintage by vintage.

Source: `prices.source` in arena.toml. A daily bar is known when trading has ended, a 15-minute bar when its
quarter has. A day without rows means that the vendor has none; the partition's `missing` says why.
Before the first day, the bars that the indicators look back on are kept in a partition named `history`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import TypeVar

from arena_pipeline.arena import HISTORY, Arena
from arena_pipeline.assets.bar_partitions import Merged, finding_rows, merge, owed, symbols_of
from arena_pipeline.assets.gaps import asked_from, remember
from arena_pipeline.assets.gaps import owed as owed_since
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.errors import SourceError
from arena_pipeline.market.indicators import indicator_anchor
from arena_pipeline.sources.coverage import unknown_symbols
from arena_pipeline.sources.prices import ActionReply, Gap, PriceReply
from arena_pipeline.trading.corporate_actions import ActionKind, CorporateAction
from arena_pipeline.warehouse.readers import end_of_day
from arena_pipeline.warehouse.recorder import Collection, RecordedCollection
from arena_pipeline.warehouse.rows import action_row, bar_row
from arena_pipeline.warehouse.store import Partition, Row, Written

LATE_ACTION_DAYS = 10
"""Trading days for which a dividend is still looked for that was not listed on its ex-date."""

FIGURES = ("ratio", "amount", "pay_date")
Reply = TypeVar("Reply", PriceReply, ActionReply)
REFUSED = frozenset({Gap.RATE_LIMITED, Gap.REFUSED})
"""Gaps after which a vendor is not asked anything else in the same reading."""

LOOK_BACK_DAYS = 40
"""Trading days read before the first one asked for, so that a stale bar is seen against its predecessor."""


def daily_bars(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """Daily bars of every share and of the benchmark, with what the bar checks found.

    One row per symbol and vintage: open, high, low, close in EUR (the market's currency), volume in shares.
    Bars that repeat the previous close without volume are marked stale; rows that cannot be right are
    quarantined in `bar_findings` with file and line. So is noted there which shares the vendor failed on (the
    day is incomplete until a later run brings them), and what it has changed of the days before.
    """
    days = [date.fromisoformat(key) for key in keys]
    first, last = min(days), max(days)
    with_history = HISTORY not in arena.store.partitions("daily_bars")
    anchor = indicator_anchor(arena.start)
    since = anchor if with_history else _days_before(arena, first)
    collection = arena.collection("daily_bars", keys)
    prices = arena.prices(collection, asked_at=collection.at)
    without_history = sorted(owed(arena, HISTORY) & set(arena.priced_symbols)) if not with_history else []
    others = [symbol for symbol in arena.priced_symbols if symbol not in without_history]
    reply = prices.daily(others, min(since, first), last)
    if without_history:
        _add(reply, without_history, lambda: prices.daily(without_history, min(anchor, first), last))
    if reply.unknown and arena.origin is None:
        raise unknown_symbols(arena.settings, reply.unknown)
    wanted = [*([HISTORY] if with_history else []), *keys]
    merged = merge(arena, "daily_bars", wanted, reply, collection.at)
    findings = finding_rows(arena, merged, reply, wanted)
    now = arena.clock()
    _record_splits(arena, reply.splits, keys, run, now)
    arena.store.write_frames(
        "bar_findings", [Partition(key, findings[key]) for key in merged.bars], run_id=run.id, now=now
    )
    return _write(arena, "daily_bars", keys, run, collection, reply, merged, findings)


def intraday_bars(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """15-minute bars of every share and of the benchmark, where the vendor has them.

    One row per symbol, quarter hour and vintage. `files` have none; Yahoo keeps about 60 days, and is asked
    for what it owes so long.
    """
    days = [date.fromisoformat(key) for key in keys]
    collection = arena.collection("intraday_bars", keys)
    since, last = arena.calendar.previous_day(min(days)), max(days)
    prices = arena.prices(collection, asked_at=collection.at)
    groups = asked_from(owed_since(arena.store, "intraday_bars"), arena.priced_symbols, since, last)
    (begins, symbols), *late = groups.items()
    reply = prices.intraday(symbols, begins, last)
    for begins, symbols in late:
        _add(reply, symbols, partial(prices.intraday, symbols, begins, last))
    merged = merge(arena, "intraday_bars", keys, reply, collection.at)
    _record_splits(arena, reply.splits, keys, run, arena.clock())
    written = _write(arena, "intraday_bars", keys, run, collection, reply, merged, {})
    remember(arena, "intraday_bars", keys, reply.gaps, reply.missing, groups, run_id=run.id)
    return written


def corporate_actions(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """Splits and dividends by the trading day on which they take effect.

    One row per event: the ratio of a split (new shares for one old), the gross dividend per share in EUR
    (the market's currency). Whether the book applies a split depends on the adjustment of its bars. One that
    is listed only when its day was over is known from now on, and the book posts it then; one that is listed
    with another figure than before is reported and changes nothing. A share that the vendor fails on is asked
    for from that day on until it has answered.
    """
    days = [date.fromisoformat(key) for key in keys]
    collection = arena.collection("corporate_actions", keys)
    since, last = _days_before(arena, min(days), LATE_ACTION_DAYS), max(days)
    prices = arena.prices(collection, asked_at=collection.at)
    groups = asked_from(owed_since(arena.store, "corporate_actions"), arena.symbols, since, last)
    (begins, symbols), *late = groups.items()
    reply = prices.actions(symbols, begins, last)
    for begins, symbols in late:
        _add_actions(reply, symbols, partial(prices.actions, symbols, begins, last))
    before = arena.store.partitions("corporate_actions")
    touched = {*keys, *before.keys() & {_effective_day(arena, action) for action in reply.actions}}
    rows = {key: _stored(arena, "corporate_actions", key) for key in sorted(touched)}
    lived_through = {
        key
        for key in touched & before.keys()
        if collection.at >= end_of_day(arena.calendar, date.fromisoformat(key))
        and not _entered_with_bars(rows[key])
    }
    for action in reply.actions:
        key = _effective_day(arena, action)
        if key not in rows:
            continue
        known = {row["id"]: row for row in rows[key]}
        listed = action_row(action)
        if action.id in known:
            differs = [name for name in FIGURES if known[action.id][name] != listed[name]]
            for name in differs:
                run.report(f"{action.id}: {name} {known[action.id][name]} is now listed as {listed[name]}")
        elif key in lived_through and action.kind is ActionKind.DIVIDEND:
            run.report(f"{action.id} was listed only when its day was over")
            rows[key].append(listed | {"known_at": max(action.known_at, collection.at)})
        else:
            rows[key].append(listed)
    written = arena.store.write_frames(
        "corporate_actions",
        [Partition(key, rows[key]) for key in rows],
        run_id=run.id,
        now=arena.clock(),
        within=lambda connection: collection.enter(connection, run.id),
    )
    remember(arena, "corporate_actions", keys, reply.gaps, reply.missing, groups, run_id=run.id)
    if reply.gaps:
        run.report(f"corporate_actions is incomplete: {_missing(reply.missing, reply.gaps)}")
    figures = {"missing": _missing(reply.missing, reply.gaps), "complete": not reply.gaps}
    return [
        Outcome(entry, figures, _preview(rows[entry.key], "symbol kind ex_date ratio amount"))
        for entry in written
        if entry.key in keys
    ]


def _write(
    arena: Arena,
    asset: str,
    keys: Sequence[str],
    run: Run,
    collection: Collection | RecordedCollection,
    reply: PriceReply,
    merged: Merged,
    findings: Mapping[str, Sequence[Row]],
) -> list[Outcome]:
    """Put the bars in force with the collection that they come from, and say what is worth saying."""
    for text in merged.reports:
        run.report(text)
    if reply.gaps:
        run.report(f"{asset} is incomplete: {_missing(reply.missing, reply.gaps)}")
    written = arena.store.write_frames(
        asset,
        [Partition(key, [bar_row(bar) for bar in bars]) for key, bars in merged.bars.items()],
        run_id=run.id,
        now=arena.clock(),
        within=lambda connection: collection.enter(connection, run.id),
    )
    return [
        _outcome(entry, merged, reply, len(findings.get(entry.key, ())))
        for entry in written
        if entry.key in keys
    ]


def _add(reply: PriceReply, symbols: Sequence[str], ask: Callable[[], PriceReply]) -> None:
    """Add what a second question for prices brings to the reply of the first."""
    more = _more(reply, symbols, ask)
    if more is not None:
        reply.bars.extend(more.bars)
        reply.splits.extend(more.splits)
        reply.unknown.extend(more.unknown)


def _add_actions(reply: ActionReply, symbols: Sequence[str], ask: Callable[[], ActionReply]) -> None:
    """Add what a second question for splits and dividends brings to the reply of the first."""
    more = _more(reply, symbols, ask)
    if more is not None:
        reply.actions.extend(more.actions)
        reply.actions.sort(key=lambda action: (action.symbol, action.ex_date, action.kind))


def _more(reply: PriceReply | ActionReply, symbols: Sequence[str], ask: Callable[[], Reply]) -> Reply | None:
    """The reply to a second question, its troubles entered into the first. If the vendor fails on all of it,
    or has refused before, its symbols are missing."""
    gap, why = Gap.NOT_ASKED, "the vendor had refused before it"
    if not REFUSED & set(reply.gaps.values()):
        try:
            more = ask()
        except SourceError as error:
            gap, why = Gap.NO_ANSWER, str(error)
        else:
            reply.findings.extend(more.findings)
            reply.missing.update(more.missing)
            reply.gaps.update(more.gaps)
            return more
    reply.missing.update(dict.fromkeys(symbols, why))
    reply.gaps.update(dict.fromkeys(symbols, gap))
    return None


def _record_splits(
    arena: Arena, splits: Sequence[CorporateAction], keys: Sequence[str], run: Run, now: datetime
) -> None:
    """Enter the splits that lie between bars as traded before the bars themselves, so that no book meets a
    price after a split without the split, and no indicator a step; those before the arena's first day under
    `history`. Days that were never collected are left alone."""
    collected = arena.store.partitions("corporate_actions").keys() | {HISTORY, *keys}
    rows: dict[str, list[Row]] = {}
    for split in splits:
        key = HISTORY if split.ex_date < arena.start else _effective_day(arena, split)
        if key in collected:
            held = rows[key] if key in rows else _stored(arena, "corporate_actions", key)
            if split.id not in {row["id"] for row in held}:
                rows[key] = [*held, action_row(split)]
    if rows:
        partitions = [Partition(key, rows[key]) for key in sorted(rows)]
        arena.store.write_frames("corporate_actions", partitions, run_id=run.id, now=now)


def _entered_with_bars(rows: Sequence[Row]) -> bool:
    """Whether a day holds nothing but what `_record_splits` may have put there ahead of its own reading."""
    return bool(rows) and all(row["kind"] == ActionKind.SPLIT for row in rows)


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


def _days_before(arena: Arena, day: date, count: int = LOOK_BACK_DAYS) -> date:
    for _ in range(count):
        day = arena.calendar.previous_day(day)
    return day


def _outcome(written: Written, merged: Merged, reply: PriceReply, findings: int) -> Outcome:
    bars = merged.bars[written.key]
    reason = _missing(reply.missing, reply.gaps)
    if reply.reaches_from is not None and written.key < str(reply.reaches_from):
        reason = f"all: not covered before {reply.reaches_from}"
    return Outcome(
        written,
        {
            "symbols": len(symbols_of(bars)),
            "stale": sum(bar.stale for bar in bars),
            "restated": sum(bar.vintage > 1 for bar in bars),
            "changed_history": sum(map(len, merged.changes.values())),
            "late": len(merged.late[written.key]),
            "findings": findings,
            "missing": reason,
            "complete": not reply.gaps and not merged.held,
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


def _missing(missing: Mapping[str, str], gaps: Mapping[str, Gap]) -> str:
    """How many symbols are missing, and why the first one is; those that the vendor failed on come first."""
    if not missing:
        return "none"
    first = min(gaps or missing)
    kind = f" ({gaps[first].value})" if first in gaps else ""
    return f"{len(missing)}: {first}{kind}: {missing[first]}"


def _preview(rows: Sequence[Row], columns: str) -> list[Row]:
    return [{name: row[name] for name in columns.split()} for row in rows[:8]]
