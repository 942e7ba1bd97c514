"""Which version of a partition is in force, and which partitions would need a new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from arena_pipeline.warehouse.tables import catalog

AT_ONCE = 400
"""Keys named in one statement."""

InForce = tuple[int, str, int]
"""Version, digest and number of rows."""


def versions_in_force(connection: Connection, asset: str, partitions: Iterable[str]) -> dict[str, InForce]:
    """By partition; one that was never written is left out."""
    wanted = list(partitions)
    found: dict[str, InForce] = {}
    for start in range(0, len(wanted), AT_ONCE):
        rows = connection.execute(
            select(catalog.c.partition, catalog.c.version, catalog.c.digest, catalog.c.rows).where(
                catalog.c.asset == asset,
                catalog.c.superseded_at.is_(None),
                catalog.c.partition.in_(wanted[start : start + AT_ONCE]),
            )
        )
        found.update({row.partition: (row.version, row.digest, row.rows) for row in rows})
    return found


def changed_from(versions: Mapping[str, InForce], digests: Mapping[str, str]) -> list[str]:
    """The partitions whose digest is another than the one in force."""
    return [key for key, digest in digests.items() if versions.get(key, (0, "", 0))[1] != digest]
