"""Who uses a home: any number of runs and commands at once, or a restore alone.

A lock of the operating system on `$ARENA_HOME/in-use.lock`: it is gone with the process that held it, however
that ended. The API holds none, because it reads only and goes on across a restore.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arena_pipeline.errors import ArenaError

NAME = "in-use.lock"


class HomeInUse(ArenaError):
    """Somebody works with the home who must not be disturbed."""


@contextmanager
def occupied(home: Path) -> Iterator[None]:
    """The home is in use for as long as the body runs. Raises HomeInUse while it is being restored."""
    with _locked(home, fcntl.LOCK_SH, "is being restored", "wait until that has ended"):
        yield


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Nobody else uses the home while the body runs. Raises HomeInUse when somebody does."""
    with _locked(
        home,
        fcntl.LOCK_EX,
        "is in use by a run or another command",
        "stop `arena up`, and let a backfill or a command end; `arena serve` may go on",
    ):
        yield


@contextmanager
def _locked(home: Path, kind: int, state: str, remedy: str) -> Iterator[None]:
    handle = os.open(home / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUse(f"{home} {state}", remedy=remedy) from None
        yield
    finally:
        os.close(handle)
