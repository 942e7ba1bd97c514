"""What each vendor was learned to cover."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "coverage",
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False, comment="ours, such as SAP.DE"),
        sa.Column("subject", sa.String(), nullable=False, comment="what was asked for: overview, quote, …"),
        sa.Column("learned_at", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="in our words; empty when covered"),
        sa.CheckConstraint(
            "outcome in ('covered','not_covered','premium','unknown')", name=op.f("ck_coverage_outcome")
        ),
        sa.PrimaryKeyConstraint("vendor", "symbol", "subject", "learned_at", name=op.f("pk_coverage")),
    )


def downgrade() -> None:
    op.drop_table("coverage")
