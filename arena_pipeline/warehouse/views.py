"""What people and programs ask for: the board, decisions, trades, models. Read-only, from the ledger.

The command line and the API show the same documents; their shape is a contract (docs/architecture.md).
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from sqlalchemy import func, select

from arena_pipeline.errors import DataError
from arena_pipeline.trading.money import from_cents
from arena_pipeline.warehouse.research_tables import citations
from arena_pipeline.warehouse.store import ArenaStore, Row
from arena_pipeline.warehouse.tables import (
    assessments,
    decisions,
    fills,
    leaderboard,
    models,
    orders,
    rejections,
    snapshots,
)

PAGE = 100

_SINCE_ASSESSED: Row = {
    **dict.fromkeys(("alpha", "beta", "alpha_p_value", "exposure", "expectancy", "significance", "luck")),
    "skill": {},
}
"""What a line of a board does not have that was stored before boards were assessed."""

_SINCE_PROVISIONAL: Row = {"not_assessed": {}, "not_settled": []}
"""What an assessment does not have that was stored before boards said whom they lack."""


def board(store: ArenaStore, *, simulated: bool, as_of: date | None = None) -> dict[str, Any]:
    """The leaderboard of a trading day, the newest unless `as_of` is given: the last one not after it; with
    it how sure it is, and the ranks under other terms at the end of the last quarter."""
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
    return {
        "as_of": day,
        "simulated": simulated,
        "models": [_line(row.row) for row in rows],
        "assessment": _SINCE_PROVISIONAL | json.loads(whole.document) if whole else None,
        "robustness": json.loads(quarter.robustness) if quarter else None,
    }


def _line(stored: str) -> Row:
    line: Row = json.loads(stored)
    return line | {name: value for name, value in _SINCE_ASSESSED.items() if name not in line}


def trades(
    store: ArenaStore, *, simulated: bool, model: str | None = None, limit: int | None = None
) -> dict[str, Any]:
    """Fills, newest first; money as text with two decimals, prices with four."""
    statement = (
        select(fills, models.c.kind, orders.c.decision)
        .join(models, models.c.id == fills.c.model)
        .join(orders, orders.c.id == fills.c.order_id)
        .where(fills.c.superseded_at.is_(None))
        .order_by(fills.c.filled_at.desc(), fills.c.id)
    )
    if model is not None:
        statement = statement.where(fills.c.model == model)
    if limit is not None:
        statement = statement.limit(limit)
    with store.ledger.read() as connection:
        rows = connection.execute(statement).all()
    return {
        "simulated": simulated,
        "trades": [
            {
                "id": row.id,
                "model": row.model,
                "model_kind": row.kind,
                "decision_id": row.decision,
                "order_id": row.order_id,
                "symbol": row.symbol,
                "side": row.side,
                "quantity": row.quantity,
                "price": row.price,
                "notional": str(from_cents(row.notional_cents)),
                "fee": str(from_cents(row.fee_cents)),
                "net": None if row.net_cents is None else str(from_cents(row.net_cents)),
                "filled_at": row.filled_at,
                "trading_day": row.trading_day,
                "bar": row.bar,
            }
            for row in rows
        ],
    }


def decision_list(
    store: ArenaStore,
    *,
    simulated: bool,
    model: str | None = None,
    session: str | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Decisions, newest first, each with how many orders it made."""
    count = select(orders.c.decision, func.count().label("orders")).group_by(orders.c.decision).subquery()
    statement = (
        select(decisions, func.coalesce(count.c.orders, 0).label("orders"))
        .outerjoin(count, count.c.decision == decisions.c.id)
        .order_by(decisions.c.session.desc(), decisions.c.model)
    )
    if model is not None:
        statement = statement.where(decisions.c.model == model)
    if session is not None:
        statement = statement.where(decisions.c.session == session)
    if limit is not None:
        statement = statement.limit(limit)
    with store.ledger.read() as connection:
        rows = connection.execute(statement).all()
    return {
        "simulated": simulated,
        "decisions": [{**_decision(dict(row._mapping)), "orders": row.orders} for row in rows],
    }


def decision(store: ArenaStore, identity: str) -> dict[str, Any]:
    """One decision with its orders and what became of each. Raises DataError when there is none such."""
    with store.ledger.read() as connection:
        row = connection.execute(select(decisions).where(decisions.c.id == identity)).one_or_none()
        if row is None:
            raise DataError(f"there is no decision {identity!r}", remedy="`arena decisions` lists them")
        placed = connection.execute(
            select(orders).where(orders.c.decision == identity).order_by(orders.c.seq)
        ).all()
        ids = [order.id for order in placed]
        cites = connection.execute(
            select(citations).where(citations.c.order_id.in_(ids)).order_by(citations.c.cite)
        ).all()
        done = {
            fill.order_id: fill
            for fill in connection.execute(
                select(fills).where(fills.c.order_id.in_(ids), fills.c.superseded_at.is_(None))
            )
        }
        refused = {
            entry.order_id: entry
            for entry in connection.execute(
                select(rejections).where(rejections.c.order_id.in_(ids), rejections.c.superseded_at.is_(None))
            )
        }
    return {
        **_decision(dict(row._mapping)),
        "orders": [
            _order(dict(order._mapping), done.get(order.id), refused.get(order.id))
            | {
                "cites": [
                    {"cite": cite.cite, "evidence": cite.evidence}
                    for cite in cites
                    if cite.order_id == order.id
                ]
            }
            for order in placed
        ],
    }


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
    return {
        "simulated": simulated,
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
        booked = connection.execute(
            select(func.max(snapshots.c.trading_day)).where(snapshots.c.superseded_at.is_(None))
        ).scalar_one()
    return {"bars": max(days, default=None), "snapshots": booked, "leaderboard": ranked}


def _decision(row: Row) -> Row:
    shown = [
        "id",
        "model",
        "session",
        "trading_day",
        "session_time",
        "submitted_at",
        "outcome",
        "failure",
        "reasoning",
        "horizon_days",
        "code_version",
        "provenance",
        "late",
        "simulated",
        "contamination",
        "run_id",
    ]
    confidence = row["confidence"]
    return {name: row[name] for name in shown} | {
        "confidence": None if confidence is None else float(confidence)
    }


def _order(row: Row, fill: Any, rejection: Any) -> Row:
    shown = [
        "id",
        "seq",
        "symbol",
        "side",
        "quantity",
        "amount",
        "weight",
        "type",
        "limit_price",
        "stop_price",
        "time_in_force",
        "parent",
        "oco",
        "replaces",
        "reason",
        "accepted",
        "refusal",
        "refusal_detail",
        "submitted_at",
    ]
    order = {name: row[name] for name in shown} | {
        "confidence": None if row["confidence"] is None else float(row["confidence"]),
        "lowered_confidence": None if row["lowered_confidence"] is None else float(row["lowered_confidence"]),
        "state": "refused" if not row["accepted"] else "open",
    }
    if fill is not None:
        order |= {
            "state": "filled",
            "fill": {
                "id": fill.id,
                "quantity": fill.quantity,
                "price": fill.price,
                "fee": str(from_cents(fill.fee_cents)),
                "filled_at": fill.filled_at,
                "bar": fill.bar,
            },
        }
    elif rejection is not None:
        order |= {"state": "rejected", "rejection": rejection.reason}
    return order
