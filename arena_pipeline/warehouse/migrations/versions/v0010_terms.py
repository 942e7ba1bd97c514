"""On what terms an arena was made; one from before takes those of its next opening."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "terms",
        sa.Column("key", sa.String(), nullable=False, comment="as in arena.toml: arena.start"),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_terms")),
    )


def downgrade() -> None:
    op.drop_table("terms")
