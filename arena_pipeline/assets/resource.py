"""The arena as a Dagster resource: opened once per process, from the configuration in force."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from pathlib import Path

import dagster as dg

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.home_lock import occupied
from arena_pipeline.settings import load_settings
from arena_pipeline.warehouse.ledger import make_folder


class ArenaResource(dg.ConfigurableResource[Arena]):
    """`file` is the arena.toml, `home` is ARENA_HOME."""

    file: str
    home: str

    def get(self) -> Arena:
        return open_arena(self.file, self.home)


@functools.cache
def open_arena(file: str, home: str) -> Arena:
    """The arena of a configuration; one per process, shared by commands and Dagster's runs. Until it is
    closed its home counts as in use. Raises HomeInUse while that is being restored."""
    settings = load_settings(Path(file), home=Path(home))
    make_folder(settings.ledger_url)
    store = open_store(settings)
    with ExitStack() as stack:
        stack.callback(store.close)
        stack.enter_context(occupied(settings.home))
        return Arena(settings, store, _stack=stack.pop_all())
