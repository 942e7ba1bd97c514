"""What is changed behind the catalog's back is found out by `verify`, and by the replay: each table once."""

from __future__ import annotations

import shutil
from datetime import date

import pytest
from sqlalchemy import text

from arena_pipeline.board_check import (
    a_decision_is_judged_by_its_models_cutoff,
    the_newest_board_is_what_the_books_make,
)
from arena_pipeline.look_ahead import (
    every_run_of_bars_was_known_to_its_session,
    evidence_is_as_old_as_what_rests_on_it,
)
from arena_pipeline.rederive import rederive
from arena_pipeline.verify import evidence_leads_somewhere, verify
from arena_pipeline.warehouse.redigest import changed_in_ledger
from tests.assets.conftest import World

DAYS = (date(2025, 3, 3), date(2025, 3, 4))
SESSION = "2025-03-04T08:30"


@pytest.fixture(scope="module")
def original(tmp_path_factory, calendar, steps):
    """A world of two days, all of them made."""
    world = World(tmp_path_factory.mktemp("original"), calendar, models={"equal-weight": "equal_weight"})
    arena = world.arena()
    steps.all(arena, DAYS)
    arena.close()
    return world


@pytest.fixture
def change(original, tmp_path):
    """Runs statements on a copy of the home, and opens it."""
    world = World(tmp_path, original.calendar, models=original.models)

    def _change(*statements):
        shutil.copytree(original.folder / "home", tmp_path / "home")
        arena = world.arena()
        with arena.store.ledger.transaction() as connection:
            for statement in statements:
                assert connection.execute(text(statement)).rowcount > 0, statement
        return arena

    yield _change
    for arena in world.opened:
        arena.close()


TAMPERINGS = {
    "fills": ("UPDATE fills SET net_cents = 1", "trades equal-weight|2025-03-03"),
    "snapshots": ("UPDATE snapshots SET provisional = NOT provisional", "portfolio_snapshots equal-weight|"),
    "positions": ("UPDATE positions SET provisional = NOT provisional", "portfolio_snapshots equal-weight|"),
    "leaderboard": ("UPDATE leaderboard SET nav_cents = 99999900", "leaderboard 2025-03-04"),
    "assessments": (
        "UPDATE assessments SET document = replace(document, 'too early', 'a winner')",
        "leaderboard 2025-03-04",
    ),
    "decisions": ("UPDATE decisions SET reasoning = 'forged'", f"decisions equal-weight|{SESSION}"),
    "orders": ("UPDATE orders SET confidence = '0.99'", "decisions equal-weight|2025-03-03T08:30"),
    "cancellations": (
        "INSERT INTO cancellations SELECT id, 'order:x', model, session, 0, submitted_at FROM decisions",
        f"decisions equal-weight|{SESSION}",
    ),
}


@pytest.mark.parametrize(("statement", "partition"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_a_changed_row_is_not_what_was_written(change, statement, partition):
    arena = change(statement)
    problems = list(changed_in_ledger(arena.store))
    assert any(problem.startswith(partition) for problem in problems), problems
    assert all("is not what was written" in problem for problem in problems)


def test_nothing_is_found_where_nothing_was_changed(change):
    assert verify(change()) == []


def test_a_board_that_was_forged_with_its_digest_is_not_what_the_books_make(change):
    arena = change(
        "UPDATE leaderboard SET nav_cents = 99999900", "DELETE FROM catalog WHERE asset = 'leaderboard'"
    )
    assert list(changed_in_ledger(arena.store)) == []
    assert list(the_newest_board_is_what_the_books_make(arena)) == [
        "the board of 2025-03-04: the line of equal-weight is not what the stored books make"
    ]


def test_a_decision_that_is_made_not_to_count_is_named(change):
    arena = change(f"UPDATE decisions SET contamination = 'contaminated' WHERE session = '{SESSION}'")
    assert list(a_decision_is_judged_by_its_models_cutoff(arena)) == [
        f"decision:equal-weight:{SESSION} is said to be contaminated, and is clean"
    ]


def test_a_run_that_is_moved_to_bars_after_its_session_is_named(change):
    arena = change(
        "UPDATE evidence SET parent = replace(parent, '..2025-03-03', '..2025-03-04') "
        f"WHERE child = 'indicators:{SESSION}:SAP.DE'"
    )
    assert list(every_run_of_bars_was_known_to_its_session(arena)) == [
        f"indicators:{SESSION}:SAP.DE computed from bars:SAP.DE:2025-01-20..2025-03-04, "
        "whose last bar was known only at 2025-03-04 16:30:00+00:00",
        f"indicators:{SESSION}:SAP.DE was computed from bar:SAP.DE:2025-01-20:1 to "
        "bar:SAP.DE:2025-03-03:1, its evidence says otherwise",
    ]


def test_a_run_of_bars_that_are_not_stored_is_named(change):
    arena = change(
        "UPDATE evidence SET parent = replace(parent, '..2025-03-03', '..2025-03-14') "
        f"WHERE child = 'briefing:{SESSION}:SAP.DE' AND parent LIKE 'bars:%'"
    )
    run = f"briefing:{SESSION}:SAP.DE rests on bars:SAP.DE:2025-01-20..2025-03-14"
    assert list(evidence_leads_somewhere(arena)) == [f"{run}, which is not stored"]
    assert list(every_run_of_bars_was_known_to_its_session(arena)) == [
        f"{run}, and there is no bar of 2025-03-14"
    ]


def test_a_mark_at_a_bar_of_the_next_day_is_named(change):
    arena = change(
        "UPDATE evidence SET parent = 'bar:SAP.DE:2025-03-04:1' "
        "WHERE child = 'snapshot:equal-weight:2025-03-03' AND parent = 'bar:SAP.DE:2025-03-03:1'"
    )
    (problem,) = evidence_is_as_old_as_what_rests_on_it(arena)
    assert problem.endswith("bar:SAP.DE:2025-03-04:1, known only at 2025-03-04 16:30:00+00:00")


def test_the_replay_names_changed_rows_and_changed_evidence(change):
    arena = change(
        "UPDATE leaderboard SET nav_cents = 99999900",
        f"UPDATE decisions SET reasoning = 'forged' WHERE session = '{SESSION}'",
        "UPDATE evidence SET parent = 'bar:SIE.DE:2025-02-28:1' "
        "WHERE child = 'snapshot:equal-weight:2025-03-03' AND parent = 'bar:SIE.DE:2025-03-03:1'",
    )
    result = rederive(arena)
    assert [problem.split(":")[0] for problem in result.problems] == [
        "leaderboard 2025-03-03",
        "leaderboard 2025-03-04",
        "decisions equal-weight|2025-03-04T08",
        "evidence of snapshot",
    ]
