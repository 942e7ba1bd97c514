"""The queries of a session as the research model words them: one call, paid like any other and archived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arena_pipeline.arena import Arena
from arena_pipeline.assets.costs import RESEARCH, note_costs
from arena_pipeline.assets.step import Run
from arena_pipeline.llm.client import ModelRequest
from arena_pipeline.llm.failure import WANT_OF_MONEY
from arena_pipeline.llm.prompts import queries_prompt
from arena_pipeline.research.queries import QueriesReply, Query, templates, usable

MAX_TOKENS = 4000
"""The most that may be answered, reasoning included."""


@dataclass(frozen=True, slots=True)
class Worded:
    """A model's queries by symbol, and the id of the exchange that they come from."""

    queries: Mapping[str, Sequence[Query]]
    by: str


NOT_WORDED = Worded({}, "")


def worded_by_a_model(arena: Arena, key: str, watched: Mapping[str, str], run: Run) -> Worded:
    """What the research model asks about the shares of a watchlist (why each is watched, by symbol). Nothing
    where templates are asked, and where it gives nothing usable, which is reported."""
    settings = arena.settings.research
    if settings.queries != "model" or not arena.has_research_model or not watched:
        return NOT_WORDED
    prompt = queries_prompt(
        key,
        {symbol: (arena.companies[symbol].name, why) for symbol, why in watched.items()},
        [templates()[style].looks_for for style in arena.styles],
        at_most=settings.queries_per_share,
    )
    request = ModelRequest(
        model=arena.research_choice.model,
        purpose="queries",
        system=prompt.system,
        user=prompt.user,
        schema=QueriesReply,
        spender=RESEARCH,
        max_tokens=MAX_TOKENS,
    )
    (outcome,) = arena.models.ask_all([request])
    note_costs(arena, key, RESEARCH, "queries", [outcome])
    if outcome.answer is None:
        money = outcome.failure is not None and outcome.failure.kind in WANT_OF_MONEY
        undone = "left undone: " if money else ""
        run.report(f"{undone}the queries of {key} are templates: {outcome.failure}")
        return NOT_WORDED
    found, left_out = usable(
        outcome.answer, list(watched), arena.companies, at_most=settings.queries_per_share
    )
    if left_out:
        told = ", ".join(f"{count} {why}" for why, count in sorted(left_out.items()))
        run.report(f"queries of a model left out in {key}: {told}")
    return Worded(found, outcome.exchanges[-1].id)
