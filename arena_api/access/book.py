"""`$ARENA_HOME/api.db`: the keys, the log of admin calls, and what is being started.

A file of the API's own: it is there before the ledger is, and nothing that the API writes waits for a run or
makes one wait. Of a key only its hash is stored. Several processes may use the file at the same time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arena_pipeline.errors import LedgerError

NAME = "api.db"
PATIENCE = 10.0
"""Seconds to wait for another process's write, which takes milliseconds."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL, revoked_at TEXT);
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, key_id TEXT NOT NULL, address TEXT NOT NULL,
    action TEXT NOT NULL, target TEXT NOT NULL, status INTEGER NOT NULL, run_id TEXT, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS repeats (
    key_id TEXT NOT NULL, idempotency_key TEXT NOT NULL, body_sha256 TEXT NOT NULL, at TEXT NOT NULL,
    answer TEXT, PRIMARY KEY (key_id, idempotency_key));
CREATE TABLE IF NOT EXISTS starts (
    action TEXT NOT NULL, target TEXT NOT NULL, at TEXT NOT NULL, run_id TEXT, PRIMARY KEY (action, target));
"""


class AccessBook:
    """The file of one home. It is made when something is first written."""

    def __init__(self, home: Path) -> None:
        self.path = home / NAME

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection to read with, or None while there is no file. Raises LedgerError."""
        if not self.path.is_file():
            yield None
            return
        with self._connected() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that has the file for itself. Raises LedgerError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            try:
                connection.row_factory = sqlite3.Row
                connection.executescript(SCHEMA)
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise LedgerError(
                f"{self.path} cannot be used: {error}", remedy="move it away; keys have to be added again"
            ) from error
