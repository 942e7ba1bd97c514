"""The ledger's tables. SQLite by default, PostgreSQL by URL: nothing here is particular to either.

Money is integer cents; a price is text with four decimals; a time is UTC, ISO 8601 with microseconds and
`+00:00`, as text, so that it sorts and reads the same everywhere; a trading day is `2025-10-24`.

`catalog` says which version of which partition is in force. Rows of a derived table carry the time at
which they were replaced in `superseded_at`; nothing is updated otherwise and nothing is deleted.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

CURRENT = text("superseded_at IS NULL")


def _derived(name: str, key: tuple[str, ...], *columns: Column[object] | CheckConstraint | Index) -> Table:
    """A derived table: at most one row of each key is in force."""
    return Table(
        name,
        metadata,
        Column("row_id", Integer, primary_key=True, autoincrement=True),
        *columns,
        Column("partition", String, nullable=False),
        Column("recorded_at", String, nullable=False),
        Column("superseded_at", String),
        Index(f"uq_{name}_current", *key, unique=True, sqlite_where=CURRENT, postgresql_where=CURRENT),
        Index(f"ix_{name}_partition", "partition"),
    )


catalog = Table(
    "catalog",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("asset", String, nullable=False),
    Column("partition", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("path", String, comment="the Parquet file below the lake; null for a ledger table"),
    Column("rows", Integer, CheckConstraint("rows >= 0", name="rows"), nullable=False),
    Column(
        "digest", String, nullable=False, comment="sha256 of the partition's rows, without times of storage"
    ),
    Column("run_id", String, nullable=False),
    Column("known_at", String, nullable=False, comment="when this version was committed here"),
    Column("superseded_at", String),
    UniqueConstraint("asset", "partition", "version"),
    Index(
        "uq_catalog_current",
        "asset",
        "partition",
        unique=True,
        sqlite_where=CURRENT,
        postgresql_where=CURRENT,
    ),
)
"""One row per version of a partition of an asset, in the lake or in the ledger."""

evidence = Table(
    "evidence",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("child", String, nullable=False),
    Column("parent", String, nullable=False),
    Column("role", String, nullable=False),
    Column(
        "asset", String, nullable=False, default="", comment="of the child's partition; empty for a decision"
    ),
    Column("partition", String, nullable=False, default=""),
    Column(
        "version",
        Integer,
        nullable=False,
        default=0,
        comment="of the partition, the first that had it; 0 of a decision",
    ),
    Column("superseded_at", String, comment="when a version without it came into force"),
    Index(
        "uq_evidence_current",
        "child",
        "parent",
        "role",
        "asset",
        "partition",
        unique=True,
        sqlite_where=CURRENT,
        postgresql_where=CURRENT,
    ),
    Index("ix_evidence_parent", "parent"),
    Index("ix_evidence_partition", "asset", "partition"),
)
"""One row per edge "child was made from parent", written with the child and retired with its version."""

collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("asset", String, nullable=False),
    Column("partitions", Text, nullable=False, comment="JSON list of the trading days asked for"),
    Column("at", String, nullable=False),
    Column("digest", String, nullable=False, comment="of every request and the hash of its answer"),
    Column("run_id", String, nullable=False),
    Index("ix_collections_asset", "asset"),
)
"""One row per reading of a source that brought something new; the replay goes through them in order."""

fetches = Table(
    "fetches",
    metadata,
    Column("collection", ForeignKey("collections.id"), primary_key=True),
    Column("vendor", String, primary_key=True),
    Column("request", String, primary_key=True, comment="path and parameters; no host, no secret"),
    Column("status", Integer, nullable=False),
    Column("failure", Text),
    Column("headers", Text, nullable=False),
    Column("sha256", String, nullable=False),
    Column("fetched_at", String, nullable=False),
)
"""One row per answer of a vendor; its bytes are in the archive under `sha256`."""

coverage = Table(
    "coverage",
    metadata,
    Column("vendor", String, primary_key=True),
    Column("symbol", String, primary_key=True, comment="ours, such as SAP.DE"),
    Column("subject", String, primary_key=True, comment="what was asked for: overview, quote, …"),
    Column("learned_at", String, primary_key=True),
    Column(
        "outcome",
        String,
        CheckConstraint("outcome in ('covered','not_covered','premium','unknown')", name="outcome"),
        nullable=False,
    ),
    Column("reason", Text, nullable=False, comment="in our words; empty when covered"),
)
"""One row per vendor's answer about a share's figures, written with its partition; the newest counts."""

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", String, primary_key=True, comment="llm:<sha256 of the request>"),
    Column("sent_sha256", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("failure", Text),
    Column("headers", Text, nullable=False),
    Column("reply_sha256", String, nullable=False),
    Column("fetched_at", String, nullable=False),
)
"""One row per distinct request to a model, with its reply; both are in the archive."""

model_costs = Table(
    "model_costs",
    metadata,
    Column("exchange", ForeignKey("exchanges.id"), primary_key=True),
    Column("spender", String, primary_key=True, comment="a model of the arena, or research"),
    Column("session", String, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("model_asked", String, nullable=False),
    Column("model_served", String),
    Column("provider", String),
    Column("generation_id", String),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("cost_usd", String, comment="null when unknown, never 0 for unknown"),
    Column("cost_source", String, nullable=False),
    Column("refused", Text, comment="why the reply was not taken; null for one that was"),
    Index("ix_model_costs_spender", "spender", "session"),
)
"""One row per model call that a session paid for."""

budgets = Table(
    "budgets",
    metadata,
    Column("day", String, primary_key=True, comment="Europe/Berlin date of the call"),
    Column("spender", String, primary_key=True),
    Column(
        "reserved_microusd",
        BigInteger,
        CheckConstraint("reserved_microusd >= 0", name="reserved"),
        nullable=False,
    ),
    Column(
        "spent_microusd", BigInteger, CheckConstraint("spent_microusd >= 0", name="spent"), nullable=False
    ),
)
"""One row per spender and day: what is reserved for calls in flight and what was spent."""

models = Table(
    "models",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("model", String),
    Column("strategy", String),
    Column("knowledge_cutoff", String),
    Column("registered_at", String, nullable=False),
)
"""One row per contestant ever registered."""

terms = Table(
    "terms",
    metadata,
    Column("key", String, primary_key=True, comment="as in arena.toml: arena.start"),
    Column("value", String, nullable=False),
    Column("recorded_at", String, nullable=False),
)
"""One row per term under which everything here was computed; written before anything else, never changed
once the ledger holds something."""

decisions = Table(
    "decisions",
    metadata,
    Column("id", String, primary_key=True, comment="decision:<model>:<session>"),
    Column("model", ForeignKey("models.id"), nullable=False),
    Column("session", String, nullable=False),
    Column("trading_day", String, nullable=False),
    Column("session_time", String, nullable=False),
    Column("submitted_at", String, nullable=False),
    Column(
        "outcome",
        String,
        CheckConstraint("outcome in ('decided','abstained')", name="outcome"),
        nullable=False,
    ),
    Column("confidence", String),
    Column("reasoning", Text, nullable=False),
    Column("horizon_days", Integer, comment="trading days"),
    Column("failure", Text),
    Column("code_version", String, nullable=False),
    Column(
        "provenance",
        String,
        CheckConstraint("provenance in ('live','backfill')", name="provenance"),
        nullable=False,
    ),
    Column("late", Boolean, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column(
        "contamination",
        String,
        CheckConstraint("contamination in ('clean','contaminated','unknown')", name="contamination"),
        nullable=False,
        comment="whether the model may have known how the day ended",
    ),
    Column("run_id", String, nullable=False),
    Column("recorded_at", String, nullable=False),
    UniqueConstraint("model", "session"),
    Index("ix_decisions_day", "trading_day"),
    Index("ix_decisions_provenance", "provenance", "model"),
)
"""One row per answer of a model in a session. A decision is a fact: it is never changed or repeated."""

orders = Table(
    "orders",
    metadata,
    Column("id", String, primary_key=True, comment="order:<model>:<session>:<seq>"),
    Column("decision", ForeignKey("decisions.id"), nullable=False),
    Column("model", ForeignKey("models.id"), nullable=False),
    Column("session", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, CheckConstraint("side in ('buy','sell')", name="side"), nullable=False),
    Column(
        "quantity",
        BigInteger,
        nullable=False,
        comment="shares; with an amount or a weight, what that was at the last known price",
    ),
    Column("type", String, nullable=False),
    Column("confidence", String),
    Column("reason", Text, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("refusal", String, comment="the gate's reason"),
    Column("refusal_detail", Text),
    Column("submitted_at", String, nullable=False),
    Column("limit_price", String),
    Column("stop_price", String),
    Column("time_in_force", String, nullable=False, server_default="GTC"),
    Column("amount", String, comment="in the market's currency; sized at the fill"),
    Column("weight", String, comment="fraction of the net asset value; sized at the fill"),
    Column("oco", String, comment="the order that a fill of this one cancels"),
    Column("parent", String, comment="the order whose fill this one waits for"),
    Column("replaces", String, comment="the order whose place this one takes"),
    Column(
        "lowered_confidence",
        String,
        comment="confidence less the penalty of the briefings the order rests on",
    ),
    UniqueConstraint("model", "session", "seq"),
    CheckConstraint("quantity > 0 or not accepted", name="quantity"),
    Index("ix_orders_decision", "decision"),
)
"""One row per order of a decision, accepted or refused by the gate."""

cancellations = Table(
    "cancellations",
    metadata,
    Column("decision", ForeignKey("decisions.id"), primary_key=True),
    Column("order_id", String, primary_key=True, comment="as the model named it"),
    Column("model", String, nullable=False),
    Column("session", String, nullable=False),
    Column("accepted", Boolean, nullable=False, comment="whether it named an open order of the model"),
    Column("submitted_at", String, nullable=False),
    Index("ix_cancellations_model", "model"),
)
"""One row per open order that a decision asked to cancel."""

fills = _derived(
    "fills",
    ("order_id",),
    Column("id", String, nullable=False, comment="fill:<order>"),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("model", ForeignKey("models.id"), nullable=False),
    Column("trading_day", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False),
    Column("quantity", BigInteger, CheckConstraint("quantity > 0", name="quantity"), nullable=False),
    Column("price", String, nullable=False),
    Column("notional_cents", BigInteger, nullable=False),
    Column("fee_cents", BigInteger, CheckConstraint("fee_cents >= 0", name="fee"), nullable=False),
    Column("filled_at", String, nullable=False),
    Column("bar", String, nullable=False),
    Column("realised_cents", BigInteger),
    Column("net_cents", BigInteger),
    Index("ix_fills_filled_at", "filled_at"),
)
"""One row per execution; partition `model|trading day`."""

rejections = _derived(
    "rejections",
    ("order_id",),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("model", ForeignKey("models.id"), nullable=False),
    Column("trading_day", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False),
    Column("quantity", BigInteger),
    Column("rejected_at", String, nullable=False),
    Column("bar", String),
    Column("reason", String, nullable=False),
)
"""One row per accepted order that ended without a fill, and why; partition `model|trading day`."""

snapshots = _derived(
    "snapshots",
    ("model", "trading_day"),
    Column("id", String, nullable=False, comment="snapshot:<model>:<trading day>"),
    Column("model", ForeignKey("models.id"), nullable=False),
    Column("trading_day", String, nullable=False),
    Column("cash_cents", BigInteger, CheckConstraint("cash_cents >= 0", name="cash"), nullable=False),
    Column("receivable_cents", BigInteger, nullable=False),
    Column("nav_cents", BigInteger, nullable=False),
    Column("fees_cents", BigInteger, nullable=False),
    Column("realised_cents", BigInteger, nullable=False),
    Column("dividends_cents", BigInteger, nullable=False),
    Column("provisional", Boolean, nullable=False),
)
"""One row per model at the end of a trading day; partition `model|trading day`."""

positions = _derived(
    "positions",
    ("model", "trading_day", "symbol"),
    Column("model", ForeignKey("models.id"), nullable=False),
    Column("trading_day", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("quantity", BigInteger, CheckConstraint("quantity > 0", name="quantity"), nullable=False),
    Column("cost_cents", BigInteger, nullable=False),
    Column("price", String),
    Column("value_cents", BigInteger, nullable=False),
    Column("bar", String),
    Column("provisional", Boolean, nullable=False),
)
"""One row per holding in a snapshot."""

position_marks = _derived(
    "position_marks",
    ("model", "symbol", "at"),
    Column("model", ForeignKey("models.id"), nullable=False),
    Column("symbol", String, nullable=False),
    Column("at", String, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("price", String, nullable=False),
    Column("value_cents", BigInteger, nullable=False),
    Column("bar", String, nullable=False),
)
"""One row per holding and 15-minute bar; partition: the trading day."""

leaderboard = _derived(
    "leaderboard",
    ("trading_day", "model"),
    Column("id", String, nullable=False, comment="board:<trading day>:<model>"),
    Column("trading_day", String, nullable=False),
    Column("model", ForeignKey("models.id"), nullable=False),
    Column("rank", Integer, comment="null for a model that cannot be ranked"),
    Column("nav_cents", BigInteger, nullable=False),
    Column("row", Text, nullable=False, comment="the whole row as JSON, as the API shows it"),
)
"""One row per model and trading day."""

assessments = _derived(
    "assessments",
    ("trading_day",),
    Column("trading_day", String, nullable=False),
    Column("document", Text, nullable=False, comment="as JSON, as the API shows it"),
    Column("robustness", Text, comment="the ranks under other terms, as JSON; at the end of a quarter"),
)
"""What the board of a day says as a whole: one row per trading day, in the leaderboard's partition."""

DERIVED = {
    table.name: table
    for table in (fills, rejections, snapshots, positions, position_marks, leaderboard, assessments)
}
