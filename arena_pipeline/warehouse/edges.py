"""Evidence edges: laid with the version of the partition that they belong to, and retired with it.

Nothing is deleted. An edge that a newer version of its partition does not have carries the time at which it
was retired; what a reader should see is what is in force. The edges of a decision belong to no partition, for
a decision is never replaced.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from arena_pipeline.warehouse.tables import evidence

CHUNK = 400
IN_FORCE = evidence.c.superseded_at.is_(None)


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` was made from `parent`, which played `role` in it."""

    child: str
    parent: str
    role: str


def lay(
    connection: Connection, edges: Iterable[Edge], *, asset: str = "", partition: str = "", version: int = 0
) -> None:
    """Lay edges of a version of a partition, or of a fact; an edge that is in force already stays."""
    owner = {"asset": asset, "partition": partition, "version": version}
    values = [{"child": e.child, "parent": e.parent, "role": e.role, **owner} for e in edges]
    insert = sqlite_insert if connection.dialect.name == "sqlite" else postgres_insert
    for start in range(0, len(values), CHUNK):
        connection.execute(insert(evidence).on_conflict_do_nothing(), values[start : start + CHUNK])


def replace_edges(
    connection: Connection, asset: str, versions: Mapping[str, tuple[int, Sequence[Edge]]], moment: str
) -> None:
    """Put exactly these edges of some partitions in force; `versions` has (version, edges) by partition.

    `moment` is the time of storage, UTC as the ledger's text, at which the others are retired.
    """
    laid = _laid(connection, asset, list(versions))
    retired: list[int] = []
    for partition, (version, edges) in versions.items():
        wanted = {*edges}
        stored = laid[partition]
        lay(
            connection,
            [edge for edge in dict.fromkeys(edges) if edge not in stored],
            asset=asset,
            partition=partition,
            version=version,
        )
        retired += [number for edge, number in stored.items() if edge not in wanted]
    for start in range(0, len(retired), CHUNK):
        connection.execute(
            update(evidence)
            .where(evidence.c.id.in_(retired[start : start + CHUNK]))
            .values(superseded_at=moment)
        )


def edges_of(connection: Connection, asset: str, partitions: Sequence[str]) -> Mapping[str, list[Edge]]:
    """The edges in force of some partitions."""
    return {name: list(edges) for name, edges in _laid(connection, asset, partitions).items()}


def _laid(connection: Connection, asset: str, partitions: Sequence[str]) -> dict[str, dict[Edge, int]]:
    """The edges in force of some partitions, with their row numbers."""
    found: dict[str, dict[Edge, int]] = defaultdict(dict)
    for start in range(0, len(partitions), CHUNK):
        for row in connection.execute(
            select(evidence).where(
                evidence.c.asset == asset,
                evidence.c.partition.in_(partitions[start : start + CHUNK]),
                IN_FORCE,
            )
        ):
            found[row.partition][Edge(row.child, row.parent, row.role)] = row.id
    return found
