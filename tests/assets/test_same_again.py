"""The same days in any order, and any number of times, end in the same tables."""

import random
from datetime import date

import pytest
from sqlalchemy import func, select, text

from arena_pipeline.assets.market import daily_bars
from arena_pipeline.assets.step import Run
from arena_pipeline.warehouse.tables import catalog, evidence, metadata

PAST = date(2025, 3, 5)


def count(arena, table):
    with arena.store.ledger.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def edges(arena):
    with arena.store.ledger.read() as connection:
        in_force = select(evidence.c.child, evidence.c.parent, evidence.c.role).where(
            evidence.c.superseded_at.is_(None)
        )
        return {tuple(row) for row in connection.execute(in_force)}


def stored(arena, table):
    with arena.store.ledger.read() as connection:
        return connection.execute(text(f"SELECT * FROM {table} ORDER BY id")).all()


@pytest.mark.slow
def test_days_one_by_one_and_shuffled_end_in_the_same_rows(publish, world, steps):
    publish((date(2025, 3, 6), 7, "SAP raises its outlook"), (date(2025, 3, 4), 9, "Allianz buys back"))
    days = world.days()
    whole, shuffled = world.arena("whole"), world.arena("shuffled")
    steps.all(whole, days)
    for step in (steps.collected, steps.researched):
        for day in random.Random(3).sample(days, len(days)):
            assert all(outcome.written.changed for outcome in step(shuffled, [day]))
    steps.contest(shuffled, days)
    assert steps.digests(shuffled) == steps.digests(whole)
    assert edges(shuffled) == edges(whole)


@pytest.mark.slow
def test_sessions_made_before_an_earlier_day_was_collected_are_put_right_when_made_again(world, steps):
    days = world.days()
    whole, backwards = world.arena("whole"), world.arena("backwards")
    steps.all(whole, days)
    for day in reversed(days):
        steps.shared(backwards, [day])
    assert (
        steps.digests(backwards)["indicators", f"{days[-1]}T08:30"]
        != (steps.digests(whole)["indicators", f"{days[-1]}T08:30"])
    )
    steps.researched(backwards, days)
    steps.contest(backwards, days)
    assert steps.digests(backwards) == steps.digests(whole)


def test_a_second_run_changes_nothing(world, steps, ready):
    days = world.days()
    ready(world, days)
    arena = world.arena()
    before = {table.name: count(arena, table) for table in metadata.sorted_tables}
    digests = steps.digests(arena)
    again = steps.all(arena, days)
    assert not any(outcome.written.changed for outcome in again)
    assert {outcome.written.digest for outcome in again} <= {*digests.values()}
    assert steps.digests(arena) == digests
    assert {table.name: count(arena, table) for table in metadata.sorted_tables} == before
    assert before["catalog"] >= len(again)


def test_two_homes_over_the_same_files_hold_the_same_rows(world, steps, ready):
    ready(world, world.days())
    second = world.arena("second")
    steps.all(second, world.days())
    assert steps.digests(world.arena()) == steps.digests(second)


def restate(world):
    world.prices["SAP.DE"][PAST].close = world.prices["SAP.DE"][PAST].low


def test_a_restated_bar_is_a_new_vintage_and_the_report_names_it(world, ready):
    ready(world, world.days())
    before = world.prices["SAP.DE"][PAST].close
    restate(world)
    run = Run("later")
    arena = world.arena()
    (outcome,) = daily_bars(arena, [str(PAST)], run)
    assert outcome.written.version == 2
    assert outcome.figures["restated"] == 1
    after = world.prices["SAP.DE"][PAST].close
    assert run.reports == [f"bar:SAP.DE:{PAST}:2 restates close {before}00 as {after}00"]
    vintages = arena.store.rows("daily_bars", "symbol = 'SAP.DE' AND day = $day", day=PAST)
    assert [(row["vintage"], f"{row['close']:.2f}") for row in vintages] == [(1, before), (2, after)]
    assert vintages[1]["known_at"] == arena.clock()


def test_a_restated_bar_changes_no_decision_and_no_snapshot_that_was_made(world, steps, ready):
    """The equal-weight book holds SAP: its decisions and marks rest on the bar that is restated."""
    ready(world, world.days())
    first = world.arena()
    before = {table: stored(first, table) for table in ("decisions", "orders", "fills", "snapshots")}
    digests = steps.digests(first)
    restate(world)
    arena = world.arena()
    outcomes = steps.all(arena, world.days())
    changed = {outcome.written.key for outcome in outcomes if outcome.written.changed}
    assert changed == {str(PAST)}
    assert {table: stored(arena, table) for table in before} == before
    about_it = {(asset, str(PAST)) for asset in ("daily_bars", "bar_findings")}
    assert {k: v for k, v in steps.digests(arena).items() if k not in about_it} == (
        {k: v for k, v in digests.items() if k not in about_it}
    )


def test_a_stale_bar_that_is_repaired_is_a_new_vintage_and_a_changed_history(world, steps):
    row = world.prices["SAP.DE"][PAST]
    good = (row.open, row.high, row.low, row.close, row.volume)
    before = world.prices["SAP.DE"][world.calendar.previous_day(PAST)].close
    row.open = row.high = row.low = row.close = before
    row.volume = 0
    daily_bars(world.arena(), [str(day) for day in world.days()], Run("first"))
    arena = world.arena()
    assert [entry["kind"] for entry in arena.store.rows("bar_findings", "partition = '2025-03-05'")] == [
        "stale"
    ]
    row.open, row.high, row.low, row.close, row.volume = good
    later = world.arena()
    daily_bars(later, [str(PAST)], Run("later"))
    assert [entry["kind"] for entry in later.store.rows("bar_findings", "partition = '2025-03-05'")] == [
        "changed_history"
    ]
    vintages = later.store.rows("daily_bars", "symbol = 'SAP.DE' AND day = $day", day=PAST)
    assert [(entry["vintage"], entry["stale"]) for entry in vintages] == [(1, True), (2, False)]


def test_the_old_state_of_a_restated_day_can_still_be_read(world, ready):
    ready(world, world.days())
    restate(world)
    arena = world.arena()
    daily_bars(arena, [str(PAST)], Run("later"))
    with arena.store.ledger.read() as connection:
        versions = connection.execute(
            select(catalog.c.version, catalog.c.superseded_at)
            .where(catalog.c.asset == "daily_bars", catalog.c.partition == str(PAST))
            .order_by(catalog.c.version)
        ).all()
    assert [(version, at is None) for version, at in versions] == [(1, False), (2, True)]
