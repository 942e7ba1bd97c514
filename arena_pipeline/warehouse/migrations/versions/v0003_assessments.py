"""What the board of a day says as a whole; models that cannot be ranked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

CURRENT = sa.text("superseded_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "assessments",
        sa.Column("row_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("trading_day", sa.String(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False, comment="as JSON, as the API shows it"),
        sa.Column(
            "robustness",
            sa.Text(),
            nullable=True,
            comment="the ranks under other terms, as JSON; at the end of a quarter",
        ),
        sa.Column("partition", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.Column("superseded_at", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_assessments")),
    )
    op.create_index("ix_assessments_partition", "assessments", ["partition"], unique=False)
    op.create_index(
        "uq_assessments_current",
        "assessments",
        ["trading_day"],
        unique=True,
        sqlite_where=CURRENT,
        postgresql_where=CURRENT,
    )
    with op.batch_alter_table("leaderboard") as table:
        table.alter_column("rank", existing_type=sa.Integer(), nullable=True)


def downgrade() -> None:
    with op.batch_alter_table("leaderboard") as table:
        table.alter_column("rank", existing_type=sa.Integer(), nullable=False)
    op.drop_index("uq_assessments_current", table_name="assessments")
    op.drop_index("ix_assessments_partition", table_name="assessments")
    op.drop_table("assessments")
