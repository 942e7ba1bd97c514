"""What goes wrong is a problem document, and no answer tells about the inside."""

import pytest

from arena_api.app import create_app
from tests.api.conftest import asked_by
from tests.api.world import settings_of

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


def assert_problem(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert {"type", "title", "status", "detail"} <= set(document)
    assert document["status"] == status
    assert "Traceback" not in answer.text
    return document


@pytest.mark.parametrize(
    "path",
    [
        "/api/decisions/decision:nobody:2025-09-15T08:30",
        "/api/decisions/%00",
        "/api/decisions/' OR 1=1 --",
        "/api/decisions/decision:nobody:2025-09-15T08:30/lineage",
        "/api/decisions/bars:x/lineage",
        f"/api/lineage/raw:{'a' * 290}",
        "/api/lineage/raw:../ledger.db",
        "/api/lineage/bars:SAP.DE:2025-99-99..2025-09-01",
        "/api/lineage/bars:SAP.DE:2025-09-01..2025-09-31",
        "/api/exports/journal?as_of=2020-01-01",
        "/api/nothing",
        "/static/../views.py",
        "/static/%2e%2e/views.py",
    ],
)
def test_what_is_not_there_is_a_404_problem(client, path):
    assert_problem(client.get(path), 404)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("leaderboard?as_of=yesterday", "as_of"),
        ("leaderboard?as_of=2025-02-30", "as_of"),
        ("leaderboard?as_of=1757894400", "as_of"),
        ("decisions?limit=0", "limit"),
        ("decisions?limit=1e9", "limit"),
        ("decisions?model=%00", "model"),
        ("decisions?model=A%20B", "model"),
        ("decisions?session=2025-09-15", "session"),
        ("trades?limit=-1", "limit"),
        ("decisions/x/lineage?depth=-1", "depth"),
    ],
)
def test_a_wrong_parameter_is_a_422_problem_that_names_it(client, query, parameter):
    document = assert_problem(client.get(f"/api/{query}"), 422)
    assert [error["parameter"] for error in document["errors"]] == [parameter]


def test_a_broken_ledger_is_a_problem_without_a_stack_trace(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 100)
    app = create_app(settings_of(tmp_path))
    with asked_by(app, raise_server_exceptions=False) as client:
        health = client.get("/health")
        assert health.json()["status"] == "degraded"
        for path in ("/api/models", "/", "/ready", "/api/models/tester/portfolio"):
            answer = client.get(path)
            assert_problem(answer, 503)
            assert str(tmp_path) not in answer.text
            assert HEADERS.items() <= dict(answer.headers).items()


@pytest.mark.parametrize("path", ["/health", "/", "/api/nothing", "/static/arena.css", "/openapi.json"])
def test_every_answer_carries_the_security_headers(client, path):
    answer = client.get(path)
    assert HEADERS.items() <= dict(answer.headers).items()
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_no_other_origin_is_let_in(client):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method, path in (
        ("GET", "/api/models"),
        ("OPTIONS", "/api/models"),
        ("OPTIONS", "/api/admin/backfill"),
    ):
        answer = client.request(method, path, headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_refusal_in_front_of_the_routes_carries_the_security_headers(client):
    answers = [
        client.get("/api/models", headers={"X-API-Key": "wrong"}),
        client.get("/api/models", headers={"X-Long": "x" * 20_000}),
        client.get("/api/models?" + "x" * 9_000),
        client.post("/api/admin/backfill", content=b"x" * 2_000_000),
    ]
    assert [answer.status_code for answer in answers] == [401, 431, 414, 413]
    for answer in answers:
        assert HEADERS.items() <= dict(answer.headers).items()
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000"])
def test_loopback_names_are_answered(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "www.localhost"]
)
def test_a_rebound_name_is_refused(client, host):
    answer = client.get("/health", headers={"Host": host})
    assert answer.status_code == 400
    assert HEADERS.items() <= dict(answer.headers).items()


def test_more_names_come_from_the_caller_and_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ARENA_ALLOWED_HOSTS", "arena.lan, second.lan")
    app = create_app(settings_of(tmp_path), hosts=["10.0.0.5", "fe80::1"])
    with asked_by(app) as client:
        for host in ("arena.lan", "second.lan:8000", "10.0.0.5", "[fe80::1]:8000", "localhost"):
            assert client.get("/health", headers={"Host": host}).status_code == 200
        assert client.get("/health", headers={"Host": "third.lan"}).status_code == 400
