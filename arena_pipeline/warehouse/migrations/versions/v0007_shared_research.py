"""What was read of articles, who read which briefing, and what a decision says of its grounds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "extractions",
        sa.Column("id", sa.String(), nullable=False, comment="extraction:<sha256 of prompt and version>"),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False, comment="the model that was asked"),
        sa.Column("exchanges", sa.Text(), nullable=False, comment="JSON list of the ids of the exchanges"),
        sa.Column(
            "readings",
            sa.Text(),
            nullable=False,
            comment="JSON: the claims, without words",
        ),
        sa.Column(
            "failure",
            sa.Text(),
            nullable=True,
            comment="why there is no answer; such an article is read by the rules",
        ),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extractions")),
    )
    op.create_index("ix_extractions_article", "extractions", ["article"], unique=False)
    op.create_table(
        "briefing_use",
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("briefing", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column(
            "why",
            sa.String(),
            nullable=False,
            comment="watchlist, held, or still good",
        ),
        sa.Column(
            "author_model", sa.String(), nullable=False, comment="who wrote it; empty where nobody did"
        ),
        sa.Column("quality", sa.Integer(), nullable=True, comment="the briefing's score"),
        sa.Column("calls", sa.Integer(), nullable=False, comment="model calls behind its synthesis"),
        sa.ForeignKeyConstraint(["decision"], ["decisions.id"], name=op.f("fk_briefing_use_decision")),
        sa.PrimaryKeyConstraint("decision", "briefing", name=op.f("pk_briefing_use")),
    )
    op.create_index("ix_briefing_use_briefing", "briefing_use", ["briefing"], unique=False)
    op.create_table(
        "citations",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("cite", sa.String(), nullable=False, comment="SYMBOL:FACT, as the model wrote it"),
        sa.Column(
            "evidence",
            sa.String(),
            nullable=True,
            comment="what the fact rests on; null where no such fact was shown",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_citations_order_id")),
        sa.PrimaryKeyConstraint("order_id", "cite", name=op.f("pk_citations")),
    )
    op.add_column("decisions", sa.Column("horizon_days", sa.Integer(), nullable=True, comment="trading days"))


def downgrade() -> None:
    with op.batch_alter_table("decisions") as table:
        table.drop_column("horizon_days")
    op.drop_table("citations")
    op.drop_index("ix_briefing_use_briefing", table_name="briefing_use")
    op.drop_table("briefing_use")
    op.drop_index("ix_extractions_article", table_name="extractions")
    op.drop_table("extractions")
