"""A day on which every vendor is broken ends in time, says what is missing and why, and harms nothing."""

from datetime import UTC, datetime

import pytest

from tests.conftest import PROJECT
from tests.faults.vendor_faults import (
    CALL_SECONDS,
    CANARIES,
    Outcome,
    arena_at,
    leaks,
    run_all,
)
from tests.faults.vendors import VENDORS, Fault

pytestmark = pytest.mark.slow

MOST_REQUESTS = 5
UNREAD = {"status", "no answer", "not html", "empty", "unreadable", "too large"}
CALLS = 60
"""More calls than such a day makes; each may take its whole deadline."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[Fault, Outcome]:
    return {outcome.fault: outcome for outcome in run_all(tmp_path_factory.mktemp("faults"))}


@pytest.mark.parametrize("fault", Fault)
def test_a_day_of_broken_vendors_ends_says_why_and_harms_nothing(outcomes, fault):
    outcome = outcomes[fault]
    assert outcome.seconds < CALLS * CALL_SECONDS
    assert outcome.asked <= MOST_REQUESTS
    assert outcome.kept
    assert outcome.leaks == []
    assert outcome.failed.keys() == {"daily_bars", "intraday_bars", "corporate_actions"}
    assert all("yahoo" in reason for reason in outcome.failed.values())
    assert outcome.broken_feeds >= 2
    assert outcome.notes
    assert all("alphavantage" in note or "finnhub" in note for note in outcome.notes)
    assert (outcome.abstained, outcome.decided) == (2, 4)
    for vendor in ("ddgs", "alphavantage"):
        came, reason = outcome.searches["08:30", vendor]
        assert came in {"refused", "failed"}
        assert reason
    assert outcome.searches["14:00", "ddgs"] == ("answered", "")
    came, reason = outcome.searches["14:00", "page"]
    assert reason or fault is Fault.TRUNCATED
    assert came in UNREAD or fault is Fault.TRUNCATED
    reported = "\n".join(outcome.said)
    for missing in (
        "feed finnhub is broken",
        "feed wire is broken" if fault is not Fault.TRUNCATED else "",
        "found_articles: ddgs: search for",
        "found_articles: alphavantage",
        "financials",
        "the list of models",
        "no synthesis",
        "abstained",
    ):
        assert missing in reported


def test_the_page_on_faults_has_a_row_for_each():
    page = (PROJECT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert [line.split(" | ")[0][2:] for line in page.splitlines() if line.endswith("| unchanged |")] == [
        fault.value for fault in Fault
    ]


def test_the_page_on_faults_has_nothing_but_rows_in_its_table():
    page = (PROJECT / "docs" / "faults.md").read_text(encoding="utf-8")
    table = page[page.index("| fault |") : page.rindex(" |\n")]
    assert all(line.startswith("|") for line in table.splitlines())


def test_a_key_in_the_archive_or_a_table_would_be_found(tmp_path):
    urls = dict.fromkeys(VENDORS, "http://127.0.0.1:9")
    with arena_at(tmp_path / "a", urls, {"now": datetime(2025, 3, 3, 19, 0, tzinfo=UTC)}) as arena:
        sha256 = arena.store.archive.put(f"key {CANARIES['FINNHUB_API_KEY']} ".encode() * 100)
        assert f"archive {sha256}" in leaks(arena, [])
