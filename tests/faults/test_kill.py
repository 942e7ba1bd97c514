"""A backfill that is killed loses nothing, repeats nothing and changes nothing once it has been run again.

SIGKILL at 100 random points of a real backfill: 90 of its steps, 10 of the same through Dagster. And the
proof that the comparison sees what it looks for: with transactions taken out, it finds broken homes.
"""

import random

import pytest

pytestmark = pytest.mark.slow

KILLS_PER_HOME = 4
SEED = 20250915


@pytest.fixture(scope="module")
def undisturbed(nursery):
    """The contents after a run that nobody disturbed, and the seconds that one takes."""
    runs = [nursery.run(f"undisturbed-{number}") for number in range(3)]
    assert [ended.code for ended in runs] == [0, 0, 0], nursery.errors("undisturbed-0")
    return nursery.contents("undisturbed-0"), sorted(ended.seconds for ended in runs)[1]


def test_two_undisturbed_runs_end_in_the_same_rows(nursery, undisturbed, compare):
    wanted, _ = undisturbed
    assert compare(nursery.contents("undisturbed-1"), wanted) == []
    assert len(wanted["decisions"]) == 32
    assert wanted["fills"]
    assert all(
        wanted[f"lake/{asset}"] == wanted[f"catalog/{asset}"] for asset in ("daily_bars", "indicators")
    )


def test_a_run_again_changes_nothing(nursery, undisturbed, compare):
    wanted, _ = undisturbed
    assert nursery.run("undisturbed-2").code == 0
    assert compare(nursery.contents("undisturbed-2"), wanted) == []


@pytest.mark.parametrize(("mode", "wanted_kills"), [("steps", 90), ("dagster", 10)])
def test_killed_at_random_points_nothing_is_lost_repeated_or_changed(
    nursery, undisturbed, compare, mode, wanted_kills
):
    wanted, seconds = undisturbed
    if mode == "dagster":
        ended = nursery.run("dagster-undisturbed", mode)
        assert ended.code == 0, nursery.errors("dagster-undisturbed")
        assert compare(nursery.contents("dagster-undisturbed"), wanted) == []
        seconds = ended.seconds
    dice = random.Random(SEED)
    kills, home = 0, 0
    while kills < wanted_kills:
        home += 1
        name = f"{mode}-{home}"
        for _ in range(min(KILLS_PER_HOME, wanted_kills - kills)):
            ended = nursery.run(name, mode, kill_after=dice.uniform(0, seconds))
            assert ended.killed or ended.code == 0, nursery.errors(name)
            kills += ended.killed
            if not ended.killed:
                break
        assert nursery.run(name, mode).code == 0, nursery.errors(name)
        assert compare(nursery.contents(name), wanted) == [], name


def broken_homes(nursery, compare, wanted, mode, statements):
    """The homes, each killed once before a write statement, that another run does not bring to rights."""
    broken = []
    for statement in statements:
        name = f"{mode}-before-{statement}"
        assert nursery.run(name, mode, kill_before_statement=statement).killed
        again = nursery.run(name, mode)
        if again.code != 0 or compare(nursery.contents(name), wanted):
            broken.append(name)
    return broken


EVERY_WRITE, WRITES_OF_BOOKS = range(30, 420), range(230, 420)
"""Write statements of a run, by number; the later ones write decisions with their orders, and fills and
snapshots with their entries in the catalog: rows that belong together."""


def points(writes):
    return random.Random(SEED).sample(writes, 12)


def test_killed_before_any_write_statement_nothing_is_lost_repeated_or_changed(nursery, undisturbed, compare):
    assert broken_homes(nursery, compare, undisturbed[0], "steps", points(EVERY_WRITE)) == []


def test_without_transactions_the_same_kills_leave_broken_homes(nursery, undisturbed, compare):
    whole = nursery.run("autocommit-undisturbed", "autocommit")
    assert whole.code == 0, nursery.errors("autocommit-undisturbed")
    assert compare(nursery.contents("autocommit-undisturbed"), undisturbed[0]) == []
    broken = broken_homes(nursery, compare, undisturbed[0], "autocommit", points(WRITES_OF_BOOKS))
    assert len(broken) > 1, broken
