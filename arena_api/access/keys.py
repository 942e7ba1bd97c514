"""Keys: made here, shown once, stored as a hash. A key has 256 random bits, so a plain SHA-256 is enough."""

from __future__ import annotations

import enum
import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from arena_api.access.book import AccessBook
from arena_pipeline.errors import DataError

PREFIX = "arena_"
LONGEST = 200
"""Characters of a key."""


class Scope(enum.StrEnum):
    """What a key may do. Every key may read."""

    READ = "read"
    TRADE_ADMIN = "trade-admin"
    OPS = "ops"


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. Times are UTC, ISO 8601."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: str
    revoked_at: str | None


def add_key(book: AccessBook, name: str, scopes: Collection[Scope], now: datetime) -> tuple[Key, str]:
    """A new key and its secret, which is stored nowhere. Raises DataError for a name that is taken or odd."""
    if not name.isprintable() or not 0 < len(name) <= 60:
        raise DataError(f"{name!r} is no name for a key", remedy="use up to 60 printable characters")
    identity, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    text = f"{PREFIX}{identity}_{secret}"
    key = Key(identity, name, frozenset({Scope.READ, *scopes}), now.isoformat(timespec="seconds"), None)
    with book.writing() as connection:
        if connection.execute("SELECT 1 FROM keys WHERE name = ? AND revoked_at IS NULL", (name,)).fetchone():
            raise DataError(f"there is a key called {name!r}", remedy="revoke it, or use another name")
        connection.execute(
            "INSERT INTO keys VALUES (?, ?, ?, ?, ?, NULL)",
            (identity, name, ",".join(sorted(key.scopes)), _hash(text), key.created_at),
        )
    return key, text


def all_keys(book: AccessBook) -> list[Key]:
    """Every key there ever was, the oldest first."""
    with book.reading() as connection:
        rows = [] if connection is None else connection.execute("SELECT * FROM keys ORDER BY created_at, id")
        return [
            Key(
                row["id"],
                row["name"],
                frozenset(map(Scope, row["scopes"].split(","))),
                row["created_at"],
                row["revoked_at"],
            )
            for row in rows
        ]


def revoke_key(book: AccessBook, identity: str, now: datetime) -> Key:
    """A key that is no longer accepted. Raises DataError when there is no such key in force."""
    with book.writing() as connection:
        done = connection.execute(
            "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
            (now.isoformat(timespec="seconds"), identity),
        )
        if not done.rowcount:
            raise DataError(f"there is no key {identity!r} in force", remedy="`arena keys list` shows them")
    return next(key for key in all_keys(book) if key.id == identity)


def key_of(book: AccessBook, text: str) -> Key | None:
    """The key in force that this is the secret of. It takes as long whichever it is, and if it is none."""
    if len(text) > LONGEST:
        return None
    given, found = _hash(text), None
    with book.reading() as connection:
        rows = [] if connection is None else connection.execute("SELECT * FROM keys").fetchall()
    for row in rows:
        same = hmac.compare_digest(row["sha256"], given)
        if same and row["revoked_at"] is None:
            found = row
    if found is None:
        return None
    scopes = frozenset(map(Scope, found["scopes"].split(",")))
    return Key(found["id"], found["name"], scopes, found["created_at"], None)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
