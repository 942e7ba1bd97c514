"""Group *technical*: indicators per session, from the daily bars known at it.

Computed once over the history of a backfill and cut into sessions; the look-back is fixed, so that a live
session gives the same values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

from arena_pipeline.arena import Arena
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.market.calendar import Session
from arena_pipeline.market.indicators import IndicatorRow
from arena_pipeline.market.indicators import indicators as indicators_of
from arena_pipeline.market.vintages import BarHistory
from arena_pipeline.warehouse.store import Edge, Partition, Row


def indicators(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """RSI 14, MACD 12-26-9, Bollinger 20-2, averages, stochastic 14-3-3, ADX 14, ATR 14 and the OBV slope.

    One row per share. Prices and averages in EUR (the market's currency), changes as fractions, warm-up
    null, too little history null with a reason. Stale bars are left out and counted.
    """
    sessions = [arena.calendar.session(key) for key in keys]
    history = arena.daily_bars()
    rows: dict[str, list[Row]] = {key: [] for key in keys}
    edges: dict[str, list[Edge]] = {key: [] for key in keys}
    for symbol in arena.symbols:
        for session, row in _of_symbol(history, symbol, sessions):
            child = f"indicators:{session.key}:{symbol}"
            rows[session.key].append({"id": child, "session": session.key, **asdict(row)})
            if row.first_bar and row.last_bar:
                edges[session.key].append(
                    Edge(child, bar_window(symbol, row.first_bar, row.last_bar), "computed from")
                )
    written = arena.store.write_frames(
        "indicators",
        [Partition(key, rows[key], edges[key]) for key in keys],
        run_id=run.id,
        now=arena.clock(),
    )
    return [
        Outcome(
            entry,
            {
                "symbols": len(rows[entry.key]),
                "without_history": sum(row["reason"] is not None for row in rows[entry.key]),
                "stale_skipped": sum(row["stale_skipped"] for row in rows[entry.key]),
            },
            [
                {name: row[name] for name in ("symbol", "close", "rsi_14", "macd_histogram", "adx_14")}
                for row in rows[entry.key][:8]
            ],
        )
        for entry in written
    ]


def bar_window(symbol: str, first_bar: str, last_bar: str) -> str:
    """The id of a run of daily bars: `bars:SAP.DE:2023-01-02..2025-10-23`."""
    return f"bars:{symbol}:{bar_day(first_bar)}..{bar_day(last_bar)}"


def bar_day(bar: str) -> date:
    """The trading day in the id of a daily bar."""
    return date.fromisoformat(bar.split(":")[2])


def _of_symbol(
    history: BarHistory, symbol: str, sessions: Sequence[Session]
) -> list[tuple[Session, IndicatorRow]]:
    """Rows of one share. Between two changes of its past the series is the same for all sessions."""
    result: list[tuple[Session, IndicatorRow]] = []
    for epoch in _epochs(history, symbol, sessions):
        bars = history.comparable(symbol, epoch[-1].time)
        by_day = {
            row.day: row
            for row in indicators_of(bars, sorted({session.day for session in epoch}), symbol=symbol)
        }
        result += [(session, by_day[session.day]) for session in epoch]
    return result


def _epochs(history: BarHistory, symbol: str, sessions: Sequence[Session]) -> list[list[Session]]:
    changes: list[datetime] = history.changed_between(symbol, sessions[0].time, sessions[-1].time)
    epochs: list[list[Session]] = [[]]
    for session in sessions:
        if changes and session.time > changes[0] and epochs[-1]:
            epochs.append([])
        while changes and session.time > changes[0]:
            changes.pop(0)
        epochs[-1].append(session)
    return epochs
