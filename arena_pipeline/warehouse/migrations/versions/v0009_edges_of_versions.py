"""Evidence edges belong to a version of a partition, and are retired with it.

The edges of before are given the partition that their child's id names. Those of fills and snapshots that a
newer version had left behind are retired here, from the rows in force; the others when their partition is
made again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

CARRY_OVER = """
INSERT INTO evidence (child, parent, role, asset, partition, version)
SELECT child, parent, role,
    CASE
        WHEN child LIKE 'snapshot:%' THEN 'portfolio_snapshots'
        WHEN child LIKE 'board:%' THEN 'leaderboard'
        WHEN child LIKE 'fill:%' THEN 'trades'
        WHEN child LIKE 'indicators:%' THEN 'indicators'
        WHEN child LIKE 'momentum:%' THEN 'momentum'
        WHEN child LIKE 'watchlist:%' THEN 'watchlist'
        WHEN child LIKE 'briefing:%' THEN 'briefings'
        ELSE ''
    END,
    CASE
        WHEN child LIKE 'snapshot:%'
            THEN substr(child, 10, length(child) - 20) || '|' || substr(child, length(child) - 9)
        WHEN child LIKE 'board:%' THEN substr(child, 7, 10)
        WHEN child LIKE 'fill:%' THEN COALESCE(
            (SELECT fills.partition FROM fills WHERE fills.id = child
             ORDER BY fills.superseded_at IS NULL DESC, fills.row_id DESC LIMIT 1), '')
        WHEN child LIKE 'indicators:%' THEN substr(child, 12, 16)
        WHEN child LIKE 'watchlist:%' THEN substr(child, 11, 16)
        WHEN child LIKE 'momentum:%' OR child LIKE 'briefing:%' THEN substr(child, 10, 16)
        ELSE ''
    END,
    CASE WHEN child LIKE 'decision:%' OR child LIKE 'order:%' THEN 0 ELSE 1 END
FROM evidence_before
"""

HELD = """
UPDATE evidence SET asset = 'held_briefings', partition = CASE
    WHEN EXISTS (
        SELECT 1 FROM catalog
        WHERE catalog.asset = 'held_briefings' AND catalog.partition = evidence.partition)
    THEN evidence.partition
    ELSE evidence.partition || '|' || substr(child, 27)
END
WHERE asset = 'briefings' AND NOT EXISTS (
    SELECT 1 FROM evidence AS listed
    WHERE listed.child = 'watchlist:' || substr(evidence.child, 10) AND listed.superseded_at IS NULL)
"""

RETIRE = """
UPDATE evidence SET superseded_at = (
    SELECT catalog.known_at FROM catalog
    WHERE catalog.asset = evidence.asset AND catalog.partition = evidence.partition
        AND catalog.superseded_at IS NULL)
WHERE asset = '{asset}' AND role = '{role}' AND NOT EXISTS (
    SELECT 1 FROM {table}
    WHERE {table}.partition = evidence.partition AND {table}.superseded_at IS NULL AND {match})
"""

LEFT_BEHIND = (
    ("trades", "executes", "fills", "fills.id = evidence.child"),
    ("trades", "filled at", "fills", "fills.id = evidence.child AND fills.bar = evidence.parent"),
    ("portfolio_snapshots", "includes", "fills", "fills.id = evidence.parent"),
    ("portfolio_snapshots", "marked at", "positions", "positions.bar = evidence.parent"),
)
"""Asset, role, and the row in force that such an edge must have beside it."""


def upgrade() -> None:
    op.execute(sa.text("CREATE TABLE evidence_before AS SELECT child, parent, role FROM evidence"))
    op.drop_table("evidence")
    op.create_table(
        "evidence",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("child", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column(
            "asset", sa.String(), nullable=False, comment="of the child's partition; empty for a decision"
        ),
        sa.Column("partition", sa.String(), nullable=False),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="of the partition, the first that had it; 0 of a decision",
        ),
        sa.Column(
            "superseded_at",
            sa.String(),
            nullable=True,
            comment="when a version without it came into force",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    current = sa.text("superseded_at IS NULL")
    op.create_index(
        "uq_evidence_current",
        "evidence",
        ["child", "parent", "role", "asset", "partition"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )
    op.create_index("ix_evidence_parent", "evidence", ["parent"], unique=False)
    op.create_index("ix_evidence_partition", "evidence", ["asset", "partition"], unique=False)
    op.execute(sa.text(CARRY_OVER))
    op.execute(sa.text(HELD))
    for asset, role, table, match in LEFT_BEHIND:
        op.execute(sa.text(RETIRE.format(asset=asset, role=role, table=table, match=match)))
    op.drop_table("evidence_before")


def downgrade() -> None:
    op.execute(
        sa.text(
            "CREATE TABLE evidence_before AS "
            "SELECT DISTINCT child, parent, role FROM evidence WHERE superseded_at IS NULL"
        )
    )
    op.drop_table("evidence")
    op.create_table(
        "evidence",
        sa.Column("child", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("child", "parent", "role", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_parent", "evidence", ["parent"], unique=False)
    op.execute(sa.text("INSERT INTO evidence SELECT child, parent, role FROM evidence_before"))
    op.drop_table("evidence_before")
