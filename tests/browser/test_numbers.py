"""What a page shows is what REST answers, and words from outside stay words."""

from __future__ import annotations

import pytest

from dashboards.formats import amount, money, percent
from tests.api.world import SCRIPT
from tests.browser.paths import PAGES

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_the_board_shows_the_figures_of_its_document(watch, demo):
    board = demo.ask("/api/leaderboard")
    page = watch.open(demo, PAGES["leaderboard"](demo))
    for line in board["models"]:
        row = page.locator(".board tr", has=page.get_by_role("link", name=line["model"], exact=True))
        text = row.inner_text()
        assert amount(line["nav"]) in text
        assert percent(line["return"]) in text
        assert amount(line["fees"]) in text


@pytest.mark.parametrize("name", PAGES)
def test_hostile_words_stay_text(watch, hostile, name):
    page = watch.open(hostile, PAGES[name](hostile))
    assert page.evaluate("[...document.scripts].every(each => each.src.startsWith(location.origin))")
    assert page.locator("main b, main img, main iframe, a[href^='javascript:']").count() == 0
    assert page.evaluate(
        "[...document.querySelectorAll('*')].every(e => !e.getAttributeNames().some(n => n.startsWith('on')))"
    )


def test_a_hostile_headline_is_there_to_be_read(watch, hostile):
    page = watch.open(hostile, PAGES["decision"](hostile))
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    text = page.inner_text("main")
    assert f"SAP {SCRIPT} rises" in text
    assert "reason 1 <b>bold</b>" in text


def test_a_model_shows_the_book_of_its_documents(watch, demo):
    path = PAGES["model"](demo)
    model = path.rpartition("/")[2]
    portfolio = demo.ask(f"/api/models/{model}/portfolio")
    held = demo.ask(f"/api/models/{model}/positions")["positions"]
    trades = demo.ask(f"/api/models/{model}/trades")["trades"]
    page = watch.open(demo, path)
    text = page.inner_text("main")
    assert money(portfolio["nav"]) in text
    assert money(portfolio["cash"]) in text
    for row in held:
        link = page.get_by_role("link", name=row["name"], exact=True)
        line = page.locator("section[aria-labelledby=held] tr", has=link).inner_text()
        assert amount(row["quantity"], 0) in line
        assert money(row["unrealised"], signed=True) in line
    first = page.locator("section[aria-labelledby=trades] tbody tr").first.inner_text()
    assert money(trades[0]["notional"]) in first


def test_a_position_leads_to_the_decision_that_bought_it(watch, demo):
    path = PAGES["model"](demo)
    page = watch.open(demo, path)
    row = page.locator("section[aria-labelledby=held] tbody tr").first
    name = row.locator("th").inner_text()
    row.locator("a[href^='/decisions/']").click()
    page.wait_for_url("**/decisions/**")
    decision = demo.ask(f"/api/decisions/{page.url.rpartition('/')[2]}")
    assert path.endswith(decision["model"])
    bought = [order["symbol"] for order in decision["orders"] if order["side"] == "buy"]
    names = {each["symbol"]: each["name"] for each in demo.ask(f"/api{path}/positions")["positions"]}
    assert name in {names.get(symbol) for symbol in bought}


def test_the_pipeline_shows_what_the_quality_document_says(watch, demo):
    quality, costs = demo.ask("/api/quality"), demo.ask("/api/costs")
    text = watch.open(demo, "/pipeline").inner_text("main")
    for check in quality["checks"]:
        assert check["check"].replace("_", " ") in text
    for feed in quality["feeds"]:
        assert feed["feed"] in text
    for bill in costs["models"]:
        assert amount(bill["tokens"], 0) in text


def test_a_duel_shows_the_boards_test_of_the_two(watch, long):
    pair = long.ask("/api/leaderboard")["assessment"]["pairs"][0]
    page = watch.open(long, f"/duel?a={pair['first']}&b={pair['second']}")
    text = page.inner_text("section[aria-labelledby=test]")
    assert percent(pair["mean_difference"]) in text
    assert amount(pair["p_holm"], 3) in text
    page.locator("select[name=a]").select_option(pair["second"])
    page.locator("select[name=b]").select_option(pair["first"])
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url(f"**/duel?a={pair['second']}&b={pair['first']}")
    assert percent(-pair["mean_difference"]) in page.inner_text("section[aria-labelledby=test]")
