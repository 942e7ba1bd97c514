"""Each decision says whether its model may have known how the day ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

JUDGE = """
UPDATE decisions SET contamination = (
    SELECT CASE
        WHEN models.kind = 'baseline' OR decisions.provenance = 'live' THEN 'clean'
        WHEN models.model LIKE 'sandbox/%' THEN 'clean'
        WHEN models.knowledge_cutoff IS NULL THEN 'unknown'
        WHEN decisions.trading_day <= models.knowledge_cutoff THEN 'contaminated'
        ELSE 'clean'
    END
    FROM models WHERE models.id = decisions.model
)
"""


def upgrade() -> None:
    op.add_column("decisions", sa.Column("contamination", sa.String(), nullable=True))
    op.execute(sa.text(JUDGE))
    with op.batch_alter_table("decisions") as table:
        table.alter_column("contamination", existing_type=sa.String(), nullable=False)
        table.create_check_constraint(
            op.f("ck_decisions_contamination"), "contamination in ('clean','contaminated','unknown')"
        )


def downgrade() -> None:
    with op.batch_alter_table("decisions") as table:
        table.drop_constraint(op.f("ck_decisions_contamination"), type_="check")
        table.drop_column("contamination")
