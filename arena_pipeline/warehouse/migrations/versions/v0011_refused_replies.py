"""Why a model's reply was not taken; unknown of replies from before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column(
        "model_costs",
        sa.Column(
            "refused", sa.Text(), nullable=True, comment="why the reply was not taken; null for one that was"
        ),
    )


def downgrade() -> None:
    op.drop_column("model_costs", "refused")
