"""Limit, stop, bracket and sized orders; cancellations; the end of orders that met no bar."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TERMS = ("limit_price", "stop_price", "amount", "weight", "oco", "parent", "replaces")


def upgrade() -> None:
    for name in TERMS:
        op.add_column("orders", sa.Column(name, sa.String(), nullable=True))
    op.add_column("orders", sa.Column("time_in_force", sa.String(), nullable=False, server_default="GTC"))
    op.create_table(
        "cancellations",
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False, comment="as the model named it"),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column(
            "accepted", sa.Boolean(), nullable=False, comment="whether it named an open order of the model"
        ),
        sa.Column("submitted_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["decision"], ["decisions.id"], name=op.f("fk_cancellations_decision")),
        sa.PrimaryKeyConstraint("decision", "order_id", name=op.f("pk_cancellations")),
    )
    op.create_index("ix_cancellations_model", "cancellations", ["model"], unique=False)
    with op.batch_alter_table("rejections") as table:
        table.alter_column("quantity", existing_type=sa.BigInteger(), nullable=True)
        table.alter_column("bar", existing_type=sa.String(), nullable=True)


def downgrade() -> None:
    with op.batch_alter_table("rejections") as table:
        table.alter_column("bar", existing_type=sa.String(), nullable=False)
        table.alter_column("quantity", existing_type=sa.BigInteger(), nullable=False)
    op.drop_index("ix_cancellations_model", table_name="cancellations")
    op.drop_table("cancellations")
    for name in ("time_in_force", *TERMS):
        op.drop_column("orders", name)
