"""What the asset checks last found is shown, each by its newest run."""

from __future__ import annotations

from arena_api.app import create_app
from arena_pipeline.warehouse.outbox import announce
from tests.api.conftest import asked_by
from tests.api.world import fill_store, settings_of, store_of

EARLIER, LATER = "2025-09-15T18:00:00.000000+00:00", "2025-09-16T18:00:00.000000+00:00"


def found(check, passed, **more):
    return {"check": check, "run_id": "run", "passed": passed, "severity": "WARN", **more}


def test_each_check_is_shown_as_it_last_ended(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    with store.ledger.transaction() as connection:
        announce(connection, "check", found("bars_are_fresh", False, asset="daily_bars"), at=EARLIER)
        announce(connection, "check", found("books_balance", True), at=EARLIER)
        announce(connection, "check", found("bars_are_fresh", True, asset="daily_bars"), at=LATER)
    store.close()
    with asked_by(create_app(settings_of(tmp_path))) as client:
        checks = client.get("/api/quality").json()["checks"]
    assert [(each["check"], each["asset"], each["passed"], each["at"]) for each in checks] == [
        ("bars_are_fresh", "daily_bars", True, LATER),
        ("books_balance", None, True, EARLIER),
    ]


def test_before_the_first_run_there_is_none(before_the_first_run):
    assert before_the_first_run.get("/api/quality").json()["checks"] == []
