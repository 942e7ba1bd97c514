"""Shares that are added to the universe or leave it while an arena goes on."""

from datetime import date

from arena_pipeline.rederive import rederive
from arena_pipeline.verify import verify


def test_a_replay_says_which_share_left_instead_of_calling_all_that_was_made_before_wrong(world, steps):
    first, second = world.days(last=date(2025, 3, 4))
    steps.all(world.arena(), [first])
    world.symbols = ("SAP.DE", "ALV.DE")
    arena = world.arena()
    steps.all(arena, [second])
    assert verify(arena) == []
    (problem,) = rederive(arena).problems
    assert "SIE.DE came or went" in problem
    world.symbols = ("SAP.DE", "SIE.DE", "ALV.DE")
    (problem,) = rederive(world.arena()).problems
    assert "SIE.DE came or went" in problem
