"""The invariants of an arena, each by name: what must hold whatever happened.

`verify` checks all of them against what is stored and returns every violation it finds.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import duckdb
from sqlalchemy import func, select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.books import book_days, decided_sessions, journals, registered_models
from arena_pipeline.assets.portfolio import fill_row, position_rows, rejection_row, snapshot_row
from arena_pipeline.board_check import (
    a_decision_is_judged_by_its_models_cutoff,
    every_model_is_on_the_board,
    the_newest_board_is_what_the_books_make,
)
from arena_pipeline.errors import ArchiveError, ChainGap, LedgerError
from arena_pipeline.look_ahead import (
    edges_in_force,
    every_run_of_bars_was_known_to_its_session,
    evidence_is_as_old_as_what_rests_on_it,
)
from arena_pipeline.trading.journal import Account, balances
from arena_pipeline.trading.money import to_cents
from arena_pipeline.warehouse.digest import canonical
from arena_pipeline.warehouse.lineage import existing
from arena_pipeline.warehouse.redigest import changed_partitions, content
from arena_pipeline.warehouse.schemas import SCHEMAS
from arena_pipeline.warehouse.tables import (
    DERIVED,
    cancellations,
    catalog,
    decisions,
    evidence,
    exchanges,
    fetches,
    fills,
    orders,
    positions,
    rejections,
    snapshots,
)

Problems = Iterator[str]


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that does not hold, under the name of its invariant."""

    invariant: str
    problem: str


def verify(arena: Arena, report: Callable[[str], None] = lambda name: None) -> list[Violation]:
    """All violations, empty when every invariant holds. `report` is told each invariant's name first.

    One that cannot be checked because a file of the lake cannot be read does not hold.
    """
    violations = []
    for invariant in INVARIANTS:
        name = invariant.__name__.replace("_", " ")
        report(name)
        try:
            violations += [Violation(name, problem) for problem in invariant(arena)]
        except duckdb.Error as error:
            violations.append(Violation(name, f"not checked: {str(error).splitlines()[0][:200]}"))
    return violations


def the_archive_has_every_byte_it_names(arena: Arena) -> Problems:
    with arena.store.ledger.read() as connection:
        named = {*connection.scalars(select(fetches.c.sha256))}
        for row in connection.execute(select(exchanges.c.sent_sha256, exchanges.c.reply_sha256)):
            named |= {row.sent_sha256, row.reply_sha256}
    for sha256 in sorted(named | set(arena.store.archive.entries())):
        try:
            arena.store.archive.get(sha256)
        except ArchiveError as error:
            yield str(error)


def every_partition_has_its_digest(arena: Arena) -> Problems:
    """In the lake and in the ledger: trades, snapshots, marks, boards, decisions with their orders."""
    yield from changed_partitions(arena.store)


def evidence_leads_somewhere(arena: Arena) -> Problems:
    edges = edges_in_force(arena)
    parents = {edge.parent for edge in edges}
    known = existing(arena.store, parents)
    for edge in edges:
        if edge.parent not in known:
            yield f"{edge.child} {edge.role} {edge.parent}, which is not stored"


def nothing_was_known_before_its_time(arena: Arena) -> Problems:
    """A session's evidence was known before the session; no bar was known before it ended."""
    for asset in ("daily_bars", "intraday_bars"):
        for row in arena.store.rows(asset, 'known_at < "end"'):
            yield f"{row['id']} was known at {row['known_at']}, before it ended at {row['end']}"
    known_at: dict[str, datetime] = {}
    for row in itertools.chain(*map(arena.store.rows, ("articles", "found_articles", "financials"))):
        known_at[row["id"]] = min(row["known_at"], known_at.get(row["id"], row["known_at"]))
    with arena.store.ledger.read() as connection:
        edges = connection.execute(
            select(evidence.c.child, evidence.c.parent).where(
                evidence.c.superseded_at.is_(None),
                evidence.c.child.like("briefing:%") | evidence.c.child.like("momentum:%"),
            )
        ).all()
    for edge in edges:
        if edge.parent in known_at:
            session = arena.calendar.session(edge.child.split(":", 1)[1].rsplit(":", 1)[0])
            if known_at[edge.parent] >= session.time:
                yield f"{edge.child} uses {edge.parent}, known only at {known_at[edge.parent]}"


def every_fill_is_at_a_bar_that_came_after_its_order(arena: Arena) -> Problems:
    """At a stored bar that is not stale, within its high and low, and not before the order was sent."""
    with arena.store.ledger.read() as connection:
        rows = connection.execute(
            select(
                fills.c.id,
                fills.c.filled_at,
                fills.c.bar,
                fills.c.price,
                orders.c.submitted_at,
                orders.c.accepted,
            )
            .join(orders, orders.c.id == fills.c.order_id)
            .where(fills.c.superseded_at.is_(None))
        ).all()
    bars = {
        row["id"]: row
        for asset in ("daily_bars", "intraday_bars")
        for row in arena.store.rows(asset, "list_contains($ids, id)", ids=[row.bar for row in rows] or [""])
    }
    for row in rows:
        bar = bars.get(row.bar)
        if not row.accepted:
            yield f"{row.id} executes an order that the gate refused"
        if datetime.fromisoformat(row.filled_at) < datetime.fromisoformat(row.submitted_at):
            yield f"{row.id} was filled at {row.filled_at}, before it was sent at {row.submitted_at}"
        if bar is None:
            yield f"{row.id} was filled at {row.bar}, which is not stored"
        elif bar["stale"]:
            yield f"{row.id} was filled at the stale bar {row.bar}"
        elif not bar["low"] <= Decimal(row.price) <= bar["high"]:
            yield f"{row.id} was filled at {row.price}, outside {row.bar} ({bar['low']} to {bar['high']})"


def an_order_ends_once(arena: Arena) -> Problems:
    with arena.store.ledger.read() as connection:
        ends = Counter(
            itertools.chain(
                connection.scalars(select(fills.c.order_id).where(fills.c.superseded_at.is_(None))),
                connection.scalars(select(rejections.c.order_id).where(rejections.c.superseded_at.is_(None))),
            )
        )
    for order, count in ends.items():
        if count > 1:
            yield f"{order} has {count} ends"


def every_fill_costs_its_fee(arena: Arena) -> Problems:
    fee = to_cents(arena.settings.arena.fee_per_order)
    with arena.store.ledger.read() as connection:
        for row in connection.execute(
            select(fills.c.id, fills.c.fee_cents).where(
                fills.c.superseded_at.is_(None), fills.c.fee_cents != fee
            )
        ):
            yield f"{row.id} was charged {row.fee_cents} cents instead of {fee}"


def books_balance(arena: Arena) -> Problems:
    """Cash, receivable and values make the net asset value; with cost, the start and what came of it."""
    start = to_cents(arena.settings.arena.starting_cash)
    held = (
        select(
            positions.c.partition,
            func.sum(positions.c.value_cents).label("value"),
            func.sum(positions.c.cost_cents).label("cost"),
        )
        .where(positions.c.superseded_at.is_(None))
        .group_by(positions.c.partition)
        .subquery()
    )
    with arena.store.ledger.read() as connection:
        rows = connection.execute(
            select(snapshots, held.c.value, held.c.cost)
            .outerjoin(held, held.c.partition == snapshots.c.partition)
            .where(snapshots.c.superseded_at.is_(None))
        ).all()
    for row in rows:
        liquid = row.cash_cents + row.receivable_cents
        if row.cash_cents < 0:
            yield f"{row.id} has negative cash"
        if row.nav_cents != liquid + (row.value or 0):
            yield f"{row.id}: net asset value {row.nav_cents} is not {liquid + (row.value or 0)} cents"
        expected = start + row.realised_cents + row.dividends_cents - row.fees_cents
        booked = liquid + (row.cost or 0)
        if booked != expected:
            yield f"{row.id}: cash and cost make {booked} cents, the account says {expected}"


def the_replay_gives_what_is_stored(arena: Arena) -> Problems:
    """Fills, rejections, snapshots and positions equal the orders replayed over the bars, row by row."""
    for model, _ in registered_models(arena.store):
        days = _booked_days(arena, model)
        if not days:
            continue
        try:
            results = book_days(arena, model, days[-1])
        except ChainGap as error:
            yield str(error)
            continue
        tables = ("fills", "rejections", "snapshots", "positions")
        stored = {name: _stored_rows(arena, name, model) for name in tables}
        for day in days:
            key = f"{model}|{day}"
            made = {
                "fills": [fill_row(fill) for fill in results[day].fills],
                "rejections": [rejection_row(entry) for entry in results[day].rejections],
                "snapshots": [snapshot_row(results[day].snapshot)],
                "positions": position_rows(results[day].snapshot),
            }
            for name, rows in made.items():
                if sorted(map(canonical, rows)) != sorted(stored[name][key]):
                    yield f"{name} of {key} are not what the replay gives"


def the_journal_ends_where_the_book_does(arena: Arena) -> Problems:
    """The double entries of each model add up to its last stored snapshot, account by account; dividends net
    of tax."""
    with arena.store.ledger.read() as connection:
        costs: Counter[str] = Counter()
        for held in connection.execute(
            select(positions.c.partition, positions.c.cost_cents).where(positions.c.superseded_at.is_(None))
        ):
            costs[held.partition] += held.cost_cents
        newest = {
            row.model: row
            for row in connection.execute(
                select(snapshots).where(snapshots.c.superseded_at.is_(None)).order_by(snapshots.c.trading_day)
            )
        }
    for model, row in newest.items():
        try:
            entries = journals(arena, date.fromisoformat(row.trading_day), model)[model]
        except (ChainGap, LedgerError) as error:
            yield str(error)
            continue
        totals: Counter[Account] = Counter()
        for (account, _), (cents, _) in balances(entries).items():
            totals[account] += cents
        totals[Account.DIVIDENDS] += totals[Account.TAX]
        for account, cents in (
            (Account.DIVIDENDS, -row.dividends_cents),
            (Account.CASH, row.cash_cents),
            (Account.RECEIVABLE, row.receivable_cents),
            (Account.FEES, row.fees_cents),
            (Account.TRADING, -row.realised_cents),
            (Account.SHARES, costs[row.partition]),
        ):
            if totals[account] != cents:
                yield f"{row.id}: the journal has {totals[account]} cents in {account}, the book {cents}"


def decisions_follow_each_other(arena: Arena) -> Problems:
    """A model has decided every session from the start to its last one."""
    for model, _ in registered_models(arena.store):
        decided = decided_sessions(arena.store, model)
        if not decided:
            continue
        last = arena.calendar.session(max(decided))
        for session in arena.calendar.sessions(arena.start, last.day):
            if session.time <= last.time and session.key not in decided:
                yield f"{model} decided {last.key} but not {session.key}"


def one_version_is_in_force(arena: Arena) -> Problems:
    """A partition of a derived table has rows exactly if the catalog says so."""
    counts: Counter[str] = Counter()
    with arena.store.ledger.read() as connection:
        for table in DERIVED.values():
            for row in connection.execute(
                select(table.c.partition, func.count().label("rows"))
                .where(table.c.superseded_at.is_(None))
                .group_by(table.c.partition)
            ):
                counts[f"{_asset_of(table.name)} {row.partition}"] += row.rows
        for decision in connection.execute(
            select(decisions.c.model, decisions.c.session, func.count(orders.c.id).label("orders"))
            .outerjoin(orders, orders.c.decision == decisions.c.id)
            .group_by(decisions.c.model, decisions.c.session)
        ):
            counts[f"decisions {decision.model}|{decision.session}"] += 1 + decision.orders
        for key, withdrawn in connection.execute(
            select(cancellations.c.model + "|" + cancellations.c.session, func.count()).group_by(
                cancellations.c.model, cancellations.c.session
            )
        ):
            counts[f"decisions {key}"] += withdrawn
        listed = {
            f"{row.asset} {row.partition}": row.rows
            for row in connection.execute(
                select(catalog.c.asset, catalog.c.partition, catalog.c.rows).where(
                    catalog.c.superseded_at.is_(None), catalog.c.path.is_(None)
                )
            )
            if row.asset not in SCHEMAS
        }
    for name in sorted(counts.keys() | listed.keys()):
        if counts[name] != listed.get(name, 0):
            yield f"{name} holds {counts[name]} rows, the catalog says {listed.get(name, 0)}"


def _asset_of(table: str) -> str:
    return {
        "fills": "trades",
        "rejections": "trades",
        "snapshots": "portfolio_snapshots",
        "positions": "portfolio_snapshots",
        "assessments": "leaderboard",
    }.get(table, table)


def _booked_days(arena: Arena, model: str) -> list[date]:
    with arena.store.ledger.read() as connection:
        days: Iterable[str] = connection.scalars(
            select(snapshots.c.trading_day).where(
                snapshots.c.model == model, snapshots.c.superseded_at.is_(None)
            )
        )
        return [datetime.fromisoformat(day).date() for day in sorted(days)]


def _stored_rows(arena: Arena, name: str, model: str) -> dict[str, list[str]]:
    table = DERIVED[name]
    rows: dict[str, list[str]] = defaultdict(list)
    with arena.store.ledger.read() as connection:
        for row in connection.execute(
            select(table).where(table.c.model == model, table.c.superseded_at.is_(None))
        ):
            rows[row.partition].append(canonical(content(row._mapping)))
    return rows


INVARIANTS: tuple[Callable[[Arena], Problems], ...] = (
    the_archive_has_every_byte_it_names,
    every_partition_has_its_digest,
    one_version_is_in_force,
    evidence_leads_somewhere,
    nothing_was_known_before_its_time,
    every_run_of_bars_was_known_to_its_session,
    evidence_is_as_old_as_what_rests_on_it,
    a_decision_is_judged_by_its_models_cutoff,
    decisions_follow_each_other,
    every_fill_is_at_a_bar_that_came_after_its_order,
    an_order_ends_once,
    every_fill_costs_its_fee,
    books_balance,
    the_replay_gives_what_is_stored,
    the_journal_ends_where_the_book_does,
    every_model_is_on_the_board,
    the_newest_board_is_what_the_books_make,
)
