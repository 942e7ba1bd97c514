"""The small arena with what a language model leaves behind: prompt and reply in the archive, citations, a
reading of its article, and a briefing of a share that is held."""

from __future__ import annotations

import json

from sqlalchemy import select

from arena_pipeline.warehouse import tables
from arena_pipeline.warehouse.lineage import REMEMBERS
from arena_pipeline.warehouse.redigest import JUDGED, OF_STORAGE, content
from arena_pipeline.warehouse.research_tables import briefing_use, citations, extractions
from arena_pipeline.warehouse.store import ArenaStore, Edge, Partition, utc_text
from tests.api.world import ARTICLE, DECIDED_AT, DECISION, NOW, RUN, SCRIPT, SESSION, fill_store

PROMPT = {
    "model": "sandbox/tester",
    "messages": [
        {"role": "system", "content": "You manage a portfolio."},
        {"role": "user", "content": f"Decide. </pre>{SCRIPT}"},
    ],
}
REPLY = {"choices": [{"message": {"content": f'{{"orders": [], "reasoning": "{SCRIPT}"}}'}}]}
ASKED = "llm:" + "b" * 64
READING = "extraction:" + "9" * 64
EARLIER = "2025-09-12T08:30"
HELD = f"briefing:{SESSION}:SIE.DE"
LINKED = "article:" + "8" * 64


def fill_evidence(store: ArenaStore) -> None:
    """Everything of `fill_store`, and the rest of what a decision's page shows."""
    fill_store(store)
    sent = store.archive.put(json.dumps(PROMPT).encode())
    replied = store.archive.put(json.dumps(REPLY).encode())
    with store.ledger.transaction() as connection:
        connection.execute(
            tables.exchanges.insert().values(
                id=ASKED, sent_sha256=sent, status=200, headers="{}", reply_sha256=replied,
                fetched_at=utc_text(DECIDED_AT),
            )
        )  # fmt: skip
        connection.execute(
            citations.insert(),
            [
                {"order_id": f"order:tester:{SESSION}:1", "cite": "SAP.DE:N1", "evidence": ARTICLE},
                {"order_id": f"order:tester:{SESSION}:1", "cite": "SAP.DE:X9", "evidence": None},
            ],
        )
        connection.execute(
            extractions.insert().values(
                id=READING, article=ARTICLE, model="sandbox/reader", exchanges="[]", failure=None,
                readings=json.dumps(
                    [{"symbol": "SAP.DE", "event": "earnings", "direction": 2, "percent": 3.5, "day": None}]
                ),
                recorded_at=utc_text(NOW),
            )
        )  # fmt: skip
        connection.execute(
            briefing_use.insert().values(
                decision=DECISION, briefing=f"briefing:{SESSION}:SAP.DE", model="tester", session=SESSION,
                symbol="SAP.DE", why="watchlist", author_model="sandbox/analyst", quality=64, calls=1,
            )
        )  # fmt: skip
        written = [
            content(row._mapping, without=OF_STORAGE | JUDGED)
            for table in (tables.decisions, tables.orders)
            for row in connection.execute(select(table).where(table.c.model == "tester"))
        ]
        store.note_partition(connection, "decisions", f"tester|{SESSION}", written, **RUN)
        store.add_edges(
            connection,
            [
                Edge(DECISION, ASKED, "answered by"),
                Edge(READING, ARTICLE, "read from"),
                Edge(f"briefing:{SESSION}:SAP.DE", READING, "read as"),
                Edge(f"order:tester:{SESSION}:1", ARTICLE, "cites"),
                Edge("snapshot:tester:2025-09-15", f"fill:tester:{SESSION}:1", "holds"),
            ],
        )
    _write_briefings(store)


def remember_earlier(store: ArenaStore) -> None:
    """Let the decision have been told of one before it, which read another briefing of the same share."""
    earlier = f"decision:tester:{EARLIER}"
    with store.ledger.transaction() as connection:
        first = connection.execute(select(tables.decisions).where(tables.decisions.c.id == DECISION)).one()
        values = {**first._mapping, "id": earlier, "session": EARLIER, "trading_day": EARLIER[:10]}
        connection.execute(tables.decisions.insert().values(**values))
        briefing = f"briefing:{EARLIER}:SAP.DE"
        store.add_edges(
            connection, [Edge(DECISION, earlier, REMEMBERS), Edge(earlier, briefing, "decided from")]
        )
    facts = {"technical": [], "figures": [], "news": [{"id": "N1", "text": "news speaks against it"}]}
    (found,) = store.rows_in("briefings", [SESSION], "symbol = 'SAP.DE'")
    kept = {name: value for name, value in found.items() if name not in ("partition", "known_at")}
    row = kept | {"id": briefing, "session": EARLIER, "facts": json.dumps(facts)}
    store.write_frames("briefings", [Partition(EARLIER, [row])], **RUN)


def _write_briefings(store: ArenaStore) -> None:
    facts = {
        "technical": [{"id": "T1", "text": "RSI 80", "signal": "bearish", "value": 80.0,
                       "evidence": f"indicators:{SESSION}:SAP.DE"}],
        "news": [{"id": "N1", "text": "news speaks for it", "signal": "bullish", "value": 0.5,
                  "evidence": ARTICLE}],
        "figures": [],
    }  # fmt: skip
    briefing = {
        "id": f"briefing:{SESSION}:SAP.DE",
        "session": SESSION,
        "symbol": "SAP.DE",
        "stance": "bullish",
        "strength": 0.4,
        "points": json.dumps([{"claim": "supports", "cites": ["N1"], "text": f"Good {SCRIPT}"}]),
        "facts": json.dumps(facts),
        "problems": [],
        "confidence_penalty": 0.1,
        "author_model": "sandbox/analyst",
        "llm": [],
        "ok": True,
        "quality_score": 64,
        "quality_parts": json.dumps({"coverage": 90, "freshness": 100, "independence": 20}),
        "contradictions": json.dumps(
            [{"kind": "sentiment", "severity": "LOW", "text": "news against prices", "facts": ["N1"]}]
        ),
        "quality_passed": True,
        "review": False,
        "dropped": json.dumps([[LINKED, "its quote is not there"]]),
        "extractions": [READING],
    }
    edges = [
        Edge(briefing["id"], ARTICLE, "rests on"),
        Edge(briefing["id"], READING, "read as"),
        Edge(briefing["id"], LINKED, "its quote is not there"),
    ]
    store.write_frames("briefings", [Partition(SESSION, [briefing], edges)], **RUN)
    held = briefing | {"id": HELD, "symbol": "SIE.DE", "dropped": None, "extractions": None}
    store.write_frames("held_briefings", [Partition(f"{SESSION}|SIE.DE", [held])], **RUN)
    found = {
        "id": LINKED,
        "title": "Found by a search",
        "summary": "",
        "url": "https://example.com/found?a=1",
        "source": "example.com",
        "published_at": None,
        "known_at": DECIDED_AT,
        "symbols": ["SAP.DE"],
        "sentiment": None,
        "copies": 1,
        "raw": None,
        "session": SESSION,
        "symbol": "SAP.DE",
    }
    store.write_frames("found_articles", [Partition(SESSION, [found])], **RUN)
