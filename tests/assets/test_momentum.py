"""News momentum of a session, from what the arena's feeds brought."""

from datetime import date

import pytest

from arena_pipeline.assets.news import articles, momentum
from arena_pipeline.assets.step import Run

FIRST, BEFORE, LAST = date(2025, 3, 3), date(2025, 3, 6), date(2025, 3, 7)


@pytest.fixture
def arena(publish, world):
    """Siemens is in the news on the first day, SAP on the last two."""
    publish((FIRST, 6, "Siemens wins an order"), (BEFORE, 6, "SAP buys back"), (LAST, 6, "SAP gains"))
    arena = world.arena()
    articles(arena, [str(day) for day in world.days()], Run("test"))
    return arena


def of_sap(arena):
    momentum(arena, [f"{LAST}T08:30"], Run("test"))
    (row,) = arena.store.rows("momentum", "symbol = 'SAP.DE'")
    return row


def test_the_usual_number_of_stories_is_over_all_days_that_feeds_were_read(arena):
    """One story in the three days and an hour and a half before the window, in which there is one as well."""
    row = of_sap(arena)
    assert (row["articles"], row["baseline"]) == (1, pytest.approx(1 / 3.0625, abs=1e-6))
    assert row["volume_ratio"] == pytest.approx(3.0625, abs=1e-4)


def test_news_of_a_share_that_left_the_universe_is_nobodys(arena, world):
    world.symbols = ("SAP.DE", "ALV.DE")
    assert of_sap(world.arena())["articles"] == 1
