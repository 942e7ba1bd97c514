"""Splits and dividends listed wrongly, late, or otherwise than before: nothing is lost in silence."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from arena_pipeline.assets.market import corporate_actions, daily_bars
from arena_pipeline.assets.step import Run
from arena_pipeline.warehouse.tables import snapshots

HEADER = "symbol,ex_date,type,ratio,amount,pay_date\n"


@pytest.fixture
def listed(world):
    def write(*lines):
        world.write()
        text = HEADER + "".join(f"{line}\n" for line in lines)
        (world.folder / "prices" / "corporate_actions.csv").write_text(text)

    (world.folder / "prices").mkdir()
    return write


def dividends(arena):
    """EUR cents by day, of the one model that holds shares."""
    with arena.store.ledger.read() as connection:
        rows = connection.execute(
            select(snapshots.c.trading_day, snapshots.c.dividends_cents).where(
                snapshots.c.model == "equal-weight", snapshots.c.superseded_at.is_(None)
            )
        )
        return {row.trading_day: row.dividends_cents for row in rows}


def test_rows_that_give_no_action_are_findings_with_their_line(world, listed):
    days = world.days()
    listed(
        f"SAP.DE,{days[1]},dividend,,2.00,",
        f"SAP.DE,{days[1]},dividend,,1.00,",
        f"SAP.DE,{days[2]},dividend,,abc,",
        f"SAP.DE,{days[3]},spli,2,,",
    )
    arena = world.arena()
    daily_bars(arena, [str(day) for day in days], Run("test"))
    found = arena.store.rows("bar_findings", "file = 'corporate_actions.csv'")
    assert {(row["day"], row["line"], row["kind"]) for row in found} == {
        (days[1], 3, "duplicate"),
        (days[2], 4, "malformed_row"),
        (days[3], 5, "malformed_row"),
    }
    assert all(row["quarantined"] for row in found)


@pytest.mark.parametrize(("ex", "entitled"), [(1, False), (2, True)])
def test_a_dividend_listed_late_is_posted_when_it_became_known_for_who_held_on_its_ex_date(
    world, steps, listed, ex, entitled
):
    """What is decided in the evening of the first day is bought at the opening of the second: too late for a
    dividend that goes ex then."""
    *days, last = world.days()[:4]
    listed()
    for day in days:
        steps.all(world.arena(now=datetime(day.year, day.month, day.day, 20, tzinfo=UTC)), [day])
    listed(f"SAP.DE,{days[ex]},dividend,,2.00,")
    run = Run("test")
    late = world.arena(now=datetime(last.year, last.month, last.day, 20, tzinfo=UTC))
    corporate_actions(late, [str(last)], run)
    assert run.reports == [f"action:dividend:SAP.DE:{days[ex]} was listed only when its day was over"]
    steps.all(late, [last])
    paid = dividends(late)
    assert [paid[str(day)] for day in days] == [0, 0, 0]
    assert (paid[str(last)] > 0) is entitled


def test_another_figure_than_before_is_reported_and_changes_nothing(world, steps, listed):
    first, second, *_ = days = world.days()[:3]
    listed(f"SAP.DE,{second},dividend,,2.00,")
    steps.all(world.arena(), days)
    before = dividends(world.opened[-1])
    listed(f"SAP.DE,{second},dividend,,2.20,")
    run, arena = Run("test"), world.arena()
    steps.all(arena, days, run)
    assert f"action:dividend:SAP.DE:{second}: amount 2.000000 is now listed as 2.20" in run.reports
    assert dividends(arena) == before
    assert before[str(second)] > before[str(first)] == 0
