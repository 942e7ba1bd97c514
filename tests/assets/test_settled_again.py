"""What was published of a day is put right when its bars change: a fill may move or go."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from arena_pipeline.assets.graph import BOOK_STEPS, DECISION_STEPS, SESSION_STEPS
from arena_pipeline.assets.portfolio import trades
from arena_pipeline.assets.step import Run
from arena_pipeline.warehouse.tables import fills
from tests.assets.conftest import INDEX, NOW, Row

MODEL = "benchmark-hold"
OF_STORAGE = {"row_id", "partition", "recorded_at", "superseded_at"}


@pytest.fixture
def filled(world):
    def days(arena):
        with arena.store.ledger.read() as connection:
            in_force = select(fills.c.trading_day).where(fills.c.superseded_at.is_(None))
            return list(connection.scalars(in_force))

    world.models = {MODEL: "benchmark"}
    return days


def test_a_fill_that_another_release_had_on_a_later_day_moves_back(world, steps, filled):
    first, second, *_ = days = world.days()
    arena = world.arena()
    steps.all(arena, days)
    published = arena.store.partitions("trades")
    with arena.store.ledger.transaction() as connection:
        columns = [column for column in fills.columns if column.name not in OF_STORAGE]
        row = connection.execute(select(*columns).where(fills.c.superseded_at.is_(None))).one()._asdict()
        rows = {first: [], second: [{**row, "trading_day": str(second)}]}
        for day, of_day in rows.items():
            tables = {"fills": of_day, "rejections": []}
            key = f"{MODEL}|{day}"
            arena.store.write_rows(connection, "trades", key, tables, run_id="other", now=NOW)
    assert filled(arena) == [str(second)]
    trades(arena, [f"{MODEL}|{first}"], Run("test"))
    assert filled(arena) == [str(first)]
    assert arena.store.partitions("trades") == published


def test_the_only_fill_of_a_day_goes_when_its_bar_turns_out_to_be_stale(world, steps, filled):
    day = world.days()[0]

    def at(hour, minute):
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)

    run = Run("test")
    session = world.calendar.sessions_of(day)[0].key
    morning = world.arena(now=at(7, 31))
    steps.collected(morning, [day])
    for step in SESSION_STEPS:
        step(morning, [session], run)
    DECISION_STEPS[0](morning, [f"{MODEL}|{session}"], run)

    def settled(moment):
        arena = world.arena(now=moment)
        steps.collected(arena, [day])
        for step in BOOK_STEPS:
            step(arena, [f"{MODEL}|{day}"], run)
        return filled(arena)

    assert settled(at(16, 35)) == [str(day)]
    last = world.prices[INDEX][world.calendar.previous_day(day)].close
    world.prices[INDEX][day] = Row(last, last, last, last, 0)
    assert settled(at(17, 5)) == []
