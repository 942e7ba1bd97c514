"""Two models side by side."""

import pytest

from arena_api.app import create_app
from dashboards.difference import drawn
from dashboards.formats import percent
from tests.api.conftest import asked_by
from tests.browser.homes import written
from tests.dashboards.test_pages import Page, page


@pytest.fixture(scope="module")
def quarter(tmp_path_factory):
    """Three models after 65 days."""
    settings = written(tmp_path_factory.mktemp("quarter"), models=3, days=65)
    with asked_by(create_app(settings)) as client:
        yield client


def test_the_verdict_is_the_boards_turned_to_the_side_that_is_asked(quarter):
    (pair,) = [
        each
        for each in quarter.get("/api/leaderboard").json()["assessment"]["pairs"]
        if {each["first"], each["second"]} == {"model-00", "model-01"}
    ]
    sign = 1 if pair["first"] == "model-00" else -1
    there = page(quarter, "/duel?a=model-00&b=model-01").text
    back = page(quarter, "/duel?a=model-01&b=model-00").text
    assert percent(sign * pair["mean_difference"]) in there
    assert percent(-sign * pair["mean_difference"]) in back


def test_a_curve_after_a_quarter_has_its_interval_and_a_table_of_both(quarter):
    answer = quarter.get("/duel?a=model-00&b=model-01").text
    assert answer.count('class="band"') == 2
    assert "No interval" not in answer
    assert "Difference so far" in answer


def test_trades_of_one_share_in_one_session_are_agreements_or_opposites(quarter):
    text = page(quarter, "/duel?a=model-01&b=model-02").text
    assert "Agreements 15:" in text
    assert "Opposite trades 0:" in text
    text = page(quarter, "/duel?a=model-00&b=model-02").text
    assert "Agreements 10:" in text
    assert "Opposite trades 5:" in text


def test_what_both_saw_leads_to_both_decisions(client):
    answer = client.get("/duel?a=tester&b=cash").text
    text = Page(answer).text
    assert "1 sessions in which both decided" in text
    assert 'href="/decisions/decision:tester:2025-09-15T08:30"' in answer
    assert 'href="/symbols/SAP.DE"' in answer
    assert "None." in text


@pytest.mark.parametrize("query", ["", "a=nobody", "a=tester&b=tester", "b=cash", "a=%3Cscript%3E&b=%00"])
def test_whoever_is_missing_or_unknown_is_replaced_by_another_model(client, query):
    answer = client.get(f"/duel?{query}")
    assert answer.status_code == 200
    assert "<script>" not in answer.text


def test_a_duel_before_there_are_two_models_says_what_to_do(before_the_first_run):
    assert "A duel needs two models." in page(before_the_first_run, "/duel").text


def test_one_day_draws_no_curve_and_flat_lines_do():
    assert drawn([0.1], [], [], width=100, height=50) is None
    flat = drawn([0.0, 0.0], [], [], width=100, height=50)
    assert flat.zero == flat.end
    assert flat.band == ""


def test_a_loss_that_rounds_to_nothing_has_neither_arrow_nor_colour(quarter):
    change = quarter.app.state.templates.get_template("macros.html").module.change
    assert "▼" not in change(-0.00001)
    assert 'class=""' in change(-0.00001)
    assert "▼" in change(-0.0001)
