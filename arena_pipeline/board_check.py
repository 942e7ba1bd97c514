"""Invariants of the leaderboard: who is on it, what it says, and which decisions count for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from sqlalchemy import func, select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.board import board_tables
from arena_pipeline.assets.books import registered_models
from arena_pipeline.assets.scores import Scores
from arena_pipeline.scoring.contamination import flag
from arena_pipeline.settings import ModelKind
from arena_pipeline.warehouse.redigest import rows_in_force
from arena_pipeline.warehouse.tables import assessments, decisions, leaderboard, models

Problems = Iterator[str]


def every_model_is_on_the_board(arena: Arena) -> Problems:
    registered = {model for model, _ in registered_models(arena.store)}
    on_board: dict[str, set[str]] = defaultdict(set)
    with arena.store.ledger.read() as connection:
        for row in connection.execute(
            select(leaderboard.c.trading_day, leaderboard.c.model).where(
                leaderboard.c.superseded_at.is_(None)
            )
        ):
            on_board[row.trading_day].add(row.model)
    newest = max(on_board, default=None)
    if newest is not None and on_board[newest] != registered:
        yield f"the board of {newest} lacks {', '.join(sorted(registered - on_board[newest]))}"


def the_newest_board_is_what_the_books_make(arena: Arena) -> Problems:
    """The board of the newest day, computed again from the stored snapshots, fills and decisions."""
    with arena.store.ledger.read() as connection:
        newest = connection.execute(
            select(func.max(leaderboard.c.trading_day)).where(leaderboard.c.superseded_at.is_(None))
        ).scalar_one()
        stored = {
            table.name: [row for partition, row in rows_in_force(connection, table) if partition == newest]
            for table in (leaderboard, assessments)
        }
    if newest is None:
        return
    day = date.fromisoformat(newest)
    made = board_tables(arena, Scores(arena, day), day).rows
    for name, rows in stored.items():
        before, again = ({row.get("model", ""): row for row in some} for some in (rows, made[name]))
        for model in sorted(before.keys() | again.keys()):
            if before.get(model) != again.get(model):
                line = f"the line of {model}" if model else "what is said of it as a whole"
                yield f"the board of {newest}: {line} is not what the stored books make"


def a_decision_is_judged_by_its_models_cutoff(arena: Arena) -> Problems:
    """Whether it counts follows from how it was made and from what its model, as registered or as configured
    now, may have known."""
    configured = {model.id: model.knowledge_cutoff for model in arena.settings.models}
    with arena.store.ledger.read() as connection:
        rows = connection.execute(
            select(decisions, models.c.kind, models.c.knowledge_cutoff).join(
                models, models.c.id == decisions.c.model
            )
        ).all()
    for row in rows:
        registered = date.fromisoformat(row.knowledge_cutoff) if row.knowledge_cutoff else None
        ignorant = row.kind == ModelKind.BASELINE or arena.settings.fictional
        possible = {
            flag(
                date.fromisoformat(row.trading_day),
                cutoff,
                needs_knowledge=row.provenance != "live" and not ignorant,
            )
            for cutoff in (registered, configured.get(row.model, registered))
        }
        if row.contamination not in possible:
            yield f"{row.id} is said to be {row.contamination}, and is {' or '.join(sorted(possible))}"
