"""A new home made from an old one's archive: the warehouse derived again, to stay.

What came from outside is taken over: the archive's bytes, and the ledger's record of which request got which
of them, of the models and of what their calls cost. Everything else, the lake and the derived tables, is made
anew by the steps, with no network. When a decision was sent, and whether that was live, is read from the old
ledger too. Of the old lake nothing is needed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from arena_pipeline.arena import Arena
from arena_pipeline.errors import ConfigError
from arena_pipeline.rederive import Replayed, derived_into, unreadable_entries
from arena_pipeline.warehouse.edges import CHUNK
from arena_pipeline.warehouse.store import ArenaStore
from arena_pipeline.warehouse.tables import budgets, collections, exchanges, fetches, model_costs, models

FROM_OUTSIDE = (models, collections, fetches, exchanges, model_costs, budgets)
"""Tables that nothing can derive, in the order in which they refer to each other."""


def rebuild(arena: Arena, home: Path, report: Callable[[str], None] = lambda text: None) -> Replayed:
    """Make a new home in a folder that is empty or missing, and compare every digest with the old one's.

    The new ledger is SQLite and the new lake a folder, both within the home, whatever the old ones are. What
    could be derived stays there when problems are found, so that it can be looked at. Raises ConfigError when
    the folder holds anything.
    """
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ConfigError(f"{home} is not empty", remedy="name a folder that is empty or does not exist yet")
    result = Replayed()
    report("archive entries")
    result.problems += unreadable_entries(arena.store, result)
    if result.problems:
        return result
    shutil.copytree(arena.store.archive.folder, home / "archive", dirs_exist_ok=True)
    store = ArenaStore(
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        lake_url=str(home / "lake"),
        archive_folder=str(home / "archive"),
        market=arena.settings.arena.market,
    )
    try:
        _take_over(arena.store, store)
        derived_into(arena, store, result, report)
    finally:
        store.close()
    return result


def _take_over(origin: ArenaStore, store: ArenaStore) -> None:
    with origin.ledger.read() as source, store.ledger.transaction() as target:
        for table in FROM_OUTSIDE:
            for rows in source.execute(select(table)).mappings().partitions(CHUNK):
                target.execute(table.insert(), [dict(row) for row in rows])
