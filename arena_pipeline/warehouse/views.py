"""What people and programs ask for first: the board, and the models. Read-only, from the ledger.

The command line and the API show the same documents; their shape is a contract (docs/architecture.md).
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from arena_pipeline.errors import DataError
from arena_pipeline.trading.money import from_cents
from arena_pipeline.warehouse.provenance import provenance
from arena_pipeline.warehouse.store import ArenaStore, Row
from arena_pipeline.warehouse.tables import assessments, leaderboard, models, snapshots

_SINCE_ASSESSED: Row = {
    **dict.fromkeys(("alpha", "beta", "alpha_p_value", "exposure", "expectancy", "significance", "luck")),
    **dict.fromkeys(("alpha_standard_error", "beta_standard_error")),
    "skill": {},
}
"""What a line of a board does not have that was stored before boards were assessed."""

_SINCE_PROVISIONAL: Row = {"not_assessed": {}, "not_settled": []}
"""What an assessment does not have that was stored before boards said whom they lack."""


def board(
    store: ArenaStore, *, simulated: bool, as_of: date | None = None, all_days: bool = False
) -> dict[str, Any]:
    """The leaderboard of a trading day, the newest unless `as_of` is given: the last one not after it; with
    it how sure it is, and the ranks under other terms at the end of the last quarter.

    `all_days`: over every day, also those that a model may have known. Where none is left out, that is the
    same board. Raises DataError for a board that was stored before both were.
    """
    with store.ledger.read() as connection:
        newest = select(func.max(leaderboard.c.trading_day)).where(leaderboard.c.superseded_at.is_(None))
        if as_of is not None:
            newest = newest.where(leaderboard.c.trading_day <= as_of.isoformat())
        day = connection.execute(newest).scalar_one()
        rows = connection.execute(
            select(leaderboard.c.row)
            .where(leaderboard.c.superseded_at.is_(None), leaderboard.c.trading_day == day)
            .order_by(leaderboard.c.rank.is_(None), leaderboard.c.rank, leaderboard.c.model)
        ).all()
        stored = (
            select(assessments)
            .where(assessments.c.superseded_at.is_(None), assessments.c.trading_day <= (day or ""))
            .order_by(assessments.c.trading_day.desc())
            .limit(1)
        )
        whole = connection.execute(stored.where(assessments.c.trading_day == (day or ""))).one_or_none()
        quarter = connection.execute(stored.where(assessments.c.robustness.is_not(None))).one_or_none()
        made = provenance(connection, as_of=day) if rows else None
    assessment = _SINCE_PROVISIONAL | json.loads(whole.document) if whole else None
    lines = [board_line(row.row) for row in rows]
    every_day = assessment.pop("all_days", None) if assessment else None
    if all_days and assessment and any(assessment["left_out"].values()):
        if every_day is None:
            raise DataError(
                f"the board of {day} over all days is not stored",
                remedy="materialise leaderboard for that day again",
            )
        lines = every_day
    return {
        "as_of": day,
        "simulated": simulated,
        "provenance": made,
        "models": lines,
        "assessment": assessment,
        "robustness": json.loads(quarter.robustness) if quarter else None,
    }


def board_line(stored: str) -> Row:
    """A model's line of a board as it is stored, complete also from before boards were assessed."""
    line: Row = json.loads(stored)
    return line | {name: value for name, value in _SINCE_ASSESSED.items() if name not in line}


def model_list(store: ArenaStore, *, simulated: bool) -> dict[str, Any]:
    """Every registered model with its newest net asset value, null before the first snapshot."""
    newest = (
        select(snapshots.c.model, func.max(snapshots.c.trading_day).label("day"))
        .where(snapshots.c.superseded_at.is_(None))
        .group_by(snapshots.c.model)
        .subquery()
    )
    statement = (
        select(models, snapshots.c.trading_day, snapshots.c.nav_cents)
        .outerjoin(newest, newest.c.model == models.c.id)
        .outerjoin(
            snapshots,
            (snapshots.c.model == models.c.id)
            & (snapshots.c.trading_day == newest.c.day)
            & snapshots.c.superseded_at.is_(None),
        )
        .order_by(models.c.id)
    )
    with store.ledger.read() as connection:
        rows = connection.execute(statement).all()
        made = provenance(connection)
    return {
        "simulated": simulated,
        "as_of": max((row.trading_day for row in rows if row.trading_day), default=None),
        "provenance": made,
        "models": [
            {
                "id": row.id,
                "kind": row.kind,
                "model": row.model,
                "strategy": row.strategy,
                "knowledge_cutoff": row.knowledge_cutoff,
                "as_of": row.trading_day,
                "nav": None if row.nav_cents is None else str(from_cents(row.nav_cents)),
            }
            for row in rows
        ],
    }


def newest_days(store: ArenaStore) -> dict[str, str | None]:
    """The newest trading day with bars, with a snapshot and with a board."""
    days = [key for key in store.partitions("daily_bars") if key != "history"]
    with store.ledger.read() as connection:
        ranked = connection.execute(
            select(func.max(leaderboard.c.trading_day)).where(leaderboard.c.superseded_at.is_(None))
        ).scalar_one()
        booked = newest_snapshot(connection)
    return {"bars": max(days, default=None), "snapshots": booked, "leaderboard": ranked}


def newest_snapshot(connection: Connection, model: str | None = None) -> str | None:
    """The newest trading day with a book's value, of any model or of one."""
    statement = select(func.max(snapshots.c.trading_day)).where(snapshots.c.superseded_at.is_(None))
    if model is not None:
        statement = statement.where(snapshots.c.model == model)
    newest: str | None = connection.scalar(statement)
    return newest
