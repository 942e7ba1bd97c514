"""The ledger's tables about research that is shared: what was read of articles, who read which briefing, and
which of its facts an order cites."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from arena_pipeline.warehouse.tables import metadata

extractions = Table(
    "extractions",
    metadata,
    Column("id", String, primary_key=True, comment="extraction:<sha256 of prompt and version>"),
    Column("article", String, nullable=False),
    Column("model", String, nullable=False, comment="the model that was asked"),
    Column("exchanges", Text, nullable=False, comment="JSON list of the ids of the exchanges"),
    Column("readings", Text, nullable=False, comment="JSON: the claims, without words"),
    Column("failure", Text, comment="why there is no answer; such an article is read by the rules"),
    Column("recorded_at", String, nullable=False),
    Index("ix_extractions_article", "article"),
)
"""One row per article that a research model was asked about, once for every session and share. A fact: never
changed, not even where the answer was a failure."""

briefing_use = Table(
    "briefing_use",
    metadata,
    Column("decision", ForeignKey("decisions.id"), primary_key=True),
    Column("briefing", String, primary_key=True),
    Column("model", String, nullable=False),
    Column("session", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("why", String, nullable=False, comment="watchlist, held, or still good"),
    Column("author_model", String, nullable=False, comment="who wrote it; empty where nobody did"),
    Column("quality", Integer, comment="the briefing's score"),
    Column("calls", Integer, nullable=False, comment="model calls behind its synthesis"),
    Index("ix_briefing_use_briefing", "briefing"),
)
"""One row per briefing that a decision was shown, written with the decision. All but the first use of a
briefing cost no call."""

citations = Table(
    "citations",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("cite", String, primary_key=True, comment="SYMBOL:FACT, as the model wrote it"),
    Column("evidence", String, comment="what the fact rests on; null where no such fact was shown"),
)
"""One row per citation of an order, written with the decision."""
