"""What a session's model calls cost, written down once per call and spender."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from arena_pipeline.arena import Arena
from arena_pipeline.llm.client import ModelOutcome
from arena_pipeline.warehouse.tables import exchanges, model_costs

RESEARCH = "research"
"""Who pays for what all models share."""


def note_costs(
    arena: Arena, session: str, spender: str, purpose: str, outcomes: Iterable[ModelOutcome[Any]]
) -> None:
    """Enter each exchange of the outcomes under its spender and session, with why its reply was not taken;
    one that is entered stays as it is.

    During a replay nothing is entered: the exchanges belong to the store that is replayed.
    """
    if arena.origin is not None:
        return
    asked = list(outcomes)
    calls = {exchange.id: exchange for outcome in asked for exchange in outcome.exchanges}
    refused = {identity: why for outcome in asked for identity, why in outcome.refused.items()}
    with arena.store.ledger.transaction() as connection:
        archived = set(connection.scalars(select(exchanges.c.id).where(exchanges.c.id.in_(list(calls)))))
        known = set(
            connection.scalars(
                select(model_costs.c.exchange).where(
                    model_costs.c.spender == spender, model_costs.c.session == session
                )
            )
        )
        rows = [
            {
                "exchange": exchange.id,
                "spender": spender,
                "session": session,
                "purpose": purpose,
                "model_asked": exchange.model_asked,
                "model_served": exchange.model_served,
                "provider": exchange.provider,
                "generation_id": exchange.generation_id,
                "prompt_tokens": exchange.prompt_tokens,
                "completion_tokens": exchange.completion_tokens,
                "cost_usd": None if exchange.cost_usd is None else format(exchange.cost_usd, "f"),
                "cost_source": exchange.cost_source,
                "refused": refused.get(exchange.id),
            }
            for exchange in calls.values()
            if exchange.id in archived - known
        ]
        if rows:
            connection.execute(model_costs.insert(), rows)
