"""Messages for listeners, and indices for what the API lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False, comment="when it was written"),
        sa.Column(
            "partition",
            sa.String(),
            nullable=False,
            comment="of the asset that it is from; empty for a run",
        ),
        sa.Column("data", sa.Text(), nullable=False, comment="as JSON, as listeners get it"),
        sa.CheckConstraint(
            "kind in ('trade','decision','snapshot','position_mark','board','run','check')",
            name=op.f("ck_outbox_kind"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_fills_filled_at", "fills", ["filled_at"])
    op.create_index("ix_decisions_provenance", "decisions", ["provenance", "model"])


def downgrade() -> None:
    op.drop_index("ix_decisions_provenance", "decisions")
    op.drop_index("ix_fills_filled_at", "fills")
    op.drop_table("outbox")
