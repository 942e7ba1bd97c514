"""Decisions are made in order, once, and never ahead of their time."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from arena_pipeline.assets.decisions import decisions
from arena_pipeline.assets.portfolio import portfolio_snapshots, trades
from arena_pipeline.assets.step import Run
from arena_pipeline.errors import ChainGap, ConfigError
from arena_pipeline.warehouse.tables import decisions as decisions_table

MONDAY, TUESDAY = date(2025, 3, 3), date(2025, 3, 4)
RUN = Run("test")


@pytest.fixture
def arena(world, steps):
    arena = world.arena()
    steps.shared(arena, [MONDAY, TUESDAY])
    return arena


def decided(arena):
    with arena.store.ledger.read() as connection:
        return [row.id for row in connection.execute(select(decisions_table.c.id).order_by("id"))]


def test_an_earlier_session_that_was_not_decided_is_caught_up_first(arena):
    outcomes = decisions(arena, ["benchmark-hold|2025-03-04T08:30"], RUN)
    assert [outcome.written.key for outcome in outcomes] == ["benchmark-hold|2025-03-04T08:30"]
    assert decided(arena) == [
        "decision:benchmark-hold:2025-03-03T08:30",
        "decision:benchmark-hold:2025-03-03T14:00",
        "decision:benchmark-hold:2025-03-04T08:30",
    ]


def test_sessions_decided_in_any_order_of_runs_end_in_the_same_rows(world, steps):
    digests = []
    for home, order in (("forth", [0, 1, 2, 3]), ("back", [3, 1, 0, 2])):
        arena = world.arena(home)
        steps.shared(arena, [MONDAY, TUESDAY])
        keys = [session.key for session in world.calendar.sessions(MONDAY, TUESDAY)]
        for position in order:
            decisions(arena, [f"equal-weight|{keys[position]}"], RUN)
        digests.append(arena.store.partitions("decisions"))
    assert len(digests[0]) == 4
    assert digests[0] == digests[1]


def test_a_session_without_briefings_is_refused_by_name(arena, world):
    keys = [s.key for s in world.calendar.sessions(MONDAY, date(2025, 3, 5))]
    with pytest.raises(ChainGap, match="2025-03-05T08:30 has no briefings yet"):
        decisions(arena, [f"benchmark-hold|{key}" for key in keys], RUN)
    assert decided(arena) == []


def test_a_session_in_the_future_is_refused(arena, world):
    early = world.arena(now=datetime(2025, 3, 3, 7, 29, tzinfo=UTC))
    with pytest.raises(ChainGap, match="2025-03-03T08:30 lies in the future"):
        decisions(early, ["benchmark-hold|2025-03-03T08:30"], RUN)


def test_a_session_is_decided_from_its_own_minute_on(arena, world):
    punctual = world.arena(now=datetime(2025, 3, 3, 7, 30, tzinfo=UTC))
    decisions(punctual, ["benchmark-hold|2025-03-03T08:30"], RUN)
    with arena.store.ledger.read() as connection:
        row = connection.execute(select(decisions_table)).one()
    assert (row.provenance, row.late) == ("live", False)
    assert row.submitted_at == "2025-03-03T07:30:00.000000+00:00"


def test_a_session_decided_hours_later_on_its_day_is_live_and_late(arena, world):
    late = world.arena(now=datetime(2025, 3, 3, 11, 0, tzinfo=UTC))
    decisions(late, ["benchmark-hold|2025-03-03T08:30"], RUN)
    with arena.store.ledger.read() as connection:
        row = connection.execute(select(decisions_table)).one()
    assert (row.provenance, row.late, row.submitted_at[:19]) == ("live", True, "2025-03-03T11:00:00")


def test_a_session_of_the_past_is_a_backfill_submitted_five_minutes_after_it(arena):
    decisions(arena, ["benchmark-hold|2025-03-03T08:30"], RUN)
    with arena.store.ledger.read() as connection:
        row = connection.execute(select(decisions_table)).one()
    assert (row.provenance, row.late, row.submitted_at[:19]) == ("backfill", False, "2025-03-03T07:35:00")


def test_a_decision_that_is_stored_is_not_made_again(arena):
    key = "benchmark-hold|2025-03-03T08:30"
    (first,), (again,) = decisions(arena, [key], RUN), decisions(arena, [key], Run("other"))
    assert (first.written.changed, again.written.changed) == (True, False)
    assert again.written.digest == first.written.digest
    assert decided(arena) == ["decision:benchmark-hold:2025-03-03T08:30"]


def test_a_model_that_is_not_configured_is_refused_by_name(arena):
    with pytest.raises(ConfigError, match="no model 'stranger'"):
        decisions(arena, ["stranger|2025-03-03T08:30"], RUN)


@pytest.mark.parametrize("step", [trades, portfolio_snapshots], ids=["trades", "snapshots"])
def test_a_book_is_not_made_of_half_a_day(arena, step):
    decisions(arena, ["benchmark-hold|2025-03-03T08:30"], RUN)
    with pytest.raises(ChainGap, match="has not decided 2025-03-03T14:00"):
        step(arena, ["benchmark-hold|2025-03-03"], RUN)
