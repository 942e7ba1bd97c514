"""A copy of a whole arena, taken while runs go on; arena_pipeline/restore.py puts it back.

Order makes it consistent: the ledger first, as SQLite's own backup of one moment, and then every file of the
lake that it names and the archive, whose files are written before the ledger names them and never changed
after. `manifest.json` comes last: a folder without it is no backup.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from sqlalchemy import make_url

from arena_pipeline.errors import ConfigError, DataError, LedgerError
from arena_pipeline.home_lock import occupied
from arena_pipeline.settings import Settings

FORMAT = 1
MANIFEST, LEDGER, LAKE, ARCHIVE, DAGSTER = "manifest.json", "ledger.db", "lake", "archive", "dagster"
OWN_FILES = ("api.db", "vendor_calls.db")
"""A restore leaves these as they are where they are there: a key that was revoked since stays revoked, and a
call to a vendor was made, whatever became of its answer."""

PATIENCE = 30.0
"""Seconds to wait for a write of another process."""

BLOCK = 1 << 20
SQLITE = b"SQLite format 3\x00"
BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database: part of it, and in none of our copies."""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a backup: its path below the folder, and what it has to be."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied, or put back. `aside` is where the former state lies, if there was one."""

    folder: Path
    made_at: str
    files: int
    bytes: int
    aside: Path | None = None


def backup(settings: Settings, into: Path, *, now: datetime, report: Report = lambda _: None) -> Backup:
    """Copy the arena into a folder that is empty or missing; runs may go on meanwhile. Raises ConfigError for
    a folder or for stores that cannot be copied so, DataError when there is no arena yet."""
    ledger, lake = places(settings)
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise ConfigError(f"{into} is not empty", remedy="name a folder that is empty or does not exist yet")
    if into.resolve().is_relative_to(settings.home.resolve()):
        raise ConfigError(f"{into} lies within {settings.home}", remedy="keep a backup outside of the home")
    if not ledger.is_file():
        raise DataError(f"there is no ledger in {settings.home}", remedy="run arena backfill")
    into.mkdir(parents=True, exist_ok=True)
    with occupied(settings.home):
        report("ledger")
        entries = [database_copied(ledger, into / LEDGER, into)]
        report("lake")
        for name in _named_files(into / LEDGER):
            entries.append(copied(lake / name, into / LAKE / name, into))
        report("archive")
        for file in sorted((settings.home / ARCHIVE).glob("*/*.zst")):
            entries.append(copied(file, into / ARCHIVE / file.parent.name / file.name, into))
        report("the rest")
        for file in (settings.home / name for name in OWN_FILES):
            if file.is_file():
                entries.append(database_copied(file, into / file.name, into))
        entries += _dagster_copied(dagster_home(settings.home), into)
        if settings.file.is_file():
            entries.append(copied(settings.file, into / "arena.toml", into))
    os.sync()
    made_at = now.isoformat(timespec="seconds")
    document = {
        "format": FORMAT,
        "made_at": made_at,
        "arena": version("sentiment-arena"),
        "files": [{"path": each.path, "bytes": each.bytes, "sha256": each.sha256} for each in entries],
    }
    unfinished = into / f"{MANIFEST}.tmp"
    unfinished.write_text(json.dumps(document, indent=1), encoding="utf-8")
    unfinished.rename(into / MANIFEST)
    os.sync()
    return Backup(into, made_at, len(entries), sum(each.bytes for each in entries))


def checked(origin: Path) -> tuple[str, dict[str, Entry]]:
    """When a backup was made, and its files by path, each read and found to be what was written. Raises
    DataError naming what is not."""
    file = origin / MANIFEST
    if not file.is_file():
        raise DataError(f"{origin} is no whole backup: it has no {MANIFEST}", remedy="name another folder")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        found = [Entry(str(e["path"]), int(e["bytes"]), str(e["sha256"])) for e in document["files"]]
        form, made_at = document["format"], str(document["made_at"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} cannot be read as a list of files", remedy="use another backup") from error
    if form != FORMAT:
        raise DataError(f"{file} is of format {form}", remedy="restore it with the version that made it")
    for entry in found:
        _check(origin, entry)
    entries = {entry.path: entry for entry in found}
    if LEDGER not in entries:
        raise DataError(f"{file} lists no {LEDGER}", remedy="use another backup")
    return made_at, entries


def _check(origin: Path, entry: Entry) -> None:
    path = PurePosixPath(entry.path)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise DataError(f"{origin / MANIFEST} names {entry.path!r}", remedy="use another backup")
    file = origin / path
    if file.is_symlink() or not file.is_file():
        raise DataError(f"{file} is missing from the backup", remedy="use another backup")
    if file.stat().st_size != entry.bytes or digest(file) != entry.sha256:
        raise DataError(f"{file} is not what was written", remedy="use another backup")


def places(settings: Settings) -> tuple[Path, Path]:
    """The ledger's file and the lake's folder. Raises ConfigError where they are something else."""
    url = make_url(settings.ledger_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise ConfigError(
            "ARENA_LEDGER_URL names a server, whose own tools copy it",
            remedy="use pg_dump, and then copy lake and archive",
        )
    if "://" in settings.lake_url and not settings.lake_url.startswith("file://"):
        raise ConfigError(
            "ARENA_LAKE_URL names a bucket, whose own tools copy it",
            remedy="copy ledger and archive with the whole home, and then the bucket",
        )
    return Path(url.database), Path(settings.lake_url.removeprefix("file://"))


def dagster_home(home: Path) -> Path:
    return Path(os.environ.get("DAGSTER_HOME") or home / DAGSTER)


def _named_files(ledger: Path) -> list[str]:
    """The files of the lake that a ledger names, those of earlier versions too."""
    with closing(opened(ledger, "immutable=1")) as connection:
        rows = connection.execute("SELECT DISTINCT path FROM catalog WHERE path IS NOT NULL ORDER BY path")
        return [row[0] for row in rows]


def _dagster_copied(folder: Path, into: Path) -> Iterator[Entry]:
    """Dagster's runs and events. A run that ends meanwhile may take a file with it."""
    for file in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if not file.is_file() or file.is_symlink() or file.name.endswith(BESIDE):
            continue
        target = into / DAGSTER / file.relative_to(folder)
        try:
            copy = database_copied if _is_database(file) else copied
            yield copy(file, target, into)
        except FileNotFoundError:
            continue


def _is_database(file: Path) -> bool:
    with file.open("rb") as beginning:
        return beginning.read(len(SQLITE)) == SQLITE


def opened(file: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(file))}?{mode}", uri=True, timeout=PATIENCE, isolation_level=None
    )


def database_copied(source: Path, target: Path, root: Path) -> Entry:
    """A database as it was at one moment, in one file. Raises LedgerError when it is not sound."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(opened(source, "mode=ro")) as origin, closing(opened(target, "mode=rwc")) as copy:
            origin.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            state = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise LedgerError(f"{source} cannot be copied: {error}", remedy="run arena verify") from error
    if state != "ok":
        raise LedgerError(f"{source} is damaged: {state}", remedy="restore an earlier backup")
    return Entry(target.relative_to(root).as_posix(), target.stat().st_size, digest(target))


def copied(source: Path, target: Path, root: Path) -> Entry:
    target.parent.mkdir(parents=True, exist_ok=True)
    sha256, size = hashlib.sha256(), 0
    with source.open("rb") as read, target.open("wb") as write:
        while block := read.read(BLOCK):
            sha256.update(block)
            write.write(block)
            size += len(block)
    return Entry(target.relative_to(root).as_posix(), size, sha256.hexdigest())


def digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
