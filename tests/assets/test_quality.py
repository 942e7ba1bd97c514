"""What a briefing's quality does to the decisions that rest on it."""

from datetime import date

import pytest
from sqlalchemy import select

from arena_pipeline.assets.decisions import decisions
from arena_pipeline.assets.step import Run
from arena_pipeline.warehouse.tables import orders as orders_table

MONDAY = date(2025, 3, 3)
BY_RULES = '[research]\nextraction = "rules"\n'
CONTESTANT = """
[llm]
base_url = "sandbox"
research_model = "sandbox/analyst"
[[models]]
id = "news"
kind = "llm"
model = "sandbox/news-follower"
"""
CLAIMS = (
    (MONDAY, 5, "SAP record profit, excellent growth, outlook raised, shares surge"),
    (MONDAY, 6, "Brilliant win: SAP beats every forecast, superb success"),
    (MONDAY, 6, "Cloud boom lifts SAP to a great new high, strong gains"),
)
"""Three stories of one feed whose publisher nobody knows."""


def decided(world, steps, publish, *stories, extra=BY_RULES):
    """The orders of a model that follows news, and the briefing of SAP."""
    publish(*stories)
    world.extra = CONTESTANT + extra
    arena = world.arena(f"home{len(world.opened)}")
    steps.shared(arena, [MONDAY])
    decisions(arena, ["news|2025-03-03T08:30"], Run("test"))
    with arena.store.ledger.read() as connection:
        placed = connection.execute(select(orders_table)).all()
    (briefing,) = arena.store.rows("briefings", "id = 'briefing:2025-03-03T08:30:SAP.DE'")
    return placed, briefing


def test_a_strong_claim_of_one_unknown_source_is_not_bought(world, steps, publish):
    placed, briefing = decided(world, steps, publish, *CLAIMS)
    assert briefing["review"] is True
    assert [(row.symbol, row.side, row.refusal) for row in placed] == [("SAP.DE", "buy", "UNDER_REVIEW")]


def test_with_the_block_switched_off_it_is_bought_at_a_lower_confidence(world, steps, publish):
    off = f"{BY_RULES}review_blocks = false\n"
    placed, briefing = decided(world, steps, publish, *CLAIMS, extra=off)
    assert briefing["review"] is True
    (order,) = [row for row in placed if row.parent is None]
    assert order.accepted
    assert float(order.lowered_confidence) == pytest.approx(
        float(order.confidence) - briefing["confidence_penalty"]
    )
    assert briefing["confidence_penalty"] >= 0.2
