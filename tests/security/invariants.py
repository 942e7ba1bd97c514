"""The eight invariants of `bad_inputs.json`, by the names that it gives them, on a real arena.

`State.of(arena)` is taken before a bad input, `broken_invariants` is asked afterwards. Any surface may use
it: what a case may legitimately add to the books is named by `new_days`, the trading days that it decides.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy import Table as LedgerTable

from arena_pipeline import verify
from arena_pipeline.arena import HISTORY, Arena
from arena_pipeline.assets.books import book_days, registered_models
from arena_pipeline.assets.graph import (
    BOARD_STEPS,
    BOOK_STEPS,
    DAY_STEPS,
    DECISION_STEPS,
    SESSION_STEPS,
    names,
)
from arena_pipeline.errors import LedgerError
from arena_pipeline.trading.journal import Account, balances, journal
from arena_pipeline.trading.money import to_cents
from arena_pipeline.warehouse.digest import canonical, rows_digest
from arena_pipeline.warehouse.research_tables import extractions
from arena_pipeline.warehouse.tables import (
    cancellations,
    catalog,
    decisions,
    evidence,
    exchanges,
    fills,
    leaderboard,
    orders,
    positions,
    rejections,
    snapshots,
)

PROJECT = Path(__file__).parents[2]
RAW = ("daily_bars", "intraday_bars", "corporate_actions", "articles", "found_articles", "financials")
TEXTS = (
    "articles",
    "found_articles",
    "found_answers",
    "corporate_actions",
    "financials",
    "feed_answers",
    "feed_health",
    "bar_findings",
    "briefings",
)
BOOKS = (decisions, orders, cancellations, fills, rejections, snapshots, positions, leaderboard)
TRADES = (orders, fills, rejections)
VOLATILE = {"row_id", "recorded_at", "superseded_at", "run_id"}
Problems = Iterator[str]


@dataclass(frozen=True)
class Table:
    """One table of the lake: the digests of its partitions, and the rows behind them."""

    digests: dict[str, str]
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class State:
    """An arena before a case: its books, its tables, and the files around its home."""

    books: dict[str, str]
    trades: dict[str, str]
    tables: dict[str, Table]
    outside: dict[Path, tuple[int, int]]

    @classmethod
    def of(
        cls, arena: Arena, *, new_days: Collection[str] = (), known: Mapping[str, Table] | None = None
    ) -> State:
        """`new_days` are left out of the books: the case may decide and settle them. A table of `known` is
        not read again where no partition of it has another digest."""
        return cls(
            books={table.name: _digest(arena, table, new_days) for table in BOOKS},
            trades={table.name: _digest(arena, table, new_days) for table in TRADES},
            tables=_tables(arena, known or {}),
            outside=_files_outside(arena.settings.home),
        )


@dataclass(frozen=True)
class Case:
    """An arena after a case. `said` is everything the case printed, logged or reported; `secrets` are the
    canaries that must be nowhere."""

    arena: Arena
    before: State
    said: str = ""
    secrets: Collection[str] = ()
    new_days: Collection[str] = ()

    @cached_property
    def after(self) -> State:
        return State.of(self.arena, new_days=self.new_days, known=self.before.tables)

    def rows(self, *tables: str) -> list[dict[str, Any]]:
        """The rows of some tables after the case."""
        return [row for name in tables for row in self.after.tables[name].rows]


def broken_invariants(case: Case) -> dict[str, list[str]]:
    """The problems under each invariant's name; every one of them is evaluated, empty where it holds."""
    return {invariant.__name__: list(invariant(case)) for invariant in INVARIANTS}


def no_state_change(case: Case) -> Problems:
    """The books' digest is the same before and after, apart from the days that the case decides."""
    for table, digest in case.before.books.items():
        if case.after.books[table] != digest:
            yield f"{table} changed"


def previous_good_data_kept(case: Case) -> Problems:
    """Every raw row of before is still in force, as it was."""
    for name in RAW:
        before, after = case.before.tables[name], case.after.tables[name]
        if before is not after:
            lost = {canonical(row) for row in before.rows} - {canonical(row) for row in after.rows}
            yield from (f"{name} lost {row[:160]}" for row in sorted(lost))
        yield from (f"{name} lost {key}" for key in before.digests.keys() - after.digests.keys())


def double_entry_balances(case: Case) -> Problems:
    """For each model the postings of every fill sum to zero, cash and quantities are not negative, and they
    add up to the snapshot. Where the case settled days, the replay's own journal says the same."""
    arena = case.arena
    start = to_cents(arena.settings.arena.starting_cash)
    for model, _ in registered_models(arena.store):
        last = _last_day(arena, model)
        if last is None:
            continue
        cash, shares = start, Counter[str]()
        for fill in _fills(arena, model):
            bought = fill.side == "buy"
            realised = fill.realised_cents or 0
            paid = -(fill.notional_cents + fill.fee_cents) if bought else fill.notional_cents - fill.fee_cents
            at_cost = fill.notional_cents if bought else realised - fill.notional_cents
            if paid + at_cost + fill.fee_cents - realised != 0:
                yield f"the postings of {fill.id} do not sum to zero"
            cash += paid
            shares[fill.symbol] += fill.quantity if bought else -fill.quantity
        stored = _snapshot(arena, model, last)
        cash += stored.dividends_cents - stored.receivable_cents
        if cash != stored.cash_cents or cash < 0:
            yield f"{model}: the fills leave {cash} cents of cash, the snapshot says {stored.cash_cents}"
        yield from (f"{model} holds {held} of {symbol}" for symbol, held in shares.items() if held < 0)
        if case.new_days:
            yield from _journal_problems(arena, model, last, stored.cash_cents)
    yield from verify.books_balance(arena)


def _journal_problems(arena: Arena, model: str, last: date, cash_cents: int) -> Problems:
    start = to_cents(arena.settings.arena.starting_cash)
    results = book_days(arena, model, last).values()
    try:
        found = balances(journal(results, opening=arena.start, starting_cash_cents=start))
    except LedgerError as error:
        yield str(error)
        return
    if sum(cents for cents, _ in found.values()) != 0:
        yield f"{model}: the journal does not sum to zero"
    if found[Account.CASH, None][0] != cash_cents:
        yield f"{model}: the journal has {found[Account.CASH, None][0]} cents of cash, not {cash_cents}"


def no_secret_in_output(case: Case) -> Problems:
    """No canary in what was said, in the archive, in the ledger's file or in a table of the lake."""
    arena = case.arena
    places: list[tuple[str, bytes]] = [("the output", case.said.encode())]
    places += [
        (f"archive entry {sha}", arena.store.archive.get(sha)) for sha in arena.store.archive.entries()
    ]
    places += [(path.name, path.read_bytes()) for path in arena.settings.home.glob("ledger.db*")]
    places += [(name, repr(case.rows(name)).encode()) for name in TEXTS]
    for place, content in places:
        if any(secret.encode() in content for secret in case.secrets):
            yield f"a secret is in {place}"


def no_file_outside_data_root(case: Case) -> Problems:
    """Nothing beside the home was made, changed or removed: neither around it nor in the project."""
    for path in case.before.outside.keys() | case.after.outside.keys():
        if case.before.outside.get(path) != case.after.outside.get(path):
            yield f"{path} was touched"


def no_lookahead(case: Case) -> Problems:
    """Evidence was known before its session, no bar before it ended, no fill before its order; and no prompt
    holds a text from outside, but one that reads an article holds that one."""
    arena = case.arena
    yield from verify.every_fill_is_at_a_bar_that_came_after_its_order(arena)
    for row in case.rows("daily_bars", "intraday_bars"):
        if row["known_at"] < row["end"]:
            yield f"{row['id']} was known before it ended"
    known_at: dict[str, datetime] = {}
    for row in case.rows("articles", "found_articles", "financials"):
        known_at[row["id"]] = min(row["known_at"], known_at.get(row["id"], row["known_at"]))
    with arena.store.ledger.read() as connection:
        sent = {row.sent_sha256: row.id for row in connection.execute(select(exchanges))}
        read = {
            exchange: row.article
            for row in connection.execute(select(extractions))
            for exchange in json.loads(row.exchanges)
        }
        edges = connection.execute(select(evidence.c.child, evidence.c.parent)).all()
    for child, parent in edges:
        kind, _, rest = child.partition(":")
        if kind in {"briefing", "momentum"} and parent in known_at:
            session = arena.calendar.session(rest.rpartition(":")[0])
            if known_at[parent] >= session.time:
                yield f"{child} uses {parent}, known only at {known_at[parent]}"
    titles = {
        row["title"]: row["id"]
        for row in case.rows("articles", "found_articles")
        if row["title"].count(" ") >= 2
    }
    for sha, exchange in sent.items():
        prompt = arena.store.archive.get(sha).decode()
        for title, article in titles.items():
            if title in prompt and read.get(exchange) != article:
                yield f"prompt {sha[:12]} holds {title!r}"


def no_duplicate_trades(case: Case) -> Problems:
    """One order per model, session and number, one fill per order, and the trades of the days before are
    those of the uninterrupted run that the home was made by."""
    with case.arena.store.ledger.read() as connection:
        rows = connection.execute(select(orders.c.model, orders.c.session, orders.c.seq)).all()
        filled = list(connection.scalars(select(fills.c.order_id).where(fills.c.superseded_at.is_(None))))
    if len(set(rows)) != len(rows):
        yield f"{len(rows)} orders under {len(set(rows))} numbers"
    if len(set(filled)) != len(filled):
        yield f"{len(filled)} fills of {len(set(filled))} orders"
    if case.after.trades != case.before.trades:
        yield "the trades differ from those of an uninterrupted run"


def one_key_per_day(case: Case) -> Problems:
    """Each trading day has one canonical key per asset, and each key one version in force."""
    arena = case.arena
    with arena.store.ledger.read() as connection:
        doubled = connection.execute(
            select(catalog.c.asset, catalog.c.partition)
            .where(catalog.c.superseded_at.is_(None))
            .group_by(catalog.c.asset, catalog.c.partition)
            .having(func.count() > 1)
        ).all()
    for asset, partition in doubled:
        yield f"{asset} {partition} has more than one version in force"
    steps = (*DAY_STEPS, *SESSION_STEPS, *DECISION_STEPS, *BOOK_STEPS, *BOARD_STEPS)
    for asset in (*names(steps), "feed_answers", "bar_findings"):
        for key in arena.store.partitions(asset):
            moment = key.rpartition("|")[2]
            day = moment.partition("T")[0]
            if key != HISTORY and not _is_canonical(arena, day, moment):
                yield f"{asset} has the key {key!r}"


INVARIANTS: tuple[Callable[[Case], Problems], ...] = (
    no_state_change,
    previous_good_data_kept,
    double_entry_balances,
    no_secret_in_output,
    no_file_outside_data_root,
    no_lookahead,
    no_duplicate_trades,
    one_key_per_day,
)


def _is_canonical(arena: Arena, day: str, moment: str) -> bool:
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return False
    if found.isoformat() != day or not arena.calendar.is_trading_day(found):
        return False
    return moment == day or moment in {session.key for session in arena.calendar.sessions_of(found)}


def _digest(arena: Arena, table: LedgerTable, new_days: Collection[str]) -> str:
    """Of the rows in force of one table, those of `new_days` left out."""
    statement = select(table)
    if "superseded_at" in table.c:
        statement = statement.where(table.c.superseded_at.is_(None))
    with arena.store.ledger.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(statement)]
    return rows_digest(
        {name: value for name, value in row.items() if name not in VOLATILE}
        for row in rows
        if str(row.get("trading_day") or row["session"])[:10] not in new_days
    )


def _tables(arena: Arena, known: Mapping[str, Table]) -> dict[str, Table]:
    tables = {}
    for name in sorted({*RAW, *TEXTS}):
        digests = arena.store.partitions(name)
        unchanged = name in known and known[name].digests == digests
        tables[name] = known[name] if unchanged else Table(digests, arena.store.rows(name))
    return tables


def _files_outside(home: Path) -> dict[Path, tuple[int, int]]:
    """Time of change and size of every file around the home and in the project."""
    found = {}
    for root in (home.parent, PROJECT):
        for folder, folders, files in os.walk(root):
            hidden = {name for name in folders if name.startswith(".") or name == "__pycache__"}
            folders[:] = [name for name in folders if name not in hidden and Path(folder) / name != home]
            for name in files:
                status = (Path(folder) / name).stat()
                found[Path(folder) / name] = (status.st_mtime_ns, status.st_size)
    return found


def _last_day(arena: Arena, model: str) -> date | None:
    with arena.store.ledger.read() as connection:
        last = connection.execute(
            select(func.max(snapshots.c.trading_day)).where(snapshots.c.model == model)
        ).scalar_one()
    return date.fromisoformat(last) if last else None


def _snapshot(arena: Arena, model: str, day: date) -> Row[Any]:
    with arena.store.ledger.read() as connection:
        return connection.execute(
            select(snapshots).where(
                snapshots.c.id == f"snapshot:{model}:{day}", snapshots.c.superseded_at.is_(None)
            )
        ).one()


def _fills(arena: Arena, model: str) -> Sequence[Row[Any]]:
    with arena.store.ledger.read() as connection:
        return connection.execute(
            select(fills).where(fills.c.model == model, fills.c.superseded_at.is_(None))
        ).all()


def _filled_orders(arena: Arena) -> Sequence[Row[Any]]:
    with arena.store.ledger.read() as connection:
        return connection.execute(
            select(fills.c.id, fills.c.bar, orders.c.submitted_at)
            .join(orders, orders.c.id == fills.c.order_id)
            .where(fills.c.superseded_at.is_(None))
        ).all()


def report(broken: dict[str, list[str]]) -> Iterable[str]:
    """The problems as lines."""
    return [f"{name}: {problem}" for name, problems in broken.items() for problem in problems]
