"""Decisions and trades as people and programs list them: filtered, newest first, page by page.

Read-only, from the ledger. The command line and the API show the same documents. A page is continued by the
sort key of its last row, so that rows which arrive meanwhile neither repeat nor hide one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from arena_pipeline.errors import DataError
from arena_pipeline.trading.money import from_cents
from arena_pipeline.warehouse.provenance import together
from arena_pipeline.warehouse.research_tables import citations
from arena_pipeline.warehouse.store import CHUNK, ArenaStore, Row
from arena_pipeline.warehouse.tables import decisions, fills, models, orders, rejections
from arena_pipeline.warehouse.views import newest_snapshot

Key = tuple[str, str]
"""Where a page ends: the time or session of its last row, and that row's id."""


@dataclass(frozen=True, slots=True)
class Span:
    """Trading days from `first` to `last`, both included; None is open."""

    first: date | None = None
    last: date | None = None

    def of(self, column: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """The conditions on a column that holds a trading day."""
        found = []
        if self.first is not None:
            found.append(column >= self.first.isoformat())
        if self.last is not None:
            found.append(column <= self.last.isoformat())
        return found


ALWAYS = Span()


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: at most `limit` rows (None: all), those that follow `after`, `offset` of them
    left out."""

    limit: int | None = None
    after: Key | None = None
    offset: int = 0

    def cut(
        self, statement: Select[Any], falling: ColumnElement[Any], rising: ColumnElement[Any]
    ) -> Select[Any]:
        """A statement in order of `falling`, newest first, and `rising` within, cut to this page."""
        statement = statement.order_by(falling.desc(), rising)
        if self.after is not None:
            moment, identity = self.after
            statement = statement.where(or_(falling < moment, and_(falling == moment, rising > identity)))
        if self.limit is not None:
            statement = statement.limit(self.limit)
        return statement.offset(self.offset) if self.offset else statement


WHOLE = Page()


def trades(
    store: ArenaStore,
    *,
    simulated: bool,
    model: str | None = None,
    symbol: str | None = None,
    side: str | None = None,
    span: Span = ALWAYS,
    page: Page = WHOLE,
) -> dict[str, Any]:
    """Fills, newest first; money as text with two decimals, prices with four."""
    statement = (
        select(fills, models.c.kind, orders.c.decision, decisions.c.provenance)
        .join(models, models.c.id == fills.c.model)
        .join(orders, orders.c.id == fills.c.order_id)
        .join(decisions, decisions.c.id == orders.c.decision)
        .where(fills.c.superseded_at.is_(None), *span.of(fills.c.trading_day))
    )
    for column, value in ((fills.c.model, model), (fills.c.symbol, symbol), (fills.c.side, side)):
        if value is not None:
            statement = statement.where(column == value)
    with store.ledger.read() as connection:
        rows = connection.execute(page.cut(statement, fills.c.filled_at, fills.c.id)).all()
        as_of = newest_snapshot(connection)
    return {
        "simulated": simulated,
        "as_of": as_of,
        "provenance": together([row.provenance for row in rows]),
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
                "provenance": row.provenance,
            }
            for row in rows
        ],
    }


def trade_key(trade: Row) -> Key:
    """Where a page that ends with this trade is continued."""
    return trade["filled_at"], trade["id"]


def decision_list(
    store: ArenaStore,
    *,
    simulated: bool,
    model: str | None = None,
    session: str | None = None,
    outcome: str | None = None,
    span: Span = ALWAYS,
    page: Page = WHOLE,
) -> dict[str, Any]:
    """Decisions, newest first, each with how many orders it made."""
    count = select(func.count()).where(orders.c.decision == decisions.c.id).scalar_subquery()
    statement = select(decisions, count.label("orders")).where(*span.of(decisions.c.trading_day))
    for column, value in (
        (decisions.c.model, model),
        (decisions.c.session, session),
        (decisions.c.outcome, outcome),
    ):
        if value is not None:
            statement = statement.where(column == value)
    with store.ledger.read() as connection:
        rows = connection.execute(page.cut(statement, decisions.c.session, decisions.c.model)).all()
        as_of = newest_snapshot(connection)
    return {
        "simulated": simulated,
        "as_of": as_of,
        "provenance": together([row.provenance for row in rows]),
        "decisions": [{**_decision(dict(row._mapping)), "orders": row.orders} for row in rows],
    }


def decision_key(decision: Row) -> Key:
    """Where a page that ends with this decision is continued."""
    return decision["session"], decision["model"]


def reasoning(
    store: ArenaStore, *, simulated: bool, model: str, span: Span = ALWAYS, page: Page = WHOLE
) -> dict[str, Any]:
    """One model's decisions in full, newest first: its words, its orders, and what became of each."""
    statement = select(decisions).where(decisions.c.model == model, *span.of(decisions.c.trading_day))
    with store.ledger.read() as connection:
        rows = connection.execute(page.cut(statement, decisions.c.session, decisions.c.model)).all()
        placed = _placed(connection, [row.id for row in rows])
        as_of = newest_snapshot(connection, model)
    return {
        "simulated": simulated,
        "as_of": as_of,
        "provenance": together([row.provenance for row in rows]),
        "model": model,
        "decisions": [{**_decision(dict(row._mapping)), "orders": placed.get(row.id, [])} for row in rows],
    }


def decision(store: ArenaStore, identity: str) -> dict[str, Any]:
    """One decision with its orders and what became of each. Raises DataError when there is none such."""
    with store.ledger.read() as connection:
        row = connection.execute(select(decisions).where(decisions.c.id == identity)).one_or_none()
        if row is None:
            raise DataError(f"there is no decision {identity!r}", remedy="`arena decisions` lists them")
        placed = _placed(connection, [identity])
    return {**_decision(dict(row._mapping)), "orders": placed.get(identity, [])}


def latest_decision(store: ArenaStore, model: str) -> str | None:
    """The id of a model's newest decision."""
    with store.ledger.read() as connection:
        return connection.scalar(
            select(decisions.c.id)
            .where(decisions.c.model == model)
            .order_by(decisions.c.session.desc())
            .limit(1)
        )


def reasons(store: ArenaStore, identities: Collection[str]) -> dict[str, str]:
    """The reason given with each of some orders, by the order's id."""
    wanted = sorted(identities)
    with store.ledger.read() as connection:
        return {
            row.id: row.reason
            for start in range(0, len(wanted), CHUNK)
            for row in connection.execute(
                select(orders.c.id, orders.c.reason).where(orders.c.id.in_(wanted[start : start + CHUNK]))
            )
        }


def _placed(connection: Connection, identities: Sequence[str]) -> dict[str, list[Row]]:
    """The orders of some decisions, by decision, with what became of each."""
    placed = connection.execute(
        select(orders).where(orders.c.decision.in_(identities)).order_by(orders.c.decision, orders.c.seq)
    ).all()
    ids = [order.id for order in placed]
    done: dict[str, Any] = {}
    refused: dict[str, Any] = {}
    cited: dict[str, list[Row]] = {}
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        for fill in connection.execute(
            select(fills).where(fills.c.order_id.in_(part), fills.c.superseded_at.is_(None))
        ):
            done[fill.order_id] = fill
        for entry in connection.execute(
            select(rejections).where(rejections.c.order_id.in_(part), rejections.c.superseded_at.is_(None))
        ):
            refused[entry.order_id] = entry
        for cite in connection.execute(
            select(citations).where(citations.c.order_id.in_(part)).order_by(citations.c.cite)
        ):
            cited.setdefault(cite.order_id, []).append({"cite": cite.cite, "evidence": cite.evidence})
    found: dict[str, list[Row]] = {}
    for order in placed:
        shown = _order(dict(order._mapping), done.get(order.id), refused.get(order.id))
        shown["cites"] = cited.get(order.id, [])
        found.setdefault(order.decision, []).append(shown)
    return found


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
