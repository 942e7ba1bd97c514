"""This machine may read; everybody else needs a key, and only so often."""

from __future__ import annotations

import base64
import os
import stat
from datetime import UTC, datetime

import pytest
from starlette.websockets import WebSocketDisconnect

from arena_api.access.book import AccessBook
from arena_api.access.keys import Scope, add_key, all_keys, key_of, revoke_key
from arena_api.access.rates import Rates
from arena_api.app import create_app
from arena_pipeline.errors import DataError
from arena_pipeline.settings import ApiSection
from tests.api.conftest import asked_by
from tests.api.world import settings_of

NOW = datetime(2025, 9, 16, tzinfo=UTC)
ELSEWHERE = ("10.0.0.9", 40000)


@pytest.fixture
def book(tmp_path):
    return AccessBook(tmp_path)


@pytest.fixture
def remote(tmp_path):
    with asked_by(create_app(settings_of(tmp_path)), ELSEWHERE) as client:
        yield client


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_elsewhere_a_key_is_needed_for_everything_but_the_probes(remote, book):
    for path in ("/api/models", "/", "/openapi.json", "/static/arena.css", "/api/events", "/api/nothing"):
        assert remote.get(path).status_code == 401
    assert [remote.get(path).status_code for path in ("/health", "/ready")] == [200, 200]
    _, secret = add_key(book, "reader", [], NOW)
    for headers in (
        bearer(secret),
        {"X-API-Key": secret},
        {"Authorization": "Basic " + base64.b64encode(f"me:{secret}".encode()).decode()},
    ):
        assert remote.get("/api/models", headers=headers).status_code == 200


def test_a_key_in_the_address_is_not_looked_at(remote, book):
    _, secret = add_key(book, "reader", [], NOW)
    for name in ("api_key", "key", "token", "access_token"):
        assert remote.get(f"/api/models?{name}={secret}").status_code == 401


def test_a_browser_is_to_ask_its_user_and_a_program_is_not(remote):
    assert remote.get("/").headers["www-authenticate"].startswith("Basic")
    assert remote.get("/api/models").headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_what_comes_through_a_proxy_is_not_from_this_machine(tmp_path, header):
    with asked_by(create_app(settings_of(tmp_path))) as client:
        assert client.get("/api/models").status_code == 200
        assert client.get("/api/models", headers={header: "127.0.0.1"}).status_code == 401


def test_a_live_connection_needs_a_key_too(remote, book):
    with pytest.raises(WebSocketDisconnect) as refused, remote.websocket_connect("ws://127.0.0.1/ws/live"):
        raise AssertionError("it was accepted")
    assert refused.value.code == 4401
    _, secret = add_key(book, "listener", [], NOW)
    with remote.websocket_connect("ws://127.0.0.1/ws/live", headers=bearer(secret)) as socket:
        assert socket.receive_json()["type"] == "hello"


def test_a_revoked_key_is_refused_from_the_next_request_on(remote, book):
    key, secret = add_key(book, "reader", [Scope.OPS], NOW)
    assert remote.get("/api/models", headers=bearer(secret)).status_code == 200
    revoke_key(book, key.id, NOW)
    assert remote.get("/api/models", headers=bearer(secret)).status_code == 401
    with pytest.raises(DataError):
        revoke_key(book, key.id, NOW)


def test_a_wrong_key_is_refused_also_on_this_machine_and_then_for_a_while(tmp_path):
    with asked_by(create_app(settings_of(tmp_path))) as client:
        statuses = [client.get("/api/models", headers=bearer(f"wrong{n}")).status_code for n in range(100)]
        assert statuses[:10] == [401] * 10
        assert set(statuses[10:]) == {429}
        assert client.get("/api/models").status_code == 200


def test_only_a_hash_of_a_key_is_stored_in_a_file_of_the_owners(book):
    key, secret = add_key(book, "reader", [Scope.TRADE_ADMIN], NOW)
    assert secret.encode() not in book.path.read_bytes()
    assert stat.S_IMODE(os.stat(book.path).st_mode) == 0o600
    assert key_of(book, secret) == key
    assert all_keys(book) == [key]
    assert key.scopes == {Scope.READ, Scope.TRADE_ADMIN}


@pytest.mark.parametrize("text", ["", "arena_", "x" * 1000, "arena_00000000_" + "a" * 43])
def test_what_is_no_key_opens_nothing(book, text):
    add_key(book, "reader", [], NOW)
    assert key_of(book, text) is None


def test_a_name_is_given_once(book):
    add_key(book, "reader", [], NOW)
    with pytest.raises(DataError):
        add_key(book, "reader", [], NOW)


def test_who_asks_too_often_is_told_when_to_come_back(tmp_path):
    settings = settings_of(tmp_path).model_copy(update={"api": ApiSection(requests_per_minute=8)})
    _, one = add_key(AccessBook(tmp_path), "one", [], NOW)
    _, two = add_key(AccessBook(tmp_path), "two", [], NOW)
    with asked_by(create_app(settings), ELSEWHERE) as client:
        answers = [client.get("/api/models", headers=bearer(one)) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 8
        assert client.get("/api/models", headers=bearer(two)).status_code == 200


def test_a_bucket_fills_at_its_rate():
    now = [0.0]
    rates = Rates(60, 2, clock=lambda: now[0])
    assert [rates.wait("a") for _ in range(3)] == [0, 0, 1.0]
    now[0] = 1.0
    assert [rates.wait("a"), rates.wait("b")] == [0, 0]


def test_a_request_has_bounds(tmp_path):
    with asked_by(create_app(settings_of(tmp_path))) as client:
        post = "/api/admin/trigger-research"
        assert client.post(post, content=b"x" * 10_000_000).status_code == 413
        assert client.get("/api/models", headers={"X-Long": "x" * 20_000}).status_code == 431
        assert client.get("/api/models?" + "x" * 9_000).status_code == 414


def test_a_broken_book_of_keys_is_a_503(tmp_path):
    (tmp_path / "api.db").write_bytes(b"no database" * 100)
    with asked_by(create_app(settings_of(tmp_path)), ELSEWHERE) as client:
        answer = client.get("/api/models", headers=bearer("x"))
        assert answer.status_code == 503
        assert str(tmp_path) not in answer.text
