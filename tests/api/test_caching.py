"""Answers are kept while the data holds, never longer, and a restored ledger is read at once."""

import asyncio
import os
import shutil
import threading
import time
from types import SimpleNamespace

from sqlalchemy import select

from arena_api.app import create_app
from arena_api.caching import Caching
from arena_pipeline.warehouse import tables
from tests.api.conftest import asked_by
from tests.api.world import fill_store, settings_of, store_of


def test_an_answer_is_told_to_hold_until_something_is_stored(tmp_path):
    store = store_of(tmp_path)
    with asked_by(create_app(settings_of(tmp_path))) as client:
        empty = client.get("/api/models")
        tag = {"If-None-Match": empty.headers["etag"]}
        assert client.get("/api/models", headers=tag).status_code == 304
        fill_store(store)
        filled = client.get("/api/models", headers=tag)
        assert filled.status_code == 200
        assert len(filled.json()["models"]) == 2
    store.close()


def test_a_tag_is_of_one_address_only(client):
    tag = client.get("/api/models").headers["etag"]
    assert client.get("/api/trades", headers={"If-None-Match": tag}).status_code == 200
    assert client.get("/api/trades?limit=1").headers["etag"] != client.get("/api/trades").headers["etag"]


def test_a_kept_answer_is_the_same_answer(client):
    first, second = client.get("/api/leaderboard"), client.get("/api/leaderboard")
    assert first.content == second.content
    assert first.headers["content-encoding"] == "gzip"
    plain = client.get("/api/leaderboard", headers={"Accept-Encoding": "identity"})
    assert plain.json() == first.json()
    assert "content-encoding" not in plain.headers


def test_what_depends_on_the_moment_is_not_kept(client):
    for path in ("/api/market/status", "/health", "/ready"):
        answer = client.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


def test_an_error_is_not_kept(client):
    assert "etag" not in client.get("/api/models/nobody").headers


def test_a_paid_call_is_news_also_before_its_decision(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    with asked_by(create_app(settings_of(tmp_path))) as client:
        before = client.get("/api/costs")
        with store.ledger.transaction() as connection:
            row = dict(connection.execute(select(tables.model_costs)).mappings().first())
            connection.execute(tables.model_costs.insert().values({**row, "session": "2025-09-16T08:30"}))
        time.sleep(0.3)
        after = client.get("/api/costs", headers={"If-None-Match": before.headers["etag"]})
    store.close()
    assert after.status_code == 200
    assert after.json() != before.json()


def test_a_restored_ledger_is_read_without_a_restart(tmp_path):
    store = store_of(tmp_path / "new")
    fill_store(store)
    store.close()
    old = store_of(tmp_path / "old")
    with old.ledger.transaction() as connection:
        connection.execute(tables.models.insert().values(id="other", kind="baseline", registered_at="x"))
    old.close()
    with asked_by(create_app(settings_of(tmp_path / "old"))) as client:
        assert [line["id"] for line in client.get("/api/models").json()["models"]] == ["other"]
        for name in ("ledger.db-wal", "ledger.db-shm"):
            (tmp_path / "old" / name).unlink(missing_ok=True)
        shutil.copy(tmp_path / "new" / "ledger.db", tmp_path / "old" / "restored.db")
        os.replace(tmp_path / "old" / "restored.db", tmp_path / "old" / "ledger.db")
        assert [line["id"] for line in client.get("/api/models").json()["models"]] == ["cash", "tester"]


def test_nobody_waits_for_an_answer_that_takes_long_but_who_asked_first(tmp_path, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    from arena_api import caching
    from arena_api.reading import models

    begun, go_on, now = threading.Event(), threading.Event(), [0.0]

    def slow(reading):
        begun.set()
        assert go_on.wait(30)
        return found(reading)

    found = models.models
    monkeypatch.setattr(caching, "time", SimpleNamespace(monotonic=lambda: now[0]))
    store = store_of(tmp_path)
    fill_store(store)
    with asked_by(create_app(settings_of(tmp_path))) as client, ThreadPoolExecutor(1) as pool:
        before = client.get("/api/models").json()
        monkeypatch.setattr(models, "models", slow)
        with store.ledger.transaction() as connection:
            connection.execute(tables.models.insert().values(id="third", kind="baseline", registered_at="x"))
        first = pool.submit(lambda: client.get("/api/models").json())
        assert begun.wait(30)
        now[0] = 100.0
        assert client.get("/api/models").json() == before
        go_on.set()
        assert len(first.result()["models"]) == 3
    store.close()


def test_of_many_who_ask_at_once_one_is_worked_for(tmp_path, monkeypatch):
    """The others get what held until just now, and nobody an answer of another address."""
    from concurrent.futures import ThreadPoolExecutor

    from arena_api.reading import models

    store = store_of(tmp_path)
    fill_store(store)
    made = []

    def slow(reading):
        made.append(1)
        time.sleep(0.3)
        return found(reading)

    found = models.models
    with asked_by(create_app(settings_of(tmp_path))) as client:
        before = client.get("/api/models").json()
        monkeypatch.setattr(models, "models", slow)
        with store.ledger.transaction() as connection:
            connection.execute(tables.models.insert().values(id="third", kind="baseline", registered_at="x"))
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: client.get("/api/models").json(), range(8)))
        after = client.get("/api/models").json()
    store.close()
    assert len(made) == 1
    assert len(after["models"]) == 3
    assert all(answer in (before, after) for answer in answers)
    assert after in answers


class Versions:
    """The version of data that a test sets."""

    def __init__(self) -> None:
        self.now = "1"

    async def current(self) -> str:
        return self.now


def test_of_an_address_one_answer_is_kept():
    versions, made = Versions(), []

    async def app(scope, receive, send):
        made.append(versions.now)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": f"as of {versions.now}".encode()})

    cache = Caching(app, version=versions)
    answers = []
    for versions.now in ("1", "1", "2", "2", "1"):
        answers.append(asyncio.run(answer_to(cache)))
    assert answers == ["as of 1", "as of 1", "as of 2", "as of 2", "as of 1"]
    assert made == ["1", "2", "1"]


async def answer_to(cache, path="/api/x", query=""):
    """The text of one answer."""
    found = []

    async def send(message):
        found.append(message.get("body", b"").decode())

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    await cache(scope, None, send)
    return "".join(found)


def test_however_fast_the_data_changes_one_answer_of_an_address_is_worked_on():
    versions, made, under_way = Versions(), [], []

    async def app(scope, receive, send):
        version = versions.now
        made.append(version)
        under_way.append(version)
        assert len(under_way) == 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": version.encode()})
        under_way.remove(version)

    async def all_of_them():
        cache, asked = Caching(app, version=versions), []
        for number in range(1, 9):
            versions.now = str(number)
            asked.append(asyncio.create_task(answer_to(cache)))
            await asyncio.sleep(0.01)
        answers = await asyncio.gather(*asked)
        return [*answers, await answer_to(cache)]

    answers = asyncio.run(all_of_them())
    assert answers[0] == "1"
    assert answers[-1] == "8"
    assert len(made) < 5


def test_who_waited_for_what_is_not_kept_gets_an_answer_of_their_own_at_once():
    versions, under_way, most = Versions(), [], []

    async def app(scope, receive, send):
        under_way.append(1)
        most.append(len(under_way))
        await asyncio.sleep(0.05)
        headers = [(b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"now"})
        under_way.pop()

    async def all_of_them():
        cache = Caching(app, version=versions)
        return await asyncio.gather(*(answer_to(cache) for _ in range(5)))

    assert asyncio.run(all_of_them()) == ["now"] * 5
    assert max(most) == 4


def test_a_page_that_saw_a_message_gets_no_answer_from_before_it_and_others_share_that():
    versions, made = Versions(), []

    async def app(scope, receive, send):
        made.append(scope["query_string"].decode())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % len(made)})

    cache = Caching(app, version=versions)

    def part(query):
        return asyncio.run(answer_to(cache, "/dash/x", query))

    # The version has not settled yet: it does not say that a message was told since.
    assert [part(query) for query in ("", "n=5", "n=4", "n=5", "", "n=6", "rail=a&n=6")] == list("1222234")
    assert made == ["", "n=5", "n=6", "rail=a&n=6"]
    assert part("n=x") == "3"
    versions.now = "2"
    assert part("n=6") == "5"


def test_only_parts_of_pages_say_what_they_have_seen():
    made = []

    async def app(scope, receive, send):
        made.append(1)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    cache = Caching(app, version=Versions())
    for query in ("n=1", "n=2", "n=1"):
        asyncio.run(answer_to(cache, "/api/x", query))
    assert len(made) == 2
