"""Orders between the gate and the ledger: what a decision places, as rows, and the rows as orders again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from arena_pipeline.trading.limits import GateResult
from arena_pipeline.trading.orders import Cancellation, Order, OrderType, Side, TimeInForce
from arena_pipeline.warehouse.store import ArenaStore, Row, utc_text
from arena_pipeline.warehouse.tables import cancellations, orders

Wish = Order | Cancellation


def accepted_orders(store: ArenaStore, model: str) -> dict[str, list[Wish]]:
    """The orders of a model that passed the gate, by session, in the order of their numbers, and then its
    cancellations."""
    with store.ledger.read() as connection:
        placed = connection.execute(
            select(orders)
            .where(orders.c.model == model, orders.c.accepted)
            .order_by(orders.c.submitted_at, orders.c.seq)
        ).all()
        withdrawn = connection.execute(
            select(cancellations)
            .where(cancellations.c.model == model, cancellations.c.accepted)
            .order_by(cancellations.c.submitted_at, cancellations.c.order_id)
        ).all()
    by_session: dict[str, list[Wish]] = defaultdict(list)
    for row in placed:
        by_session[row.session].append(order_from(row._mapping))
    for row in withdrawn:
        by_session[row.session].append(cancellation_from(row._mapping))
    return by_session


def order_from(row: Any) -> Order:
    """A row of `orders`, as a mapping."""
    sized = row["amount"] is not None or row["weight"] is not None
    return Order(
        id=row["id"],
        model=row["model"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        quantity=None if sized or row["parent"] is not None else row["quantity"],
        submitted_at=datetime.fromisoformat(row["submitted_at"]),
        type=OrderType(row["type"]),
        limit=_decimal(row["limit_price"]),
        stop=_decimal(row["stop_price"]),
        time_in_force=TimeInForce(row["time_in_force"]),
        amount=_decimal(row["amount"]),
        weight=_decimal(row["weight"]),
        oco=row["oco"],
        parent=row["parent"],
        replaces=row["replaces"],
    )


def cancellation_from(row: Any) -> Cancellation:
    """A row of `cancellations`, as a mapping."""
    return Cancellation(row["model"], row["order_id"], datetime.fromisoformat(row["submitted_at"]))


def order_rows(
    model: str, session: str, decision: str, results: Sequence[GateResult], submitted_at: datetime
) -> list[Row]:
    """A row for each request, and after an accepted purchase with a bracket one for each order that is to
    close it: a stop, a limit order, or both, which then cancel each other."""
    rows: list[Row] = []
    for result in results:
        entry = _row(model, session, decision, len(rows) + 1, result, submitted_at)
        rows.append(entry)
        if result.accepted:
            rows += _exits(entry, result, first=len(rows) + 1)
    return rows


def cancellation_rows(
    model: str,
    session: str,
    decision: str,
    names: Sequence[str],
    open_orders: Sequence[Order],
    submitted_at: datetime,
) -> list[Row]:
    """A row for each order that is to be cancelled; one that is not open is noted and has no effect."""
    known = {order.id for order in open_orders}
    return [
        {
            "decision": decision,
            "order_id": name,
            "model": model,
            "session": session,
            "accepted": name in known,
            "submitted_at": utc_text(submitted_at),
        }
        for name in dict.fromkeys(names)
    ]


def _row(
    model: str, session: str, decision: str, seq: int, result: GateResult, submitted_at: datetime
) -> Row:
    request = result.request
    return {
        "id": f"order:{model}:{session}:{seq}",
        "decision": decision,
        "model": model,
        "session": session,
        "seq": seq,
        "symbol": request.symbol,
        "side": request.side.value,
        "quantity": result.shares,
        "type": request.type.value,
        "confidence": None if request.confidence is None else repr(request.confidence),
        "lowered_confidence": None
        if request.lowered_confidence is None
        else repr(request.lowered_confidence),
        "reason": request.reason,
        "accepted": result.accepted,
        "refusal": result.reason.value if result.reason else None,
        "refusal_detail": None if result.accepted else result.detail,
        "submitted_at": utc_text(submitted_at),
        "limit_price": _text(request.limit),
        "stop_price": _text(request.stop),
        "time_in_force": request.time_in_force.value,
        "amount": _text(request.amount),
        "weight": _text(request.weight),
        "oco": None,
        "parent": None,
        "replaces": request.replaces,
    }


def _exits(entry: Row, result: GateResult, first: int) -> Iterator[Row]:
    request = result.request
    wanted = [
        (OrderType.STOP, "stop_price", request.stop_loss, "stop loss"),
        (OrderType.LIMIT, "limit_price", request.take_profit, "take profit"),
    ]
    wanted = [exit_ for exit_ in wanted if exit_[2] is not None]
    base = f"order:{entry['model']}:{entry['session']}:"
    for offset, (kind, column, price, name) in enumerate(wanted):
        yield {
            **entry,
            "id": f"{base}{first + offset}",
            "seq": first + offset,
            "side": Side.SELL.value,
            "type": kind.value,
            "reason": f"{name} of {entry['id']}",
            "limit_price": None,
            "stop_price": None,
            "time_in_force": TimeInForce.GTC.value,
            "amount": None,
            "weight": None,
            "replaces": None,
            "parent": entry["id"],
            "oco": f"{base}{first + 1 - offset}" if len(wanted) == 2 else None,
            column: _text(price),
        }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
