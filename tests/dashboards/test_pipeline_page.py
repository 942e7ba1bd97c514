"""How the arena fares, on its page."""

from datetime import UTC, date, datetime

import pytest

from arena_api.app import create_app
from arena_api.reading import Reading
from arena_api.reading import pipeline as read
from arena_pipeline.settings import ApiSection
from arena_pipeline.warehouse.outbox import announce
from arena_pipeline.warehouse.tables import budgets
from tests.api.conftest import asked_by
from tests.api.world import fill_store, settings_of, store_of
from tests.dashboards.test_pages import Page, page

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def store(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    yield store
    store.close()


def settings(tmp_path, **api):
    return settings_of(tmp_path).model_copy(update={"api": ApiSection(**api)})


def reading(tmp_path, now):
    return Reading(settings_of(tmp_path), clock=lambda: now)


@pytest.mark.parametrize(
    ("now", "due", "session", "behind"),
    [
        (datetime(2025, 9, 15, 16, 4, tzinfo=UTC), date(2025, 9, 12), "2025-09-15T14:00", 0),
        (datetime(2025, 9, 15, 16, 5, tzinfo=UTC), date(2025, 9, 15), "2025-09-15T14:00", 0),
        (datetime(2025, 9, 16, 6, 30, tzinfo=UTC), date(2025, 9, 15), "2025-09-16T08:30", 0),
        (datetime(2025, 9, 21, 12, 0, tzinfo=UTC), date(2025, 9, 19), "2025-09-19T14:00", 4),
    ],
)
def test_an_asset_is_behind_by_the_trading_days_that_are_settled(store, tmp_path, now, due, session, behind):
    found = read.freshness(reading(tmp_path, now))
    assert (found["due_day"], found["due_session"]) == (str(due), session)
    line = next(each for each in found["assets"] if each["asset"] == "portfolio_snapshots")
    assert (line["newest"], line["behind"]) == ("2025-09-15", behind)


def test_a_run_is_shown_once_with_its_last_state(store, tmp_path):
    about = {"run_id": "r1", "asset": "trades", "first": "tester|2025-09-15", "last": "tester|2025-09-16"}
    with store.ledger.transaction() as connection:
        announce(connection, "run", {**about, "state": "started"}, at="2025-09-15T16:00:00.000000+00:00")
        announce(
            connection,
            "run",
            {**about, "state": "failed", "failure": "PricesMissing"},
            at="2025-09-15T16:01:00.000000+00:00",
        )
    (run,) = read.runs(reading(tmp_path, datetime(2025, 9, 16, tzinfo=UTC)))
    assert (run["state"], run["model"], run["since"], run["until"]) == (
        "failed",
        "tester",
        "2025-09-15",
        "2025-09-16",
    )
    with asked_by(create_app(settings_of(tmp_path))) as client:
        text = page(client, "/pipeline").text
    assert "failed PricesMissing" in text
    assert "15 Sep 2025 to 16 Sep 2025, tester" in text


def test_what_is_spent_and_reserved_stands_beside_the_cap(store, tmp_path):
    with store.ledger.transaction() as connection:
        connection.execute(
            budgets.insert().values(
                day="2025-09-15", spender="tester", reserved_microusd=20_000, spent_microusd=1_250_000
            )
        )
    found = read.budget(reading(tmp_path, datetime(2025, 9, 16, tzinfo=UTC)))
    assert (found["spent_usd"], found["reserved_usd"], found["cap_usd"]) == ("1.25", "0.02", "2.00")


def test_a_failed_check_and_a_vendors_failures_are_seen(store, tmp_path):
    data = {"asset": "daily_bars", "check": "bars_are_possible", "passed": False, "severity": "ERROR"}
    with store.ledger.transaction() as connection:
        announce(connection, "check", {**data, "run_id": "r"}, at="2025-09-15T16:00:00.000000+00:00")
    with asked_by(create_app(settings_of(tmp_path))) as client:
        text = page(client, "/pipeline").text
    assert "1 of 1 fail" in text
    assert "bars are possible daily bars failed" in text


def test_without_dagster_the_page_says_so_and_links_only_to_an_address_that_is_set(store, tmp_path):
    with asked_by(create_app(settings(tmp_path, dagster_url=NOBODY))) as client:
        answer = client.get("/pipeline").text
    assert f'href="{NOBODY}/automation" rel="noopener noreferrer"' in answer
    assert f"Dagster is not running at {NOBODY}" in Page(answer).text
    with asked_by(create_app(settings_of(tmp_path))) as client:
        links = [v for name, v in page(client, "/pipeline").attributes if name == "href"]
    assert all(link.startswith(("/", "#")) for link in links)


def test_before_the_first_run_the_page_says_what_to_do(before_the_first_run):
    text = page(before_the_first_run, "/pipeline").text
    assert "nothing has been run yet" in text
    assert "Nothing has been stored yet." in text
