"""What has just happened, for whoever listens: one numbered message per partition written, in the transaction
that writes it. A run never waits for a listener; listeners read this table (`arena_api/live`).

Numbers rise in the order of commits, so that whoever asks for what follows number n misses nothing. A message
says what is new in its partition, in the API's own terms: money as text, times in ISO 8601.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Integer,
    String,
    Table,
    Text,
    delete,
    select,
    text,
)

from arena_pipeline.trading.money import from_cents
from arena_pipeline.warehouse.tables import fills, metadata, rejections

Row = Mapping[str, Any]

RETAINED = 50_000
"""So many of the newest messages are kept: a day of a live arena has some hundred."""

PRUNED_EVERY = 500
"""Old messages are deleted each time so many were added."""

ORDER_OF_COMMITS = 0x0B0C
"""The lock of Postgres that makes numbers rise in the order of commits; SQLite has one writer anyway."""

KINDS = ("trade", "decision", "snapshot", "position_mark", "board", "run", "check")

outbox = Table(
    "outbox",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column(
        "kind",
        String,
        CheckConstraint(f"kind in ({','.join(map(repr, KINDS))})", name="kind"),
        nullable=False,
    ),
    Column("at", String, nullable=False, comment="when it was written"),
    Column("partition", String, nullable=False, comment="of the asset that it is from; empty for a run"),
    Column("data", Text, nullable=False, comment="as JSON, as listeners get it"),
    sqlite_autoincrement=True,
)
"""One row per message; the newest `RETAINED` are kept, and no number is ever used twice."""


def announce(
    connection: Connection, kind: str, data: Mapping[str, Any], *, at: str, partition: str = ""
) -> None:
    """Add a message to the caller's transaction. On Postgres this waits for other transactions that have
    announced something, so let it be the last statement."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ORDER_OF_COMMITS})
    values = {"kind": kind, "at": at, "partition": partition, "data": json.dumps(data)}
    (number,) = connection.execute(outbox.insert(), values).inserted_primary_key or (0,)
    if number % PRUNED_EVERY == 0:
        connection.execute(delete(outbox).where(outbox.c.number <= number - RETAINED))


def announce_rows(
    connection: Connection,
    asset: str,
    partition: str,
    tables: Mapping[str, Sequence[Row]],
    shown: frozenset[str],
    *,
    at: str,
) -> None:
    """Announce what is new in a partition of a derived table. `shown` is what it held before."""
    if asset in _MESSAGES:
        kind, message = _MESSAGES[asset]
        data = message(tables, shown)
        if data is not None:
            announce(connection, kind, data, at=at, partition=partition)


def announce_decision(connection: Connection, decision: Row, orders: Sequence[Row], *, at: str) -> None:
    """Announce a decision with its orders, in the transaction that stores them."""
    data = _only(
        decision, "id", "model", "session", "trading_day", "outcome", "confidence", "provenance", "late"
    )
    data["confidence"] = None if data["confidence"] is None else float(data["confidence"])
    data["orders"] = [
        _only(row, "id", "symbol", "side", "quantity", "type", "accepted", "refusal") for row in orders
    ]
    partition = f"{decision['model']}|{decision['session']}"
    announce(connection, "decision", data, at=at, partition=partition)


def shown_already(connection: Connection, asset: str, partition: str) -> frozenset[str]:
    """The fills and rejections that a partition of trades held in any version: those were announced. A fill
    that is corrected is another one."""
    if asset != "trades":
        return frozenset()
    return frozenset(
        _ended(dict(row))
        for table in (fills, rejections)
        for row in connection.execute(select(table).where(table.c.partition == partition)).mappings()
    )


def _ended(row: Row) -> str:
    """How an order ended, in a word that another ending does not have."""
    return f"{row['order_id']} {row.get('price')} {row['quantity']} {row.get('reason')}"


def _trades(tables: Mapping[str, Sequence[Row]], shown: frozenset[str]) -> dict[str, Any] | None:
    done = [row for row in tables["fills"] if _ended(row) not in shown]
    refused = [row for row in tables["rejections"] if _ended(row) not in shown]
    if not done and not refused:
        return None
    first = (done or refused)[0]
    return {
        "model": first["model"],
        "trading_day": first["trading_day"],
        "trades": [
            {
                **_only(row, "id", "order_id", "symbol", "side", "quantity", "price", "filled_at"),
                "notional": _money(row["notional_cents"]),
                "fee": _money(row["fee_cents"]),
                "net": None if row["net_cents"] is None else _money(row["net_cents"]),
            }
            for row in done
        ],
        "rejections": [
            _only(row, "order_id", "symbol", "side", "quantity", "rejected_at", "reason") for row in refused
        ],
    }


def _snapshot(tables: Mapping[str, Sequence[Row]], _: frozenset[str]) -> dict[str, Any] | None:
    for row in tables["snapshots"]:
        return {
            **_only(row, "model", "trading_day", "provisional"),
            "nav": _money(row["nav_cents"]),
            "cash": _money(row["cash_cents"]),
            "fees": _money(row["fees_cents"]),
            "positions": len(tables.get("positions", ())),
        }
    return None


def _marks(tables: Mapping[str, Sequence[Row]], _: frozenset[str]) -> dict[str, Any] | None:
    newest: dict[tuple[str, str], Row] = {}
    for row in tables["position_marks"]:
        key = (row["model"], row["symbol"])
        if key not in newest or row["at"] > newest[key]["at"]:
            newest[key] = row
    if not newest:
        return None
    return {
        "marks": [
            {
                **_only(row, "model", "symbol", "at", "quantity", "price"),
                "value": _money(row["value_cents"]),
            }
            for row in newest.values()
        ]
    }


def _board(tables: Mapping[str, Sequence[Row]], _: frozenset[str]) -> dict[str, Any] | None:
    rows = tables["leaderboard"]
    if not rows:
        return None
    return {
        "trading_day": rows[0]["trading_day"],
        "models": [{**_only(row, "model", "rank"), "nav": _money(row["nav_cents"])} for row in rows],
    }


_MESSAGES = {
    "trades": ("trade", _trades),
    "portfolio_snapshots": ("snapshot", _snapshot),
    "position_marks": ("position_mark", _marks),
    "leaderboard": ("board", _board),
}


def _only(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _money(cents: int) -> str:
    return str(from_cents(cents))
