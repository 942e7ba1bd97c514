"""Looks for secrets in all that an arena leaves behind and answers: files, tables, the archive, Dagster's
event log with the output that it captured, the API and the pages.

`places_in(home)` and `answers_of(settings)` give what there is to search, by where it is; `found(secrets, …)`
names the places that hold one.
"""

from __future__ import annotations

import gzip
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import select
from starlette.testclient import TestClient

from arena_api.app import create_app
from arena_pipeline.arena import Arena, open_store
from arena_pipeline.settings import Settings
from arena_pipeline.warehouse.schemas import SCHEMAS
from arena_pipeline.warehouse.tables import decisions

ORIGIN = "http://127.0.0.1:8000"
SQLITE = b"SQLite format 3\0"


def found(secrets: Iterable[str], places: Mapping[str, bytes]) -> list[str]:
    """The places that hold a secret, as it is or percent-encoded."""
    shapes = {shape.encode() for secret in secrets for shape in (secret, quote(secret, safe=""))}
    return [name for name, content in places.items() if any(shape in content for shape in shapes)]


def places_in(home: Path) -> dict[str, bytes]:
    """Every file of a home as it is, and every cell of every SQLite database in it, unpacked where packed.

    A long text is scattered over a database's pages: in the file itself it might not be found.
    """
    places: dict[str, bytes] = {}
    for path in sorted(home.rglob("*")):
        if not path.is_file():
            continue
        name, content = str(path.relative_to(home)), path.read_bytes()
        places[name] = content
        if content.startswith(SQLITE):
            places |= {f"{name}: {table}": b"\n".join(cells) for table, cells in _tables(path)}
    return places


def _tables(path: Path) -> Iterator[tuple[str, list[bytes]]]:
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            rows = connection.execute(f'SELECT * FROM "{name}"').fetchall()
            yield name, [part for row in rows for cell in row for part in _unpacked(cell)]


def _unpacked(cell: object) -> Iterator[bytes]:
    raw = cell if isinstance(cell, bytes) else str(cell).encode()
    yield raw
    for unpack in (zlib.decompress, gzip.decompress):
        try:
            yield unpack(raw)
        except (zlib.error, OSError, EOFError):
            continue


def stored_in(arena: Arena) -> dict[str, bytes]:
    """What the lake's tables and the archive hold, which their files pack."""
    store = arena.store
    places = {f"table {name}": repr(store.rows(name)).encode() for name in SCHEMAS}
    return places | {f"archive {sha256}": store.archive.get(sha256) for sha256 in store.archive.entries()}


def answers_of(settings: Settings) -> dict[str, bytes]:
    """The answer to every GET of the API and of the pages: bodies and headers, whatever their status.

    A stream of events has no end and is left out; what it tells comes from the ledger. So is the journal,
    which a process of its own makes, of orders and bars.
    """
    app = create_app(settings)
    paths = {
        path
        for path, methods in app.openapi()["paths"].items()
        if "get" in methods and "text/event-stream" not in str(methods["get"]["responses"])
    }
    paths.remove("/api/exports/journal")
    paths |= {"/openapi.json", "/", "/decisions", "/decisions/{id}", "/nowhere"}
    addresses = sorted({address for path in paths for address in _filled(path, settings)})
    here = ("127.0.0.1", 1)
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False, client=here) as client:
        answers = {address: client.get(quote(address, safe="/:")) for address in addresses}
    return {
        f"GET {address} ({answer.status_code})": answer.content + repr(dict(answer.headers)).encode()
        for address, answer in answers.items()
    }


def _filled(path: str, settings: Settings) -> list[str]:
    """A path with an identity of each kind in it: every decision that is there, else one of each thing."""
    known = {
        "session": [f"{settings.arena.start}T08:30"],
        "symbol": [settings.universe.symbols[0]],
        "day": [str(settings.arena.start)],
    }
    models = [model.id for model in settings.models]
    filled = [path]
    for name in re.findall(r"{(\w+)}", path):
        values = known.get(name) or (_decisions(settings) if "decision" in path else models)
        filled = [each.replace(f"{{{name}}}", value) for each in filled for value in values]
    return filled


def _decisions(settings: Settings) -> list[str]:
    store = open_store(settings)
    try:
        with store.ledger.read() as connection:
            return [str(name) for name in connection.scalars(select(decisions.c.id))]
    finally:
        store.close()
