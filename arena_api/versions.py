"""Which state of the data an answer is from: one short text that changes whenever anything stored does.

Asking costs microseconds: SQLite says by itself whether another connection has committed. While commits
follow one another closely, as in a backfill, at most one of them a `SETTLES` counts, so that what is kept is
of use.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import time

from anyio import to_thread
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from arena_api.reading import Reading
from arena_api.watching import Watch
from arena_pipeline.errors import ArenaError
from arena_pipeline.warehouse.outbox import outbox
from arena_pipeline.warehouse.research_tables import extractions
from arena_pipeline.warehouse.tables import catalog, coverage, evidence, model_costs, models

log = logging.getLogger(__name__)

SETTLES = 0.25
"""Seconds: an answer may be so much older than the newest commit, and no more."""


UNLISTED = (models, model_costs, coverage, extractions)
"""Tables that only grow, and whose rows no catalog lists."""

NUMBERED = (outbox.c.number, evidence.c.id)


class DataVersion:
    """The version of what one process reads. Used from one event loop."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._watch = Watch(reading)
        self._settings: str | None = None
        self._seen: object = None
        self._version: str | None = None
        self._computing = False
        self._changed_at = -SETTLES

    async def current(self) -> str | None:
        """The version, or None while what is stored cannot be read."""
        try:
            seen = self._watch.look()
            if seen is not None and seen == self._seen:
                return self._version
            settling = self._computing or time.monotonic() - self._changed_at < SETTLES
            if self._version is not None and settling:
                return self._version
            self._computing = True
            try:
                version = await to_thread.run_sync(self._compute)
            finally:
                self._computing = False
        except (ArenaError, SQLAlchemyError, sqlite3.Error) as error:
            log.warning("the data's version cannot be read: %s", type(error).__name__)
            self.close()
            return None
        if version != self._version:
            self._changed_at = time.monotonic() if self._version is not None else -SETTLES
        self._seen, self._version = seen, version
        return version

    def close(self) -> None:
        self._watch.close()
        self._seen, self._version = None, None

    def _compute(self) -> str:
        store = self._reading.store()
        if self._settings is None:
            self._settings = self._reading.settings.model_dump_json()
        parts: list[object] = [self._settings]
        if store is not None:
            with store.ledger.read() as connection:
                newest = connection.execute(
                    select(catalog.c.id, catalog.c.digest, catalog.c.known_at)
                    .order_by(catalog.c.id.desc())
                    .limit(1)
                ).first()
                parts.append(newest)
                parts += [connection.scalar(select(func.count()).select_from(table)) for table in UNLISTED]
                parts += [connection.scalar(select(func.max(column))) for column in NUMBERED]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
