"""The scheduler's state is what Dagster's webserver tells, and unknown when nobody answers."""

import pytest

from arena_api.app import create_app
from tests.api.conftest import NOW, asked_by
from tests.api.dagster_stand_in import DagsterStandIn
from tests.api.world import settings_of


@pytest.fixture
def dagster(httpserver, monkeypatch):
    stand_in = DagsterStandIn(httpserver)
    monkeypatch.setenv("ARENA_DAGSTER_URL", stand_in.url)
    return stand_in


def status(home):
    with asked_by(create_app(settings_of(home), clock=lambda: NOW)) as client:
        answer = client.get("/api/scheduler/status")
        assert answer.status_code == 200
        return answer.json()


def test_every_schedule_has_its_last_and_next_tick(tmp_path, dagster):
    found = status(tmp_path)
    assert found["state"] == "running"
    (schedule,) = found["schedules"]
    assert schedule["last_tick"] == "2025-09-16T06:30:00+00:00"
    assert (schedule["last_status"], schedule["last_reason"]) == ("SKIPPED", "closed")
    assert schedule["next_tick"] == "2025-09-16T12:00:00+00:00"
    assert found["runs"][0]["url"] == f"{dagster.url}/runs/r1"


def test_without_its_daemon_nothing_ticks(tmp_path, dagster):
    dagster.daemon_healthy = False
    assert status(tmp_path)["state"] == "daemon_down"


def test_where_nobody_answers_the_state_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("ARENA_DAGSTER_URL", "http://127.0.0.1:9")
    found = status(tmp_path)
    assert found["state"] == "unknown"
    assert found["reason"].startswith("unknown, Dagster is not running at http://127.0.0.1:9")


def test_an_answer_that_is_no_graphql_is_no_answer(tmp_path, httpserver, monkeypatch):
    httpserver.expect_request("/graphql").respond_with_data("<html>a proxy's page</html>")
    monkeypatch.setenv("ARENA_DAGSTER_URL", httpserver.url_for("").rstrip("/"))
    assert status(tmp_path)["state"] == "unknown"
