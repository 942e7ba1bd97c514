"""A backup is whole although runs go on, and a restore puts back what was written, or changes nothing."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from arena_api.access.book import AccessBook
from arena_api.access.keys import add_key, key_of, revoke_key
from arena_api.app import create_app
from arena_pipeline.backup import MANIFEST, backup
from arena_pipeline.cli import main
from arena_pipeline.errors import ConfigError, DataError
from arena_pipeline.home_lock import HomeInUse, occupied
from arena_pipeline.restore import restore
from arena_pipeline.settings import ArenaSection, Settings
from arena_pipeline.terms import hold_to_terms
from arena_pipeline.warehouse import tables
from arena_pipeline.warehouse.outbox import announce, outbox
from arena_pipeline.warehouse.store import Partition
from arena_pipeline.warehouse.views import board
from tests.api.conftest import asked_by
from tests.api.world import NOW, RUN, fill_store, settings_of, store_of

LATER = datetime(2025, 9, 17, 12, 0, tzinfo=UTC)
AT = "2025-09-17T12:00:00.000000+00:00"
TOML = (
    '[[models]]\nid = "cash"\nkind = "baseline"\nstrategy = "cash"\n'
    '[[models]]\nid = "tester"\nkind = "llm"\nmodel = "sandbox/tester"\n'
)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A small arena, with a file of Dagster's."""
    home = tmp_path / "home"
    store = store_of(home)
    fill_store(store)
    hold_to_terms(settings_of(home), store)
    store.close()
    (home / "arena.toml").write_text(TOML, encoding="utf-8")
    (home / "dagster" / "history").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with closing(sqlite3.connect(home / "dagster" / "history" / "runs.db")) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE runs AS SELECT 'one' AS id")
    return settings_of(home)


@pytest.fixture
def copy(settings: Settings, tmp_path: Path) -> Path:
    return backup(settings, tmp_path / "backup", now=NOW).folder


def contents(settings: Settings) -> dict[str, object]:
    """All that an arena holds: digests in force, its board, the rows of its tables, its archive."""
    store = store_of(settings.home)
    try:
        with store.ledger.read() as connection:
            rows = {
                table.name: [
                    tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))
                ]
                for table in tables.metadata.sorted_tables
                if table.name != "terms"
            }
        return {
            "board": board(store, simulated=True),
            "rows": rows,
            "lake": files(settings.home / "lake"),
            "archive": {entry: store.archive.get(entry) for entry in store.archive.entries()},
        }
    finally:
        store.close()


def files(folder: Path) -> dict[str, bytes]:
    """Every file with its bytes, but for what SQLite and the lock keep beside."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.endswith(("-wal", "-shm", ".lock"))
    }


def newest_message(settings: Settings) -> int:
    store = store_of(settings.home)
    with store.ledger.read() as connection:
        number = connection.scalar(select(func.max(outbox.c.number)))
    store.close()
    return int(number or 0)


def changed(settings: Settings, count: int = 1) -> None:
    """The arena goes on: another model, another file in the lake and the archive, more messages."""
    store = store_of(settings.home)
    with store.ledger.transaction() as connection:
        for number in range(count):
            values = {"id": f"later-{number}", "kind": "baseline", "registered_at": AT}
            connection.execute(tables.models.insert().values(**values))
            announce(connection, "run", {"n": number}, at=AT)
    store.archive.put(b"what came later")
    row = {
        "id": "later",
        "kind": "stale",
        "symbol": "SAP.DE",
        "day": LATER.date(),
        "detail": "",
        "quarantined": False,
    }
    store.write_frames("bar_findings", [Partition("2025-09-17", [row])], **RUN)
    store.close()


def model_names(client: TestClient) -> list[str]:
    return [line["id"] for line in client.get("/api/models").json()["models"]]


def test_a_backup_restored_elsewhere_is_the_same_arena(settings, copy, tmp_path):
    other = settings_of(tmp_path / "other")
    done = restore(other, copy, now=LATER)
    assert done.aside is None
    assert contents(other) == contents(settings)
    assert files(other.home / "lake") == files(settings.home / "lake")
    assert files(other.home / "archive") == files(settings.home / "archive")
    with closing(sqlite3.connect(other.home / "dagster" / "history" / "runs.db")) as connection:
        assert connection.execute("SELECT id FROM runs").fetchall() == [("one",)]


@pytest.mark.slow
def test_what_was_there_is_set_aside_whole_and_can_be_put_back(settings, copy, tmp_path):
    before = contents(settings)
    changed(settings)
    after = contents(settings)
    done = restore(settings, copy, now=LATER)
    assert contents(settings) == before
    aside = settings_of(done.aside)
    assert {name: contents(aside)[name] for name in ("lake", "archive")} == {
        name: after[name] for name in ("lake", "archive")
    }
    assert contents(aside)["rows"] == after["rows"]
    assert (done.aside / "dagster" / "dagster.yaml").is_file()
    again = backup(aside, tmp_path / "again", now=LATER)
    restore(settings, again.folder, now=LATER.replace(hour=13))
    assert contents(settings)["rows"] == after["rows"]


@pytest.mark.slow
def test_a_backup_is_of_one_moment_although_partitions_are_written(settings, tmp_path):
    stop, written = threading.Event(), []

    def write() -> None:
        store = store_of(settings.home)
        while not stop.is_set():
            number = len(written)
            sha256 = store.archive.put(f"answer {number}".encode())
            row = {
                "id": f"f{number}",
                "kind": "stale",
                "symbol": "SAP.DE",
                "day": LATER.date(),
                "detail": sha256,
            }
            key = f"2030-01-01-{number:05}"
            store.write_frames("bar_findings", [Partition(key, [row | {"quarantined": False}])], **RUN)
            written.append(key)
        store.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(3):
            most = len(written)
            folder = tmp_path / f"backup-{number}"
            backup(settings, folder, now=NOW)
            other = settings_of(tmp_path / f"other-{number}")
            restore(other, folder, now=LATER)
            store = store_of(other.home)
            found = store.rows("bar_findings", "partition LIKE '2030%'")
            assert [row["partition"] for row in found] == written[: len(found)]
            assert len(found) >= most
            assert all(store.archive.get(row["detail"]) for row in found)
            store.close()
    finally:
        stop.set()
        thread.join()


def spoiled_lake(copy: Path) -> None:
    file = next((copy / "lake").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")


def spoiled_ledger(copy: Path) -> None:
    with closing(sqlite3.connect(copy / "ledger.db")) as connection, connection:
        connection.execute("UPDATE leaderboard SET nav_cents = 1")


def lost_archive(copy: Path) -> None:
    next((copy / "archive").rglob("*.zst")).unlink()


def linked_outside(copy: Path) -> None:
    file = next((copy / "archive").rglob("*.zst"))
    moved = file.rename(copy.parent / "elsewhere")
    file.symlink_to(moved)


def no_manifest(copy: Path) -> None:
    (copy / MANIFEST).unlink()


def half_a_manifest(copy: Path) -> None:
    (copy / MANIFEST).write_text((copy / MANIFEST).read_text()[:-40])


def of_another_format(copy: Path) -> None:
    document = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps(document | {"format": 2}))


def outside_of_the_folder(copy: Path) -> None:
    document = json.loads((copy / MANIFEST).read_text())
    document["files"].append({"path": "../home/arena.toml", "bytes": 0, "sha256": ""})
    (copy / MANIFEST).write_text(json.dumps(document))


def of_a_newer_version(copy: Path) -> None:
    with closing(sqlite3.connect(copy / "ledger.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9999'")
    document = json.loads((copy / MANIFEST).read_text())
    content = (copy / "ledger.db").read_bytes()
    for entry in document["files"]:
        if entry["path"] == "ledger.db":
            entry |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (copy / MANIFEST).write_text(json.dumps(document))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoiled_lake, "is not what was written"),
        (spoiled_ledger, "is not what was written"),
        (lost_archive, "is missing from the backup"),
        (linked_outside, "is missing from the backup"),
        (no_manifest, "is no whole backup"),
        (half_a_manifest, "cannot be read as a list of files"),
        (of_another_format, "is of format 2"),
        (outside_of_the_folder, "names '../home/arena.toml'"),
        (of_a_newer_version, "is of a newer version"),
    ],
)
def test_a_backup_that_is_not_whole_changes_nothing(settings, copy, spoil: Callable[[Path], None], says):
    changed(settings)
    before = files(settings.home)
    spoil(copy)
    with pytest.raises(DataError, match=says):
        restore(settings, copy, now=LATER)
    assert files(settings.home) == before


def test_a_home_in_use_is_not_restored_and_one_being_restored_is_not_used(settings, copy):
    changed(settings)
    before = files(settings.home)
    with occupied(settings.home), occupied(settings.home), pytest.raises(HomeInUse, match="in use by a run"):
        restore(settings, copy, now=LATER)
    assert files(settings.home) == before
    restore(settings, copy, now=LATER)


@pytest.mark.slow
def test_an_arena_on_other_terms_is_not_put_in_its_place(settings, copy):
    before = files(settings.home)
    dearer = settings.model_copy(update={"arena": ArenaSection(fee_per_order="9.00")})
    with pytest.raises(ConfigError, match=r"fee_per_order is 9.00, but this arena was made with 5.00"):
        restore(dearer, copy, now=LATER)
    assert files(settings.home) == before


@pytest.mark.slow
def test_a_ledger_that_cannot_be_read_is_replaced_and_kept(settings, copy):
    before = contents(settings)
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (settings.home / name).unlink(missing_ok=True)
    (settings.home / "ledger.db").write_bytes(b"this is no database" * 100)
    done = restore(settings, copy, now=LATER)
    assert contents(settings) == before
    assert (done.aside / "ledger.db").read_bytes().startswith(b"this is no database")


@pytest.mark.slow
def test_a_lost_lake_comes_back(settings, copy):
    before = contents(settings)
    shutil.rmtree(settings.home / "lake")
    restore(settings, copy, now=LATER)
    assert contents(settings) == before


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["ledger", "setting aside", "files", "putting in force"])
def test_a_restore_that_is_killed_leaves_one_state_or_the_other_and_can_be_done_again(settings, copy, stage):
    wanted = contents(settings)
    changed(settings)
    former = contents(settings)

    def kill_at(reached: str) -> None:
        if reached == stage:
            os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(
        target=restore, args=(settings, copy), kwargs={"now": LATER, "report": kill_at}
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert contents(settings)["rows"] in (wanted["rows"], former["rows"])
    restore(settings, copy, now=LATER.replace(hour=13))
    assert contents(settings) == wanted


@pytest.mark.slow
def test_a_key_that_was_revoked_since_stays_revoked(settings, tmp_path):
    book = AccessBook(settings.home)
    key, secret = add_key(book, "ada", [], NOW)
    copy = backup(settings, tmp_path / "backup", now=NOW).folder
    revoke_key(book, key.id, NOW)
    restore(settings, copy, now=LATER)
    assert key_of(book, secret) is None
    (settings.home / "api.db").unlink()
    restore(settings, copy, now=LATER.replace(hour=13))
    assert key_of(book, secret) is not None


@pytest.mark.slow
@pytest.mark.parametrize("place", ["home/inside", "full"])
def test_a_backup_has_a_folder_of_its_own(settings, tmp_path, place):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    with pytest.raises(ConfigError):
        backup(settings, tmp_path / place, now=NOW)


@pytest.mark.slow
def test_what_lies_on_a_server_is_copied_by_its_own_tools(settings, tmp_path):
    for changes in ({"ledger_url": "postgresql+psycopg2://a:secret@b/c"}, {"lake_url": "s3://bucket/lake"}):
        elsewhere = settings.model_copy(update=changes)
        with pytest.raises(ConfigError, match="own tools copy it") as refused:
            backup(elsewhere, tmp_path / "backup", now=NOW)
        assert "secret" not in str(refused.value)


def test_before_the_first_run_there_is_nothing_to_copy(tmp_path):
    with pytest.raises(DataError, match="there is no ledger"):
        backup(settings_of(tmp_path / "nothing"), tmp_path / "backup", now=NOW)
    assert not (tmp_path / "backup").exists()


# -- the API across a restore --------------------------------------------------------------------


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with asked_by(create_app(settings)) as client:
        yield client


@pytest.mark.slow
def test_the_api_answers_throughout_and_shows_the_restored_arena(settings, copy, client):
    assert model_names(client) == ["cash", "tester"]
    first = client.get("/api/models").headers["etag"]
    changed(settings)
    time.sleep(0.3)
    second = client.get("/api/models").headers["etag"]
    assert model_names(client) == ["cash", "later-0", "tester"]
    stop, answers = threading.Event(), []

    def ask(path: str) -> None:
        while not stop.is_set():
            answers.append((path, client.get(path).status_code))

    paths = ("/api/models", "/api/leaderboard", "/api/quality", "/ready")
    with ThreadPoolExecutor(len(paths)) as pool:
        asking = [pool.submit(ask, path) for path in paths]
        try:
            for number in range(3):
                restore(settings, copy, now=LATER.replace(minute=number))
        finally:
            stop.set()
        for each in asking:
            each.result()
    assert {status for _, status in answers} == {200}
    assert {path for path, _ in answers} == set(paths)
    time.sleep(0.3)
    assert model_names(client) == ["cash", "tester"]
    assert client.get("/api/models", headers={"If-None-Match": second}).status_code == 200
    assert client.get("/api/models").headers["etag"] == first


@pytest.mark.slow
def test_the_api_shows_what_is_written_after_a_restore_and_nothing_of_what_was_taken_back(
    settings, copy, client
):
    changed(settings)
    assert client.get("/api/quality").json()["findings"][0]["id"] == "later"
    restore(settings, copy, now=LATER)
    store = store_of(settings.home)
    row = {
        "id": "anew",
        "kind": "stale",
        "symbol": "SAP.DE",
        "day": LATER.date(),
        "detail": "",
        "quarantined": False,
    }
    store.write_frames("bar_findings", [Partition("2025-09-17", [row])], run_id="run", now=LATER)
    store.close()
    time.sleep(0.3)
    assert [found["id"] for found in client.get("/api/quality").json()["findings"]] == ["anew"]


@pytest.mark.slow
def test_the_api_sees_an_arena_that_is_restored_where_there_was_none(copy, tmp_path):
    settings = settings_of(tmp_path / "new")
    with asked_by(create_app(settings)) as client:
        assert model_names(client) == []
        restore(settings, copy, now=LATER)
        assert model_names(client) == ["cash", "tester"]


@pytest.mark.slow
def test_listeners_are_told_that_what_they_heard_was_taken_back(settings, copy, client):
    changed(settings, 3)
    newest = newest_message(settings)
    with client.websocket_connect("ws://127.0.0.1:8000/ws/live") as socket:
        heard = socket.receive_json()["number"]
        restore(settings, copy, now=LATER)
        while (message := socket.receive_json())["type"] != "reset":
            assert message["type"] == "run"
            assert message["number"] == heard + 1
            heard = message["number"]
        store = store_of(settings.home)
        with store.ledger.transaction() as connection:
            announce(connection, "run", {"after": True}, at=AT)
        store.close()
        following = socket.receive_json()
    assert heard <= newest
    assert following["number"] == newest + 1
    with client.websocket_connect(f"ws://127.0.0.1:8000/ws/live?after={heard}") as socket:
        assert [socket.receive_json()["type"] for _ in range(2)] == ["hello", "reset"]


# -- the commands --------------------------------------------------------------------------------


def test_the_commands_say_what_they_did(settings, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ARENA_HOME", str(settings.home))
    monkeypatch.setenv("ARENA_CONFIG", str(settings.file))

    def printed(*words: str) -> dict[str, object]:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--json"])
        assert not ended.value.code
        return json.loads(capsys.readouterr().out)

    made = printed("backup", "--into", str(tmp_path / "backup"))
    assert made["files"] == len(files(tmp_path / "backup")) - 1
    changed(settings)
    done = printed("restore", str(tmp_path / "backup"))
    assert done["files"] == made["files"]
    assert Path(str(done["aside"])).parent == settings.home
    with pytest.raises(SystemExit) as refused:
        main(["restore", str(tmp_path / "nothing")])
    assert refused.value.code == 2
    assert "is no whole backup" in capsys.readouterr().err
    with occupied(settings.home), pytest.raises(SystemExit) as refused:
        main(["restore", str(tmp_path / "backup")])
    assert refused.value.code == 1
    assert "stop `arena up`" in capsys.readouterr().err.replace("\n", " ")
    assert os.listdir(settings.home).count("ledger.db") == 1
