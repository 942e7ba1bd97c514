"""Whether anything was committed to the ledger, for a few microseconds of work and without reading it."""

from __future__ import annotations

import sqlite3

from sqlalchemy import make_url

from arena_api.reading import Reading
from arena_api.reading.opening import identity_of

State = tuple[object, int]
NOTHING: State = (None, 0)
PATIENCE = 0.2
"""Seconds that SQLite may wait for its own housekeeping."""


class Watch:
    """One connection that only asks for `PRAGMA data_version`, which changes with every commit of others
    (https://www.sqlite.org/pragma.html#pragma_data_version). For one thread at a time."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._connection: sqlite3.Connection | None = None
        self._identity: object = None

    def look(self) -> State | None:
        """A value that changes with every commit, and with the file itself; None for another database than
        SQLite, which has to be asked for what is wanted. Raises sqlite3.Error."""
        url = self._reading.settings.ledger_url
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return None
        identity = identity_of(url)
        if identity != self._identity:
            self.close()
        if identity is None:
            return NOTHING
        if self._connection is None:
            self._connection = sqlite3.connect(
                parsed.database or "", timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._identity = identity
        return (identity, self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._identity = None, None
