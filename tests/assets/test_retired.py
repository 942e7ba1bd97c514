"""A model that is taken out of arena.toml: its past stays, and the arena goes on without it."""

import json
from datetime import date

import pytest
from sqlalchemy import select

from arena_pipeline.assets.books import journals
from arena_pipeline.rederive import rederive
from arena_pipeline.verify import verify
from arena_pipeline.warehouse.tables import leaderboard, position_marks, snapshots

pytestmark = pytest.mark.slow

RETIRED = "equal-weight"
LAST, NEXT = date(2025, 3, 5), date(2025, 3, 7)


def board(arena, day):
    with arena.store.ledger.read() as connection:
        rows = connection.scalars(
            select(leaderboard.c.row).where(
                leaderboard.c.superseded_at.is_(None), leaderboard.c.trading_day == str(day)
            )
        )
        return {row["model"]: row for row in map(json.loads, rows)}


@pytest.fixture
def arena(world, steps):
    """Three days with the model, two without it."""
    steps.all(world.arena(), world.days(last=LAST))
    del world.models[RETIRED]
    arena = world.arena()
    steps.all(arena, world.days(last=NEXT))
    return arena


def test_the_boards_go_on_and_list_it_without_a_rank(arena):
    assert board(arena, LAST)[RETIRED]["rank"] is not None
    row = board(arena, NEXT)[RETIRED]
    assert row["rank"] is None
    assert row["reasons"]["rank"] == f"it is no longer configured: its last value is of {LAST}"
    assert row["nav"] == board(arena, LAST)[RETIRED]["nav"]
    assert board(arena, NEXT)["benchmark-hold"]["rank"] == 1


def test_its_book_ends_on_the_day_of_its_last_decision(arena):
    with arena.store.ledger.read() as connection:
        days = set(connection.scalars(select(snapshots.c.trading_day).where(snapshots.c.model == RETIRED)))
        marked = connection.scalars(
            select(position_marks.c.at).where(position_marks.c.model == RETIRED)
        ).all()
    assert max(days) == str(LAST)
    assert all(at[:10] <= str(LAST) for at in marked)
    assert max(entry.day for entry in journals(arena, NEXT)[RETIRED]) <= LAST


def test_verify_finds_nothing_and_the_replay_reproduces_every_digest(arena):
    assert verify(arena) == []
    assert rederive(arena).problems == []


def test_put_back_it_catches_up_and_is_ranked_again(world, steps, arena):
    world.models[RETIRED] = "equal_weight"
    again = world.arena()
    steps.contest(again, world.days(last=NEXT))
    assert board(again, NEXT)[RETIRED]["rank"] is not None
    assert verify(again) == []
