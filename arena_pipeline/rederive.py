"""The replay of a whole arena: everything derived again from the archive, with no network.

Each recorded reading of a source is read again from the archived bytes, in order; each model request is
answered with its archived reply; every step runs into an empty store. The digests must come out the same.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Row, select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.graph import (
    BOARD_STEPS,
    BOOK_STEPS,
    DAY_STEPS,
    DECISION_STEPS,
    SESSION_STEPS,
)
from arena_pipeline.assets.research import HELD
from arena_pipeline.assets.step import Run, Step
from arena_pipeline.errors import ArchiveError, ArenaError
from arena_pipeline.warehouse.recorder import RecordedCollection
from arena_pipeline.warehouse.redigest import changed_partitions
from arena_pipeline.warehouse.store import ArenaStore
from arena_pipeline.warehouse.tables import collections, evidence

NOTHING_RECORDED = 0
"""The id of no collection: whatever is asked of it is missing."""


@dataclass
class Replayed:
    """What a replay found: how many digests it reproduced, and what it could not."""

    entries: int = 0
    digests: int = 0
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        if self.problems:
            return f"replay failed: {len(self.problems)} problems, first: {self.problems[0]}"
        return f"replayed from the archive: {self.digests} digests reproduced, {self.entries} entries intact"


def rederive(arena: Arena, report: Callable[[str], None] = lambda text: None) -> Replayed:
    """Replay an arena beside itself; hash what is stored again, and compare the digest of every partition."""
    result = Replayed()
    report("archive entries")
    result.problems += unreadable_entries(arena.store, result)
    if result.problems:
        return result
    report("stored rows")
    result.problems += changed_partitions(arena.store)
    moved = shares_that_came_or_went(arena)
    if moved:
        result.problems.append(
            f"the universe was another one before ({', '.join(moved)} came or went), and a replay derives "
            "every day for the shares of [universe] symbols as it is now: nothing was compared"
        )
        return result
    with tempfile.TemporaryDirectory(prefix="arena-replay-") as folder:
        scratch = ArenaStore(
            ledger_url=f"sqlite:///{folder}/ledger.db",
            lake_url=f"{folder}/lake",
            archive_folder=str(Path(folder) / "archive"),
            market=arena.settings.arena.market,
        )
        derived_into(arena, scratch, result, report)
    return result


def shares_that_came_or_went(arena: Arena) -> list[str]:
    """The shares that some sessions have indicator rows of and others, or the configuration, have not. None
    where the lake cannot be read."""
    try:
        with arena.store.query("indicators") as connection:
            rows = connection.execute("SELECT symbol, count(*) FROM indicators GROUP BY symbol").fetchall()
    except duckdb.Error:
        return []
    counts = dict(rows)
    usual = max(counts.values(), default=0)
    symbols = sorted({*counts, *arena.symbols}) if counts else []
    return [name for name in symbols if name not in arena.symbols or counts.get(name, 0) < usual]


def unreadable_entries(store: ArenaStore, result: Replayed) -> list[str]:
    """What is wrong with entries of the archive; `result` counts all of them."""
    problems = []
    for sha256 in store.archive.entries():
        result.entries += 1
        try:
            store.archive.get(sha256)
        except ArchiveError as error:
            problems.append(str(error))
    return problems


def derived_into(arena: Arena, store: ArenaStore, result: Replayed, report: Callable[[str], None]) -> None:
    """Derive an arena again into another store, and note what differs. Closes that store."""
    with Arena(arena.settings, store, clock=arena.clock, origin=arena.store) as again:
        try:
            _derive(again, arena.store, report)
        except ArenaError as error:
            result.problems.append(str(error))
            return
        _compare(arena.store, store, result)
        _compare_evidence(arena.store, store, result)


def _derive(again: Arena, origin: ArenaStore, report: Callable[[str], None]) -> None:
    run = Run("replay")
    with origin.ledger.read() as connection:
        recorded = connection.execute(select(collections).order_by(collections.c.id)).all()
    last = datetime.fromisoformat(recorded[-1].at) if recorded else again.clock()
    _read_again(again, origin, DAY_STEPS, recorded, run, report)
    for step in (*DAY_STEPS, *SESSION_STEPS, *DECISION_STEPS, *BOOK_STEPS, *BOARD_STEPS):
        if step not in DAY_STEPS:
            _read_again(again, origin, (step,), recorded, run, report)
        again.answer_from(RecordedCollection(origin, NOTHING_RECORDED, last))
        _remaining(again, origin, step, run, report)


def _read_again(
    again: Arena,
    origin: ArenaStore,
    steps: Sequence[Step],
    recorded: Sequence[Row[Any]],
    run: Run,
    report: Callable[[str], None],
) -> None:
    """Run some steps for each of their recorded collections, in the order in which those were made."""
    by_name = {step.__name__: step for step in steps}
    for row in recorded:
        if row.asset in by_name:
            report(row.asset)
            again.answer_from(RecordedCollection(origin, row.id, datetime.fromisoformat(row.at)))
            by_name[row.asset](again, json.loads(row.partitions), run)


def _remaining(again: Arena, origin: ArenaStore, step: Step, run: Run, report: Callable[[str], None]) -> None:
    """Run a step for every partition that the origin has and the replay has not yet."""
    name = step.__name__
    missing = origin.partitions(name).keys() - again.store.partitions(name).keys()
    if missing:
        report(name)
        step(again, sorted(missing, key=lambda key: key.rsplit("|", 1)[::-1]), run)


def _compare(origin: ArenaStore, scratch: ArenaStore, result: Replayed) -> None:
    steps = (*DAY_STEPS, *SESSION_STEPS, *DECISION_STEPS, *BOOK_STEPS, *BOARD_STEPS)
    for asset in (*(step.__name__ for step in steps), HELD):
        stored, made = origin.partitions(asset), scratch.partitions(asset)
        for partition in sorted(stored.keys() | made.keys()):
            if stored.get(partition) == made.get(partition):
                result.digests += 1
            else:
                result.problems.append(
                    f"{asset} {partition}: stored {_short(stored.get(partition))}, "
                    f"replayed {_short(made.get(partition))}"
                )


def _compare_evidence(origin: ArenaStore, scratch: ArenaStore, result: Replayed) -> None:
    """The edges in force, which no digest covers. One problem for each child that has others."""
    stored, made = _evidence(origin), _evidence(scratch)
    for child in sorted(stored.keys() | made.keys()):
        if stored.get(child) != made.get(child):
            result.problems.append(f"evidence of {child}: not what the replay lays")


def _evidence(store: ArenaStore) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    with store.ledger.read() as connection:
        for row in connection.execute(
            select(evidence.c.child, evidence.c.parent, evidence.c.role).where(
                evidence.c.superseded_at.is_(None)
            )
        ):
            found[row.child].add((row.parent, row.role))
    return found


def _short(digest: str | None) -> str:
    return "nothing" if digest is None else digest[:12]
