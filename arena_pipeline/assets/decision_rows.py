"""A decision in the ledger: its row, its orders, what they cite, what it was shown, and the evidence."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from arena_pipeline.arena import LATE_AFTER, Arena
from arena_pipeline.assets.choices import Choice
from arena_pipeline.assets.orders import Wish, cancellation_from, cancellation_rows, order_from, order_rows
from arena_pipeline.assets.step import Run
from arena_pipeline.market.calendar import SUBMISSION_LATENCY, Session
from arena_pipeline.scoring.contamination import Contamination, flag
from arena_pipeline.settings import Model, ModelKind
from arena_pipeline.trading.book import Book
from arena_pipeline.warehouse.outbox import announce_decision
from arena_pipeline.warehouse.research_tables import briefing_use, citations
from arena_pipeline.warehouse.store import Edge, Row, Written, utc_text
from arena_pipeline.warehouse.tables import cancellations as cancellations_table
from arena_pipeline.warehouse.tables import decisions as decisions_table
from arena_pipeline.warehouse.tables import orders as orders_table


def store_decision(
    arena: Arena, model: Model, run: Run, session: Session, choice: Choice, book: Book
) -> tuple[Written, list[Wish]] | None:
    """Write a decision whole, and return what it asks of the market; None, and nothing written, where another
    run has decided the session in the meantime."""
    submitted_at, provenance, late = _circumstances(arena, model, session)
    identity = f"decision:{model.id}:{session.key}"
    decision: Row = {
        "id": identity,
        "model": model.id,
        "session": session.key,
        "trading_day": session.day.isoformat(),
        "session_time": utc_text(session.time),
        "submitted_at": utc_text(submitted_at),
        "outcome": "abstained" if choice.failure else "decided",
        "confidence": None if choice.confidence is None else repr(choice.confidence),
        "reasoning": choice.reasoning,
        "horizon_days": choice.horizon_days,
        "failure": choice.failure,
        "code_version": choice.version,
        "provenance": provenance,
        "late": late,
        "simulated": arena.settings.simulated,
    }
    rows = order_rows(model.id, session.key, identity, choice.results, submitted_at)
    withdrawn = cancellation_rows(
        model.id, session.key, identity, choice.cancels, book.open_orders, submitted_at
    )
    now = arena.clock()
    with arena.store.ledger.transaction() as connection:
        decided = select(decisions_table.c.id).where(decisions_table.c.id == identity)
        if connection.execute(decided).first() is not None:
            return None
        connection.execute(
            decisions_table.insert().values(
                **decision,
                contamination=_contamination(arena, model, session, provenance).value,
                run_id=run.id,
                recorded_at=utc_text(now),
            )
        )
        if rows:
            connection.execute(orders_table.insert(), rows)
        if withdrawn:
            connection.execute(cancellations_table.insert(), withdrawn)
        cited = _citations(rows, choice)
        _note_grounds(connection, decision, choice, cited)
        arena.store.add_edges(
            connection,
            [
                *(Edge(identity, parent, role) for parent, role in choice.edges),
                *(Edge(row["id"], identity, "ordered by") for row in rows),
                *(Edge(row["order_id"], row["evidence"], "cites") for row in cited if row["evidence"]),
            ],
        )
        written = arena.store.note_partition(
            connection,
            "decisions",
            f"{model.id}|{session.key}",
            [decision, *rows, *withdrawn],
            run_id=run.id,
            now=now,
        )
        announce_decision(connection, decision, rows, at=utc_text(now))
    return written, [
        *(order_from(row) for row in rows if row["accepted"]),
        *(cancellation_from(row) for row in withdrawn if row["accepted"]),
    ]


def _citations(rows: list[Row], choice: Choice) -> list[Row]:
    """One row for each order asked for and fact it cites; the closing orders of a bracket cite nothing."""
    asked = [row for row in rows if row["parent"] is None]
    return [
        {"order_id": row["id"], "cite": cite, "evidence": choice.cited.get(cite)}
        for row, result in zip(asked, choice.results, strict=True)
        for cite in result.request.cites
    ]


def _note_grounds(connection: Connection, decision: Row, choice: Choice, cited: list[Row]) -> None:
    used = [
        {
            "decision": decision["id"],
            "briefing": entry.briefing.id,
            "model": decision["model"],
            "session": decision["session"],
            "symbol": entry.briefing.symbol,
            "why": entry.why.value,
            "author_model": entry.briefing.author_model,
            "quality": entry.briefing.quality.score if entry.briefing.quality else None,
            "calls": len(entry.briefing.llm),
        }
        for entry in choice.shown
    ]
    if used:
        connection.execute(briefing_use.insert(), used)
    if cited:
        connection.execute(citations.insert(), cited)


def _circumstances(arena: Arena, model: Model, session: Session) -> tuple[datetime, str, bool]:
    """When the orders went out, and whether that was live and late; a replay takes what was recorded."""
    if arena.origin is not None:
        with arena.origin.ledger.read() as connection:
            row = connection.execute(
                select(decisions_table).where(
                    decisions_table.c.model == model.id, decisions_table.c.session == session.key
                )
            ).one()
        return datetime.fromisoformat(row.submitted_at), row.provenance, row.late
    if arena.is_live(session):
        return arena.clock(), "live", False
    same_day = arena.is_today(session.day) and arena.clock() - session.time > LATE_AFTER
    if same_day:
        return arena.clock(), "live", True
    return session.time + SUBMISSION_LATENCY, "backfill", False


def _contamination(arena: Arena, model: Model, session: Session, provenance: str) -> Contamination:
    """Whether the model may have known how the day ended. No part of the decision's digest: it judges the
    decision by what the configuration says of the model."""
    ignorant = model.kind is ModelKind.BASELINE or arena.settings.fictional
    return flag(session.day, model.knowledge_cutoff, needs_knowledge=provenance != "live" and not ignorant)
