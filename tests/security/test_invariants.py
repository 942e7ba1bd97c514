"""Each of the eight invariants notices what it is there for: it is broken once, by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from arena_pipeline.warehouse.store import Edge, Partition
from arena_pipeline.warehouse.tables import evidence, fills, snapshots
from tests.security.conftest import CANARIES, Bench
from tests.security.invariants import INVARIANTS

DAY = "2026-02-27"
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Breaking = Callable[[Bench], None]


def change_a_snapshot(bench: Bench) -> None:
    with bench.arena.store.ledger.transaction() as connection:
        connection.execute(update(snapshots).values(nav_cents=snapshots.c.nav_cents + 1))


def lose_an_article(bench: Bench) -> None:
    store = bench.arena.store
    rows = store.rows("articles", "partition = '2026-02-25'")
    kept = [{name: value for name, value in row.items() if name != "partition"} for row in rows[1:]]
    store.write_frames("articles", [Partition("2026-02-25", kept)], run_id="x", now=NOW)


def take_a_cent_of_cash(bench: Bench) -> None:
    with bench.arena.store.ledger.transaction() as connection:
        connection.execute(update(snapshots).values(cash_cents=snapshots.c.cash_cents - 1))


def archive_a_secret(bench: Bench) -> None:
    bench.arena.store.archive.put(f"key={CANARIES['OPENROUTER_API_KEY']}".encode())


def say_a_secret(bench: Bench) -> None:
    bench.run.report(f"asked with {CANARIES['ALPHAVANTAGE_API_KEY']}")


def write_beside_the_home(bench: Bench) -> None:
    (Path(bench.arena.settings.home).parent / "evil.txt").write_text("x", encoding="utf-8")


def use_what_came_later(bench: Bench) -> None:
    store = bench.arena.store
    (row, *_) = store.rows("articles", "partition = '2026-02-25'")
    late = {name: value for name, value in row.items() if name != "partition"}
    late |= {"id": "article:late", "known_at": NOW + timedelta(hours=1)}
    store.write_frames("articles", [Partition("2026-03-02", [late])], run_id="x", now=NOW)
    with store.ledger.transaction() as connection:
        store.add_edges(connection, [Edge("momentum:2026-02-27T08:30:SAP.DE", "article:late", "counts")])
        assert connection.execute(select(evidence).where(evidence.c.parent == "article:late")).first()


def change_a_fill(bench: Bench) -> None:
    """A second fill of an order the ledger refuses by itself; another one in its place is left to notice."""
    with bench.arena.store.ledger.transaction() as connection:
        connection.execute(update(fills).values(filled_at="2026-02-25T09:00:00.000000+00:00"))


def write_a_holiday(bench: Bench) -> None:
    bench.arena.store.write_frames("articles", [Partition("2026-03-01", [])], run_id="x", now=NOW)


@pytest.mark.parametrize(
    ("breaking", "invariant"),
    [
        (change_a_snapshot, "no_state_change"),
        (lose_an_article, "previous_good_data_kept"),
        (take_a_cent_of_cash, "double_entry_balances"),
        (archive_a_secret, "no_secret_in_output"),
        (say_a_secret, "no_secret_in_output"),
        (write_beside_the_home, "no_file_outside_data_root"),
        (use_what_came_later, "no_lookahead"),
        (change_a_fill, "no_duplicate_trades"),
        (write_a_holiday, "one_key_per_day"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_an_invariant_that_is_broken_is_named(bench: Bench, breaking: Breaking, invariant: str) -> None:
    breaking(bench)
    (check,) = [check for check in INVARIANTS if check.__name__ == invariant]
    assert list(check(bench.case())) != []


def test_an_arena_that_nothing_happened_to_breaks_none(bench: Bench, hold: Callable[[], None]) -> None:
    hold()
