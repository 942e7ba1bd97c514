"""The arena as a Dagster resource: opened once per process, from the configuration in force."""

from __future__ import annotations

import functools
from pathlib import Path

import dagster as dg

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.settings import load_settings


class ArenaResource(dg.ConfigurableResource[Arena]):
    """`file` is the arena.toml, `home` is ARENA_HOME."""

    file: str
    home: str

    def get(self) -> Arena:
        return open_arena(self.file, self.home)


@functools.cache
def open_arena(file: str, home: str) -> Arena:
    """The arena of a configuration; one per process, shared by commands and Dagster's runs."""
    settings = load_settings(Path(file), home=Path(home))
    return Arena(settings, open_store(settings))
