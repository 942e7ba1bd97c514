"""The Dagster instance of an arena: its home under ARENA_HOME, configured by the shipped dagster.yaml."""

from __future__ import annotations

import os
import shutil
from importlib import resources
from pathlib import Path

import dagster as dg

EVENT_BATCH = "500"
LEDGER_POOL = "ledger"


def prepare_home(home: Path) -> Path:
    """Make `$ARENA_HOME/dagster` and point DAGSTER_HOME at it, unless DAGSTER_HOME is set already."""
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", EVENT_BATCH)
    if os.environ.get("DAGSTER_HOME"):
        return Path(os.environ["DAGSTER_HOME"])
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dagster.yaml").exists():
        shutil.copyfile(_shipped(), folder / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def open_instance(home: Path) -> dg.DagsterInstance:
    """The persistent instance. One process at a time writes the ledger's derived tables."""
    prepare_home(home)
    instance = dg.DagsterInstance.get()
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.set_concurrency_slots(LEDGER_POOL, 1)
    return instance


def _shipped() -> Path:
    """dagster.yaml of the installed package, or of the checkout it is run from."""
    installed = Path(str(resources.files("arena_pipeline") / "_dagster.yaml"))
    return installed if installed.is_file() else Path(__file__).parents[1] / "dagster.yaml"
