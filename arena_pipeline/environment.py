"""Where an arena keeps its state, from the environment: ARENA_HOME, ARENA_LEDGER_URL, ARENA_LAKE_URL.

Each is checked before anything is written.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from arena_pipeline.errors import ConfigError

DRIVERS = {
    "sqlite": ("sqlite3", "python"),
    "sqlite+pysqlite": ("sqlite3", "python"),
    "postgresql": ("psycopg2", "sentiment-arena[postgres]"),
    "postgresql+psycopg2": ("psycopg2", "sentiment-arena[postgres]"),
    "postgresql+psycopg": ("psycopg", "psycopg[binary]"),
}
"""By the scheme of a ledger's URL, the module behind it and what to install for it."""

FILESYSTEMS = {
    "file": ("fsspec", "fsspec"),
    "s3": ("s3fs", "sentiment-arena[s3]"),
    "gs": ("gcsfs", "sentiment-arena[gcs]"),
    "gcs": ("gcsfs", "sentiment-arena[gcs]"),
}
"""By the scheme of a lake's URL, likewise."""


def home_from_environment() -> Path:
    """ARENA_HOME, else `.arena` in the working directory. Raises ConfigError where no folder can be."""
    home = Path(os.environ.get("ARENA_HOME") or ".arena").absolute()
    _require_folder("ARENA_HOME", home)
    return home


def ledger_url(home: Path) -> str:
    """ARENA_LEDGER_URL, else SQLite in the home. Raises ConfigError for one that cannot be opened."""
    url = os.environ.get("ARENA_LEDGER_URL")
    if not url:
        return f"sqlite:///{home / 'ledger.db'}"
    _require_scheme("ARENA_LEDGER_URL", url, DRIVERS, "sqlite:////folder/ledger.db")
    return url


def lake_url(home: Path) -> str:
    """ARENA_LAKE_URL, else a folder in the home. Raises ConfigError for one that cannot be opened."""
    url = os.environ.get("ARENA_LAKE_URL")
    if not url:
        return str(home / "lake")
    if "://" in url:
        _require_scheme("ARENA_LAKE_URL", url, FILESYSTEMS, "s3://bucket/lake")
    else:
        _require_folder("ARENA_LAKE_URL", Path(url).absolute())
    return url


def make_home(home: Path) -> None:
    """Make the folder of an arena. Raises ConfigError where the system refuses it."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"ARENA_HOME = {str(home)!r}: the folder cannot be made: {error.strerror}",
            remedy="set ARENA_HOME to a folder that may be written",
        ) from error


def _require_scheme(variable: str, url: str, known: dict[str, tuple[str, str]], example: str) -> None:
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in known:
        # What follows the scheme may hold a password.
        shown = f"{scheme}://…" if separator else "its value"
        raise ConfigError(
            f"{variable}: {shown} is no URL that the arena knows ({', '.join(sorted(known))})",
            remedy=f"write it like {example}, or leave it unset",
        )
    module, package = known[scheme]
    if importlib.util.find_spec(module) is None:
        raise ConfigError(
            f"{variable}: {scheme}:// needs {module}, which is not installed",
            remedy=f"pip install '{package}'",
        )


def _require_folder(variable: str, folder: Path) -> None:
    """That there is such a folder, or that it could be made. Makes nothing."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        raise ConfigError(
            f"{variable} = {str(folder)!r}: {there} is no folder",
            remedy=f"set {variable} to a folder of its own",
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(
            f"{variable} = {str(folder)!r}: nothing can be written in {there}",
            remedy=f"set {variable} to a folder that may be written",
        )
