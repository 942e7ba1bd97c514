"""Group *arena*: fills, marks, snapshots and the leaderboard: all of them the replay, published.

None of these is an input to a decision. Each is computed from the stored orders and bars whenever it is
materialised; what comes out the same changes nothing, what comes out otherwise supersedes the old rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.books import book_days, register_models, registered_models
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.market.bars import Bar
from arena_pipeline.scoring.document import board_document
from arena_pipeline.scoring.leaderboard import ModelRecord
from arena_pipeline.scoring.leaderboard import leaderboard as board_of
from arena_pipeline.settings import ModelKind
from arena_pipeline.trading.book import DayResult, Snapshot
from arena_pipeline.trading.money import from_cents, to_cents
from arena_pipeline.trading.orders import Fill, Rejection, Side
from arena_pipeline.warehouse import readers
from arena_pipeline.warehouse.digest import canonical
from arena_pipeline.warehouse.store import Edge, Row, utc_text
from arena_pipeline.warehouse.tables import fills as fills_table
from arena_pipeline.warehouse.tables import model_costs
from arena_pipeline.warehouse.tables import snapshots as snapshots_table


def trades(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """What became of each accepted order that met a bar on the day: a fill, or a rejection with its reason.

    Prices in EUR (the market's currency) to four decimals, postings in cents, the fee per fill.
    """
    outcomes = []
    for model, days in _by_model(keys).items():
        results = book_days(arena, model, days[-1])
        for day in days:
            result = results[day]
            with arena.store.ledger.transaction() as connection:
                written = arena.store.write_rows(
                    connection,
                    "trades",
                    f"{model}|{day}",
                    {
                        "fills": [fill_row(fill) for fill in result.fills],
                        "rejections": [_rejection_row(entry) for entry in result.rejections],
                    },
                    edges=[edge for fill in result.fills for edge in _fill_edges(fill)],
                    run_id=run.id,
                    now=arena.clock(),
                )
            outcomes.append(
                Outcome(
                    written,
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
    """The value of every holding at the close of every 15-minute bar of the day, for all models.

    Without 15-minute bars there are none; the snapshot marks at the daily close.
    """
    days = [date.fromisoformat(key) for key in keys]
    rows: dict[date, list[Row]] = {day: [] for day in days}
    for model, _ in registered_models(arena.store):
        results = book_days(arena, model, days[-1])
        for day in days:
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


def leaderboard(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """All registered models, ranked by net asset value at the end of the day, with the benchmark's return.

    Ratios are fractions or null with a reason; money in EUR (the market's currency), model costs in USD.
    """
    with arena.store.ledger.transaction() as connection:
        register_models(arena, connection)
    days = [date.fromisoformat(key) for key in keys]
    ledger = _Scores(arena, days[-1])
    history = arena.daily_bars()
    outcomes = []
    for day in days:
        known = history.known(arena.settings.universe.benchmark, readers.end_of_day(arena.calendar, day))
        benchmark = [(bar.day, bar.close) for bar in known if not bar.stale]
        documents = [
            board_document(row) for row in board_of(ledger.records(day), benchmark=benchmark, as_of=day)
        ]
        rows = [
            {
                "id": f"board:{day}:{document['model']}",
                "trading_day": day.isoformat(),
                "model": document["model"],
                "rank": document["rank"],
                "nav_cents": to_cents(Decimal(document["nav"])),
                "row": canonical(document),
            }
            for document in documents
        ]
        edges = [Edge(row["id"], f"snapshot:{row['model']}:{day}", "ranks") for row in rows]
        edges += [
            Edge(row["id"], bar, "compared with") for row in rows for bar in _ends(known, day, arena.start)
        ]
        with arena.store.ledger.transaction() as connection:
            written = arena.store.write_rows(
                connection,
                "leaderboard",
                day.isoformat(),
                {"leaderboard": rows},
                edges=edges,
                run_id=run.id,
                now=arena.clock(),
            )
        outcomes.append(
            Outcome(
                written,
                {"leader": documents[0]["model"], "simulated": arena.settings.simulated},
                [
                    {name: entry[name] for name in ("rank", "model", "nav", "return", "trades")}
                    for entry in documents
                ],
            )
        )
    return outcomes


@dataclass(frozen=True)
class _Trade:
    day: date
    side: str
    notional_cents: int
    fee_cents: int
    net_cents: int | None


class _Scores:
    """What the board needs of every model up to a day, read once."""

    def __init__(self, arena: Arena, last: date) -> None:
        self._arena = arena
        self._models = registered_models(arena.store)
        self._navs: dict[str, list[tuple[date, int, bool]]] = defaultdict(list)
        self._trades: dict[str, list[_Trade]] = defaultdict(list)
        until = last.isoformat()
        with arena.store.ledger.read() as connection:
            for row in connection.execute(
                select(snapshots_table)
                .where(snapshots_table.c.superseded_at.is_(None), snapshots_table.c.trading_day <= until)
                .order_by(snapshots_table.c.trading_day)
            ):
                self._navs[row.model].append(
                    (date.fromisoformat(row.trading_day), row.nav_cents, row.provisional)
                )
            for row in connection.execute(
                select(fills_table)
                .where(fills_table.c.superseded_at.is_(None), fills_table.c.trading_day <= until)
                .order_by(fills_table.c.filled_at, fills_table.c.id)
            ):
                self._trades[row.model].append(
                    _Trade(
                        date.fromisoformat(row.trading_day),
                        row.side,
                        row.notional_cents,
                        row.fee_cents,
                        row.net_cents,
                    )
                )
        with (arena.origin or arena.store).ledger.read() as connection:
            self._costs = [
                (row.spender, date.fromisoformat(row.session[:10]), row.cost_usd)
                for row in connection.execute(
                    select(model_costs.c.spender, model_costs.c.session, model_costs.c.cost_usd)
                )
            ]

    def records(self, day: date) -> list[ModelRecord]:
        return [self._record(model, kind, day) for model, kind in self._models]

    def _record(self, model: str, kind: ModelKind, day: date) -> ModelRecord:
        navs = [entry for entry in self._navs[model] if entry[0] <= day]
        done = [trade for trade in self._trades[model] if trade.day <= day]
        return ModelRecord(
            model=model,
            kind=kind.value,
            navs=[(at, nav) for at, nav, _ in navs],
            starting_cash_cents=to_cents(self._arena.settings.arena.starting_cash),
            closed_nets=[trade.net_cents for trade in done if trade.net_cents is not None],
            trades=len(done),
            fees_cents=sum(trade.fee_cents for trade in done),
            bought_cents=sum(trade.notional_cents for trade in done if trade.side == Side.BUY),
            sold_cents=sum(trade.notional_cents for trade in done if trade.side == Side.SELL),
            llm_cost_usd=self._cost(model, kind, day),
            provisional=not navs or navs[-1][0] != day or navs[-1][2],
        )

    def _cost(self, model: str, kind: ModelKind, day: date) -> Decimal | None:
        """USD; a baseline asks no model. None when the cost of any call is unknown."""
        if kind is ModelKind.BASELINE:
            return Decimal(0)
        costs = [cost for spender, at, cost in self._costs if spender == model and at <= day]
        if any(cost is None for cost in costs):
            return None
        return sum((Decimal(cost) for cost in costs), Decimal(0))


def _by_model(keys: Sequence[str]) -> Mapping[str, list[date]]:
    days: dict[str, list[date]] = defaultdict(list)
    for key in keys:
        model, _, day = key.partition("|")
        days[model].append(date.fromisoformat(day))
    return {model: sorted(entries) for model, entries in days.items()}


def _ends(known: Sequence[Bar], day: date, start: date) -> list[str]:
    """The benchmark's bars that its return is between: the last before the start, and the day's."""
    before = [bar.id for bar in known if bar.day < start and not bar.stale][-1:]
    return before + [bar.id for bar in known if bar.day <= day and not bar.stale][-1:]


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


def _rejection_row(entry: Rejection) -> Row:
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
    if day > arena.start:
        edges.append(Edge(child, f"snapshot:{model}:{arena.calendar.previous_day(day)}", "continues"))
    return edges
