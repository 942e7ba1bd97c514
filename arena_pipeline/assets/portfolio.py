"""Group *arena*: fills, marks and snapshots: all of them the replay, published.

None of these is an input to a decision. Each is computed from the stored orders and bars whenever it is
materialised; what comes out the same changes nothing, what comes out otherwise supersedes the old rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.books import book_days, last_day, registered_models
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.trading.book import DayResult, PostingKind, Snapshot
from arena_pipeline.trading.money import from_cents
from arena_pipeline.trading.orders import Fill, Rejection
from arena_pipeline.warehouse.store import Edge, Row, Written, utc_text
from arena_pipeline.warehouse.tables import fills, rejections

TRADES = ("fills", "rejections")

POSTED = {
    PostingKind.SPLIT: "split by",
    PostingKind.ACCRUAL: "credited by",
    PostingKind.PAYMENT: "paid by",
}
"""What a snapshot has to do with a corporate action that was posted on its day."""


def trades(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """What became of each accepted order that met a bar on the day: a fill, or a rejection with its reason.

    Prices in EUR (the market's currency) to four decimals, postings in cents, the fee per fill.
    """
    outcomes = []
    for model, days in _by_model(keys).items():
        results, together = _settled(arena, model, days)
        written: dict[date, Written] = {}
        batches = [[day] for day in days if day not in together]
        for batch in [together, *batches] if together else batches:
            with arena.store.ledger.transaction() as connection:
                if batch is together:
                    partitions = [f"{model}|{day}" for day in together]
                    arena.store.clear_rows(connection, TRADES, partitions, now=arena.clock())
                for day in batch:
                    written[day] = _write_trades(arena, connection, model, results[day], run)
        for day in days:
            result = results[day]
            outcomes.append(
                Outcome(
                    written[day],
                    {
                        "fills": len(result.fills),
                        "rejections": len(result.rejections),
                        "fees": str(from_cents(sum(fill.fee_cents for fill in result.fills))),
                    },
                    [
                        {"side": f.side.value, "symbol": f.symbol, "quantity": f.quantity, "price": f.price}
                        for f in result.fills[:8]
                    ],
                )
            )
    return outcomes


def _settled(arena: Arena, model: str, days: Sequence[date]) -> tuple[dict[date, DayResult], list[date]]:
    """The book's days, and those between which the end of an order moved since they were stored.

    A bar that arrives late can fill an order days before the day on which it is stored as filled. The day
    that loses it is written with the one that gains it, asked for or not.
    """
    with arena.store.ledger.read() as connection:
        stored = {
            row.order_id: date.fromisoformat(row.trading_day)
            for table in (fills, rejections)
            for row in connection.execute(
                select(table.c.order_id, table.c.trading_day).where(
                    table.c.model == model, table.c.superseded_at.is_(None)
                )
            )
        }
    results = book_days(arena, model, days[-1])
    together: set[date] = set()
    unseen = set(days)
    while unseen:
        ended = {entry.order_id: day for day in unseen for entry in _ended(results[day])}
        moved = {(day, stored[order]) for order, day in ended.items() if stored.get(order, day) != day}
        unseen = {was for _, was in moved} - set(days) - together
        together.update(*moved)
        if unseen and max(unseen) not in results:
            results = book_days(arena, model, max(unseen))
    return results, sorted(together)


def _ended(result: DayResult) -> list[Fill | Rejection]:
    return [*result.fills, *result.rejections]


def _write_trades(arena: Arena, connection: Connection, model: str, result: DayResult, run: Run) -> Written:
    return arena.store.write_rows(
        connection,
        "trades",
        f"{model}|{result.snapshot.day}",
        {
            "fills": [fill_row(fill) for fill in result.fills],
            "rejections": [rejection_row(entry) for entry in result.rejections],
        },
        edges=[edge for fill in result.fills for edge in _fill_edges(fill)],
        run_id=run.id,
        now=arena.clock(),
    )


def portfolio_snapshots(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """Each model's book at the end of a trading day: cash, net asset value, fees, and its positions.

    Provisional where a holding had no fresh close: it is valued at the last known one, never at zero.
    """
    outcomes = []
    for model, days in _by_model(keys).items():
        results = book_days(arena, model, days[-1])
        for day in days:
            snapshot = results[day].snapshot
            with arena.store.ledger.transaction() as connection:
                written = arena.store.write_rows(
                    connection,
                    "portfolio_snapshots",
                    f"{model}|{day}",
                    {"snapshots": [snapshot_row(snapshot)], "positions": position_rows(snapshot)},
                    edges=_snapshot_edges(arena, model, day, results),
                    run_id=run.id,
                    now=arena.clock(),
                )
            outcomes.append(
                Outcome(
                    written,
                    {
                        "nav": str(from_cents(snapshot.nav_cents)),
                        "cash": str(from_cents(snapshot.cash_cents)),
                        "positions": len(snapshot.marks),
                        "provisional": snapshot.provisional,
                    },
                )
            )
    return outcomes


def position_marks(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """The value of every holding at the close of every 15-minute bar of the day, for all models; for one that
    was taken out, up to the day of its last decision.

    Without 15-minute bars there are none; the snapshot marks at the daily close.
    """
    days = [date.fromisoformat(key) for key in keys]
    rows: dict[date, list[Row]] = {day: [] for day in days}
    for model, _ in registered_models(arena.store):
        end = last_day(arena, model, days[-1])
        if end is None or end < days[0]:
            continue
        results = book_days(arena, model, end)
        for day in (each for each in days if each <= end):
            rows[day] += [
                {
                    "model": mark.model,
                    "symbol": mark.symbol,
                    "at": utc_text(mark.at),
                    "quantity": mark.quantity,
                    "price": format(mark.price, "f"),
                    "value_cents": mark.value_cents,
                    "bar": mark.bar_id,
                }
                for mark in results[day].position_marks
            ]
    outcomes = []
    for day in days:
        with arena.store.ledger.transaction() as connection:
            written = arena.store.write_rows(
                connection,
                "position_marks",
                day.isoformat(),
                {"position_marks": rows[day]},
                run_id=run.id,
                now=arena.clock(),
            )
        outcomes.append(Outcome(written, {"models": len({row["model"] for row in rows[day]})}))
    return outcomes


def _by_model(keys: Sequence[str]) -> Mapping[str, list[date]]:
    days: dict[str, list[date]] = defaultdict(list)
    for key in keys:
        model, _, day = key.partition("|")
        days[model].append(date.fromisoformat(day))
    return {model: sorted(entries) for model, entries in days.items()}


def fill_row(fill: Fill) -> Row:
    return {
        "id": f"fill:{fill.order_id.removeprefix('order:')}",
        "order_id": fill.order_id,
        "model": fill.model,
        "trading_day": fill.day.isoformat(),
        "symbol": fill.symbol,
        "side": fill.side.value,
        "quantity": fill.quantity,
        "price": format(fill.price, "f"),
        "notional_cents": fill.notional_cents,
        "fee_cents": fill.fee_cents,
        "filled_at": utc_text(fill.filled_at),
        "bar": fill.bar_id,
        "realised_cents": fill.realised_cents,
        "net_cents": fill.net_cents,
    }


def _fill_edges(fill: Fill) -> list[Edge]:
    child = f"fill:{fill.order_id.removeprefix('order:')}"
    return [Edge(child, fill.order_id, "executes"), Edge(child, fill.bar_id, "filled at")]


def rejection_row(entry: Rejection) -> Row:
    return {
        "order_id": entry.order_id,
        "model": entry.model,
        "trading_day": entry.day.isoformat(),
        "symbol": entry.symbol,
        "side": entry.side.value,
        "quantity": entry.quantity,
        "rejected_at": utc_text(entry.rejected_at),
        "bar": entry.bar_id,
        "reason": entry.reason.value,
    }


def snapshot_row(snapshot: Snapshot) -> Row:
    return {
        "id": f"snapshot:{snapshot.model}:{snapshot.day}",
        "model": snapshot.model,
        "trading_day": snapshot.day.isoformat(),
        "cash_cents": snapshot.cash_cents,
        "receivable_cents": snapshot.receivable_cents,
        "nav_cents": snapshot.nav_cents,
        "fees_cents": snapshot.fees_cents,
        "realised_cents": snapshot.realised_cents,
        "dividends_cents": snapshot.dividends_cents,
        "provisional": snapshot.provisional,
    }


def position_rows(snapshot: Snapshot) -> list[Row]:
    return [
        {
            "model": snapshot.model,
            "trading_day": snapshot.day.isoformat(),
            "symbol": mark.symbol,
            "quantity": mark.quantity,
            "cost_cents": mark.cost_cents,
            "price": None if mark.price is None else format(mark.price, "f"),
            "value_cents": mark.value_cents,
            "bar": mark.bar_id,
            "provisional": mark.provisional,
        }
        for mark in snapshot.marks
    ]


def _snapshot_edges(arena: Arena, model: str, day: date, results: Mapping[date, DayResult]) -> list[Edge]:
    child = f"snapshot:{model}:{day}"
    result = results[day]
    edges = [Edge(child, f"fill:{fill.order_id.removeprefix('order:')}", "includes") for fill in result.fills]
    edges += [Edge(child, mark.bar_id, "marked at") for mark in result.snapshot.marks if mark.bar_id]
    edges += [Edge(child, posting.action_id, POSTED[posting.kind]) for posting in result.postings]
    if day > arena.start:
        edges.append(Edge(child, f"snapshot:{model}:{arena.calendar.previous_day(day)}", "continues"))
    return edges
