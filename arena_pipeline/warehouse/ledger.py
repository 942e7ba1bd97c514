"""The connection to the ledger: transactions that begin at once, and a schema that is migrated.

SQLite runs in WAL mode with full sync, so that readers never wait for the writer and a killed process
loses nothing that was acknowledged. Every write goes through `Ledger.transaction`, short and never held
across a call to a vendor or a model.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.command
import alembic.config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from arena_pipeline.errors import ConfigError, LedgerError, NewerLedger

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 30.0


class Ledger:
    """The relational store. Opening one that is missing or behind brings it to the current schema."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_folder(url)
        self.engine = _engine(url, self.is_sqlite)
        self._migrate()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction: all of it is committed, or none."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read; on SQLite it does not take the writer's lock."""
        engine = self.engine.execution_options(arena_read=True)
        with engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    def _migrate(self) -> None:
        script = ScriptDirectory(str(MIGRATIONS))
        try:
            with self.read() as connection:
                current = MigrationContext.configure(connection).get_current_revision()
        except OperationalError as error:
            raise LedgerError(
                f"the ledger cannot be opened: {error.orig}", remedy="check ARENA_HOME or ARENA_LEDGER_URL"
            ) from error
        if current == script.get_current_head():
            return
        if current is not None and current not in {each.revision for each in script.walk_revisions()}:
            raise NewerLedger(
                f"the ledger has schema {current}, which is newer than this version of Sentiment Arena",
                remedy="install the version that wrote it, or a newer one",
            )
        config = alembic.config.Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._schema_change() as connection:
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")

    @contextmanager
    def _schema_change(self) -> Iterator[Connection]:
        """A transaction that may put a changed table in another's place. SQLite would refuse to drop a table
        that others refer to, so foreign keys are not enforced meanwhile, and checked before the commit
        (https://www.sqlite.org/lang_altertable.html#otheralter)."""
        if not self.is_sqlite:
            with self.transaction() as connection:
                yield connection
            return
        with self.engine.connect() as connection:
            _enforce_foreign_keys(connection, "OFF")
            try:
                with connection.begin():
                    yield connection
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                    if broken:
                        tables = ", ".join(sorted({row[0] for row in broken}))
                        raise LedgerError(
                            f"the new schema would leave rows without their parents in {tables}"
                        )
            finally:
                _enforce_foreign_keys(connection, "ON")


def make_folder(url: str) -> bool:
    """Make the folder that a ledger in a file lies in; whether it does. Raises ConfigError where the system
    refuses it, and for what is no address."""
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return False
    if parsed.database:
        folder = Path(parsed.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the ledger's folder {folder} cannot be made: {error.strerror}",
                remedy="set ARENA_HOME or ARENA_LEDGER_URL to a place that may be written",
            ) from error
    return True


def _parsed(url: str) -> URL:
    """The address in its parts. No message repeats it: it may hold a password."""
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "ARENA_LEDGER_URL is no database address",
            remedy="write it like postgresql+psycopg2://user:password@host/database, or leave it empty",
        ) from None


def _engine(url: str, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        try:
            return create_engine(url, pool_pre_ping=True)
        except (ImportError, NoSuchModuleError) as error:
            raise ConfigError(
                f"ARENA_LEDGER_URL names a database that there is no driver for ({error})",
                remedy="use postgresql+psycopg2://… and install the extra: sentiment-arena[postgres]",
            ) from None
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("arena_read")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _enforce_foreign_keys(connection: Connection, state: str) -> None:
    """Outside a transaction, where alone SQLite heeds it; so past SQLAlchemy, which would begin one."""
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA foreign_keys = {state}")
    cursor.close()


def _write_ahead(cursor: DBAPICursor) -> None:
    """Switch to WAL. SQLite does not wait for the lock that the first switch needs, so this does."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
