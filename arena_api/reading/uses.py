"""What was made of a piece of evidence: who read a briefing, what a model read in an article, who holds a
share; and archived bytes."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import func, select

from arena_api.reading import Document, Reading
from arena_pipeline.errors import ArchiveMissing, DataError
from arena_pipeline.trading.money import from_cents
from arena_pipeline.warehouse.research_tables import briefing_use, extractions
from arena_pipeline.warehouse.tables import evidence, exchanges, fetches, positions, snapshots

MOST = 500
"""Uses that are listed."""

SHA256 = frozenset("0123456789abcdef")


def uses(reading: Reading, identity: str) -> list[Document]:
    """What was made from a piece of evidence, as child and role; at most `MOST`."""
    store = reading.existing(f"row {identity!r}")
    with store.ledger.read() as connection:
        rows = connection.execute(
            select(evidence.c.child, evidence.c.role)
            .where(evidence.c.parent == identity, evidence.c.superseded_at.is_(None))
            .distinct()
            .order_by(evidence.c.child.desc())
            .limit(MOST)
        ).all()
    return [{"child": row.child, "role": row.role} for row in rows]


def readers(reading: Reading, briefing: str) -> list[Document]:
    """The decisions that were shown a briefing, and why; the first use is the one that paid for it."""
    store = reading.existing(f"briefing {briefing!r}")
    with store.ledger.read() as connection:
        rows = connection.execute(
            select(briefing_use)
            .where(briefing_use.c.briefing == briefing)
            .order_by(briefing_use.c.session, briefing_use.c.model)
            .limit(MOST)
        ).all()
    shown = ("decision", "model", "session", "why", "quality", "calls")
    return [{name: row._mapping[name] for name in shown} for row in rows]


def readings(reading: Reading, article: str) -> list[Document]:
    """What research models read in an article: claims without words, or why there is none."""
    store = reading.existing(f"article {article!r}")
    with store.ledger.read() as connection:
        rows = connection.execute(
            select(extractions).where(extractions.c.article == article).order_by(extractions.c.id)
        ).all()
    return [
        {
            "id": row.id,
            "model": row.model,
            "claims": json.loads(row.readings),
            "failure": row.failure,
            "exchanges": json.loads(row.exchanges),
            "recorded_at": row.recorded_at,
        }
        for row in rows
    ]


def holders(reading: Reading, symbol: str | None = None) -> list[Document]:
    """Who holds a share, or any, at the end of the model's last trading day; the largest holding first."""
    store = reading.store()
    if store is None:
        return []
    newest = (
        select(snapshots.c.model, func.max(snapshots.c.trading_day).label("day"))
        .where(snapshots.c.superseded_at.is_(None))
        .group_by(snapshots.c.model)
        .subquery()
    )
    held = (
        select(positions)
        .join(newest, (newest.c.model == positions.c.model) & (newest.c.day == positions.c.trading_day))
        .where(positions.c.superseded_at.is_(None))
        .order_by(positions.c.value_cents.desc(), positions.c.model)
    )
    if symbol is not None:
        held = held.where(positions.c.symbol == symbol)
    with store.ledger.read() as connection:
        rows = connection.execute(held).all()
    return [
        {
            "model": row.model,
            "symbol": row.symbol,
            "trading_day": row.trading_day,
            "quantity": row.quantity,
            "cost": str(from_cents(row.cost_cents)),
            "price": row.price,
            "value": str(from_cents(row.value_cents)),
            "unrealised": str(from_cents(row.value_cents - row.cost_cents)),
        }
        for row in rows
    ]


def archived(reading: Reading, sha256: str) -> Document:
    """An entry of the archive: its `content`, which still has its hash, and what it answered. Raises
    DataError when there is none such, ArchiveCorrupt when it was changed."""
    store = reading.existing(f"archive entry {sha256!r}")
    if len(sha256) != 64 or not SHA256.issuperset(sha256):
        raise DataError(f"{sha256!r} is no sha256", remedy="it has 64 hexadecimal digits")
    try:
        content = store.archive.get(sha256)
    except ArchiveMissing as error:
        raise DataError(f"the archive has no entry {sha256}", remedy="restore it from a backup") from error
    with store.ledger.read() as connection:
        fetched = connection.execute(
            select(fetches).where(fetches.c.sha256 == sha256).order_by(fetches.c.fetched_at).limit(1)
        ).first()
        asked = connection.execute(
            select(exchanges)
            .where((exchanges.c.sent_sha256 == sha256) | (exchanges.c.reply_sha256 == sha256))
            .order_by(exchanges.c.fetched_at)
            .limit(1)
        ).first()
    origin: dict[str, Any] = {"what": None, "vendor": None, "at": None, "exchange": None}
    if fetched is not None:
        origin |= {"what": fetched.request, "vendor": fetched.vendor, "at": fetched.fetched_at}
    elif asked is not None:
        part = "the request to a model" if asked.sent_sha256 == sha256 else "a model's reply"
        origin |= {"what": part, "vendor": "model", "at": asked.fetched_at, "exchange": asked.id}
    return {"sha256": sha256, "size": len(content), "content": content, **origin}
