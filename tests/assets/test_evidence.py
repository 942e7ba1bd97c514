"""What evidence says holds for what is in force: no edge of an earlier version, no bar that was not used."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from arena_pipeline.assets.graph import BOOK_STEPS, DECISION_STEPS, SESSION_STEPS
from arena_pipeline.assets.step import Run
from arena_pipeline.errors import DataError
from arena_pipeline.look_ahead import evidence_is_as_old_as_what_rests_on_it
from arena_pipeline.market.bars import Adjustment
from arena_pipeline.verify import evidence_leads_somewhere
from arena_pipeline.warehouse.lineage import existing, lineage
from arena_pipeline.warehouse.tables import evidence
from tests.assets.conftest import Row

DAY, NEXT = date(2025, 3, 4), date(2025, 3, 5)


def at(day, hour, minute=0):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def parents(arena, child):
    """(role, parent) of the edges in force."""
    with arena.store.ledger.read() as connection:
        rows = connection.execute(
            select(evidence).where(evidence.c.child == child, evidence.c.superseded_at.is_(None))
        ).all()
    return {(row.role, row.parent) for row in rows}


def bars_of(found, day):
    return {node for node in found.nodes if node.startswith(f"bar:SAP.DE:{day}")}


@pytest.fixture
def restated(world, steps):
    """SAP's bar of the 4th as it was at 17:35, and at 18:05 with the official close; settled both times."""
    world.models = {"equal-weight": "equal_weight"}
    steps.all(world.arena(), world.days(last=world.calendar.previous_day(DAY)))
    official = world.prices["SAP.DE"][DAY]
    world.prices["SAP.DE"][DAY] = replace(official, close=official.open)
    steps.all(world.arena(now=at(DAY, 16, 35)), [DAY])
    world.prices["SAP.DE"][DAY] = official
    arena = world.arena(now=at(DAY, 17, 5))
    steps.collected(arena, [DAY])
    steps.contest(arena, [DAY])
    return world


def test_a_day_that_is_settled_twice_rests_on_the_bar_in_force_and_the_next_session_on_what_it_knew(
    restated, steps
):
    arena = restated.opened[-1]
    marks = {parent for role, parent in parents(arena, f"snapshot:equal-weight:{DAY}") if role == "marked at"}
    assert {mark for mark in marks if "SAP" in mark} == {f"bar:SAP.DE:{DAY}:2"}
    assert bars_of(lineage(arena.store, f"board:{DAY}:equal-weight", depth=2), DAY) == {f"bar:SAP.DE:{DAY}:2"}
    with arena.store.ledger.read() as connection:
        retired = connection.execute(select(evidence).where(evidence.c.superseded_at.is_not(None))).all()
    assert {(row.parent, row.version) for row in retired} == {(f"bar:SAP.DE:{DAY}:1", 1)}
    arena = restated.arena()
    steps.shared(arena, [NEXT])
    run = f"bars:SAP.DE:2025-01-20..{DAY}"
    found = lineage(arena.store, f"indicators:{NEXT}T08:30:SAP.DE")
    assert f"{run}@{NEXT}T08:30" in found.nodes
    assert found.nodes[f"{run}@{NEXT}T08:30"]["as_known_at"] == f"{NEXT}T08:30"
    assert bars_of(found, DAY) == {f"bar:SAP.DE:{DAY}:2"}
    assert bars_of(lineage(arena.store, run), DAY) == {f"bar:SAP.DE:{DAY}:1"}


def test_a_restatement_leaves_the_runs_of_earlier_sessions_as_they_were(world, steps):
    steps.shared(world.arena(), [DAY, NEXT])
    world.prices["SAP.DE"][DAY] = replace(world.prices["SAP.DE"][DAY], close=world.prices["SAP.DE"][DAY].low)
    arena = world.arena(now=datetime(2025, 3, 24, 9, tzinfo=UTC))
    steps.collected(arena, [DAY])
    found = lineage(arena.store, f"indicators:{NEXT}T08:30:SAP.DE")
    assert bars_of(found, DAY) == {f"bar:SAP.DE:{DAY}:1"}


def test_a_run_whose_bars_are_not_stored_leads_nowhere(world, steps):
    arena = world.arena()
    steps.collected(arena, world.days())
    run = "bars:SAP.DE:2025-01-20..{}"
    assert existing(arena.store, [run.format(DAY), run.format("2025-03-14"), "bars:none"]) == {
        run.format(DAY)
    }
    with pytest.raises(DataError, match="nothing is stored"):
        lineage(arena.store, run.format("2025-03-14"))


def test_a_dividend_and_a_split_are_evidence_of_the_snapshots_that_they_changed(world, steps):
    world.models = {"equal-weight": "equal_weight"}
    days = world.days(last=date(2025, 3, 5))
    world.write()
    (world.folder / "prices" / "corporate_actions.csv").write_text(
        "symbol,ex_date,type,ratio,amount,pay_date\n"
        f"SAP.DE,{days[1]},dividend,,2.35,{days[2]}\n"
        f"SIE.DE,{days[1]},split,2,,\n"
    )
    arena = world.arena()
    prices = arena.settings.prices.model_copy(update={"adjustment": Adjustment.RAW})
    arena.settings = arena.settings.model_copy(update={"prices": prices})
    steps.all(arena, days)
    dividend, split = f"action:dividend:SAP.DE:{days[1]}", f"action:split:SIE.DE:{days[1]}"
    actions = [
        {edge for edge in parents(arena, f"snapshot:equal-weight:{day}") if edge[1].startswith("action:")}
        for day in days
    ]
    assert actions == [set(), {("credited by", dividend), ("split by", split)}, {("paid by", dividend)}]
    found = lineage(arena.store, f"board:{days[2]}:equal-weight")
    assert {dividend, split} <= found.nodes.keys()
    assert found.nodes[dividend]["amount"] == "2.350000"
    assert any(edge.child == dividend and edge.role == "read from" for edge in found.edges)
    assert list(evidence_is_as_old_as_what_rests_on_it(arena)) == []


def test_a_fill_that_a_restated_bar_takes_back_leaves_no_evidence_behind(world, steps):
    """At 18:05 the vendor says that SAP did not trade: its bar is stale, and no order can fill at it."""
    world.models = {"equal-weight": "equal_weight"}
    (day, *_) = world.days()
    arena = world.arena(now=at(day, 7, 31))
    steps.collected(arena, [day])
    session = arena.calendar.sessions_of(day)[0].key
    for step in SESSION_STEPS:
        step(arena, [session], Run("test"))
    DECISION_STEPS[0](arena, [f"equal-weight|{session}"], Run("test"))

    def settle(hour, minute):
        arena = world.arena(now=at(day, hour, minute))
        steps.collected(arena, [day])
        for step in BOOK_STEPS:
            step(arena, [f"equal-weight|{day}"], Run("test"))
        fills = {p for role, p in parents(arena, f"snapshot:equal-weight:{day}") if role == "includes"}
        assert list(evidence_leads_somewhere(arena)) == []
        return len(fills)

    assert settle(16, 35) == 3
    close = world.prices["SAP.DE"][world.calendar.previous_day(day)].close
    world.prices["SAP.DE"][day] = Row(close, close, close, close, 0)
    assert settle(17, 5) == 2
