"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("day", sa.String(), nullable=False, comment="Europe/Berlin date of the call"),
        sa.Column("spender", sa.String(), nullable=False),
        sa.Column("reserved_microusd", sa.BigInteger(), nullable=False),
        sa.Column("spent_microusd", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("reserved_microusd >= 0", name=op.f("ck_budgets_reserved")),
        sa.CheckConstraint("spent_microusd >= 0", name=op.f("ck_budgets_spent")),
        sa.PrimaryKeyConstraint("day", "spender", name=op.f("pk_budgets")),
    )
    op.create_table(
        "catalog",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("partition", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "path",
            sa.String(),
            nullable=True,
            comment="the Parquet file below the lake; null for a ledger table",
        ),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column(
            "digest",
            sa.String(),
            nullable=False,
            comment="sha256 of the partition's rows, without times of storage",
        ),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("known_at", sa.String(), nullable=False, comment="when this version was committed here"),
        sa.Column("superseded_at", sa.String(), nullable=True),
        sa.CheckConstraint("rows >= 0", name=op.f("ck_catalog_rows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog")),
        sa.UniqueConstraint("asset", "partition", "version", name=op.f("uq_catalog_asset_partition_version")),
    )
    op.create_index(
        "uq_catalog_current",
        "catalog",
        ["asset", "partition"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "collections",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("partitions", sa.Text(), nullable=False, comment="JSON list of the trading days asked for"),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column(
            "digest", sa.String(), nullable=False, comment="of every request and the hash of its answer"
        ),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
    )
    op.create_index("ix_collections_asset", "collections", ["asset"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("child", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("child", "parent", "role", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_parent", "evidence", ["parent"], unique=False)
    op.create_table(
        "exchanges",
        sa.Column("id", sa.String(), nullable=False, comment="llm:<sha256 of the request>"),
        sa.Column("sent_sha256", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("reply_sha256", sa.String(), nullable=False),
        sa.Column("fetched_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchanges")),
    )
    op.create_table(
        "models",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("strategy", sa.String(), nullable=True),
        sa.Column("knowledge_cutoff", sa.String(), nullable=True),
        sa.Column("registered_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(), nullable=False, comment="decision:<model>:<session>"),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("trading_day", sa.String(), nullable=False),
        sa.Column("session_time", sa.String(), nullable=False),
        sa.Column("submitted_at", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("confidence", sa.String(), nullable=True),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("code_version", sa.String(), nullable=False),
        sa.Column("provenance", sa.String(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.CheckConstraint("outcome in ('decided','abstained')", name=op.f("ck_decisions_outcome")),
        sa.CheckConstraint("provenance in ('live','backfill')", name=op.f("ck_decisions_provenance")),
        sa.ForeignKeyConstraint(["model"], ["models.id"], name=op.f("fk_decisions_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("model", "session", name=op.f("uq_decisions_model_session")),
    )
    op.create_index("ix_decisions_day", "decisions", ["trading_day"], unique=False)
    op.create_table(
        "fetches",
        sa.Column("collection", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("request", sa.String(), nullable=False, comment="path and parameters; no host, no secret"),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("fetched_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["collection"], ["collections.id"], name=op.f("fk_fetches_collection")),
        sa.PrimaryKeyConstraint("collection", "vendor", "request", name=op.f("pk_fetches")),
    )
    op.create_table(
        "leaderboard",
        sa.Column("row_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False, comment="board:<trading day>:<model>"),
        sa.Column("trading_day", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("nav_cents", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False, comment="the whole row as JSON, as the API shows it"),
        sa.Column("partition", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.Column("superseded_at", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["model"], ["models.id"], name=op.f("fk_leaderboard_model")),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_leaderboard")),
    )
    op.create_index("ix_leaderboard_partition", "leaderboard", ["partition"], unique=False)
    op.create_index(
        "uq_leaderboard_current",
        "leaderboard",
        ["trading_day", "model"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "model_costs",
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("spender", sa.String(), nullable=False, comment="a model of the arena, or research"),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("model_asked", sa.String(), nullable=False),
        sa.Column("model_served", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("generation_id", sa.String(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.String(), nullable=True, comment="null when unknown, never 0 for unknown"),
        sa.Column("cost_source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["exchange"], ["exchanges.id"], name=op.f("fk_model_costs_exchange")),
        sa.PrimaryKeyConstraint("exchange", "spender", "session", name=op.f("pk_model_costs")),
    )
    op.create_index("ix_model_costs_spender", "model_costs", ["spender", "session"], unique=False)
    op.create_table(
        "position_marks",
        sa.Column("row_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.String(), nullable=False),
        sa.Column("value_cents", sa.BigInteger(), nullable=False),
        sa.Column("bar", sa.String(), nullable=False),
        sa.Column("partition", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.Column("superseded_at", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["model"], ["models.id"], name=op.f("fk_position_marks_model")),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_position_marks")),
    )
    op.create_index("ix_position_marks_partition", "position_marks", ["partition"], unique=False)
    op.create_index(
        "uq_position_marks_current",
        "position_marks",
        ["model", "symbol", "at"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "positions",
        sa.Column("row_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("trading_day", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("cost_cents", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.String(), nullable=True),
        sa.Column("value_cents", sa.BigInteger(), nullable=False),
        sa.Column("bar", sa.String(), nullable=True),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("partition", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.Column("superseded_at", sa.String(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_positions_quantity")),
        sa.ForeignKeyConstraint(["model"], ["models.id"], name=op.f("fk_positions_model")),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_positions")),
    )
    op.create_index("ix_positions_partition", "positions", ["partition"], unique=False)
    op.create_index(
        "uq_positions_current",
        "positions",
        ["model", "trading_day", "symbol"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "snapshots",
        sa.Column("row_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False, comment="snapshot:<model>:<trading day>"),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("trading_day", sa.String(), nullable=False),
        sa.Column("cash_cents", sa.BigInteger(), nullable=False),
        sa.Column("receivable_cents", sa.BigInteger(), nullable=False),
        sa.Column("nav_cents", sa.BigInteger(), nullable=False),
        sa.Column("fees_cents", sa.BigInteger(), nullable=False),
        sa.Column("realised_cents", sa.BigInteger(), nullable=False),
        sa.Column("dividends_cents", sa.BigInteger(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("partition", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.Column("superseded_at", sa.String(), nullable=True),
        sa.CheckConstraint("cash_cents >= 0", name=op.f("ck_snapshots_cash")),
        sa.ForeignKeyConstraint(["model"], ["models.id"], name=op.f("fk_snapshots_model")),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_snapshots")),
    )
    op.create_index("ix_snapshots_partition", "snapshots", ["partition"], unique=False)
    op.create_index(
        "uq_snapshots_current",
        "snapshots",
        ["model", "trading_day"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.String(), nullable=False, comment="order:<model>:<session>:<seq>"),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("confidence", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("refusal", sa.String(), nullable=True, comment="the gate's reason"),
        sa.Column("refusal_detail", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.String(), nullable=False),
        sa.CheckConstraint("side in ('buy','sell')", name=op.f("ck_orders_side")),
        sa.CheckConstraint("quantity > 0 or not accepted", name=op.f("ck_orders_quantity")),
        sa.ForeignKeyConstraint(["decision"], ["decisions.id"], name=op.f("fk_orders_decision")),
        sa.ForeignKeyConstraint(["model"], ["models.id"], name=op.f("fk_orders_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("model", "session", "seq", name=op.f("uq_orders_model_session_seq")),
    )
    op.create_index("ix_orders_decision", "orders", ["decision"], unique=False)
    op.create_table(
        "fills",
        sa.Column("row_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False, comment="fill:<order>"),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("trading_day", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.String(), nullable=False),
        sa.Column("notional_cents", sa.BigInteger(), nullable=False),
        sa.Column("fee_cents", sa.BigInteger(), nullable=False),
        sa.Column("filled_at", sa.String(), nullable=False),
        sa.Column("bar", sa.String(), nullable=False),
        sa.Column("realised_cents", sa.BigInteger(), nullable=True),
        sa.Column("net_cents", sa.BigInteger(), nullable=True),
        sa.Column("partition", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.Column("superseded_at", sa.String(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_fills_quantity")),
        sa.CheckConstraint("fee_cents >= 0", name=op.f("ck_fills_fee")),
        sa.ForeignKeyConstraint(["model"], ["models.id"], name=op.f("fk_fills_model")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_fills_order_id")),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_fills")),
    )
    op.create_index("ix_fills_partition", "fills", ["partition"], unique=False)
    op.create_index(
        "uq_fills_current",
        "fills",
        ["order_id"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "rejections",
        sa.Column("row_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("trading_day", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("rejected_at", sa.String(), nullable=False),
        sa.Column("bar", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("partition", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.Column("superseded_at", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["model"], ["models.id"], name=op.f("fk_rejections_model")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_rejections_order_id")),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_rejections")),
    )
    op.create_index("ix_rejections_partition", "rejections", ["partition"], unique=False)
    op.create_index(
        "uq_rejections_current",
        "rejections",
        ["order_id"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_rejections_current",
        table_name="rejections",
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_index("ix_rejections_partition", table_name="rejections")
    op.drop_table("rejections")
    op.drop_index(
        "uq_fills_current",
        table_name="fills",
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_index("ix_fills_partition", table_name="fills")
    op.drop_table("fills")
    op.drop_index("ix_orders_decision", table_name="orders")
    op.drop_table("orders")
    op.drop_index(
        "uq_snapshots_current",
        table_name="snapshots",
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_index("ix_snapshots_partition", table_name="snapshots")
    op.drop_table("snapshots")
    op.drop_index(
        "uq_positions_current",
        table_name="positions",
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_index("ix_positions_partition", table_name="positions")
    op.drop_table("positions")
    op.drop_index(
        "uq_position_marks_current",
        table_name="position_marks",
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_index("ix_position_marks_partition", table_name="position_marks")
    op.drop_table("position_marks")
    op.drop_index("ix_model_costs_spender", table_name="model_costs")
    op.drop_table("model_costs")
    op.drop_index(
        "uq_leaderboard_current",
        table_name="leaderboard",
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_index("ix_leaderboard_partition", table_name="leaderboard")
    op.drop_table("leaderboard")
    op.drop_table("fetches")
    op.drop_index("ix_decisions_day", table_name="decisions")
    op.drop_table("decisions")
    op.drop_table("models")
    op.drop_table("exchanges")
    op.drop_index("ix_evidence_parent", table_name="evidence")
    op.drop_table("evidence")
    op.drop_index("ix_collections_asset", table_name="collections")
    op.drop_table("collections")
    op.drop_index(
        "uq_catalog_current",
        table_name="catalog",
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_table("catalog")
    op.drop_table("budgets")
