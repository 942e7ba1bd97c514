"""A day on which every vendor is broken ends in time, says what is missing and why, and harms nothing."""

import pytest

from tests.conftest import PROJECT
from tests.faults.vendor_faults import CALL_SECONDS, Outcome, run_all
from tests.faults.vendors import Fault

pytestmark = pytest.mark.slow

MOST_REQUESTS = 5
CALLS = 40
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
    reported = "\n".join(outcome.said)
    for missing in (
        "feed wire is broken" if fault is not Fault.TRUNCATED else "feed finnhub is broken",
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
