"""The numbers of the books, worked out again from the files."""

from datetime import date
from decimal import Decimal

from sqlalchemy import select

from arena_pipeline.warehouse.tables import fills, leaderboard, positions, snapshots

FEE = 500
CASH = 100_000_00


def rows(arena, table, **where):
    with arena.store.ledger.read() as connection:
        statement = select(table).where(
            table.c.superseded_at.is_(None), *(table.c[k] == v for k, v in where.items())
        )
        return connection.execute(statement.order_by(table.c.row_id)).all()


def test_benchmark_hold_earns_its_quantity_times_the_move_less_one_fee(world, steps):
    arena, days = world.arena(), world.days()
    steps.all(arena, days)
    (fill,) = rows(arena, fills, model="benchmark-hold")
    assert fill.price == world.prices["^GDAXI"][days[0]].open + "00"
    close = Decimal(world.prices["^GDAXI"][days[-1]].close)
    profit = fill.quantity * (close - Decimal(fill.price)) * 100 - FEE
    (snapshot,) = rows(arena, snapshots, model="benchmark-hold", trading_day=str(days[-1]))
    assert snapshot.nav_cents - CASH == profit
    assert fill.fee_cents == FEE


def test_the_board_says_what_the_snapshots_say(world, steps):
    arena, days = world.arena(), world.days()
    steps.all(arena, days)
    board = rows(arena, leaderboard, trading_day=str(days[-1]))
    navs = {row.model: row.nav_cents for row in rows(arena, snapshots, trading_day=str(days[-1]))}
    assert {row.model: row.nav_cents for row in board} == navs
    assert [row.model for row in sorted(board, key=lambda row: row.rank)] == sorted(
        navs, key=lambda model: -navs[model]
    )


def test_an_order_waits_past_a_stale_bar_and_fills_at_the_next_open(world, steps):
    days = world.days()
    before = world.prices["^GDAXI"][date(2025, 2, 28)].close
    stale = world.prices["^GDAXI"][days[0]]
    stale.open = stale.high = stale.low = stale.close = before
    stale.volume = 0
    arena = world.arena()
    steps.all(arena, days)
    (fill,) = rows(arena, fills, model="benchmark-hold")
    assert fill.trading_day == str(days[1])
    assert fill.price == world.prices["^GDAXI"][days[1]].open + "00"
    assert rows(arena, positions, model="benchmark-hold", trading_day=str(days[0])) == []


def test_a_stale_bar_is_reported_and_marks_a_holding_as_provisional(world, steps):
    days = world.days()
    stale = world.prices["^GDAXI"][days[2]]
    stale.open = stale.high = stale.low = stale.close = world.prices["^GDAXI"][days[1]].close
    stale.volume = 0
    arena = world.arena()
    steps.all(arena, days)
    (finding,) = arena.store.rows("bar_findings", "kind = 'stale'")
    assert (finding["symbol"], finding["day"]) == ("^GDAXI", days[2])
    marked = rows(arena, positions, model="benchmark-hold")
    assert [row.provisional for row in marked][:4] == [False, False, True, False]
    assert marked[2].price == marked[1].price


def test_a_row_that_cannot_be_right_is_quarantined_with_its_file_and_line(world, steps):
    days = world.days()
    world.prices["SAP.DE"][days[1]].high = "1.00"
    arena = world.arena()
    steps.all(arena, days)
    (finding,) = arena.store.rows("bar_findings", "quarantined")
    line = world.calendar.days(min(world.prices["SAP.DE"]), days[1])
    assert (finding["file"], finding["line"]) == ("SAP.DE.csv", len(line) + 1)
    assert arena.store.rows("daily_bars", "symbol = 'SAP.DE' AND day = $day", day=days[1]) == []
