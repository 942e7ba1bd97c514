"""The leaderboard: its order, intervals in its cells, and the ranks under other terms."""

import re

import pytest

from dashboards.board import BY_KEY, in_order, next_sort, return_marks, surface, tied
from tests.dashboards.pages import Page, page

TERMS = {"fee_per_order": "5.00", "slippage_bp": "0.0"}


def line(model, value, low=None, high=None, shared=None):
    found = {"return_low": low, "return_high": high, "shared_rank": shared}
    return {"model": model, "return": value, "sharpe": value, "significance": found}


LINES = [
    line("a", 0.1, 0.0, 0.2, 1),
    line("b", None),
    line("c", -0.1, -0.3, 0.1, 1),
    line("d", -0.2, shared=3),
]


@pytest.mark.parametrize(("sort", "order"), [("-return", "acdb"), ("return", "dcab"), ("model", "abcd")])
def test_what_is_not_defined_comes_last_in_either_direction(sort, order):
    assert "".join(each["model"] for each in in_order(LINES, sort)) == order


def test_a_second_click_on_a_head_turns_the_order_round():
    assert next_sort(BY_KEY["return"], "rank") == "-return"
    assert next_sort(BY_KEY["return"], "-return") == "return"
    assert next_sort(BY_KEY["fees"], "rank") == "fees"
    assert next_sort(BY_KEY["rank"], "-return") is None
    assert next_sort(BY_KEY["rank"], "rank") == "-rank"


def test_intervals_are_on_one_scale_with_zero_on_it():
    marks = return_marks(LINES)
    a, c, d = (marks.of[name] for name in "acd")
    assert a.low < a.at < a.high
    assert a.low == marks.zero
    assert c.low == 4
    assert a.high == 116
    assert d.low is None
    assert d.high is None
    assert "b" not in marks.of


def test_models_that_share_a_rank_are_marked():
    assert tied(LINES) == {"a", "c"}


def scenario(fee, slippage, wait, ranks):
    outcomes = [{"model": model, "rank": rank, "nav": "1.00", "fills": 1} for model, rank in ranks.items()]
    return {"fee": fee, "slippage_bp": slippage, "wait": wait, "outcomes": outcomes}


ROBUSTNESS = {
    "as_of": "2025-09-30",
    "spans": [
        {"model": "a", "best": 1, "worst": 2, "led": 0.5},
        {"model": "b", "best": 1, "worst": 5, "led": 0.5},
    ],
    "scenarios": [
        scenario("5", "0", "next_open", {"a": 1, "b": 5}),
        scenario("10", "0", "now", {"a": 2, "b": 1}),
        scenario("5", "0", "now", {"a": 1, "b": 2}),
    ],
}


def test_the_surface_compares_each_rank_with_the_one_under_the_arenas_terms():
    found = surface(ROBUSTNESS, TERMS)
    assert found.groups == [("at once", 2), ("at the next opening", 1)]
    assert found.columns == [("0", "5"), ("0", "10"), ("0", "5")]
    assert found.own == 0
    heats = {model: [cell.heat for cell in cells] for model, cells, _ in found.rows}
    assert heats == {"a": [0, -1, 0], "b": [0, 1, -3]}


def test_without_the_arenas_terms_among_them_no_rank_is_better_or_worse():
    found = surface(ROBUSTNESS, {"fee_per_order": "7.00", "slippage_bp": "0.0"})
    assert found.own is None
    assert {cell.heat for _, cells, _ in found.rows for cell in cells} == {0}
    assert surface(None, TERMS) is None


def rows(client, address):
    """The models of the board in the order of the page."""
    body = client.get(address).text.partition("<tbody>")[2].partition("</tbody>")[0]
    return re.findall(r'<th scope="row"><a class="model" href="/models/([^"]+)"', body)


def test_a_head_sorts_by_link(client):
    links = {value for name, value in page(client, "/leaderboard").attributes if name == "href"}
    assert "/leaderboard?sort=-return" in links
    assert rows(client, "/leaderboard?sort=return") == ["cash", "tester"]
    assert rows(client, "/leaderboard?sort=-return") == ["tester", "cash"]


@pytest.mark.parametrize("query", ["sort=<b>", "as_of=yesterday", "days=some", "as_of=2025-09-15&days=all"])
def test_a_parameter_without_sense_shows_the_board(client, query):
    assert "125\u202f000.00" in page(client, f"/leaderboard?{query}").text


def test_a_day_before_the_first_board_says_so(client):
    shown = page(client, "/leaderboard?as_of=2020-01-02")
    assert "There is no leaderboard yet on 2 Jan 2020." in shown.text


def test_baselines_are_marked_and_the_numbers_say_what_they_include(client):
    answer = client.get("/leaderboard").text
    assert '<tr class="baseline">' in answer
    text = Page(answer).text
    assert "What its calls cost is shown beside it and not deducted." in text
    assert "A baseline is a rule, for comparison." in text
