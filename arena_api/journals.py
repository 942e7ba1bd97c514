"""The books as journals, for another program to check: what `arena ledger export` prints, byte for byte.

A journal is the replay of all orders over the bars: the pipeline's work, and seconds of it. So the command
does it, in a process of its own, and those who are answered meanwhile do not wait. One is made at a time in
each process of the server.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import AbstractAsyncContextManager
from datetime import date

import anyio

from arena_api.errors import Conflict
from arena_api.reading import Reading
from arena_pipeline.errors import LedgerError

log = logging.getLogger(__name__)

PATIENCE = 300.0
"""Seconds that an export may take, with the wait for its turn."""

BEYOND = 1
"""How the command ends when a book cannot be replayed as far as was asked."""


async def journal(
    reading: Reading,
    turn: AbstractAsyncContextManager[None],
    *,
    layout: str,
    model: str | None = None,
    as_of: date | None = None,
) -> bytes:
    """The journals of all models, or of one, up to the last trading day or to one before. `turn` is held
    while it is made. Raises Conflict where a book does not reach so far, LedgerError where none is read."""
    command = [sys.executable, "-m", "arena_pipeline.cli", "ledger", "export", "--format", layout]
    command += [f"--model={model}"] if model is not None else []
    command += [f"--as-of={as_of}"] if as_of is not None else []
    try:
        with anyio.fail_after(PATIENCE):
            async with turn:
                done = await anyio.run_process(command, check=False, env=_environment(reading))
    except TimeoutError:
        raise LedgerError(f"the journals were not made within {PATIENCE:.0f} seconds") from None
    if done.returncode == 0:
        return done.stdout
    log.error("the journals: %s", done.stderr.decode("utf-8", "replace").strip()[-2_000:])
    if done.returncode == BEYOND:
        raise Conflict(
            "a model's book does not reach so far: a session is not decided, or a day not collected",
            remedy="run arena backfill, or ask with as_of= for an earlier day; the server's log names it",
        )
    raise LedgerError("the journals cannot be made")


def _environment(reading: Reading) -> dict[str, str]:
    """What lets the command open the same arena."""
    settings = reading.settings
    return {
        **os.environ,
        "ARENA_CONFIG": str(settings.file),
        "ARENA_HOME": str(settings.home),
        "ARENA_LEDGER_URL": settings.ledger_url,
        "ARENA_LAKE_URL": settings.lake_url,
    }
