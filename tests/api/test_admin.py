"""Runs are started by those who may, once, and every call is in the log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from arena_api.access.book import AccessBook
from arena_api.access.keys import Scope, add_key
from arena_api.app import create_app
from arena_api.routes import admin
from arena_api.runs.launching import ASSETS
from tests.api.conftest import asked_by
from tests.api.dagster_stand_in import DagsterStandIn
from tests.api.world import settings_of

NOW = datetime(2025, 9, 16, 9, 0, tzinfo=UTC)
TRIGGER, BACKFILL = "/api/admin/trigger-research", "/api/admin/backfill"


@pytest.fixture
def dagster(httpserver, monkeypatch):
    stand_in = DagsterStandIn(httpserver)
    monkeypatch.setenv("ARENA_DAGSTER_URL", stand_in.url)
    return stand_in


@pytest.fixture
def keys(tmp_path, monkeypatch):
    monkeypatch.setattr(admin, "RATES", admin.Rates(60, 30))
    book = AccessBook(tmp_path)
    scopes = {"reader": [], "trader": [Scope.TRADE_ADMIN], "ops": [Scope.OPS]}
    return {
        name: {"Authorization": f"Bearer {add_key(book, name, each, NOW)[1]}"}
        for name, each in scopes.items()
    }


@pytest.fixture
def client(tmp_path):
    with asked_by(create_app(settings_of(tmp_path), clock=lambda: NOW)) as client:
        yield client


def test_only_a_key_that_may_starts_a_run_also_on_this_machine(client, dagster, keys):
    assert client.post(TRIGGER).status_code == 401
    for name in ("reader", "ops"):
        assert client.post(TRIGGER, headers=keys[name]).status_code == 403
    assert dagster.launched == []
    answer = client.post(TRIGGER, headers=keys["trader"])
    assert answer.status_code == 202
    assert answer.json()["run_id"] == "run-1"
    assert answer.json()["url"] == f"{dagster.url}/runs/run-1"


def test_the_last_session_is_researched_or_the_one_asked_for(client, dagster, keys):
    client.post(TRIGGER, headers=keys["trader"])
    dagster.active.clear()
    client.post(TRIGGER, json={"session": "2025-09-15T14:00"}, headers=keys["trader"])
    assert [_partition(params) for params in dagster.launched] == ["2025-09-16T08:30", "2025-09-15T14:00"]


@pytest.mark.parametrize(
    "body",
    [
        {"session": "2025-09-16T14:00"},
        {"session": "2025-09-14T08:30"},
        {"session": "2025-09-12T08:30"},
        {"session": "2025-09-15T09:00"},
        {"session": "x"},
        {"session": 5},
        {"symbol": "SAP.DE"},
        [],
        "x",
    ],
)
def test_what_cannot_be_researched_is_refused(client, dagster, keys, body):
    assert client.post(TRIGGER, json=body, headers=keys["trader"]).status_code == 422
    assert dagster.launched == []


@pytest.mark.parametrize("content", [b"[" * 100_000, b"{", b"\xff\xfe", b'{"session": NaN}'])
def test_a_body_that_is_no_json_is_refused(client, dagster, keys, content):
    headers = {**keys["trader"], "Content-Type": "application/json"}
    assert client.post(TRIGGER, content=content, headers=headers).status_code == 422
    assert dagster.launched == []


def test_the_same_request_twice_is_one_run(client, dagster, keys):
    headers = {**keys["trader"], "Idempotency-Key": "monday"}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: client.post(TRIGGER, headers=headers), range(2)))
    assert [answer.status_code for answer in answers] == [202, 202]
    assert {answer.json()["run_id"] for answer in answers} == {"run-1"}
    assert len(dagster.launched) == 1
    other = client.post(TRIGGER, json={"session": "2025-09-15T08:30"}, headers=headers)
    assert other.status_code == 409


def test_the_same_request_is_the_same_also_when_the_next_session_has_come(tmp_path, dagster, keys):
    now = [datetime(2025, 9, 16, 11, 59, tzinfo=UTC)]
    headers = {**keys["trader"], "Idempotency-Key": "monday"}
    with asked_by(create_app(settings_of(tmp_path), clock=lambda: now[0])) as client:
        first = client.post(TRIGGER, headers=headers)
        now[0] = datetime(2025, 9, 16, 12, 1, tzinfo=UTC)
        second = client.post(TRIGGER, headers=headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert len(dagster.launched) == 1


def test_twenty_requests_at_once_start_one_run_and_the_others_are_told_which(client, dagster, keys):
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: client.post(TRIGGER, headers=keys["trader"]), range(20)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 19
    assert {answer.json()["run_id"] for answer in answers} == {"run-1"}
    assert len(dagster.launched) == 1


def test_what_has_ended_can_be_started_again(client, dagster, keys):
    assert client.post(TRIGGER, headers=keys["trader"]).status_code == 202
    assert client.post(TRIGGER, headers=keys["trader"]).status_code == 409
    dagster.active.clear()
    assert client.post(TRIGGER, headers=keys["trader"]).json()["run_id"] == "run-2"


def test_a_backfill_asks_for_every_asset_of_its_days(client, dagster, keys):
    body = {"from": "2025-09-15", "to": "2025-09-16"}
    answer = client.post(BACKFILL, json=body, headers=keys["trader"])
    assert answer.status_code == 202
    assert answer.json()["url"] == f"{dagster.url}/runs/b/backfill-1"
    asked = {
        entry["assetKey"]["path"][0]: entry["partitions"]["ranges"]
        for entry in dagster.launched[0]["partitionsByAssets"]
    }
    assert set(asked) == set(ASSETS)
    # It is eleven in the morning of the second day: its afternoon has not come, and it has no book yet.
    assert asked["daily_bars"] == [{"start": "2025-09-15", "end": "2025-09-16"}]
    assert asked["briefings"] == [{"start": "2025-09-15T08:30", "end": "2025-09-16T08:30"}]
    assert asked["decisions"] == [
        {"start": "cash|2025-09-15T08:30", "end": "cash|2025-09-16T08:30"},
        {"start": "tester|2025-09-15T08:30", "end": "tester|2025-09-16T08:30"},
    ]
    assert asked["leaderboard"] == [{"start": "2025-09-15", "end": "2025-09-15"}]
    assert asked["portfolio_snapshots"][0] == {"start": "cash|2025-09-15", "end": "cash|2025-09-15"}
    assert client.post(BACKFILL, json=body, headers=keys["trader"]).json()["run_id"] == "backfill-1"


@pytest.mark.parametrize(
    "body",
    [
        {"from": "2025-09-16", "to": "2025-09-15"},
        {"from": "2025-09-15", "to": "2099-01-01"},
        {"from": "2025-09-01", "to": "2025-09-15"},
        {"from": "2025-9-15", "to": "2025-09-16"},
        {"from": "2025-09-15", "to": "2025-09-16", "models": ["nobody"]},
        {"from": "2025-09-15", "to": "2025-09-16", "assets": ["secrets"]},
        {"from": "2025-09-15"},
        {},
    ],
)
def test_a_backfill_that_makes_no_sense_is_refused(client, dagster, keys, body):
    assert client.post(BACKFILL, json=body, headers=keys["trader"]).status_code == 422
    assert dagster.launched == []


def test_without_dagster_the_reason_is_clear_and_the_next_try_is_free(client, keys, monkeypatch):
    monkeypatch.setenv("ARENA_DAGSTER_URL", "http://127.0.0.1:9")
    headers = {**keys["trader"], "Idempotency-Key": "again"}
    answer = client.post(TRIGGER, headers=headers)
    assert answer.status_code == 503
    assert "Dagster is not running at http://127.0.0.1:9" in answer.json()["detail"]


def test_a_refusal_of_dagsters_is_passed_on_without_its_words(client, dagster, keys):
    dagster.launch_answer = {"__typename": "PythonError", "message": "secret of the inside"}
    answer = client.post(TRIGGER, headers=keys["trader"])
    assert answer.status_code == 502
    assert "secret" not in answer.text
    dagster.launch_answer = None
    assert client.post(TRIGGER, headers=keys["trader"]).status_code == 202


def test_every_call_is_in_the_log(client, dagster, keys):
    client.post(TRIGGER, headers=keys["reader"])
    client.post(TRIGGER, headers=keys["trader"])
    client.post(TRIGGER, headers=keys["trader"])
    assert client.get("/api/admin/calls").status_code == 401
    assert client.get("/api/admin/calls", headers=keys["trader"]).status_code == 403
    calls = client.get("/api/admin/calls", headers=keys["ops"]).json()["calls"]
    assert [(call["status"], call["run_id"]) for call in calls] == [
        (403, None),
        (409, "run-1"),
        (202, "run-1"),
        (403, None),
    ]
    assert calls[2]["target"] == "2025-09-16T08:30"


def test_a_call_that_makes_no_sense_is_in_the_log_too(client, dagster, keys):
    client.post(TRIGGER, json={"session": "x"}, headers=keys["trader"])
    client.post(BACKFILL, json={"from": "2025-09-16", "to": "2025-09-15"}, headers=keys["trader"])
    client.post(BACKFILL, content=b"{", headers={**keys["trader"], "Content-Type": "application/json"})
    calls = client.get("/api/admin/calls", headers=keys["ops"]).json()["calls"]
    assert [(call["action"], call["status"]) for call in calls] == [
        ("backfill", 422),
        ("backfill", 422),
        ("trigger-research", 422),
    ]
    assert calls[1]["detail"] == "wrong: to"


def test_a_page_of_another_site_cannot_make_a_browser_start_a_run(client, dagster, keys):
    import base64

    secret = keys["trader"]["Authorization"].removeprefix("Bearer ")
    basic = base64.b64encode(f"me:{secret}".encode()).decode()
    assert client.post(TRIGGER, headers={"Authorization": f"Basic {basic}"}).status_code == 403
    assert dagster.launched == []


def test_every_asset_of_the_graph_can_be_backfilled():
    from arena_pipeline.assets import graph

    steps = (
        *graph.DAY_STEPS,
        *graph.SESSION_STEPS,
        *graph.DECISION_STEPS,
        *graph.BOOK_STEPS,
        *graph.BOARD_STEPS,
    )
    assert set(ASSETS) == set(graph.names(steps))


def _partition(params):
    tags = {tag["key"]: tag["value"] for tag in params["executionMetadata"]["tags"]}
    return tags["dagster/partition"]
