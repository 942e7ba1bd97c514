"""A backup in the place of what a home holds.

Every byte of the backup is checked before anything is changed, and what was there is set aside in the home.
The ledger is put back through SQLite, in one transaction: whoever reads meanwhile sees the old state or the
new one, and never a lock.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path, PurePosixPath

from arena_pipeline.backup import (
    ARCHIVE,
    BESIDE,
    DAGSTER,
    LAKE,
    LEDGER,
    OWN_FILES,
    Backup,
    Entry,
    Report,
    checked,
    copied,
    dagster_home,
    database_copied,
    digest,
    opened,
    places,
)
from arena_pipeline.environment import make_home
from arena_pipeline.errors import DataError, LedgerError, NewerLedger
from arena_pipeline.home_lock import alone
from arena_pipeline.settings import Settings
from arena_pipeline.terms import hold_to_terms
from arena_pipeline.warehouse.store import ArenaStore


def restore(settings: Settings, origin: Path, *, now: datetime, report: Report = lambda _: None) -> Backup:
    """Put a backup in the place of what the home holds, which is set aside. Nothing is changed before the
    whole backup was read and found to be what was written.

    Raises DataError for a backup that is damaged, not whole or too new, ConfigError when it is of an arena on
    other terms, HomeInUse while a run or a command uses the home.
    """
    ledger, lake = places(settings)
    home, stamp = settings.home, now.strftime("%Y%m%dT%H%M%S")
    report("checking")
    made_at, entries = checked(origin)
    make_home(home)
    with alone(home):
        aside, staging = home / f"before-restore-{stamp}", home / f"restoring-{stamp}"
        for folder in (aside, staging):
            folder.mkdir()
        try:
            report("ledger")
            _copied_again(origin, entries[LEDGER], staging / LEDGER)
            _prepare_ledger(settings, staging / LEDGER, ledger)
            for entry in _below(entries, DAGSTER):
                _copied_again(origin, entry, staging / entry.path)
            report("setting aside")
            sound = _set_ledger_aside(ledger, aside / LEDGER)
            for folder, name in ((lake, LAKE), (home / ARCHIVE, ARCHIVE)):
                _link_tree(folder, aside / name)
            report("files")
            for folder, name in ((lake, LAKE), (home / ARCHIVE, ARCHIVE)):
                for entry in _below(entries, name):
                    _put_back(origin, entry, folder / PurePosixPath(entry.path).relative_to(name))
            for name in OWN_FILES:
                if name in entries and not (home / name).exists():
                    _put_back(origin, entries[name], home / name)
            os.sync()
            report("putting in force")
            _put_ledger_in_force(staging / LEDGER, ledger, in_place=sound)
            _exchange(dagster_home(home), staging / DAGSTER, aside / DAGSTER)
            for folder, name in ((lake, LAKE), (home / ARCHIVE, ARCHIVE)):
                _remove_others(folder, {e.path.removeprefix(f"{name}/") for e in _below(entries, name)})
            os.sync()
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            if not any(aside.iterdir()):
                aside.rmdir()
    size = sum(entry.bytes for entry in entries.values())
    return Backup(origin, made_at, len(entries), size, aside if aside.exists() else None)


def _copied_again(origin: Path, entry: Entry, target: Path) -> None:
    """Raises DataError when the file changed since it was checked."""
    if copied(origin / entry.path, target, target.parent).sha256 != entry.sha256:
        raise DataError(f"{origin / entry.path} changed while it was read", remedy="use another backup")


def _put_back(origin: Path, entry: Entry, target: Path) -> None:
    """A file under its name once it is whole; one that is there already stays."""
    if target.is_file() and target.stat().st_size == entry.bytes and digest(target) == entry.sha256:
        return
    unfinished = target.with_name(f"{target.name}.tmp")
    _copied_again(origin, entry, unfinished)
    unfinished.replace(target)


def _prepare_ledger(settings: Settings, staged: Path, ledger: Path) -> None:
    """Bring a ledger that is to be put back to this version's schema, hold it to the configuration, and let
    the numbers of its messages go on after those that were told already."""
    store = ArenaStore(
        ledger_url=f"sqlite:///{staged}",
        lake_url=settings.lake_url,
        archive_folder=str(settings.home / ARCHIVE),
        market=settings.arena.market,
    )
    try:
        hold_to_terms(settings, store)
    except NewerLedger as error:
        raise DataError("the backup is of a newer version", remedy="restore it with that version") from error
    finally:
        store.close()
    with closing(opened(staged, "mode=rw")) as connection:
        told = _last_message(ledger)
        connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'outbox'", (told,))
        connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox', ? "
            "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'outbox')",
            (told,),
        )
        connection.execute("PRAGMA journal_mode = DELETE")


def _last_message(ledger: Path) -> int:
    """The highest number that listeners of a ledger were ever told; 0 where none can be read."""
    if not ledger.is_file():
        return 0
    try:
        with closing(opened(ledger, "mode=ro")) as connection:
            row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    except sqlite3.Error:
        return 0
    return int(row[0]) if row else 0


def _set_ledger_aside(ledger: Path, aside: Path) -> bool:
    """A copy of the ledger in force; whether it is one that another can be written over. What cannot be read
    any more is moved as it is."""
    if not ledger.exists():
        return False
    try:
        database_copied(ledger, aside, aside.parent)
    except LedgerError:
        aside.unlink(missing_ok=True)
        for suffix in ("", *BESIDE):
            part = ledger.with_name(ledger.name + suffix)
            if part.exists():
                shutil.move(part, aside.with_name(aside.name + suffix))
        return False
    return True


def _put_ledger_in_force(staged: Path, ledger: Path, *, in_place: bool) -> None:
    """Write a ledger over another in one transaction of SQLite's, or put it where there is none."""
    if not in_place:
        ledger.parent.mkdir(parents=True, exist_ok=True)
        os.replace(shutil.move(staged, ledger.with_name(f"{ledger.name}.tmp")), ledger)
        return
    with closing(opened(staged, "immutable=1")) as origin, closing(opened(ledger, "mode=rw")) as target:
        origin.backup(target)
        target.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _link_tree(source: Path, target: Path) -> None:
    """The same files under another folder; copies where the disk knows no links."""
    for file in source.rglob("*") if source.is_dir() else []:
        if not file.is_file():
            continue
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, place)
        except OSError:
            shutil.copy2(file, place)


def _exchange(place: Path, new: Path, aside: Path) -> None:
    if place.exists():
        shutil.move(place, aside)
    if new.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(new, place)


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Delete what a backup does not have; it was set aside before."""
    for file in folder.rglob("*") if folder.is_dir() else []:
        if file.is_file() and file.relative_to(folder).as_posix() not in kept:
            file.unlink()


def _below(entries: dict[str, Entry], folder: str) -> Iterable[Entry]:
    return [entry for path, entry in entries.items() if path.startswith(f"{folder}/")]
