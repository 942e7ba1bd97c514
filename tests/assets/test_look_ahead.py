"""No session knows what was not known before it: what comes at its time or later changes none of its rows."""

from datetime import date

import pytest

MONDAY, TUESDAY, WEDNESDAY = date(2025, 3, 3), date(2025, 3, 4), date(2025, 3, 5)
SESSION_ASSETS = {"indicators", "momentum", "watchlist", "briefings", "decisions"}


def rows_until(steps, arena, session):
    """The digests of all that sessions up to this one hold."""
    return {
        (asset, key): digest
        for (asset, key), digest in steps.digests(arena).items()
        if asset in SESSION_ASSETS and key.rpartition("|")[2] <= session
    }


@pytest.fixture
def compare(world, steps):
    """Runs the world as it is and once more after a change, and gives both."""

    def _compare(change):
        world.models = {"benchmark-hold": "benchmark", "dice": "random", "trend": "momentum"}
        days = world.days(last=WEDNESDAY)
        before = world.arena("before")
        steps.all(before, days)
        change()
        after = world.arena("after")
        steps.all(after, days)
        return before, after

    return _compare


def soar(world, symbol):
    """From Tuesday on, other prices."""
    for day in world.calendar.days(TUESDAY, date(2025, 3, 21)):
        world.prices[symbol][day].high, world.prices[symbol][day].close = "9900.00", "9800.00"


def test_a_bar_of_the_session_day_or_later_changes_no_row_of_the_session(world, steps, compare):
    before, after = compare(lambda: soar(world, "SAP.DE"))
    afternoon = f"{TUESDAY}T14:00"
    assert rows_until(steps, after, afternoon) == rows_until(steps, before, afternoon)
    following = f"{WEDNESDAY}T08:30"
    assert rows_until(steps, after, following) != rows_until(steps, before, following)


def test_a_bar_of_the_benchmark_changes_no_row_of_a_session_before_it_ended(world, steps, compare):
    before, after = compare(lambda: soar(world, "^GDAXI"))
    afternoon = f"{TUESDAY}T14:00"
    assert rows_until(steps, after, afternoon) == rows_until(steps, before, afternoon)
    boards = [steps.digests(arena)["leaderboard", str(TUESDAY)] for arena in (before, after)]
    assert boards[0] != boards[1]


def test_the_open_at_which_an_order_fills_is_not_known_to_its_decision(world, steps, compare):
    def change():
        world.prices["^GDAXI"][date(2025, 3, 3)].open = "2150.00"
        world.prices["^GDAXI"][date(2025, 3, 3)].low = "2100.00"

    before, after = compare(change)
    first = "2025-03-03T14:00"
    assert rows_until(steps, after, first) == rows_until(steps, before, first)
    assert (
        steps.digests(after)["trades", "benchmark-hold|2025-03-03"]
        != (steps.digests(before)["trades", "benchmark-hold|2025-03-03"])
    )


def test_an_article_published_at_the_session_or_later_changes_no_row_of_it(publish, steps, compare):
    known = (MONDAY, 6, "SAP raises its outlook after a strong quarter")
    publish(known)
    before, after = compare(
        lambda: publish(known, (TUESDAY, 13, "SAP profit collapses"), (TUESDAY, 18, "Siemens wins an order"))
    )
    afternoon = f"{TUESDAY}T14:00"  # 13:00 UTC: the very moment of the first change
    assert rows_until(steps, after, afternoon) == rows_until(steps, before, afternoon)
    following = f"{WEDNESDAY}T08:30"
    assert rows_until(steps, after, following) != rows_until(steps, before, following)


def test_an_article_published_before_the_session_is_seen_by_it(publish, world, steps):
    publish((TUESDAY, 7, "SAP raises its outlook after a strong quarter"))
    arena = world.arena()
    steps.all(arena, world.days(last=TUESDAY))
    counted = {
        row["session"]: row["articles"]
        for row in arena.store.rows("momentum", "symbol = 'SAP.DE' AND articles > 0")
    }
    assert counted == {f"{TUESDAY}T08:30": 1, f"{TUESDAY}T14:00": 1}


def test_a_decision_of_the_past_does_not_see_a_bar_that_came_later(world, steps):
    """The history is restated before the sessions are decided: they see it as it was known at their time."""
    arena = world.arena()
    days = world.days(last=WEDNESDAY)
    steps.shared(arena, days)
    for day in world.calendar.days(date(2025, 2, 10), date(2025, 2, 20)):
        world.prices["SAP.DE"][day].high, world.prices["SAP.DE"][day].close = "990.00", "980.00"
    untouched = rows_until(steps, arena, f"{WEDNESDAY}T14:00")
    later = world.arena()
    outcomes = steps.shared(later, days)
    assert "history" not in {entry.written.key for entry in outcomes}
    assert rows_until(steps, later, f"{WEDNESDAY}T14:00") == untouched
